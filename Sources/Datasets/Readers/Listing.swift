internal import Files
internal import Foundation

/// What lies in the folder of a data set, in the order of names' bytes.
enum Listing {
  static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  /// Names of the folders in a folder; none where it is not there.
  ///
  /// - Throws: ``DatasetError/unlisted(_:)`` where it cannot be listed, or holds a name that is no UTF-8.
  static func folders(in path: String) throws(DatasetError) -> [String] {
    try names(in: path).filter { PictureFolder.isFolder(path + "/" + $0) == true }
  }

  /// Names of the pictures in a folder, not below it; none where it is not there.
  ///
  /// - Throws: As ``folders(in:)``.
  static func pictures(in path: String) throws(DatasetError) -> [String] {
    try names(in: path).filter(PictureFolder.isPicture)
  }

  /// Lines of a text that are not blank, with their numbers from 1 and without blanks at their ends or a byte order mark;
  /// nil where the file cannot be read.
  static func lines(of path: String) -> [(number: Int, text: String)]? {
    guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
    return text(bytes)
      .split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
      .map { ($0.offset + 1, $0.element.trimmingCharacters(in: .whitespaces)) }
      .filter { !$0.1.isEmpty }
  }

  /// A text without the byte order mark that some editors put before it.
  static func text(_ bytes: Data) -> Substring {
    let text = String(decoding: bytes, as: UTF8.self)
    return text.unicodeScalars.first == "\u{FEFF}" ? Substring(text.unicodeScalars.dropFirst()) : text[...]
  }

  /// The folder itself, or the first of these below it that is there.
  static func root(_ path: String, or below: [String]) -> String {
    below.map { path + "/" + $0 }.first(where: exists) ?? path
  }

  private static func names(in path: String) throws(DatasetError) -> [String] {
    guard exists(path) else { return [] }
    let listing: FolderListing
    do {
      listing = try FolderListing(path)
    } catch {
      throw .unlisted(Skipped(image: error.path, reason: error.reason))
    }
    if let name = listing.unreadable.first {
      throw .unlisted(Skipped(image: path + "/" + name, reason: PictureFolder.notUTF8))
    }
    return listing.names
  }
}

extension Dataset {
  /// Pictures that are files below a folder, as a reader found them.
  ///
  /// - Throws: ``DatasetError/noPictures(path:)``.
  init(
    _ found: [Item], below root: String, classNames: [String], regions: [[Region]]? = nil
  ) throws(DatasetError) {
    guard !found.isEmpty else { throw .noPictures(path: root) }
    self.init(
      name: root, items: found, classNames: classNames,
      source: PictureFiles(root: root, paths: found.map(\.path), regions: regions))
  }
}
