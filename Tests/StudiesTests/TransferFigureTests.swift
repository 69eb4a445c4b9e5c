import Figures
import Images
import Studies
import Testing

@Suite struct TransferFigures {
  private func row(_ layer: String, _ classifier: String, _ perClass: Int, _ shares: [Double])
    -> TransferTable.Row
  {
    TransferTable.Row(
      layer: layer, pooling: layer == "conv1" ? "grid:4" : "none", features: 7, classifier: classifier,
      perClass: perClass,
      outcomes: shares.map {
        TransferTable.Outcome(classes: [$0, nil], overall: $0, cost: layer == "all" ? nil : 1)
      })
  }

  private func table(_ sizes: [Int], _ measure: TransferTable.Measure = .accuracy) -> TransferTable {
    TransferTable(
      model: "m", pictures: "p", measure: measure, squareRoot: true, normalized: true,
      classNames: ["a|b", "c"],
      rows: sizes.flatMap { size in
        [
          row("conv1", "svm", size, [0.4, 0.5]), row("conv1", "softmax", size, [0.3]),
          row("pool5", "svm", size, [0.8]),
          row("all", "from-scratch", size, [0.2]),
        ]
      })
  }

  @Test func `a layer is a line with a dot a classifier, and a network trained whole a line across`() throws {
    let drawing = table([3, 30]).byLayer()
    let marks = try FigureSVG(drawing.svg())
    let axis = try #require(marks.horizontalAxis(among: ["20", "40", "60", "80"]))
    let svm = marks.squares(.kind(0))
    // Two layers in the table's order, top to bottom, then the legend's own above them.
    #expect(svm.dropFirst().map { axis($0.column).rounded() } == [45, 80])
    #expect(svm.map(\.row) == svm.map(\.row).sorted())
    let bars = marks.lines(.kind(0)).filter { $0.points.first?.row == $0.points.last?.row }
    let deviation = 0.1 / 2.0.squareRoot() * 100
    let ends = try #require(bars.first).points.map { axis($0.column) }
    #expect(abs(ends[0] - (45 - deviation)) < 0.2 && abs(ends[1] - (45 + deviation)) < 0.2)
    let across = marks.lines(.kind(2)).map { axis($0.points[0].column).rounded() }
    #expect(across.contains(20))
    #expect(drawing.title == "By layer, with 30 training images for each class")
    #expect(marks.words.contains { $0.contains("one standard deviation over 2 folds") })
    #expect(marks.words.contains("45.0 ± 7.1"))
  }

  @Test func `no error bar passes 100 %`() throws {
    var high = table([1, 30])
    for index in high.rows.indices {
      high.rows[index].accuracy = 0.98
      high.rows[index].deviation = 0.05
    }
    let layers = try FigureSVG(high.byLayer().svg())
    let across = try #require(layers.horizontalAxis(among: ["94", "96", "98", "100"]))
    #expect(layers.lines(.kind(0)).flatMap(\.points).allSatisfy { across($0.column) <= 100.1 })
    let sizes = try FigureSVG(#require(high.byPictures()).svg())
    let up = try #require(sizes.verticalAxis(among: ["94", "96", "98", "100"]))
    let bars = sizes.lines(.ordinal(0, of: 2)).filter { $0.width == 1.2 }
    #expect(!bars.isEmpty && bars.flatMap(\.points).allSatisfy { up($0.row) <= 100.1 })
  }

  @Test func `curves need two numbers of pictures, and the axis is fitted to them`() throws {
    #expect(table([30]).byPictures() == nil)
    let marks = try FigureSVG(#require(table([1, 30]).byPictures()).svg())
    let up = try #require(marks.verticalAxis(among: ["20", "40", "60", "80"]))
    // Two charts, two numbers of pictures each; pool5 has no softmax.
    #expect(marks.squares(.ordinal(0, of: 2)).map { up($0.row).rounded() } == [45, 45, 30, 30])
    #expect(marks.squares(.ordinal(1, of: 2)).map { up($0.row).rounded() } == [80, 80])
    #expect(marks.words.contains("conv1 grid:4") && !marks.words.contains("100"))
    #expect(marks.words.filter { $0 == "training images for each class" }.count == 2)
  }

  @Test func `tables hold each row in per cent, and each class at the largest number`() {
    let rows = table([3, 30]).lines.rows
    #expect(rows.count == 8)
    #expect(rows[0] == ["conv1", "grid:4", "7", "svm", "3", "45.0", "7.1", "45.0", "2"])
    let classes = table([3, 30]).classLines
    #expect(
      classes.headings == [
        "class", "conv1 grid:4, svm", "conv1 grid:4, softmax", "pool5, svm", "from-scratch",
      ])
    #expect(classes.rows == [["a|b", "45.0", "30.0", "80.0", "20.0"], ["c", "", "", "", ""]])
    #expect(table([1], .averagePrecision).lines.headings.contains("11-point %"))
  }
}
