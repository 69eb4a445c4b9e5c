internal import Figures
internal import Images

/// Units with two squares of patches each: pictures that excite them, and pictures in which they matter.
enum PairedPatches {
  struct Unit {
    var title: String
    var excited: [Picture]
    var relevant: [Picture]
  }

  private static let (columns, gutter, gap, margin) = (3, 10, 26, 24)

  static func drawing(title: String, subtitle: String, units: [Unit]) throws(ImageError) -> Drawing {
    let grid = PatchGrid.side
    let (wide, high) = (2 * grid + gutter + gap, grid + 46)
    let across = 2 * margin + columns * wide - gap
    let rows = (units.count + columns - 1) / columns
    var drawing = Drawing(
      rows: margin + 60 + max(rows, 1) * high + margin, columns: across, title: title,
      description: subtitle)
    let width = Double(across - 2 * margin)
    drawing.text(
      Drawing.fitted(title, width: width, height: 20, bold: true), top: margin, column: margin, height: 20,
      bold: true)
    drawing.text(
      Drawing.fitted(subtitle, width: width, height: 12), top: margin + 28, column: margin, height: 12, .soft)
    for (index, unit) in units.enumerated() {
      let top = margin + 60 + index / columns * high
      let left = margin + index % columns * wide
      drawing.text(
        Drawing.fitted(unit.title, width: Double(wide - gap), height: 12), top: top, column: left, height: 12)
      try PatchGrid.draw(unit.excited, top: top + 20, left: left, into: &drawing)
      try PatchGrid.draw(unit.relevant, top: top + 20, left: left + grid + gutter, into: &drawing)
    }
    return drawing
  }
}

/// Up to nine patches in a square.
enum PatchGrid {
  private static let (patch, gap) = (43, 2)
  static let side = 3 * patch + 2 * gap

  static func draw(
    _ patches: [Picture], top: Int, left: Int, into drawing: inout Drawing
  ) throws(ImageError) {
    for (place, picture) in patches.prefix(9).enumerated() {
      let scale = Double(patch) / Double(max(picture.rows, picture.columns, 1))
      drawing.picture(
        try picture.resized(
          rows: max(1, Int(Double(picture.rows) * scale)),
          columns: max(1, Int(Double(picture.columns) * scale)), by: .lanczos),
        top: top + place / 3 * (patch + gap), left: left + place % 3 * (patch + gap))
    }
  }
}
