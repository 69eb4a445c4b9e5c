internal import Files
internal import Foundation
public import Images
internal import Tensors

/// Pictures with what is known of them, in a fixed order: the one thing that commands and studies read.
///
/// Only names and labels are held; a picture is decoded, or drawn, each time it is asked for.
public struct Dataset: Sendable {
  /// The part of a data set that a picture belongs to.
  public enum Split: String, Hashable, Sendable, CaseIterable {
    case train, validation, test
  }

  /// Whether a class is in a picture that can hold several.
  public enum Presence: Int8, Hashable, Sendable {
    /// Only in a form that the benchmark calls difficult: neither right nor wrong to name.
    case ignored = -1
    case absent = 0
    case present = 1
  }

  /// A picture by name, with its class or classes where they are known.
  public struct Item: Hashable, Sendable {
    /// Its place in the data set's order, which numbers its items.
    public fileprivate(set) var id = 0
    /// Unique in the data set, parts joined by `/`: a path below the data set's folder, or a name made up.
    public let path: String
    public let label: Int?
    /// For each class whether it is there, where a picture can hold several.
    public let presences: [Presence]?
    public let split: Split?

    /// - Parameters:
    ///   - path: A name that no other item has.
    ///   - label: The index of its class among ``Dataset/classNames``.
    ///   - presences: One a class, where a picture can hold several.
    ///   - split: The part it belongs to.
    public init(path: String, label: Int? = nil, presences: [Presence]? = nil, split: Split? = nil) {
      self.path = path
      self.label = label
      self.presences = presences
      self.split = split
    }
  }

  /// Where it is, for a message: a path, or a kind.
  public let name: String
  /// What ``parse(_:)`` made it from; nil for a data set that was made otherwise.
  public internal(set) var specification: String?
  public private(set) var items: [Item]
  /// Names of the classes, in the order of labels, where they are known.
  public let classNames: [String]?
  /// What of its folder could not be listed, so that pictures may be missing; a strict caller refuses it.
  public let unread: [Skipped]
  private let source: any ImageSource
  /// The source's ids of the items; nil where they are the same.
  private var places: [Int]?

  /// - Parameters:
  ///   - name: Where it is, for a message.
  ///   - items: The pictures, in their order.
  ///   - classNames: Names of the classes, in the order of labels.
  ///   - source: Gives each item's picture by its id.
  ///   - unread: What of its folder could not be listed.
  public init(
    name: String, items: [Item], classNames: [String]?, source: some ImageSource, unread: [Skipped] = []
  ) {
    self.name = name
    self.items = items
    for id in items.indices { self.items[id].id = id }
    self.classNames = classNames
    self.unread = unread
    self.source = source
  }

  /// Decodes or draws a picture.
  ///
  /// - Throws: `ImageError` where it cannot be read.
  public func picture(_ id: Int) throws(ImageError) -> Picture {
    try source.picture(places?[id] ?? id)
  }

  /// A picture's extents, without its pixels where they can be told.
  ///
  /// - Throws: `ImageError` where it cannot be read.
  public func extents(of id: Int) throws(ImageError) -> (rows: Int, columns: Int) {
    try source.extents(of: places?[id] ?? id)
  }

  /// What is known to be where in a picture; empty where nothing is.
  public func regions(of id: Int) -> [Region] {
    source.regions(of: places?[id] ?? id)
  }

  /// The pixels of each part of a picture's object, and the picture without that part; nil unless it is drawn.
  public func partRemovals(of id: Int) -> PartRemovals? {
    source.partRemovals(of: places?[id] ?? id)
  }

  /// The splits that some picture belongs to, in the order of ``Split``.
  public var splits: [Split] {
    let present = Set(items.compactMap(\.split))
    return Split.allCases.filter(present.contains)
  }

  /// The pictures of one split as a data set of their own, numbered anew in the same order.
  public func only(_ split: Split) -> Dataset {
    selecting(items.indices.filter { items[$0].split == split })
  }

