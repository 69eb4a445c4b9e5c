internal import Foundation

/// What a folder holds, by name, hidden files aside.
package struct FolderListing: Sendable {
  /// In the order of their bytes.
  package private(set) var names: [String] = []
  /// Names that are no UTF-8, U+FFFD in the place of what is wrong: such files cannot be opened by their names here.
  package private(set) var unreadable: [String] = []

  /// - Throws: ``FileError`` where the folder cannot be listed.
  package init(_ path: String) throws(FileError) {
    guard let folder = unsafe opendir(path) else {
      throw FileError(path: path, reason: "it cannot be listed: \(unsafe String(cString: strerror(errno))).")
    }
    defer { unsafe closedir(folder) }
    while let entry = unsafe readdir(folder) {
      let bytes = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe Array($0.prefix { $0 != 0 }) }
      if bytes.first == UInt8(ascii: ".") { continue }
      if let name = String(validating: bytes, as: UTF8.self) {
        names.append(name)
      } else {
        unreadable.append(String(decoding: bytes, as: UTF8.self))
      }
    }
    names.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    unreadable.sort()
  }
}
