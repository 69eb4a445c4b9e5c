import Figures
import Images
import NetworkFixtures
import Networks
import Studies
import Tensors
import Testing

/// Marks stand where the data say, in the colours that the data say.
@Suite struct FigureMarks {
  private static func grey(_ rows: Int, _ columns: Int) -> Picture {
    Picture(rows: rows, columns: columns, pixels: [UInt8](repeating: 90, count: rows * columns * 3))
  }

  // MARK: Charts

  private func chart(_ series: [Series], range: ClosedRange<Double>? = nil) throws -> FigureSVG {
    let chart = Chart(
      title: "t", xTitle: "epoch", yTitle: "%", xTicks: [(1, "1"), (2, "2"), (4, "4")], yRange: range,
      bounds: 0...100, columns: 460)
    return try FigureSVG(chart.drawing(series).svg())
  }

  private func series(_ name: String, _ ys: [Double], _ colour: Int, spread: Double = 0) -> Series {
    Series(
      name: name, points: zip([1, 2, 4], ys).map { Series.Point(x: $0, y: $1, spread: spread) },
      colour: .kind(colour), marker: .square)
  }

  @Test func `points stand at their values, and ticks at the epochs that there are`() throws {
    let marks = try chart([series("a", [62, 71, 90], 0)])
    let up = try #require(marks.verticalAxis(among: ["65", "90"]))
    #expect(marks.squares(.kind(0)).map { up($0.row).rounded() } == [62, 71, 90])
    let columns = marks.squares(.kind(0)).map(\.column)
    #expect(["1", "2", "4"].compactMap { marks.place(of: $0)?.column } == columns)
    // The axis is fitted to the values.
    #expect(marks.place(of: "0") == nil && marks.place(of: "epoch") != nil)
  }

  @Test func `a point that no line reaches is drawn, and its axis is not made up`() throws {
    let alone = Series(name: "a", points: [.init(x: 2, y: 40)], colour: .kind(0))
    let chart = Chart(
      title: "t", xTitle: "epoch", yTitle: "%", xTicks: [(2, "2")], yRange: 0...100, columns: 460)
    let marks = try FigureSVG(chart.drawing([alone]).svg())
    let up = try #require(marks.verticalAxis(among: ["0", "100"]))
    let square = try #require(marks.squares(.kind(0)).first)
    #expect(up(square.row).rounded() == 40)
    #expect(marks.place(of: "2")?.column == square.column && marks.place(of: "3") == nil)
    let broken = try self.chart([series("a", [10, .nan, 30], 0)])
    #expect(broken.squares(.kind(0)).count == 2)
    #expect(broken.lines(.kind(0)).allSatisfy { $0.width < 2 })
  }

  @Test func `lines that coincide lie one inside the other, each named at its end`() throws {
    let marks = try chart(
      [
        series("conv1", [0, 0, 100], 0), series("conv2", [0, 0, 100], 1), series("conv3", [0, 50, 100], 2),
      ],
      range: 0...100)
    let widths = (0..<3).map { marks.lines(.kind($0)).map(\.width).max() ?? 0 }
    #expect(widths == [4, 2, 2])
    let names = ["conv1", "conv2", "conv3"].compactMap { marks.place(of: $0)?.row }.sorted()
    #expect(names.count == 3 && zip(names, names.dropFirst()).allSatisfy { $1 - $0 >= 14 })
  }

  @Test func `error bars end where no value can be`() throws {
    let marks = try chart([series("a", [98, 60, 1], 0, spread: 5)])
    let up = try #require(marks.verticalAxis(among: ["0", "100"]))
    let ends = marks.lines(.kind(0)).filter { $0.width == 1.2 && $0.points[0].column == $0.points[1].column }
      .map { $0.points.map { up($0.row).rounded() } }
    #expect(ends == [[93, 100], [55, 65], [0, 6]])
  }

  @Test func `dots, intervals and what chance gives stand at their values`() throws {
    let plot = DotPlot(
      groups: [
        (
          "conv5",
          [
            .init(
              label: "eye", dots: [.init(0.07, interval: 0.05...0.09)], chance: (0.1...0.14, 0.12),
              cells: ["0.07"])
          ]
        )
      ], kinds: ["part"], axis: "delta", headings: ["delta"], bounds: 0...1)
    let marks = try FigureSVG(plot.drawing(columns: 700, title: "t").svg())
    let along = try #require(marks.horizontalAxis(among: ["0.06", "0.14"]))
    func near(_ one: Double, _ other: Double) -> Bool { abs(one - other) < 0.0005 }
    #expect(near(along(try #require(marks.squares(.kind(0)).first).column), 0.07))
    let band = try #require(marks.boxes(.line).first)
    #expect(near(along(band.left), 0.1) && near(along(band.left + band.columns), 0.14))
    let interval = try #require(marks.lines(.kind(0)).first).points.map { along($0.column) }
    #expect(near(interval[0], 0.05) && near(interval[1], 0.09))
  }

