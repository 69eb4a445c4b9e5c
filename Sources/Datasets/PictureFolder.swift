internal import Files
internal import Foundation

/// A folder of pictures, flat or with a folder a class, at any depth (`folder:`).
///
/// Files are in the order of their paths' bytes, so the same folder gives the same ids everywhere. Where every picture
/// lies in a folder of the root, those folders are the classes, in the same order.
public struct PictureFolder: Sendable {
  public let root: String
  public let files: [Dataset.Item]
  /// Names of the classes, where folders say them.
  public let classNames: [String]?
  /// Folders that could not be listed and pictures whose names are no UTF-8: what is missing from ``files``.
  public let unread: [Skipped]

  /// Endings of files that are taken for pictures; what they really hold is found out when they are decoded.
  static let extensions = ["jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "heic", "heif"]

  /// Lists a folder, or takes one picture as a data set of its own.
  ///
  /// - Throws: ``DatasetError/missing(path:)``, ``DatasetError/noPictures(path:)``, or
  ///   ``DatasetError/unlisted(_:)`` where nothing could be read at all.
  public init(_ path: String) throws(DatasetError) {
    guard let isFolder = Self.isFolder(path) else { throw .missing(path: path) }
    guard isFolder else {
      let url = URL(fileURLWithPath: path)
      root = url.deletingLastPathComponent().path
      files = [.init(path: url.lastPathComponent)]
      classNames = nil
      unread = []
      return
    }
    root = path
    let (found, unread) = Self.pictures(below: path)
    let paths = found.sortedByBytes()
    self.unread = unread.sorted { $0.image.utf8.lexicographicallyPrecedes($1.image.utf8) }
    guard !paths.isEmpty else {
      throw unread.first.map { .unlisted(Skipped(image: path + "/" + $0.image, reason: $0.reason)) }
        ?? .noPictures(path: path)
    }
    let folders = paths.map { $0.split(separator: "/").dropLast().first.map(String.init) }
    let names = folders.contains(nil) ? nil : Set(folders.compactMap(\.self)).sortedByBytes()
    let labels = Dictionary(uniqueKeysWithValues: (names ?? []).enumerated().map { ($1, $0) })
    files = zip(paths, folders).map { .init(path: $0, label: $1.flatMap { labels[$0] }) }
    classNames = names
  }

  /// Paths of pictures at any depth, and what could not be read; links to folders are followed once, hidden files left
  /// out.
  private static func pictures(below root: String) -> (found: [String], unread: [Skipped]) {
    var found: [String] = []
    var unread: [Skipped] = []
    var waiting = [""]
    var seen = Set<String>()
    while let folder = waiting.popLast() {
      let full = folder.isEmpty ? root : root + "/" + folder
      guard seen.insert(URL(fileURLWithPath: full).resolvingSymlinksInPath().path).inserted else { continue }
      func below(_ name: String) -> String { folder.isEmpty ? name : folder + "/" + name }
      let listing: FolderListing
      do {
        listing = try FolderListing(full)
      } catch {
        unread.append(Skipped(image: folder, reason: error.reason))
        continue
      }
      for name in listing.unreadable where isPicture(name) || (name as NSString).pathExtension.isEmpty {
        unread.append(Skipped(image: below(name), reason: notUTF8))
      }
      // In an order of their own, so that of two ways to one folder the same is taken everywhere.
      for name in listing.names.sorted(by: >) {
        let path = below(name)
        guard let isFolder = isFolder(root + "/" + path) else {
          unread.append(
            Skipped(image: path, reason: "it cannot be looked at: its folder may not be entered."))
          continue
        }
        if isFolder {
          waiting.append(path)
        } else if isPicture(name) {
          found.append(path)
        }
      }
    }
    return (found, unread)
  }

  static let notUTF8 = "its name is no UTF-8; rename it, for instance with convmv."

  static func isPicture(_ name: String) -> Bool {
    extensions.contains((name as NSString).pathExtension.lowercased())
  }

  /// Whether a path leads to a folder; nil where it leads nowhere.
  static func isFolder(_ path: String) -> Bool? {
    let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let attributes = try? FileManager.default.attributesOfItem(atPath: resolved)
    return attributes.map { $0[.type] as? FileAttributeType == .typeDirectory }
  }

  /// Where a picture is.
  public func fullPath(of file: Dataset.Item) -> String { root + "/" + file.path }
}

extension Sequence<String> {
  /// In the order of their bytes, which is the same everywhere.
  func sortedByBytes() -> [String] { sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }
}
