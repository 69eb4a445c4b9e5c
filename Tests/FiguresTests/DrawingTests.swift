import Figures
import Foundation
import Images
import TestSupport
import Testing

@Suite struct Drawings {
  /// Redder to the right, greener down.
  private let photograph: Picture = {
    var pixels: [UInt8] = []
    for row in 0..<24 {
      for column in 0..<40 { pixels += [UInt8(column * 6), UInt8(row * 10), 90] }
    }
    return Picture(rows: 24, columns: 40, pixels: pixels)
  }()

  /// One mark of each kind.
  private func everything(printedWidth: Double? = nil) -> Drawing {
    var drawing = Drawing(
      rows: 100, columns: 200, title: "a & b", description: "all marks", printedWidth: printedWidth)
    drawing.box(top: 10, left: 20, rows: 30, columns: 40.5, fill: Colour(200, 10, 20))
    drawing.box(top: 50, left: 20, rows: 10, columns: 10, stroke: .ink, width: 2)
    drawing.line([(5, 100), (95, 100)], .kind(1), width: 4, dash: [6, 2])
    drawing.text("unit 17", top: 60, column: 120, height: 16, bold: true)
    drawing.text("share", top: 90, column: 5, height: 10, .soft, .middle)
    drawing.picture(photograph, top: 70, left: 40, rows: 24, columns: 40, keeping: .photograph)
    return drawing
  }

  @Test func `an SVG's marks have the places and the light colours that were drawn`() throws {
    let marks = try #require(SVGMark.all(of: everything().svg()))
    #expect(marks[0].attributes["width"] == "200" && marks[0].attributes["viewBox"] == "0 0 200 100")
    let boxes = marks.filter { $0.name == "rect" }
    #expect(boxes.map { $0.attributes["fill"] } == ["#ffffff", "#c80a14", "none"])
    #expect((boxes[1]["x"], boxes[1]["y"], boxes[1]["width"], boxes[1]["height"]) == (20, 10, 40.5, 30))
    #expect(boxes[2].attributes["stroke"] == "#1e1e1e" && boxes[2]["stroke-width"] == 2)
    let line = try #require(marks.first { $0.name == "polyline" })
    #expect(line.points.map(\.row) == [5, 95] && line.points.map(\.column) == [100, 100])
    #expect(line.attributes["stroke"] == "#d55e00" && line.attributes["stroke-dasharray"] == "6 2")
    let texts = marks.filter { $0.name == "text" }
    #expect(texts.map(\.text) == ["unit 17", "share"] && texts[0]["font-size"] == 16)
    #expect(texts[0]["x"] == 120 && (60...76).contains(texts[0]["y"]))
    #expect(texts[1].attributes["text-anchor"] == "middle")
    let image = try #require(marks.first { $0.name == "image" })
    #expect((image["x"], image["y"], image["width"], image["height"]) == (40, 70, 40, 24))
    #expect(image.attributes["xlink:href"]?.hasPrefix("data:image/jpeg;base64,/9j/") == true)
  }

  @Test func `dark pages change ink and paper, never data`() throws {
    let marks = try #require(SVGMark.all(of: everything().svg()))
    let style = try #require(marks.first { $0.name == "style" }).text
    #expect(style.hasPrefix("@media screen and (prefers-color-scheme:dark){"))
    for rule in [
      ".fill-ffffff{fill:#17191b}", ".fill-1e1e1e{fill:#e8eaed}", ".stroke-1e1e1e{stroke:#e8eaed}",
    ] {
      #expect(style.contains(rule))
    }
    // Every class has a rule, and what stands for data has none.
    let classes = marks.flatMap { ($0.attributes["class"] ?? "").split(separator: " ") }
    #expect(Set(classes).allSatisfy { style.contains(".\($0){") } && Set(classes).count == 4)
    let data = marks.filter { $0.attributes["fill"] == "#c80a14" }
    #expect(data.count == 1 && data.allSatisfy { $0.attributes["class"] == nil })
  }

