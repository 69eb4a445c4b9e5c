internal import Files
internal import Foundation
internal import FoundationXML
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
    // The parser ends the program at a name that is no UTF-8.
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw .malformed(file: file, reason: "it is no UTF-8 text.")
    }
    let reader = VOCReader()
    let parser = XMLParser(data: bytes)
    parser.delegate = reader
    guard parser.parse(), reader.root?.name == "annotation", let root = reader.root else {
      throw .malformed(file: file, reason: "it is not the XML of an annotation (line \(parser.lineNumber)).")
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
  private static func region(_ element: VOCElement) -> Region? {
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

/// An element of XML with what it holds.
private struct VOCElement {
  let name: String
  var text = ""
  var children: [VOCElement] = []

  subscript(_ child: String) -> VOCElement? { children.first { $0.name == child } }
}

/// Builds elements as the parser meets them; a class because the parser's delegate has to be one.
private final class VOCReader: NSObject, XMLParserDelegate {
  private(set) var root: VOCElement?
  private var open: [VOCElement] = []

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    guard open.count < 16 else { return parser.abortParsing() }
    open.append(VOCElement(name: name))
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) {
    guard !open.isEmpty else { return }
    open[open.count - 1].text += text
  }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) {
    guard var done = open.popLast() else { return }
    done.text = done.text.trimmingCharacters(in: .whitespacesAndNewlines)
    if open.isEmpty { root = done } else { open[open.count - 1].children.append(done) }
  }
}
