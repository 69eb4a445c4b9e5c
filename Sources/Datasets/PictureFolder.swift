internal import Files
internal import Foundation
internal import Images
internal import Tensors

/// A folder of pictures, flat or with a folder a class, at any depth (`folder:`).
///
/// Files are in the order of their paths' bytes, so the same folder gives the same ids everywhere. Where every picture
/// lies in a folder of the root, those folders are the classes, in the same order. A file without an ending is taken for a
/// picture where its content is one.
public struct PictureFolder: Sendable {
  public let root: String
  public let files: [Dataset.Item]
  /// Names of the classes, where folders say them.
  public let classNames: [String]?
  /// What of the folder is not among ``files``, hidden entries aside: what could not be listed, and what is no picture, by
  /// reason.
  public let unread: [Skipped]

  /// Endings of files that are taken for pictures; what they really hold is found out when they are decoded.
  static let extensions = [
    "jpg", "jpeg", "jpe", "jfif", "pjpeg", "png", "webp", "gif", "tif", "tiff", "heic", "heif", "avif",
    "bmp", "ppm", "pgm", "pbm", "pnm", "jp2",
  ]

  /// Lists a folder, or takes one picture as a data set of its own.
  ///
  /// - Throws: ``DatasetError/missing(path:)``, ``DatasetError/noPictures(path:)``, or
  ///   ``DatasetError/unlisted(_:)`` where nothing could be read at all.
  public init(_ path: String) throws(DatasetError) {
    guard let kind = FileKind(path) else { throw .missing(path: path) }
    guard kind.isFolder else {
      let folder = FileSystem.folder(of: path)
      root = FileSystem.resolved(folder) ?? folder
      files = [.init(path: path.pathParts.last ?? path)]
      classNames = nil
      unread = []
      return
    }
    root = path
    let walk = Walk(below: path)
    let paths = walk.pictures.sorted().map(\.text)
    guard !paths.isEmpty else {
      throw walk.closed.first.map { .unlisted(Skipped(image: path + "/" + $0.image, reason: $0.reason)) }
        ?? .noPictures(path: path)
    }
    let folders = paths.map { $0.pathParts.dropLast().first }
    let names = folders.contains(nil) ? nil : folders.compactMap(\.self).distinctByBytes
    let labels = NameTable(names ?? [])
    files = zip(paths, folders).map { .init(path: $0, label: $1.flatMap { labels.exact($0).first }) }
    classNames = names
    let empty = names == nil ? [] : walk.classFolders.filter { labels.exact($0).isEmpty }
    unread =
      walk.closed.sorted { ExactName($0.image) < ExactName($1.image) } + walk.unused
      + empty.map { Skipped(image: $0, reason: "this class folder holds no image.", count: 1) }
  }

  static func isPicture(_ name: String) -> Bool { extensions.contains(name.fileEnding) }

  /// Where a picture is.
  public func fullPath(of file: Dataset.Item) -> String { root + "/" + file.path }
}

/// Everything below a folder, links to folders followed once, hidden files left out.
private struct Walk {
  private(set) var pictures: [ExactName] = []
  /// Folders of the root, each by the first way that leads to it.
  private(set) var classFolders: [String] = []
  /// Folders that cannot be listed, and entries that cannot be looked at.
  private(set) var closed: [Skipped] = []
  private var tally = Tally()

  var unused: [Skipped] { tally.skipped }

  init(below root: String) {
    var waiting = [""]
    var seen = Set<FileKind>()
    while let folder = waiting.popLast() {
      let full = folder.isEmpty ? root : root + "/" + folder
      guard let kind = FileKind(full), seen.insert(kind).inserted else { continue }
      if folder.pathParts.count == 1 { classFolders.append(folder) }
      let listing: FolderListing
      do {
        listing = try FolderListing(full)
      } catch {
        closed.append(Skipped(image: folder, reason: error.reason))
        continue
      }
      // In an order of their own, so that of two ways to one folder the same is taken everywhere.
      for entry in listing.entries.reversed() {
        let name = entry.name
        let path = folder.isEmpty ? name : folder + "/" + name
        switch entry.isPlainFile ? .file : FileKind(root + "/" + path) {
        case nil:
          closed.append(
            Skipped(image: path, reason: "it cannot be looked at: its folder may not be entered."))
        case .folder: waiting.append(path)
        case .other: tally.add(path, reason: "it is a pipe, a socket or a device.")
        // A link to nothing is listed, so that whoever decodes it can say so.
        case .file, .deadLink:
          let isPicture =
            PictureFolder.isPicture(name) || name.fileEnding.isEmpty && Picture.isReadable(root + "/" + path)
          if isPicture { pictures.append(ExactName(path)) } else { tally.add(path) }
        }
      }
    }
  }
}

/// Files that are not used, counted by reason.
struct Tally {
  private var found: [String: (first: ExactName, count: Int)] = [:]

  /// Takes in a file, by default because it is no picture by its name.
  mutating func add(_ path: String, reason: String? = nil) {
    let ending = path.fileEnding
    let reason =
      reason
      ?? (ending.isEmpty
        ? "it has no ending, and its content is no image." : "'.\(ending)' is no ending of images.")
    let known = found[reason]
    found[reason] = (min(known?.first ?? ExactName(path), ExactName(path)), (known?.count ?? 0) + 1)
  }

  /// One entry a reason, the first file standing for all.
  var skipped: [Skipped] {
    found.map { Skipped(image: $1.first.text, reason: $0, count: $1.count) }.sorted {
      ExactName($0.image) < ExactName($1.image)
    }
  }
}

extension String {
  /// The names of a path's folders and file: its parts between slashes, by bytes.
  package var pathParts: [String] { utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) } }

  /// What stands behind the last dot of a file's name, in small letters; empty where nothing does.
  var fileEnding: String {
    let name = pathParts.last ?? ""
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex else { return "" }
    return String(name.unicodeScalars[dot...].dropFirst()).lowercased()
  }
}
