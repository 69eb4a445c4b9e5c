package import Figures
package import Images

/// The paper's figure 4: a row a unit, a column an epoch, layer by layer; then its numbers as curves.
package enum EvolutionSheet {
  /// One unit's projections, one an epoch, nil where no picture activated it; and whether its strongest picture is another
  /// than at the epoch before.
  package typealias Row = (unit: Int, projections: [Tile?], jumps: [Bool])

  /// A projection's part inside the image, and where that lies in the receptive field.
  package struct Tile: Sendable {
    package var picture: Picture
    package var inside: Box
    package var field: (rows: Int, columns: Int)

    package init(_ picture: Picture, inside: Box, of field: (rows: Int, columns: Int)) {
      (self.picture, self.inside, self.field) = (picture, inside, field)
    }
  }

  /// No tile is larger, in pixels a side.
  package static let largestTile = 72
  private static let (gap, space, margin, caption, width) = (3, 24, 24, 60, 960)

  /// How layers' blocks are laid: up to three beside each other as long as tiles stay large enough.
  private struct Layout {
    let across: Int
    let tile: Int
    /// From one block's left edge to the next's.
    let block: Int

    init(epochs: Int, layers: Int) {
      let wide = width - 2 * margin
      func tile(_ across: Int) -> Int {
        min(largestTile, ((wide - (across - 1) * space) / across - caption) / max(epochs, 1) - gap)
      }
      across = [3, 2].first { $0 <= layers && tile($0) >= 44 } ?? 1
      self.tile = max(tile(across), 32)
      block = (wide + space) / across
    }
  }

  /// The sheet of projections; a line before a tile marks a jump to another picture.
  package static func drawing(
    title: String, subtitle: String, epochs: [Int], layers: [(name: String, rows: [Row])]
  ) throws(ImageError) -> Drawing {
    let layout = Layout(epochs: epochs.count, layers: layers.count)
    func height(_ layer: (name: String, rows: [Row])) -> Int {
      44 + layer.rows.count * (layout.tile + gap) + 12
    }
    let head = margin + 84
    let lines = stride(from: 0, to: layers.count, by: layout.across).map {
      Array(layers[$0..<min($0 + layout.across, layers.count)])
    }
    let heights = lines.map { $0.map(height).max() ?? 0 }
    let columns = max(width, 2 * margin + caption + epochs.count * (layout.tile + gap))
    var drawing = Drawing(
      rows: head + heights.reduce(0, +) + margin, columns: columns, title: title, description: subtitle)
    drawing.text(title, top: margin, column: margin, height: 20, bold: true)
    drawing.text(subtitle, top: margin + 30, column: margin, height: 12, .soft)
    legend(into: &drawing)
    var top = head
    for (line, height) in zip(lines, heights) {
      for (place, layer) in line.enumerated() {
        try draw(layer, epochs, layout, top: top, left: margin + place * layout.block, into: &drawing)
      }
      top += height
    }
    return drawing
  }

  private static func legend(into drawing: inout Drawing) {
    let top = Double(margin + 52)
    let left = Double(margin)
    drawing.line([(top, left + 6), (top + 14, left + 6)], .mark, width: 2)
    drawing.text("another image has become the strongest", top: top, column: left + 18, height: 12)
    let next = left + 340
    drawing.box(top: top, left: next, rows: 14, columns: 14, fill: .line)
    drawing.text("inactive: no image activates the unit", top: top, column: next + 22, height: 12)
    let last = next + 300
    drawing.hatch(top: top, left: last, rows: 14, columns: 14, spacing: 5)
    drawing.text("outside the image", top: top, column: last + 22, height: 12)
  }

  private static func draw(
    _ layer: (name: String, rows: [Row]), _ epochs: [Int], _ layout: Layout, top: Int, left: Int,
    into drawing: inout Drawing
  ) throws(ImageError) {
    let (tile, step) = (layout.tile, layout.tile + gap)
    drawing.text(
      Drawing.fitted("layer \(layer.name)", width: Double(layout.block - space), height: 14, bold: true),
      top: top,
      column: left, height: 14, bold: true)
    drawing.text("epoch", top: top + 24, column: left + caption - 8, height: 12, .soft, .end)
    for (index, epoch) in epochs.enumerated() {
      drawing.text(
        "\(epoch)", top: top + 24, column: left + caption + index * step + tile / 2, height: 12, .soft,
        .middle)
    }
    for (number, row) in layer.rows.enumerated() {
      let line = top + 44 + number * step
      drawing.text(
        "unit \(row.unit)", top: line + tile / 2 - 7, column: left + caption - 8, height: 11, .soft, .end)
      for (index, projection) in row.projections.enumerated() {
        try draw(
          projection, tile: tile, jumps: index > 0 && row.jumps[index], top: line,
          left: left + caption + index * step, into: &drawing)
      }
    }
  }

  private static func draw(
    _ projection: Tile?, tile: Int, jumps: Bool, top: Int, left: Int, into drawing: inout Drawing
  ) throws(ImageError) {
    guard let projection else {
      return drawing.box(
        top: Double(top), left: Double(left), rows: Double(tile), columns: Double(tile), fill: .line)
    }
    let (field, inside) = (projection.field, projection.inside)
    let longest = max(field.rows, field.columns, 1)
    func scaled(_ length: Int) -> Int { length * tile / longest }
    let (rows, columns) = (max(1, scaled(field.rows)), max(1, scaled(field.columns)))
    let (above, before) = (top + (tile - rows) / 2, left + (tile - columns) / 2)
    if (inside.rows, inside.columns) != (field.rows, field.columns) {
      drawing.hatch(
        top: Double(above), left: Double(before), rows: Double(rows), columns: Double(columns), spacing: 5)
    }
    let shown = try projection.picture.resized(
      rows: max(1, scaled(inside.bottom) - scaled(inside.top)),
      columns: max(1, scaled(inside.right) - scaled(inside.left)), by: longest <= 16 ? .nearest : .lanczos)
    drawing.picture(shown, top: above + scaled(inside.top), left: before + scaled(inside.left))
    if jumps {
      drawing.line(
        [(Double(top), Double(left) - 1.5), (Double(top + tile), Double(left) - 1.5)], .mark, width: 2)
    }
  }

  /// How much changes and how much has settled, by epoch, a curve a layer: two charts side by side.
  package static func charts(of table: EvolutionTable) -> Drawing {
    let ticks = table.epochs.map { (value: Double($0), label: "\($0)") }
    func chart(
      _ title: String, _ yTitle: String, _ values: (EvolutionTable.Layer) -> [Double?]
    ) -> Drawing {
      let series = table.layers.enumerated().map { index, layer in
        Series(
          name: layer.layer,
          points: zip(table.epochs, values(layer)).map { Series.Point(x: Double($0), y: ($1 ?? .nan) * 100) },
          colour: .ordinal(index, of: table.layers.count), marker: .square)
      }
      return Chart(
        title: title, xTitle: "epoch", yTitle: yTitle, xTicks: ticks, yRange: 0...100, rows: 320,
        columns: (width - 2 * margin) / 2
      ).drawing(series)
    }
    let changed = chart("Units whose strongest image changed", "% of the layer's units", \.changed)
    let settled = chart(
      "Share of units settled by epoch", "% of the units shown that are active at the end", \.settledShare)
    var drawing = Drawing(
      rows: max(changed.rows, settled.rows) + 24, columns: width, title: "How features settle",
      description: "changed and settled units by epoch, layer by layer")
    drawing.add(changed, top: 8, left: margin)
    drawing.add(settled, top: 8, left: margin + (width - 2 * margin) / 2)
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
