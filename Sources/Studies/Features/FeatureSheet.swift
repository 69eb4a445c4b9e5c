package import Figures
package import Images

/// The paper's figure 2 for one layer: for each unit a grid of projections beside the pictures they came from.
package enum FeatureSheet {
  /// One feature map: its caption, and its grids as one picture; nil where it has none.
  package typealias Unit = (caption: String, picture: Picture?)

  /// The sheet, as large as its units need: text that can be selected, and one picture a unit; a note is below the subtitle.
  ///
  /// Pixels of small tiles are drawn as squares that can be seen.
  package static func drawing(
    title: String, subtitle: String, note: String? = nil, grids: UnitPicture, units: [Unit]
  ) throws(ImageError) -> Drawing {
    let (margin, caption) = (28, 22)
    let scale = max(1, 36 / max(grids.tile.rows, grids.tile.columns))
    let extents = grids.extents(grids: 2)
    let (rows, columns) = (caption + extents.rows * scale, extents.columns * scale)
    let across = max(1, min(4, units.count))
    let lines = (units.count + across - 1) / across
    let width = across * columns + (across - 1) * 26
    let notes = note.map { Drawing.wrapped($0, width: Double(width), height: 12) } ?? []
    let header = 64 + notes.count * 17
    var drawing = Drawing(
      rows: 2 * margin + header + lines * rows + max(0, lines - 1) * 18,
      columns: 2 * margin + width, title: title, description: subtitle)
    drawing.text(title, top: margin, column: margin, height: 20, bold: true)
    drawing.text(subtitle, top: margin + 30, column: margin, height: 13, .soft)
    for (index, line) in notes.enumerated() {
      drawing.text(line, top: margin + 52 + index * 17, column: margin, height: 12, .soft)
    }
    for (index, unit) in units.enumerated() {
      let top = margin + header + (index / across) * (rows + 18)
      let left = margin + (index % across) * (columns + 26)
      drawing.text(unit.caption, top: top + 2, column: left, height: 13)
      guard let picture = unit.picture else { continue }
      // Tiles of a few pixels are kept as they are, and drawn as squares.
      drawing.picture(
        picture, top: Double(top + caption), left: Double(left), rows: Double(extents.rows * scale),
        columns: Double(extents.columns * scale), keeping: scale > 1 ? .exact : .photograph,
        smooth: scale == 1)
    }
    return drawing
  }
}