  @Test func `columns on the console are aligned, those of numbers at their ends`() {
    let table = ResultTable(headings: ["layer", "area"], rows: [["conv1", "0.5"], ["fc", "12.25"]])
    #expect(table.aligned == "layer   area\nconv1    0.5\nfc     12.25")
  }

  // MARK: Occlusion

  private func occlusion(base: Float = 0.8) throws -> OcclusionSheet.Row {
    let map: OcclusionMap = try made(
      #"{"rows":[0,56,112],"columns":[0,56,112],"size":56,"class":3,"base":{"probability":0.8,"label":3},"#
        + #""probability":[[0.8,0.9,0.8],[0.8,0.1,0.6],[0.8,0.8,0.8]],"label":[[0,1,2],[3,4,5],[6,7,7]],"maps":{}}"#
    )
    let probability = OcclusionSheet.Heat(
      title: "probability", subtitle: "of cat", values: map.probability ?? [], base: base,
      isProbability: true)
    let activation = OcclusionSheet.Heat(
      title: "total activation", subtitle: "conv5, map 7", values: [[3, 3, 3], [3, 3, 3], [3, 3, 3]], base: 3,
      isProbability: false)
    return OcclusionSheet.Row(
      caption: "a.jpg", picture: Self.grey(168, 168), map: map, activations: [activation], projections: [],
      probability: probability, names: Dictionary(uniqueKeysWithValues: (0..<8).map { ($0, "name\($0)") }))
  }

  @Test func `cells of an occlusion map have the colours of their change, unblended`() throws {
    let sheet = OcclusionSheet(title: "t", subtitle: "s", rows: [try occlusion()])
    let pictures = try FigureSVG(sheet.drawing().svg()).pictures()
    // The picture, the activation, the probability and the labels.
    #expect(pictures.count == 4)
    func cell(_ panel: Int, _ down: Int, _ across: Int) -> [UInt8] {
      let (row, column) = (28 + down * 56, 28 + across * 56)
      let base = (row * 168 + column) * 3
      return Array(pictures[panel].picture.pixels[base..<base + 3])
    }
    func channels(_ colour: Colour) -> [UInt8] { [colour.red, colour.green, colour.blue] }
    #expect(cell(1, 0, 0) == channels(.signed(0)))
    // The largest change, 0.7 down, is the end of the scale for both directions.
    #expect(cell(2, 1, 1) == channels(.signed(-1)))
    #expect(cell(2, 0, 0) == channels(.signed(0)))
    #expect(cell(2, 0, 1) == channels(.signed(Double((Float(0.9) - 0.8) / 0.7))))
    #expect(cell(3, 2, 1) == channels(.kind(0)) && cell(3, 2, 2) == channels(.kind(0)))
  }

