package import Figures
package import Images

extension Drawing {
  /// Two pictures, what is said of them, and what each is called.
  package typealias Pair = (pictures: [Picture], caption: String, names: [String])

  /// Pairs of pictures side by side, four pairs in a row, for a person to judge; pictures keep their proportions.
  ///
  /// The sides are what the left and the right pictures are called.
  package static func pairs(
    _ pairs: [Pair], title: String, sides: (String, String)
  ) throws(ImageError) -> Drawing {
    let (tile, margin, across) = (112, 24, 4)
    let (wide, high) = (2 * tile + 28, tile + 66)
    let lines = (pairs.count + across - 1) / across
    var drawing = Drawing(
      rows: margin + 52 + lines * high + margin, columns: 2 * margin + across * wide, title: title,
      description: "\(pairs.count) pairs of images")
    drawing.text(title, top: margin, column: margin, height: 18, bold: true)
    drawing.text("left: \(sides.0); right: \(sides.1)", top: margin + 28, column: margin, height: 11, .soft)
    for (number, pair) in pairs.enumerated() {
      let top = margin + 52 + number / across * high
      let left = margin + number % across * wide
      for (place, picture) in pair.pictures.prefix(2).enumerated() {
        let scale = Double(tile) / Double(max(picture.rows, picture.columns, 1))
        let small = try picture.resized(
          rows: max(1, Int(Double(picture.rows) * scale)),
          columns: max(1, Int(Double(picture.columns) * scale)), by: .lanczos)
        let start = left + place * (tile + 4)
        drawing.picture(small, top: top + (tile - small.rows) / 2, left: start + (tile - small.columns) / 2)
      }
      drawing.text(pair.caption, top: top + tile + 4, column: left, height: 11, bold: true)
      for (line, name) in pair.names.prefix(2).enumerated() {
        let short = name.count > 38 ? "…" + name.suffix(37) : name
        drawing.text(short, top: top + tile + 20 + line * 14, column: left, height: 10, .soft)
      }
    }
    return drawing
  }
}
