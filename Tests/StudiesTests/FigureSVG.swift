import Figures
import Foundation
import Images
import TestSupport
import Testing

/// The marks of a drawing as its SVG file has them: what a reader's eyes are given.
struct FigureSVG {
  typealias Place = (row: Double, column: Double)
  struct Line {
    var points: [Place]
    var width: Double
  }
  struct Box {
    var top: Double
    var left: Double
    var rows: Double
    var columns: Double
  }

  private let elements: [SVGMark]

  /// - Throws: Where the file is not well-formed.
  init(_ svg: String) throws { elements = try #require(SVGMark.all(of: svg)) }

  private static func code(_ colour: Colour) -> String {
    "#" + [colour.red, colour.green, colour.blue].map { String(format: "%02x", $0) }.joined()
  }

  /// Every text, in order.
  var words: [String] { elements.filter { $0.name == "text" }.map(\.text) }

  /// Lines of a colour.
  func lines(_ colour: Colour) -> [Line] {
    elements.filter { $0.name == "polyline" && $0.attributes["stroke"] == Self.code(colour) }.map { element in
      Line(points: element.points, width: element["stroke-width"])
    }
  }

  /// Rectangles that are filled with a colour, or whose edge has it.
  func boxes(_ colour: Colour, isEdge: Bool = false) -> [Box] {
    elements.filter {
      $0.name == "rect" && $0.attributes[isEdge ? "stroke" : "fill"] == Self.code(colour)
    }.map { element in
      Box(top: element["y"], left: element["x"], rows: element["height"], columns: element["width"])
    }
  }

  /// The middles of square markers of a colour.
  func squares(_ colour: Colour) -> [Place] {
    boxes(colour).filter { $0.rows == 7 && $0.columns == 7 }.map {
      ($0.top + $0.rows / 2, $0.left + $0.columns / 2)
    }
  }

  /// Where a text stands.
  func place(of word: String) -> Place? {
    elements.first { $0.name == "text" && $0.text == word }.map {
      ($0["y"], $0["x"])
    }
  }

  /// The pictures, decoded, with their upper left corners.
  func pictures() throws -> [(picture: Picture, corner: Place)] {
    let folder = try TemporaryFolder()
    return try elements.filter { $0.name == "image" }.map { element in
      let code =
        (element.attributes["xlink:href"] ?? "").split(separator: ",").last
        ?? ""
      let bytes = Data(base64Encoded: String(code)) ?? Data()
      let file = try folder.write(bytes, to: "picture.png")
      return (
        try Picture(decoding: file),
        (element["y"], element["x"])
      )
    }
  }

  /// The value at a column, by the places of two of an axis's labels; nil where they are not all there.
  func horizontalAxis(among labels: [String]) -> ((Double) -> Double)? {
    axis(labels) { $0.column }
  }

  /// The value at a row, by the places of two of an axis's labels, which stand a constant step below their lines.
  func verticalAxis(among labels: [String]) -> ((Double) -> Double)? {
    // A label's baseline is 11 * 0.78 below its upper edge, which is 7 above its line.
    axis(labels) { $0.row - 11 * 0.78 + 7 }
  }

  private func axis(_ labels: [String], _ side: (Place) -> Double) -> ((Double) -> Double)? {
    let places = labels.compactMap { place(of: $0).map(side) }
    guard places.count == labels.count, let first = places.first, let last = places.last,
      let low = labels.first.flatMap({ Double($0) }), let high = labels.last.flatMap({ Double($0) })
    else { return nil }
    return { low + ($0 - first) / (last - first) * (high - low) }
  }
}
