internal import Foundation

/// Keeps two processes from writing one run: held by the system, so it goes with the process.
///
/// A class because it owns an open file.
final class RunLock: Sendable {
  private let handle: FileHandle

  init(folder: String) throws(RunError) {
    let path = folder + "/run.lock"
    if !FileManager.default.fileExists(atPath: path),
      !FileManager.default.createFile(atPath: path, contents: nil)
    {
      throw .unwritable(
        folder: folder, reason: "no file can be made in it. Check its permissions and the disk's space.")
    }
    guard let handle = FileHandle(forUpdatingAtPath: path) else {
      throw .unwritable(folder: folder, reason: "its run.lock cannot be opened.")
    }
    guard flock(handle.fileDescriptor, LOCK_EX | LOCK_NB) == 0 else { throw .busy(folder: folder) }
    self.handle = handle
  }

  /// Unlocks before the file is closed: a child process that is just being started may share the open file.
  deinit { flock(handle.fileDescriptor, LOCK_UN) }
}
