internal import Foundation
internal import FoundationXML

/// An element of an SVG: its name, its attributes, and the text right inside it.
public struct SVGMark: Sendable {
  public var name: String
  public var attributes: [String: String]
  public var text = ""

  /// An attribute that is a number; NaN where it is none.
  public subscript(_ attribute: String) -> Double { attributes[attribute].flatMap { Double($0) } ?? .nan }

  /// The points of a line.
  public var points: [(row: Double, column: Double)] {
    (attributes["points"] ?? "").split(separator: " ").map { pair in
      let numbers = pair.split(separator: ",").map { Double($0) ?? .nan }
      return (numbers.last ?? .nan, numbers.first ?? .nan)
    }
  }

  /// All elements of an SVG in their order, the root first; nil where it is not well-formed.
  public static func all(of svg: String) -> [SVGMark]? {
    let reader = MarkReader()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = reader
    return parser.parse() ? reader.marks : nil
  }
}

private final class MarkReader: NSObject, XMLParserDelegate {
  var marks: [SVGMark] = []
  private var open: [Int] = []

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    open.append(marks.count)
    marks.append(SVGMark(name: name, attributes: attributes))
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) {
    if let last = open.last { marks[last].text += string }
  }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) {
    open.removeLast()
  }
}
