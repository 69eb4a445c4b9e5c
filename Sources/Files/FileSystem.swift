package import Foundation
internal import Tensors

/// The file system by the bytes of paths: each is a text as `String(fileName:)` writes it, of any bytes.
///
/// Foundation takes paths for text, and finds nothing by a name that is no UTF-8.
package enum FileSystem {
  /// Whether a path leads to something.
  package static func exists(_ path: String) -> Bool { FileKind(path).map { $0 != .deadLink } ?? false }

  /// The bytes of a file; nil where there is none, or it is no plain file, or cannot be read.
  package static func contents(of path: String) -> Data? {
    guard let source = try? ByteSource(file: path) else { return nil }
    return try? source.bytes(0..<source.count)
  }

  /// The bytes of a file, in memory only where they are looked at; nil as in ``contents(of:)``.
  package static func mapped(_ path: String) -> Data? {
    guard let file = OpenFile(path) else { return nil }
    guard file.count > 0 else { return Data() }
    let start = unsafe mmap(nil, file.count, PROT_READ, MAP_PRIVATE, file.descriptor, 0)
    guard let start = unsafe start, unsafe start != MAP_FAILED else { return nil }
    return unsafe Data(
      bytesNoCopy: start, count: file.count, deallocator: .custom { unsafe munmap($0, $1) })
  }

  /// The path with every link in it followed, from the root; nil where nothing is there.
  package static func resolved(_ path: String) -> String? {
    guard let found = unsafe realpath(path.fileNameForC, nil) else { return nil }
    defer { unsafe free(found) }
    return unsafe String(fileNameFromC: found)
  }

  /// The folder that a path lies in, as it would be written.
  package static func folder(of path: String) -> String {
    let folder = (path as NSString).deletingLastPathComponent
    return folder.isEmpty ? "." : folder
  }

  /// Makes a folder, and those above it that are not there.
  ///
  /// - Throws: ``FileError`` where one cannot be made.
  package static func makeFolder(_ path: String) throws(FileError) {
    if FileKind(path)?.isFolder == true { return }
    let above = folder(of: path)
    if above != path, FileKind(above) == nil { try makeFolder(above) }
    guard unsafe mkdir(path.fileNameForC, 0o777) != 0 else { return }
    let code = errno
    // Another process may have made it just now.
    guard FileKind(path)?.isFolder != true else { return }
    throw FileError(path: path, reason: "cannot be made: \(unsafe String(cString: strerror(code))).")
  }

  /// Removes a file, or a folder and all that is in it; what cannot be removed stays.
  package static func remove(_ path: String) {
    guard unsafe unlink(path.fileNameForC) != 0, errno == EISDIR else { return }
    for name in (try? FolderListing(path, hidden: true))?.names ?? [] { remove(path + "/" + name) }
    _ = unsafe rmdir(path.fileNameForC)
  }
}
