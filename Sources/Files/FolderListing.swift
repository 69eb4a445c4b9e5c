internal import Foundation
internal import Tensors

/// What a folder holds, by name.
package struct FolderListing: Sendable {
  /// What stands in a folder.
  package struct Entry: Sendable {
    package let name: String
    /// Whether the folder itself says that it is a file, so that nobody need look at it.
    package let isPlainFile: Bool
  }

  /// In the order of their names' bytes; a byte that is no UTF-8 as `String(fileName:)` writes it.
  package let entries: [Entry]
  package var names: [String] { entries.map(\.name) }

  /// - Parameters:
  ///   - path: The folder.
  ///   - showsHidden: Whether names that begin with a dot are among them.
  /// - Throws: ``FileError`` where the folder cannot be listed.
  package init(_ path: String, hidden showsHidden: Bool = false) throws(FileError) {
    guard let folder = unsafe opendir(path.fileNameForC) else {
      throw FileError(path: path, reason: "it cannot be listed: \(unsafe String(cString: strerror(errno))).")
    }
    defer { unsafe closedir(folder) }
    // What may be listed and not entered holds files that cannot be opened: each has to be looked at.
    let isOpen = unsafe access(path.fileNameForC, X_OK) == 0
    var found: [(name: ExactName, isPlainFile: Bool)] = []
    while let entry = unsafe readdir(folder) {
      let bytes = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe Array($0.prefix { $0 != 0 }) }
      let name = String(fileName: bytes)
      if name.utf8.first != UInt8(ascii: ".") || showsHidden && name != "." && name != ".." {
        let isFile = unsafe Int(entry.pointee.d_type) == Int(DT_REG)
        found.append((ExactName(name), isOpen && isFile))
      }
    }
    entries = found.sorted { $0.name < $1.name }.map {
      Entry(name: $0.name.text, isPlainFile: $0.isPlainFile)
    }
  }
}

/// What lies at a path.
package enum FileKind: Hashable, Sendable {
  /// A folder, told from others by its device and number, whichever way leads to it.
  case folder(device: UInt64, number: UInt64)
  case file
  /// A link to nothing that is there.
  case deadLink
  /// A pipe, a socket or a device.
  case other

  /// What a path leads to, links followed; nil where it leads nowhere, or may not be looked at.
  package init?(_ path: String) {
    var status = stat()
    if unsafe stat(path.fileNameForC, &status) != 0 {
      guard unsafe lstat(path.fileNameForC, &status) == 0 else { return nil }
      self = .deadLink
      return
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      self = .folder(device: UInt64(truncatingIfNeeded: status.st_dev), number: UInt64(status.st_ino))
    case S_IFREG: self = .file
    default: self = .other
    }
  }

  package var isFolder: Bool { if case .folder = self { true } else { false } }
}