  @Test func `pixels are the marks`() throws {
    let drawn = try everything().picture()
    #expect((drawn.rows, drawn.columns) == (100, 200))
    func pixel(_ row: Int, _ column: Int) -> [UInt8] {
      Array(drawn.pixels[(row * 200 + column) * 3..<(row * 200 + column) * 3 + 3])
    }
    #expect(pixel(0, 0) == [255, 255, 255])
    #expect(
      pixel(10, 20) == [200, 10, 20] && pixel(39, 59) == [200, 10, 20] && pixel(40, 59) == [255, 255, 255])
    // The half of a pixel that the box covers.
    #expect((220...235).contains(pixel(20, 60)[0]) && (125...145).contains(pixel(20, 60)[1]))
    #expect(
      pixel(5, 99) == [213, 94, 0] && pixel(12, 99) == [255, 255, 255] && pixel(5, 103) == [255, 255, 255])
    #expect(pixel(50, 25) == [30, 30, 30] && pixel(55, 25) == [255, 255, 255])
    let shown = drawn.cropped(to: Box(top: 70, left: 40, bottom: 94, right: 80))
    #expect(shown == photograph)
    // Letters stand inside their line.
    let dark = (0..<100 * 200).filter { drawn.pixels[$0 * 3] < 100 && $0 % 200 >= 120 && $0 / 200 > 45 }
    #expect(!dark.isEmpty && dark.allSatisfy { (58...78).contains($0 / 200) })
    let width = Drawing.width(of: "unit 17", height: 16, bold: true)
    #expect(abs(Double((dark.map { $0 % 200 }.max() ?? 0) - 120) - width) < 3)
    #expect(abs(Drawing.width(of: "unit 17", height: 32, bold: true) - 2 * width) < 0.5)
  }

  @Test func `a mark after a text begins at its own place`() throws {
    var drawing = Drawing(rows: 60, columns: 100, title: "", description: "")
    drawing.text("a", top: 2, column: 2)
    drawing.line([(50, 60), (50, 90)], .kind(1), width: 2)
    drawing.text("b", top: 2, column: 2)
    drawing.line([(40, 70), (40, 80)], .kind(1), width: 2)
    let drawn = try drawing.picture()
    let marked = (0..<60 * 100).filter { drawn.pixels[$0 * 3 + 2] < 200 && $0 / 100 > 20 }
    #expect(!marked.isEmpty)
    for place in marked { #expect(place / 100 > 35 && place % 100 >= 60, "\(place / 100), \(place % 100)") }
  }

  @Test func `twice the scale has twice the pixels, and cells keep their edges`() throws {
    var drawing = Drawing(rows: 20, columns: 30, title: "", description: "")
    let cells = Picture(rows: 1, columns: 2, pixels: [0, 0, 0, 250, 250, 250])
    drawing.picture(cells, top: 5, left: 5, rows: 10, columns: 20, smooth: false)
    let drawn = try drawing.picture(scale: 2)
    #expect((drawn.rows, drawn.columns) == (40, 60))
    let row = (0..<60).map { drawn.pixels[(20 * 60 + $0) * 3] }
    #expect(
      row == [UInt8](repeating: 255, count: 10) + [UInt8](repeating: 0, count: 20)
        + [UInt8](repeating: 250, count: 20) + [UInt8](repeating: 255, count: 10))
    let marks = try #require(SVGMark.all(of: drawing.svg()))
    #expect(marks.last?.attributes["image-rendering"] == "pixelated")
  }

  @Test func `a drawing higher than one band of pixels is drawn whole`() throws {
    var drawing = Drawing(rows: 40_000, columns: 2, title: "", description: "")
    drawing.box(top: 16_000, left: 0, rows: 20_000, columns: 2, fill: .ink)
    let drawn = try drawing.picture()
    let dark = (0..<40_000).filter { drawn.pixels[$0 * 6] == 30 }
    #expect(drawn.rows == 40_000 && dark == Array(16_000..<36_000))
  }

  private func pageSize(_ pdf: [UInt8]) throws -> [Double] {
    let text = String(decoding: pdf, as: Unicode.ASCII.self)
    let box = try #require(text.firstMatch(of: /MediaBox \[ 0 0 ([0-9.]+) ([0-9.]+) \]/))
    return try [#require(Double(box.1)), #require(Double(box.2))]
  }

  @Test func `a PDF has its size on paper, its fonts, and photographs as they are`() throws {
    let pdf = try everything(printedWidth: 170).pdf()
    #expect(pdf.starts(with: Array("%PDF-1.4".utf8)))
    let size = try pageSize(pdf)
    #expect(abs(size[0] - 170 / 25.4 * 72) < 0.01 && abs(size[1] - 85 / 25.4 * 72) < 0.01)
    #expect(try pageSize(everything().pdf()) == [150, 75])
    let text = String(decoding: pdf, as: Unicode.ASCII.self)
    #expect(text.contains("/FontFile") && text.contains("/DCTDecode"))
    let jpeg = try photograph.encodedJPEG(quality: 92)
    #expect(Data(pdf).range(of: Data(jpeg)) != nil)
    #expect(try everything(printedWidth: 170).pdf() == pdf)
    let svg = try everything(printedWidth: 170).svg()
    #expect(svg.contains("width=\"170mm\" height=\"85mm\" viewBox=\"0 0 200 100\""))
    let drawn = try everything(printedWidth: 170).picture(dotsPerInch: 254)
    #expect((drawn.rows, drawn.columns) == (850, 1700))
  }

  @Test func `a moved drawing has all its marks`() throws {
    var outer = Drawing(rows: 300, columns: 300, title: "", description: "")
    outer.add(everything(), top: 100, left: 50)
    let marks = try #require(SVGMark.all(of: outer.svg()))
    let inner = try #require(SVGMark.all(of: everything().svg()))
    #expect(marks.map(\.name) == inner.map(\.name))
    let (moved, still) = (marks.filter { $0.name == "image" }, inner.filter { $0.name == "image" })
    #expect(moved[0]["x"] == still[0]["x"] + 50 && moved[0]["y"] == still[0]["y"] + 100)
    #expect(
      try outer.picture().cropped(to: Box(top: 100, left: 50, bottom: 200, right: 250))
        == everything().picture())
  }

  @Test func `hatching stays in its rectangle`() throws {
    var drawing = Drawing(rows: 60, columns: 60, title: "", description: "")
    drawing.hatch(top: 10, left: 20, rows: 30, columns: 15)
    drawing.hatch(top: 10, left: 20, rows: 0, columns: 15)
    let lines = try #require(SVGMark.all(of: drawing.svg())).filter { $0.name == "polyline" }
    #expect(lines.count == 7)
    for point in lines.flatMap(\.points) {
      #expect((10...40).contains(point.row) && (20...35).contains(point.column))
    }
  }

  /// On a page of #17191b the darkest of the scale would vanish.
  @Test func `ordered colours are light enough on a dark page`() throws {
    var drawing = Drawing(rows: 10, columns: 10, title: "", description: "")
    drawing.line([(0, 0), (9, 9)], .ordinal(0, of: 5))
    let shown = try #require(try drawing.svg().firstMatch(of: #/\{stroke:#(..)(..)(..)\}/#)?.output)
    let channels = [shown.1, shown.2, shown.3].compactMap { Int($0, radix: 16) }
    #expect(channels.reduce(0, +) > 250, "\(channels)")
  }

  @Test func `values that differ in their last digits alone have an axis`() {
    for values in [[10, 10.000000000000002, 10.000000000000004], [1e17, 1e17], [-3e300, -3e300], [5]] {
      let axis = Chart.fitted(values)
      #expect(axis.low < axis.high && axis.ticks.count > 1 && axis.ticks.allSatisfy(\.isFinite), "\(values)")
      for value in values { #expect((-1e-9...1 + 1e-9).contains(axis.share(value)), "\(values)") }
    }
  }

  @Test func `a file's ending says what is written`() throws {
    let drawing = everything()
    for (name, start) in [
      ("a.svg", Array("<svg".utf8)), ("b.PDF", Array("%PDF".utf8)), ("c.png", [0x89, 0x50]),
      ("d.jpg", [0xFF, 0xD8]), ("e.jpeg", [0xFF, 0xD8]), ("f.webp", Array("RIFF".utf8)),
    ] {
      #expect(try drawing.file(as: FigureFormat(endingOf: name)).starts(with: start), "\(name)")
    }
    for name in ["a.gif", "b", "svg", "c.png.bak"] {
      let error = #expect(throws: FigureError.self) { try FigureFormat(endingOf: name) }
      #expect(error?.description.contains("\(name): ") == true)
      #expect(error?.description.contains(".svg, .pdf, .png, .jpg, .webp") == true)
    }
    #expect(throws: FigureError.self) { try FigureFormat(endingOf: "a.pdf", among: [.png]) }
  }
}