  @Test func `the lowest value and its place are named and marked, and every label has its name`() throws {
    let drawing = try OcclusionSheet(title: "t", subtitle: "s", rows: [occlusion()]).drawing()
    let marks = try FigureSVG(drawing.svg())
    #expect(marks.words.contains("lowest 10.0% at (84, 84)") && marks.words.contains("unoccluded 80.0%"))
    // Where every square raises it, the lowest is still one of theirs.
    let raised = try OcclusionSheet(title: "t", subtitle: "s", rows: [occlusion(base: 0.05)]).drawing()
    #expect(try FigureSVG(raised.svg()).words.contains("lowest 10.0% at (84, 84)"))
    let corner = try #require(try marks.pictures().first).corner
    let square = try #require(marks.boxes(.mark, isEdge: true).first)
    #expect((square.top - corner.row, square.left - corner.column) == (56, 56))
    #expect((square.rows, square.columns) == (56, 56))
    // Only the cell in the middle is below half of the unoccluded probability: four edges.
    let edges = marks.lines(.ink).filter { $0.width == 1.2 }.flatMap(\.points)
    #expect(edges.count == 8)
    #expect(Set(edges.map { $0.row - corner.row }) == [56, 112])
    #expect(Set(edges.map { $0.column - corner.column }) == [56, 112])
    let words = marks.words.joined(separator: " ")
    for index in 0..<8 { #expect(words.contains("name\(index) (")) }
    // Panels in the paper's order.
    let letters = marks.words.filter { $0.hasPrefix("(") && $0.contains(") ") }
    #expect(letters == ["(a) image", "(b) total activation", "(c) probability", "(d) most probable class"])
  }

  @Test func `the scale has its tick at the unoccluded value`() throws {
    var drawing = Drawing(rows: 40, columns: 200, title: "t", description: "d")
    drawing.bar(ChangeScale([0.1, 0.9], base: 0.8), top: 5, left: 0, columns: 160) { "\($0)" }
    let marks = try FigureSVG(drawing.svg())
    let tick = try #require(marks.lines(.ink).first)
    #expect(abs(tick.points[0].column - 160 * 0.7 / 0.8) < 0.01)
    #expect(marks.place(of: "0.1")?.column == 0 && marks.place(of: "0.9")?.column == 160)
  }

  // MARK: Invariance

  @Test func `each example picture has the colour of its curve, and is shown at amounts of the curve`() throws
  {
    let pictures: [InvarianceCurves.Picture] = try (0..<7).map { index in
      try made(
        #"{"image":"p\#(index)","class":1,"distances":{"l":[2,0,1]},"normalized":{"l":[0.\#(index + 1),0,0.5]}}"#
      )
    }
    let curves = InvarianceCurves(change: .vertical, amounts: [-5, 0, 5], layers: ["l"], pictures: pictures)
    let examples = (0..<5).map { _ in curves.shownAmounts.map { _ in Self.grey(8, 8) } }
    let drawing = try curves.drawing(
      examples: examples, titles: ["l": "conv1 (data)"], names: pictures.map { $0.image + " (cat)" })
    let marks = try FigureSVG(drawing.svg())
    #expect(try marks.pictures().count == 15)
    let up = try #require(marks.verticalAxis(among: ["0", "0.6"]))
    for index in 0..<5 {
      let lines = marks.lines(.kind(index))
      let curve = try #require(lines.first { $0.points.count == 3 })
      #expect(abs(up(curve.points[0].row) - Double(index + 1) / 10) < 0.01)
      // Its legend stands in the row of its pictures.
      let legend = try #require(lines.first { $0.width == 3 })
      let name = try #require(marks.place(of: "p\(index) (cat)"))
      #expect(abs(legend.points[0].row - name.row) < 8)
    }
    #expect(marks.lines(.ink).contains { $0.points.count == 3 })
    for word in [
      "original", "the other 2 images", "features of conv1 (data)", "vertical translation (pixels)",
    ] {
      #expect(marks.words.contains(word), "\(word)")
    }
  }

  @Test func `an input becomes the picture that it was made of`() throws {
    var pixels = [UInt8](repeating: 0, count: 27)
    for index in pixels.indices { pixels[index] = UInt8(index * 9) }
    let picture = Picture(rows: 3, columns: 3, pixels: pixels)
    for channels in [Preprocessing.Channels.rgb, .bgr] {
      let preprocessing = Preprocessing(
        resize: nil, crop: nil, channels: channels, scale: 1 / 255, mean: [0.4, 0.5, 0.6],
        std: [0.2, 0.3, 0.4])
      #expect(preprocessing.picture(of: picture.values(preprocessing)).pixels == pixels)
    }
  }

  // MARK: Correspondence

  @Test func `a mask is outlined where it stands, and the plot has the table's numbers`() throws {
    let table: CorrespondenceTable = try made(
      #"{"pictures":["a","b"],"draws":9,"rows":[{"part":"eye","layer":"conv1","delta":0.2,"deviation":0.01,"#
        + #""random":0.3,"randomDeviation":0.02,"p":0.1,"interval":[-0.12,-0.08]}]}"#)
    let picture = Self.grey(64, 64)
    let box = Box(top: 16, left: 32, bottom: 32, right: 64)
    let drawing = try table.drawing(
      title: "t",
      masked: [
        ("original", [(picture, nil), (picture, nil)]), ("eye", [(picture, box), (picture, box)]),
      ], names: ["conv1": "conv1 (data)"])
    let marks = try FigureSVG(drawing.svg())
    let corner = try marks.pictures()[2].corner
    let outline = try #require(marks.boxes(.mark, isEdge: true).first)
    #expect((outline.top - corner.row, outline.left - corner.column) == (38, 76))
    #expect((outline.rows, outline.columns) == (38, 76))
    let along = try #require(marks.horizontalAxis(among: ["0.2", "0.3"]))
    let dot = try #require(marks.squares(.kind(0)).first)
    #expect(abs(along(dot.column) - 0.2) < 0.001)
    let interval = try #require(marks.lines(.kind(0)).first).points.map { along($0.column) }
    #expect(abs(interval[0] - 0.18) < 0.001 && abs(interval[1] - 0.22) < 0.001)
    let band = try #require(marks.boxes(.line).first)
    #expect(abs(along(band.left) - 0.26) < 0.001 && abs(along(band.left + band.columns) - 0.34) < 0.001)
    for word in ["layer conv1 (data)", "0.200 ± 0.010", "0.300 ± 0.020", "0.100"] {
      #expect(marks.words.contains(word), "\(word)")
    }
    #expect(marks.words.joined(separator: " ").contains("p (one-sided)"))
    // One outside what the network sees has no outline.
    let outside = Box(top: 16, left: -40, bottom: 32, right: -8)
    let without = try table.drawing(
      title: "t", masked: [("eye", [(picture, outside)])], names: ["conv1": "conv1 (data)"])
    #expect(try FigureSVG(without.svg()).boxes(.mark, isEdge: true).isEmpty)
  }

  // MARK: Evolution

  @Test func `what is inactive and what jumped is marked, and the legend says so`() throws {
    let whole = Box(top: 0, left: 0, bottom: 64, right: 64)
    let tile = EvolutionSheet.Tile(Self.grey(64, 64), inside: whole, of: (64, 64))
    // Its right half is outside the image.
    let half = EvolutionSheet.Tile(
      Self.grey(64, 32), inside: Box(top: 0, left: 0, bottom: 64, right: 32), of: (64, 64))
    let drawing = try EvolutionSheet.drawing(
      title: "t", subtitle: "s", epochs: [1, 2, 4],
      layers: [
        ("conv1", [(7, [nil, tile, tile], [false, true, false])]),
        ("conv2", [(3, [tile, tile, half], [false, false, false])]),
      ])
    let marks = try FigureSVG(drawing.svg())
    let pictures = try marks.pictures()
    #expect(pictures.count == 5)
    #expect(pictures[4].picture.columns * 2 == pictures[3].picture.columns)
    #expect(pictures[4].picture.rows == pictures[3].picture.rows)
    let right = pictures[4].corner.column + Double(pictures[4].picture.columns)
    let hatching = marks.lines(.line).flatMap(\.points).filter { $0.row >= pictures[4].corner.row }
    #expect(hatching.contains { $0.column > right + 4 }, "what is outside the image is hatched")
    // The legend's own, and one in the sheet.
    #expect(marks.boxes(.line).count == 2 && marks.lines(.mark).count == 2)
    let jump = try #require(marks.lines(.mark).last).points[0].column
    let second = try #require(try marks.pictures().first).corner.column
    #expect(second - jump > 0 && second - jump < 8)
    // Two layers stand beside each other.
    #expect(marks.place(of: "layer conv1")?.row == marks.place(of: "layer conv2")?.row)
    for word in ["epoch", "unit 7", "inactive: no image activates the unit"] {
      #expect(marks.words.contains(word))
    }
  }

  // MARK: Diagnosis

  @Test func `units of a finding are outlined in its colour, and one model fills the width`() throws {
    let network = try TinyNetworks.plain()
    let study = Diagnosis(network, threads: 1)
    var report = try study.report(name: "m", count: 4) {
      var generator = SeededGenerator(seed: UInt64($0))
      return Tensor.random([1, 47, 53, 3], using: &generator)
    }
    let layer = report.layers[0].layer
    report.findings = [
      try made(
        #"{"layer":"\#(layer)","measure":"dead","value":0.02,"verdict":"watch","watch":0,"trouble":0.05,"units":[2],"#
          + #""text":""}"#)
    ]
    let tiles = report.layers[0].units.map { _ in Self.grey(5, 5) }
    let drawing = try DiagnosisSheet.drawing(
      title: "t", columns: [(report, tiles, tiles, [(11, Self.grey(20, 20)), (19, Self.grey(20, 20))])])
    let marks = try FigureSVG(drawing.svg())
    let outlines = marks.lines(Verdict.watch.colour)
    // A grid's first picture is its whole rows; the last row that is not full is one of its own.
    let corners = try marks.pictures().map(\.corner).filter { $0.row == 136 }
    #expect(outlines.count == 2)
    let (across, tile) = FilterGrid.layout(of: tiles.count, side: 270)
    for (outline, corner) in zip(outlines, corners) {
      let row = corner.row + Double(2 / across * (tile + 1)) + 1
      let column = corner.column + Double(2 % across * (tile + 1)) + 1
      #expect(outline.points.map(\.row).min() == row && outline.points.map(\.column).min() == column)
    }
    #expect(marks.words.contains("11") && marks.words.contains("19"))
    #expect(Set(corners.map(\.row)).count == 1 && corners.map(\.column) == corners.map(\.column).sorted())
    #expect((corners.last?.column ?? 0) + 270 > 0.9 * Double(drawing.columns))
    let words = marks.words.joined(separator: " ")
    #expect(words.contains("beyond the first limit (first limit 0%, second 5%); units 2"))
    #expect(words.contains(Measure.dead.meaning))
  }
}
