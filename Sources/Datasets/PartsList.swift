internal import Files
internal import Foundation
public import Images
internal import Tensors

/// Pictures with a box for each part in each of them: from a JSON file, or from a data set that knows its parts.
///
/// The file: `{"pictures":["a.jpg"],"parts":{"nose":[[top,left,bottom,right]]}}`, a box a picture in its own pixels,
/// paths from the file's folder.
public struct PartsList: Sendable {
  public let dataset: Dataset
  /// Names of the parts, in order.
  public let names: [String]
  /// For each picture its parts' boxes.
  public let boxes: [[String: Box]]

  private struct File: Decodable {
    var pictures: [String]
    var parts: [String: [Box]]
  }

  /// - Parameters:
  ///   - specification: A JSON file, or a data set that knows its parts, as ``Dataset/parse(_:)`` takes it.
  ///   - limit: The most pictures taken from a data set.
  ///   - className: The class taken from a data set; nil for the first picture's.
  /// - Throws: ``DatasetError`` for a list that does not hold together, or a box that does not lie in its picture.
  public init(_ specification: String, limit: Int, className: String? = nil) throws {
    if specification.contains(":"), !FileSystem.exists(specification) {
      try self.init(try Dataset.parse(specification), limit: limit, className: className)
    } else {
      try self.init(file: specification)
    }
    try check()
  }

  private init(file path: String) throws {
    guard let bytes = FileSystem.contents(of: path) else {
      throw DatasetError.parts(name: path, reason: "there is no such file, or it cannot be read.")
    }
    let file: File
    do {
      file = try JSONDecoder().decode(File.self, from: bytes)
    } catch {
      let example = #"{"pictures":["a.jpg"],"parts":{"nose":[[top,left,bottom,right]]}}"#
      throw DatasetError.parts(name: path, reason: "it does not list parts. Write \(example).")
    }
    guard !file.parts.isEmpty else { throw DatasetError.parts(name: path, reason: "it names no part.") }
    for (name, boxes) in file.parts where boxes.count != file.pictures.count {
      let found = "\(boxes.count) boxes for \(file.pictures.count) images"
      throw DatasetError.parts(name: path, reason: "part '\(name)' has \(found); it needs one each.")
    }
    let folder = FileSystem.folder(of: path)
    dataset = try Dataset(folder: folder, paths: file.pictures)
    names = file.parts.keys.sorted()
    boxes = file.pictures.indices.map { index in file.parts.mapValues { $0[index] } }
  }

  /// The first pictures of one class that show the same parts unhidden.
  private init(_ all: Dataset, limit: Int, className: String?) throws {
    var label = all.items.first?.label
    if let className {
      guard let index = NameTable(all.classNames ?? []).places(of: className).first else {
        throw DatasetError.unknownClass(name: all.name, className: className, known: all.classNames ?? [])
      }
      label = index
    }
    let shown = all.items.filter { $0.label == label }.prefix(50 * limit).map { item in
      (id: item.id, parts: Self.parts(all.regions(of: item.id)))
    }
    // Parts are given up, the rarest first, until enough pictures show all that are left.
    var names = Set(shown.flatMap(\.parts.keys))
    func holders() -> [(id: Int, parts: [String: Box])] { shown.filter { names.isSubset(of: $0.parts.keys) } }
    func frequency(_ name: String) -> Int { shown.count { $0.parts[name] != nil } }
    while names.count > 1, holders().count < limit {
      guard let rarest = names.min(by: { (frequency($0), $0) < (frequency($1), $1) }) else { break }
      names.remove(rarest)
    }
    let chosen = holders().prefix(limit)
    guard !names.isEmpty, chosen.count > 1 else {
      throw DatasetError.parts(
        name: all.name, reason: "it does not say where parts are in its images, or too few show them.")
    }
    dataset = all.selecting(chosen.map(\.id))
    self.names = names.sorted()
    boxes = chosen.map(\.parts)
  }

  /// The parts of a picture's object that nothing hides; of several with one name the first.
  private static func parts(_ regions: [Region]) -> [String: Box] {
    let visible = (regions.first?.parts ?? []).filter { ($0.visibility ?? 1) > 0.9 }
    return Dictionary(visible.map { ($0.name, $0.box) }, uniquingKeysWith: { first, _ in first })
  }

  /// - Throws: ``DatasetError/parts(name:reason:)`` naming the first box that does not lie in its picture.
  private func check() throws {
    for (item, parts) in zip(dataset.items, boxes) {
      let (rows, columns) = try dataset.extents(of: item.id)
      for (name, box) in parts.sorted(by: { $0.key < $1.key })
      where box.top < 0 || box.left < 0 || box.bottom > rows || box.right > columns || box.top >= box.bottom
        || box.left >= box.right
      {
        throw DatasetError.parts(
          name: dataset.name,
          reason:
            "part '\(name)' of \(item.path) is \(box) (top, left, bottom, right), which is not a box inside its "
            + "\(rows) x \(columns) pixels.")
      }
    }
  }
}
