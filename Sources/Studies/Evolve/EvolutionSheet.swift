package import Figures
package import Images

/// The paper's figure 4: a row a unit, a column an epoch, layers one below the other; then its numbers as curves.
package enum EvolutionSheet {
  /// One unit's projections, one an epoch, nil where no picture activated it; and whether its strongest picture is another
  /// than at the epoch before.
  package typealias Row = (unit: Int, projections: [Picture?], jumps: [Bool])

  private static let (tile, gap, margin, caption) = (64, 3, 28, 56)

  /// The sheet of projections, as large as its units and epochs need; a line before a tile marks a jump to another
  /// picture.
  package static func drawing(
    title: String, subtitle: String, epochs: [Int], layers: [(name: String, rows: [Row])]
  ) throws(ImageError) -> Drawing {
    let rows = layers.reduce(0) { $0 + 44 + $1.rows.count * (tile + gap) }
    let width = 2 * margin + caption + epochs.count * (tile + gap)
    var drawing = Drawing(
      rows: 2 * margin + 58 + rows, columns: max(width, 560), title: title, description: subtitle)
    drawing.text(title, top: margin, column: margin, height: 20, bold: true)
    drawing.text(subtitle, top: margin + 30, column: margin, height: 13, .soft)
    var top = margin + 58
    for layer in layers {
      drawing.text(layer.name, top: top + 8, column: margin, height: 14, bold: true)
      for (index, epoch) in epochs.enumerated() {
        drawing.text("\(epoch)", top: top + 24, column: left(index) + tile / 2, height: 11, .soft, .middle)
      }
      top += 40
      for row in layer.rows {
        drawing.text("\(row.unit)", top: top + tile / 2 - 6, column: margin, height: 11, .soft)
        for (index, projection) in row.projections.enumerated() {
          try draw(
            projection, jumps: index > 0 && row.jumps[index], top: top, left: left(index), into: &drawing)
        }
        top += tile + gap
      }
      top += 4
    }
    return drawing
  }

  private static func left(_ epoch: Int) -> Int { margin + caption + epoch * (tile + gap) }

  private static func draw(
    _ projection: Picture?, jumps: Bool, top: Int, left: Int, into drawing: inout Drawing
  ) throws(ImageError) {
    guard let projection else {
      return drawing.box(
        top: Double(top), left: Double(left), rows: Double(tile), columns: Double(tile), fill: .line)
    }
    let longest = max(projection.rows, projection.columns, 1)
    let shown = try projection.resized(
      rows: max(1, projection.rows * tile / longest), columns: max(1, projection.columns * tile / longest),
      by: longest <= 16 ? .nearest : .lanczos)
    drawing.picture(shown, top: top + (tile - shown.rows) / 2, left: left + (tile - shown.columns) / 2)
    if jumps {
      drawing.line(
        [(Double(top), Double(left) - 1.5), (Double(top + tile), Double(left) - 1.5)], Colour(214, 39, 40),
        width: 2)
    }
  }

  /// How much changes and how much has settled, by epoch, a curve a layer: two charts side by side.
  package static func charts(of table: EvolutionTable) -> Drawing {
    let height = 320 + (table.layers.count + 1) / 2 * 18
    var drawing = Drawing(
      rows: height, columns: 960, title: "How features settle",
      description: "changed and settled units by epoch, layer by layer")
    func add(_ title: String, _ yTitle: String, left: Int, _ values: (EvolutionTable.Layer) -> [Double?]) {
      let curves = table.layers.enumerated().map { index, layer -> Drawing.Curve in
        let points = zip(table.epochs, values(layer)).map { (x: Double($0), y: $1 ?? .nan) }
        return (layer.layer, points, .kind(index), false)
      }
      let chart = Drawing.curves(
        curves, title: title, xTitle: "epoch", yTitle: yTitle, yRange: 0...1, rows: height, columns: 470)
      drawing.add(chart, top: 0, left: left)
    }
    add("Units whose strongest picture changed", "share of all units", left: 0, \.changed)
    add("Units whose projection stays from here on", "share of units shown", left: 490) { $0.settledShare }
    return drawing
  }

  /// A line a layer.
  package static func table(of table: EvolutionTable) -> ResultTable {
    ResultTable(
      headings: ["layer", "half have settled by epoch"] + table.epochs.dropFirst().map { "changed at \($0)" },
      rows: table.layers.map { layer in
        [layer.layer, layer.settled.map(String.init) ?? "none active"]
          + layer.changed.dropFirst().map { $0?.percent ?? "" }
      })
  }
}