@Suite struct Colours {
  /// Lightness and two colour axes of the CIE 1976 space, as a reader without green cones sees a colour.
  private func seen(_ colour: Colour, _ matrix: [[Double]]) -> [Double] {
    let linear = [colour.red, colour.green, colour.blue].map { channel in
      let share = Double(channel) / 255
      return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4)
    }
    func product(_ matrix: [[Double]], _ vector: [Double]) -> [Double] {
      matrix.map { row in zip(row, vector).reduce(0) { $0 + $1.0 * $1.1 } }
    }
    let xyz = product(
      [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], product(matrix, linear))
    let f = zip(xyz, [0.9505, 1, 1.089]).map { cbrt(max($0 / $1, 0.008856)) }
    return [116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]
  }

  private func distance(_ one: [Double], _ other: [Double]) -> Double {
    zip(one, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
  }

  /// Machado, Oliveira & Fernandes 2009, severity 1: no red cones, no green cones.
  private let blindness = [
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
  ]

  @Test func `readers without red or green cones tell all kinds apart`() {
    for matrix in blindness {
      let kinds = (0..<7).map { seen(.kind($0), matrix) }
      for one in 0..<7 {
        for other in 0..<one { #expect(distance(kinds[one], kinds[other]) > 15, "\(one) and \(other)") }
      }
      // A value and its negative differ at least as much as either from zero.
      let (low, zero, high) = (
        seen(.signed(-1), matrix), seen(.signed(0), matrix), seen(.signed(1), matrix)
      )
      #expect(distance(low, high) > 40 && distance(low, zero) > 40 && distance(high, zero) > 40)
    }
    #expect(Colour.kind(7) == .kind(0) && Colour.signed(.nan) == .signed(0) && Colour.signed(9) == .signed(1))
  }
}
