package import Images

/// A white sheet of pixels that pictures and text are laid on.
package struct Canvas {
  package let rows: Int
  package let columns: Int
  var pixels: [UInt8]

  package init(rows: Int, columns: Int, shade: UInt8 = 255) {
    self.rows = rows
    self.columns = columns
    pixels = [UInt8](repeating: shade, count: rows * columns * 3)
  }

  package var picture: Picture { Picture(rows: rows, columns: columns, pixels: pixels) }

  /// Lays a picture down; what hangs over the edge is cut off.
  package mutating func place(_ picture: Picture, top: Int, left: Int) {
    for row in max(0, -top)..<max(0, -top, min(picture.rows, rows - top)) {
      let width = min(picture.columns, columns - left)
      guard width > 0, left >= 0 else { continue }
      let source = row * picture.columns * 3
      let target = ((top + row) * columns + left) * 3
      pixels.replaceSubrange(target..<target + width * 3, with: picture.pixels[source..<source + width * 3])
    }
  }
}
