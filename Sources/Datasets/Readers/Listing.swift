internal import Foundation

/// What lies in the folder of a data set, in the order of names' bytes.
enum Listing {
  static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  /// Names of the folders in a folder; none where it is not there.
  static func folders(in path: String) -> [String] {
    names(in: path).filter { PictureFolder.isFolder(path + "/" + $0) == true }
  }

  /// Names of the pictures in a folder, not below it; none where it is not there.
  static func pictures(in path: String) -> [String] {
    names(in: path).filter {
      PictureFolder.extensions.contains(($0 as NSString).pathExtension.lowercased())
    }
  }

  /// Lines of a text that are not blank, with their numbers from 1; nil where the file cannot be read.
  static func lines(of path: String) -> [(number: Int, text: String)]? {
    guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
      .split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
      .map { ($0.offset + 1, $0.element.trimmingCharacters(in: .whitespaces)) }
      .filter { !$0.1.isEmpty }
  }

  /// The folder itself, or the first of these below it that is there.
  static func root(_ path: String, or below: [String]) -> String {
    below.map { path + "/" + $0 }.first(where: exists) ?? path
  }

  private static func names(in path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter { !$0.hasPrefix(".") }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}

/// Pictures gathered one by one into a data set of files.
struct Gathering {
  let root: String
  private(set) var items: [Dataset.Item] = []

  init(root: String) { self.root = root }

  mutating func add(
    _ path: String, label: Int? = nil, presences: [Dataset.Presence]? = nil, split: Dataset.Split? = nil
  ) {
    items.append(.init(id: items.count, path: path, label: label, presences: presences, split: split))
  }

  /// - Throws: ``DatasetError/noPictures(path:)``.
  func dataset(classNames: [String], regions: [[Region]]? = nil) throws(DatasetError) -> Dataset {
    guard !items.isEmpty else { throw .noPictures(path: root) }
    return Dataset(
      name: root, items: items, classNames: classNames,
      source: PictureFiles(root: root, paths: items.map(\.path), regions: regions))
  }
}
