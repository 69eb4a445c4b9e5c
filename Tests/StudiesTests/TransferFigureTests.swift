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

  @Test func `layers stand side by side, and a network trained whole is a line across`() throws {
    let figure = table([3, 30])
    let drawing = figure.byLayer()
    let svg = try drawing.svg()
    for word in ["conv1", "grid:4", "pool5", "svm", "softmax", "from-scratch"] {
      #expect(svg.contains(word), "\(word)")
    }
    let picture = try drawing.picture()
    #expect((picture.rows, picture.columns) == (drawing.rows, drawing.columns))
  }

  @Test func `curves need two numbers of pictures`() throws {
    #expect(table([30]).byPictures() == nil)
    let svg = try #require(table([1, 30]).byPictures()).svg()
    #expect(svg.contains("conv1 grid:4, svm") && svg.contains("training pictures a class"))
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
