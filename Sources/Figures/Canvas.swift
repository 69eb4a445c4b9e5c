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
    let first = max(0, -left)
    let count = min(picture.columns, columns - left) - first
    guard count > 0 else { return }
    for row in 0..<picture.rows where (0..<rows).contains(top + row) {
      let source = (row * picture.columns + first) * 3
      let target = ((top + row) * columns + left + first) * 3
      pixels.replaceSubrange(target..<target + count * 3, with: picture.pixels[source..<source + count * 3])
    }
  }
}
