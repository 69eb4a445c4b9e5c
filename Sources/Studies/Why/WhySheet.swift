internal import Figures
internal import Images
internal import Tensors

/// A picture, and in rows by layer the units that carry what a network says of it, each above the patches that excite it most.
enum WhySheet {
  struct Unit {
    var title: String
    var note: String
    /// Where in the picture its part comes from, rows x columns.
    var map: Tensor?
    var patches: [Picture]
  }

  struct Row {
    var title: String
    var units: [Unit]
  }

  private static let (tile, gap, margin) = (132, 20, 24)

  static func drawing(
    title: String, subtitle: String, picture: Picture, rows: [Row], columns: Int
  ) throws(ImageError) -> Drawing {
    let step = tile + gap
    let row = 26 + tile + 36 + PatchGrid.side + 18
    let wide = max(2 * margin + (columns + 1) * step, 560)
    var drawing = Drawing(
      rows: margin + 60 + max(rows.count * row, tile + 40) + margin, columns: wide, title: title,
      description: "units that carry the decision, in rows by layer")
    let width = Double(wide - 2 * margin)
    drawing.text(
      Drawing.fitted(title, width: width, height: 20, bold: true), top: margin, column: margin, height: 20,
      bold: true)
    drawing.text(
      Drawing.fitted(subtitle, width: width, height: 12), top: margin + 28, column: margin, height: 12, .soft)
    let top = margin + 60
    let (high, across) = extents(of: picture)
    drawing.picture(
      try picture.resized(rows: high, columns: across, by: .lanczos), top: top + 26, left: margin)
    for (number, shown) in rows.enumerated() {
      let start = top + number * row
      drawing.text(
        Drawing.fitted(shown.title, width: width - Double(step), height: 13, bold: true), top: start,
        column: margin + step, height: 13, bold: true)
      for (index, unit) in shown.units.enumerated() {
        let left = margin + (index + 1) * step
        if let map = unit.map {
          drawing.picture(
            try lit(picture, by: map).resized(rows: high, columns: across, by: .lanczos), top: start + 26,
            left: left)
        }
        drawing.text(
          Drawing.fitted(unit.title, width: Double(tile), height: 11), top: start + 26 + tile + 3,
          column: left, height: 11)
        drawing.text(
          Drawing.fitted(unit.note, width: Double(tile), height: 10), top: start + 26 + tile + 18,
          column: left, height: 10, .soft)
        try PatchGrid.draw(unit.patches, top: start + 26 + tile + 34, left: left, into: &drawing)
      }
    }
    return drawing
  }

  /// The extents at which a picture fits a tile.
  private static func extents(of picture: Picture) -> (rows: Int, columns: Int) {
    let scale = Double(tile) / Double(max(picture.rows, picture.columns, 1))
    return (max(1, Int(Double(picture.rows) * scale)), max(1, Int(Double(picture.columns) * scale)))
  }

  /// A picture that is light where a map is large and dark where it is not; what is below zero stays dark.
  private static func lit(_ picture: Picture, by map: Tensor) -> Picture {
    let values = map.elements
    guard map.shape.rank == 2, map.shape[0] == picture.rows, map.shape[1] == picture.columns else {
      return picture
    }
    // Pixel by pixel a map is speckled; what is near a position is meant too.
    let smooth = Tensor([1, picture.rows, picture.columns, 1], elements: values.map { max($0, 0) }).blurred(
      deviation: Double(max(picture.rows, picture.columns)) / 40
    ).elements
    let sizes = smooth.sorted()
    let most = max(sizes.isEmpty ? 0 : sizes[sizes.count * 98 / 100], .leastNormalMagnitude)
    let light = smooth.map { 0.18 + 0.82 * min($0 / most, 1) }
    return Picture(
      rows: picture.rows, columns: picture.columns,
      pixels: picture.pixels.enumerated().map { UInt8(Float($0.element) * light[$0.offset / 3]) })
  }
}