  /// The pictures of these ids as a data set of their own, numbered anew in the order given.
  public func selecting(_ ids: [Int]) -> Dataset {
    var selected = self
    selected.items = ids.map { items[$0] }
    for place in ids.indices { selected.items[place].id = place }
    selected.places = ids.map { places?[$0] ?? $0 }
    return selected
  }

  /// Tells the names of its pictures, in their order, from any others.
  public var digest: String {
    var paths = Fingerprint()
    for item in items { paths.add(item.path) }
    return paths.description
  }

  /// Whether another data set has the very same pictures, however the two are called: the same files, or the same drawn
  /// ones.
  public func isSame(as other: Dataset) -> Bool {
    guard items.elementsEqual(other.items, by: { ExactName($0.path) == ExactName($1.path) }) else {
      return false
    }
    if specification != nil, specification == other.specification { return true }
    guard let place = FileSystem.resolved(name), let otherPlace = FileSystem.resolved(other.name) else {
      return false
    }
    return ExactName(place) == ExactName(otherPlace)
  }

  /// A hash of a picture's path (FNV-1a, 64 bits): the same wherever and in whatever order the picture stands.
  public func pathHash(_ id: Int) -> UInt64 { ExactName(items[id].path).stableHash }

  /// The pictures' ids by their paths.
  package var idsByPath: NameTable { NameTable(items.lazy.map(\.path)) }

  /// The ids of the pictures of these very paths, in their order, without a table of all, which may be millions.
  func ids(of paths: some Sequence<ExactName>) -> [Int] {
    let paths = Set(paths)
    return paths.isEmpty ? [] : items.indices.filter { paths.contains(ExactName(items[$0].path)) }
  }

  /// How many of its pictures are not among some that were left out.
  public func count(without skipped: [Skipped]) -> Int {
    items.count - ids(of: skipped.lazy.map { ExactName($0.image) }).count
  }

  /// Whether a picture can hold several classes.
  public var isMultiple: Bool { items.contains { $0.presences != nil } }
}

extension Dataset {
  /// A folder of pictures, or one picture.
  ///
  /// Where the folder's only folders are named for splits, `train` among them, and hold class folders, those are the
  /// splits and classes.
  public init(_ folder: PictureFolder) {
    let divided = Self.divided(folder)
    self.init(
      name: folder.root,
      items: divided?.items ?? folder.files, classNames: divided?.classNames ?? folder.classNames,
      source: PictureFiles(root: folder.root, paths: folder.files.map(\.path)), unread: folder.unread)
  }

  private static func divided(_ folder: PictureFolder) -> (items: [Item], classNames: [String])? {
    guard let names = folder.classNames, names.contains("train"), names.count > 1,
      names.allSatisfy({ Split(named: $0) != nil })
    else { return nil }
    let parts = folder.files.map(\.path.pathParts)
    guard parts.allSatisfy({ $0.count > 2 }) else { return nil }
    // A class may be written in one form of Unicode in one split and in another in the next: it is one class, unless a
    // split has both.
    let places = parts.map { $0[0] + "/" + $0[1] }
    let areForms = places.distinctByBytes.count == Set(places).count
    let written = parts.map { $0[1] }.distinctByBytes
    let classNames = areForms ? Set(written).distinctByBytes : written
    let labels = NameTable(classNames)
    let items = zip(folder.files, parts).map { file, parts in
      Item(path: file.path, label: labels.places(of: parts[1]).first, split: Split(named: parts[0]))
    }
    return (items, classNames)
  }

  /// Pictures named one by one, in the order given.
  ///
  /// - Parameters:
  ///   - folder: Where paths start.
  ///   - paths: One a picture, each named once.
  /// - Throws: ``DatasetError/missing(path:)`` for one that is not there.
  public init(folder: String, paths: [String]) throws(DatasetError) {
    for path in paths.map({ folder + "/" + $0 }) where !FileSystem.exists(path) { throw .missing(path: path) }
    self.init(
      name: folder, items: paths.map { Item(path: $0) }, classNames: nil,
      source: PictureFiles(root: folder, paths: paths))
  }
}
