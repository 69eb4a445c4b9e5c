internal import Files
internal import Foundation
internal import Tensors

/// What lies in the folder of a data set, in the order of names' bytes.
enum Listing {
  /// Names of the folders in a folder; none where it is not there.
  ///
  /// - Throws: ``DatasetError/unlisted(_:)`` where it cannot be listed.
  static func folders(in path: String) throws(DatasetError) -> [String] {
    try names(in: path).filter { FileKind(path + "/" + $0)?.isFolder == true }
  }

  /// Names of the pictures in a folder below a root, not further down; none where it is not there.
  ///
  /// What is no picture by its name is tallied.
  ///
  /// - Throws: As ``folders(in:)``.
  static func pictures(
    in folder: String, below root: String, _ tally: inout Tally
  ) throws(DatasetError) -> [String] {
    let names = try names(in: root + "/" + folder)
    for name in names where !PictureFolder.isPicture(name) { tally.add(folder + "/" + name) }
    return names.filter(PictureFolder.isPicture)
  }

  /// Lines of a text that are not blank, with their numbers from 1 and without blanks at their ends or a byte order mark;
  /// nil where the file cannot be read.
  static func lines(of path: String) -> [(number: Int, text: String)]? {
    guard let bytes = FileSystem.contents(of: path) else { return nil }
    return text(bytes)
      .split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
      .map { ($0.offset + 1, $0.element.trimmingCharacters(in: .whitespaces)) }
      .filter { !$0.1.isEmpty }
  }

  /// The path that a line of a list means: as it stands, after `./`, or as a JSON string.
  static func unquoted(_ line: String) -> String {
    if line.utf8.starts(with: "./".utf8) { return String(Substring(line.utf8.dropFirst(2))) }
    guard line.utf8.first == UInt8(ascii: "\"") else { return line }
    return (try? JSONDecoder().decode(String.self, from: Data(line.utf8))) ?? line
  }

  /// A text without the byte order mark that some editors put before it.
  ///
  /// UTF-8, or UTF-16 by its mark, as spreadsheets write "Unicode text". Bytes that are neither are those of file names,
  /// as `ls` lists them, and stay what they are.
  static func text(_ bytes: Data) -> Substring {
    let isWide = bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
    let text =
      isWide ? String(data: bytes, encoding: .utf16) : String(validating: bytes, as: UTF8.self)
    guard let text else { return String(fileName: bytes)[...] }
    return text.unicodeScalars.first == "\u{FEFF}" ? Substring(text.unicodeScalars.dropFirst()) : text[...]
  }

  /// The folder itself, or the first of these below it that is there.
  static func root(_ path: String, or below: [String]) -> String {
    below.map { path + "/" + $0 }.first(where: FileSystem.exists) ?? path
  }

  private static func names(in path: String) throws(DatasetError) -> [String] {
    guard FileSystem.exists(path) else { return [] }
    let listing: FolderListing
    do {
      listing = try FolderListing(path)
    } catch {
      throw .unlisted(Skipped(image: error.path, reason: error.reason))
    }
    return listing.names
  }
}

extension Dataset {
  /// Pictures that are files below a folder, as a reader found them.
  ///
  /// - Throws: ``DatasetError/noPictures(path:)``.
  init(
    _ found: [Item], below root: String, classNames: [String], regions: [[Region]]? = nil,
    unread: [Skipped] = []
  ) throws(DatasetError) {
    guard !found.isEmpty else { throw .noPictures(path: root) }
    self.init(
      name: root, items: found, classNames: classNames,
      source: PictureFiles(root: root, paths: found.map(\.path), regions: regions), unread: unread)
  }
}
