import Studies
import Figures
import Foundation
import FoundationXML
import Images
import Tensors
import TestSupport
import Testing

@Suite struct FeatureSheets {
  private func sheet(
    units: Int, depth: Int = 9, tile: (rows: Int, columns: Int) = (11, 11), title: String = "tiny · conv1",
    caption: String = "unit"
  ) throws -> Drawing {
    let grids = UnitPicture(depth: depth, tile: tile)
    let (rows, columns) = grids.extents(grids: 2)
    let picture = Picture(
      rows: rows, columns: columns, pixels: [UInt8](repeating: 200, count: rows * columns * 3))
    return try FeatureSheet.drawing(
      title: title, subtitle: "some pictures", grids: grids,
      units: (0..<units).map { ("\(caption) \($0)", $0 == 5 ? nil : picture) })
  }

  @Test(arguments: [(1, 1, 11, 11), (3, 9, 31, 31), (7, 9, 72, 40), (64, 4, 20, 20), (5, 10, 1, 1)])
  func `a sheet holds every unit, as PNG and SVG alike`(units: Int, depth: Int, rows: Int, columns: Int)
    throws
  {
    let sheet = try sheet(units: units, depth: depth, tile: (rows, columns))
    let picture = try sheet.picture()
    let (names, size) = try elements(of: sheet.svg())
    #expect(size == ["\(picture.columns)", "\(picture.rows)"])
    let shown = units > 5 ? units - 1 : units
    #expect(names.filter { $0 == "image" }.count == shown)
    #expect(names.filter { $0 == "text" }.count == units + 2)
    let grids = UnitPicture(depth: depth, tile: (rows, columns)).extents(grids: 2)
    let scale = max(1, 36 / max(rows, columns))
    let light = picture.pixels.lazy.filter { $0 == 200 }.count
    // All pictures lie on the sheet whole; text alone may have that shade too.
    #expect(light >= shown * grids.rows * grids.columns * scale * scale * 3)
  }

  @Test func `no units make a sheet with a title`() throws {
    let picture = try sheet(units: 0).picture()
    #expect(picture.rows > 0 && picture.pixels.contains { $0 < 100 })
  }

  @Test func `the SVG is well formed whatever the names are`() throws {
    for hostile in [
      "</text><script>alert(1)</script>", "a & b < c > \"d\" 'e'", "]]>", "<\u{338}b",
      "bell\u{7} null\u{0} \u{FFFE}",
      "line\nbreak\ttab", "é 日本 🐈 \u{202E}", "%s <!-- &amp; -->",
    ] {
      let svg = try sheet(units: 1, title: hostile, caption: hostile).svg()
      let (names, _) = try elements(of: svg)
      #expect(!names.contains("script") && !names.contains("b"))
      #expect(!svg.contains("<script"))
      #expect(try sheet(units: 1, title: hostile, caption: hostile).picture().rows > 0)
    }
  }

  /// Names of all elements, and the root's width and height.
  private func elements(of svg: String) throws -> (names: [String], size: [String]) {
    let reader = ElementNames()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = reader
    #expect(parser.parse(), "\(parser.parserError.map(String.init(describing:)) ?? "")")
    return (reader.names, reader.size)
  }
}

private final class ElementNames: NSObject, XMLParserDelegate {
  var names: [String] = []
  var size: [String] = []

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    if names.isEmpty { size = [attributes["width"] ?? "", attributes["height"] ?? ""] }
    names.append(name)
  }
}

@Suite struct ShownProjections {
  @Test func `zero is mid-grey, and the largest magnitude black or white`() {
    let shown = Picture(
      projection: Tensor([1, 3, 3], elements: [0, 0, 0, 2, -4, 1, -1, 4, 0]), isBGR: false)
    #expect(shown.pixels == [128, 128, 128, 191, 0, 159, 96, 255, 128])
  }

  @Test func `blue, green, red are put in order`() {
    let shown = Picture(projection: Tensor([1, 1, 3], elements: [1, 0, -1]), isBGR: true)
    #expect(shown.pixels == [0, 128, 255])
  }

  @Test func `one channel is shown grey`() {
    let shown = Picture(projection: Tensor([1, 2, 1], elements: [1, -1]), isBGR: false)
    #expect(shown.pixels == [255, 255, 255, 0, 0, 0])
  }

  @Test func `nothing is grey all over`() {
    let shown = Picture(projection: Tensor([2, 2, 3]), isBGR: false)
    #expect(shown.pixels == [UInt8](repeating: 128, count: 12))
  }

  @Test func `what is not finite is grey`() {
    let shown = Picture(
      projection: Tensor([1, 2, 3], elements: [.nan, 2, -2, .infinity, -.infinity, 1]), isBGR: false)
    #expect(shown.pixels == [128, 255, 0, 128, 128, 191])
    #expect(
      Picture(projection: Tensor([1, 1, 1], elements: [.nan]), isBGR: false).pixels == [128, 128, 128])
  }

  /// The scale is the magnitude that a sorted list would have there.
  @Test(arguments: [0.003, 0.01, 0.3, 0.99]) func `so many values saturate as may`(share: Double) {
    var generator = SeededGenerator(seed: 4)
    let spread = Tensor.random([10, 20, 3], in: -3...3, using: &generator).elements
    let elements = spread.map { $0 * $0 * $0 }
    let sorted = elements.map { abs($0) }.sorted()
    let scale = sorted[Int(600 * (1 - share))]
    let shown = Picture(
      projection: Tensor([10, 20, 3], elements: elements), isBGR: false, saturating: share)
    let expected = elements.map { UInt8(min(max(((0.5 + $0 * (0.5 / scale)) * 255).rounded(), 0), 255)) }
    #expect(shown.pixels == expected)
  }

  @Test func `a few large values may saturate, so that the rest shows`() {
    var elements = [Float](repeating: 1, count: 300)
    elements[0] = 1000
    let tensor = Tensor([10, 10, 3], elements: elements)
    #expect(Picture(projection: tensor, isBGR: false).pixels[1] == 128)
    let saturated = Picture(projection: tensor, isBGR: false, saturating: 0.01)
    #expect(saturated.pixels[0] == 255 && saturated.pixels[1] == 255)
  }
}
