internal import Foundation

/// Keeps two processes from writing one run: held by the system, so it goes with the process.
///
/// A class because it owns an open file.
final class RunLock: Sendable {
  private let handle: FileHandle

  init(folder: String) throws(RunError) {
    guard let handle = FileHandle(creating: folder + "/run.lock", emptied: false) else {
      throw .unwritable(
        folder: folder,
        reason: "its run.lock cannot be made or opened. Check permissions and the disk's space.")
    }
    guard flock(handle.fileDescriptor, LOCK_EX | LOCK_NB) == 0 else { throw .busy(folder: folder) }
    self.handle = handle
  }

  /// Unlocks before the file is closed: a child process that is just being started may share the open file.
  deinit { flock(handle.fileDescriptor, LOCK_UN) }
}
