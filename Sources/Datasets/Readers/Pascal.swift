internal import Files
internal import Foundation
internal import Images

extension Dataset {
  /// PASCAL VOC 2012: pictures that can hold several of twenty classes, with the boxes of objects and their parts.
  ///
  /// A class is present where an object of it is not marked difficult, and ignored where all are.
  static func voc2012(at path: String) throws(DatasetError) -> Dataset {
    let root = Listing.root(path, or: ["VOCdevkit/VOC2012", "VOC2012"])
    var missing = ["JPEGImages", "Annotations"].filter { !FileSystem.exists(root + "/" + $0) }
    let divided = [("train", Split.train as Split?), ("val", .validation)]
      .filter { FileSystem.exists("\(root)/ImageSets/Main/\($0.0).txt") }
    let lists = divided.isEmpty ? [("trainval", nil)] : divided
    if divided.isEmpty, !FileSystem.exists(root + "/ImageSets/Main/trainval.txt") {
      missing.append("ImageSets/Main/trainval.txt")
    }
    guard missing.isEmpty else { throw .layout(path: path, kind: "voc2012", missing: missing) }
    var found: [Item] = []
    var regions: [[Region]] = []
    for (list, split) in lists {
      let file = "\(root)/ImageSets/Main/\(list).txt"
      for line in Listing.lines(of: file) ?? [] {
        let name = line.text.split(separator: " ").first.map(String.init) ?? line.text
        guard FileSystem.exists("\(root)/JPEGImages/\(name).jpg") else {
          throw .malformed(
            file: file, reason: "line \(line.number) names '\(name.prefix(60))', which JPEGImages has not.")
        }
        let annotation = try VOCAnnotation(reading: "\(root)/Annotations/\(name).xml")
        found.append(Item(path: "JPEGImages/\(name).jpg", presences: annotation.presences, split: split))
        regions.append(annotation.objects)
      }
    }
    return try Dataset(found, below: root, classNames: VOCAnnotation.classNames, regions: regions)
  }
}

/// What the annotation of one picture says.
private struct VOCAnnotation {
  static let classNames = [
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
  ]

  private(set) var objects: [Region] = []
  private(set) var presences = [Dataset.Presence](repeating: .absent, count: classNames.count)

  init(reading file: String) throws(DatasetError) {
    guard let bytes = FileSystem.contents(of: file) else {
      throw .malformed(file: file, reason: "it is not there, though a list names its image.")
    }
    let root: MarkupElement
    do {
      root = try MarkupElement(parsing: bytes)
    } catch {
      throw .malformed(file: file, reason: "it is no XML: line \(error.line): \(error.reason).")
    }
    guard root.name == "annotation" else {
      throw .malformed(
        file: file, reason: "it is the XML of '\(root.name.prefix(40))', not of an annotation.")
    }
    for object in root.children where object.name == "object" {
      let name = object["name"]?.text ?? ""
      guard let label = Self.classNames.firstIndex(of: name), let region = Self.region(object) else {
        throw .malformed(file: file, reason: "an object '\(name.prefix(40))' has no known class, or no box.")
      }
      objects.append(region)
      if object["difficult"]?.text != "1" {
        presences[label] = .present
      } else if presences[label] == .absent {
        presences[label] = .ignored
      }
    }
  }

  /// An object or a part; corners of the file count from 1 and belong to the box.
  private static func region(_ element: MarkupElement) -> Region? {
    guard let name = element["name"]?.text, let box = element["bndbox"] else { return nil }
    let corners = ["ymin", "xmin", "ymax", "xmax"].compactMap { box[$0].flatMap { Double($0.text) } }
    guard corners.count == 4, corners.allSatisfy({ (0...1e6).contains($0) }) else { return nil }
    let edges = corners.map { Int($0.rounded()) }
    return Region(
      name: name,
      box: Box(top: max(edges[0] - 1, 0), left: max(edges[1] - 1, 0), bottom: edges[2], right: edges[3]),
      parts: element.children.filter { $0.name == "part" }.compactMap(region))
  }
}
