package import Figures
package import Images

/// The paper's figure 2 for one layer: for each unit a grid of projections beside the pictures they came from.
package enum FeatureSheet {
  /// One feature map: tiles strongest first, nil where there is none.
  package typealias Unit = (caption: String, projections: [Picture?], patches: [Picture?])

  /// The extents at which a field's tiles are drawn; tiles may be given at the field's extents or at these.
  ///
  /// Small fields are blown up until they can be read; large ones shrink until nine fit beside each other.
  package static func tile(ofField rows: Int, _ columns: Int) -> (rows: Int, columns: Int) {
    let longest = max(rows, columns, 1)
    let target = longest <= 16 ? 36 : longest <= 64 ? 48 : longest <= 120 ? 72 : 96
    return (max(1, rows * target / longest), max(1, columns * target / longest))
  }

  /// The sheet, as large as its units need: text that can be selected, and one picture a unit.
  ///
  /// The field is what a unit sees, in pixels of the network's input.
  package static func drawing(
    title: String, subtitle: String, field: (rows: Int, columns: Int), units: [Unit]
  ) throws(ImageError) -> Drawing {
    let (margin, header, caption) = (28, 64, 20)
    let depth = units.map { max($0.patches.count, $0.projections.count) }.max() ?? 1
    let side = max(1, Int(Double(depth).squareRoot().rounded(.up)))
    let across = max(1, min(4, units.count))
    let lines = (units.count + across - 1) / across
    let grids = try units.map { unit throws(ImageError) in try Self.grids(unit, side, field) }
    let size = tile(ofField: field.rows, field.columns)
    let (rows, columns) = (caption + side * (size.rows + 1) - 1, 2 * side * (size.columns + 1) + 4)
    var drawing = Drawing(
      rows: 2 * margin + header + lines * rows + max(0, lines - 1) * 18,
      columns: 2 * margin + across * columns + (across - 1) * 22, title: title, description: subtitle)
    drawing.text(title, top: margin, column: margin, height: 20, bold: true)
    drawing.text(subtitle, top: margin + 30, column: margin, height: 13, .soft)
    for (index, unit) in units.enumerated() {
      let top = margin + header + (index / across) * (rows + 18)
      let left = margin + (index % across) * (columns + 22)
      drawing.text(unit.caption, top: top + 2, column: left, height: 12, Colour(60, 60, 60))
      drawing.picture(grids[index], top: top + caption, left: left)
    }
    return drawing
  }

  /// A unit's two grids of `side` x `side` tiles as one picture; six pixels lie between them.
  private static func grids(
    _ unit: Unit, _ side: Int, _ field: (rows: Int, columns: Int)
  ) throws(ImageError) -> Picture {
    let size = tile(ofField: field.rows, field.columns)
    let across = side * (size.columns + 1) - 1
    var canvas = Canvas(rows: side * (size.rows + 1) - 1, columns: 2 * across + 6)
    for (offset, tiles) in [(0, unit.projections), (across + 6, unit.patches)] {
      for index in 0..<side * side {
        let top = index / side * (size.rows + 1)
        let left = offset + index % side * (size.columns + 1)
        guard let tile = index < tiles.count ? tiles[index] : nil else {
          canvas.fill(
            top: Double(top), left: Double(left), rows: Double(size.rows), columns: Double(size.columns),
            Colour(238, 238, 238))
          continue
        }
        let isSmall = max(field.rows, field.columns) <= 16
        canvas.place(
          try tile.resized(rows: size.rows, columns: size.columns, by: isSmall ? .nearest : .lanczos),
          top: top, left: left)
      }
    }
    return canvas.picture
  }
}
