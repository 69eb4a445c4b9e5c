internal import Images

/// A white sheet of pixels that pictures and text are laid on.
struct Canvas {
  let rows: Int
  let columns: Int
  var pixels: [UInt8]

  init(rows: Int, columns: Int, shade: UInt8 = 255) {
    self.rows = rows
    self.columns = columns
    pixels = [UInt8](repeating: shade, count: rows * columns * 3)
  }

  var picture: Picture { Picture(rows: rows, columns: columns, pixels: pixels) }

  /// Lays a picture down; what hangs over the edge is cut off.
  mutating func place(_ picture: Picture, top: Int, left: Int) {
    for row in max(0, -top)..<max(0, -top, min(picture.rows, rows - top)) {
      let width = min(picture.columns, columns - left)
      guard width > 0, left >= 0 else { continue }
      let source = row * picture.columns * 3
      let target = ((top + row) * columns + left) * 3
      pixels.replaceSubrange(target..<target + width * 3, with: picture.pixels[source..<source + width * 3])
    }
  }

  mutating func fill(top: Int, left: Int, rows: Int, columns: Int, shade: UInt8) {
    let tile = [UInt8](repeating: shade, count: rows * columns * 3)
    place(Picture(rows: rows, columns: columns, pixels: tile), top: top, left: left)
  }

  /// Writes one line, `top` its upper edge, in a shade of grey (0 is black).
  mutating func write(
    _ text: String, top: Int, left: Int, height: Int, bold: Bool = false, shade: Int = 30
  ) throws(ImageError) {
    let line = String(
      String.UnicodeScalarView(text.unicodeScalars.map { $0.isWritable && $0 != "\n" ? $0 : "\u{FFFD}" }))
    let mask = try Picture.text(line, height: height, bold: bold)
    for row in 0..<mask.rows where (0..<rows).contains(top + row) {
      for column in 0..<mask.columns where (0..<columns).contains(left + column) {
        let cover = Int(mask.coverage[row * mask.columns + column])
        let target = ((top + row) * columns + left + column) * 3
        for channel in target..<target + 3 {
          pixels[channel] = UInt8((Int(pixels[channel]) * (255 - cover) + shade * cover) / 255)
        }
      }
    }
  }
}
