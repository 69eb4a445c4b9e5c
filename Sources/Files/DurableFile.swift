public import Tensors
public import Foundation

/// What kept a file from being written or read.
public struct FileError: BadInput, Equatable, CustomStringConvertible {
  public let path: String
  public let reason: String

  /// - Parameters:
  ///   - path: The file.
  ///   - reason: What is wrong, and what to do about it, without the path.
  public init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }

  public var description: String { "\(path): \(reason)" }
}

/// A file that is there whole or not at all: written beside its place as `NAME.PID.partial`, synced, then renamed.
///
/// The process's number keeps apart several processes that write one file: each puts its own whole file in place. What a
/// killed process leaves, the next attempt at the same file removes. A class because it owns an open file.
public final class DurableFile {
  public let path: String
  private let partial: String
  private let handle: FileHandle
  private var isFinished = false

  /// - Parameters:
  ///   - path: The file.
  ///   - isPrivate: Whether only its owner may read it.
  /// - Throws: ``FileError`` where the folder is missing or cannot be written to.
  public init(path: String, isPrivate: Bool = false) throws(FileError) {
    self.path = path
    partial = path + ".\(getpid()).partial"
    Self.removeStale(path)
    guard let handle = FileHandle(creating: partial, emptied: true, isPrivate: isPrivate) else {
      throw FileError(
        path: path,
        reason: FileSystem.exists(FileSystem.folder(of: path))
          ? "cannot be written. Check that its folder is writable and the disk has space."
          : "cannot be written: its folder does not exist.")
    }
    self.handle = handle
  }

  deinit {
    if !isFinished {
      try? handle.close()
      FileSystem.remove(partial)
    }
  }

  /// Removes what processes that are no more left half written of this file.
  private static func removeStale(_ path: String) {
    let (folder, name) = (FileSystem.folder(of: path), (path as NSString).lastPathComponent)
    for other in (try? FolderListing(folder))?.names ?? []
    where other.hasPrefix(name + ".") && other.hasSuffix(".partial") {
      let owner = other.dropFirst(name.count + 1).dropLast(".partial".count)
      guard other == name + ".partial" || Int32(owner).map({ kill($0, 0) != 0 && errno == ESRCH }) == true
      else { continue }
      FileSystem.remove(folder + "/" + other)
    }
  }

  /// Writes bytes where the last ones ended, or at an offset.
  ///
  /// - Throws: ``FileError``, on a full disk above all.
  public func write(_ bytes: Data, at offset: Int? = nil) throws(FileError) {
    try attempt {
      if let offset { try handle.seek(toOffset: UInt64(offset)) }
      try handle.write(contentsOf: bytes)
    }
  }

  /// Makes the file durable and puts it in its place, over what was there.
  public func finish() throws(FileError) {
    try attempt {
      try handle.synchronize()
      try handle.close()
    }
    guard unsafe rename(partial.fileNameForC, path.fileNameForC) == 0 else {
      throw FileError(
        path: path, reason: "cannot be put in place: \(unsafe String(cString: strerror(errno))).")
    }
    isFinished = true
  }

  /// Writes a whole file durably.
  ///
  /// - Parameters:
  ///   - bytes: What it holds.
  ///   - path: The file.
  ///   - isPrivate: Whether only its owner may read it.
  /// - Throws: ``FileError`` where it cannot be written.
  public static func write(_ bytes: Data, to path: String, isPrivate: Bool = false) throws(FileError) {
    let file = try DurableFile(path: path, isPrivate: isPrivate)
    try file.write(bytes)
    try file.finish()
  }

  private func attempt(_ work: () throws -> Void) throws(FileError) {
    do {
      try work()
    } catch {
      let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
      let code = underlying?.code ?? (error as NSError).code
      let cause =
        underlying == nil && (error as NSError).domain != NSPOSIXErrorDomain
        ? "\(error)" : unsafe String(cString: strerror(Int32(code)))
      throw FileError(path: path, reason: "cannot be written: \(cause).")
    }
  }
}

extension FileHandle {
  /// Past a limit on a file's size (`ulimit -f`) a write then fails with a reason; by default the system ends the process.
  private static let heedsFileLimits: Void = { _ = signal(SIGXFSZ, SIG_IGN) }()

  /// A file to write to, made where there is none, and nothing else; nil where it cannot be made or opened.
  ///
  /// Foundation makes an empty file beside its place first, and leaves that behind in a process that is killed.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - emptied: Whether what it holds goes.
  ///   - isPrivate: Whether it is a new file that only its owner may read.
  package convenience init?(creating path: String, emptied: Bool, isPrivate: Bool = false) {
    Self.heedsFileLimits
    if isPrivate { FileSystem.remove(path) }
    let descriptor = unsafe open(
      path.fileNameForC, O_RDWR | O_CREAT | O_CLOEXEC | (emptied ? O_TRUNC : 0) | (isPrivate ? O_EXCL : 0),
      isPrivate ? 0o600 : 0o666)
    guard descriptor >= 0 else { return nil }
    self.init(fileDescriptor: descriptor, closeOnDealloc: true)
  }
}
