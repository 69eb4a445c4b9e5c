package import Images

/// A sheet of pixels that pictures are laid on, pixel by pixel.
package struct Canvas {
  package let rows: Int
  package let columns: Int
  private var pixels: [UInt8]

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

  /// Fills a box; pixels that it covers in part take their share.
  package mutating func fill(top: Double, left: Double, rows: Double, columns: Double, _ colour: Colour) {
    let bottom = min(top + rows, Double(self.rows))
    let right = min(left + columns, Double(self.columns))
    guard bottom > max(top, 0), right > max(left, 0) else { return }
    for row in Int(max(top, 0))..<Int(bottom.rounded(.up)) {
      let down = min(bottom, Double(row + 1)) - max(top, Double(row))
      for column in Int(max(left, 0))..<Int(right.rounded(.up)) {
        blend(row, column, colour, down * (min(right, Double(column + 1)) - max(left, Double(column))))
      }
    }
  }

  /// Lays a colour over a pixel, as far as it covers it.
  private mutating func blend(_ row: Int, _ column: Int, _ colour: Colour, _ cover: Double) {
    let base = (row * columns + column) * 3
    for (index, shade) in [colour.red, colour.green, colour.blue].enumerated() {
      pixels[base + index] = UInt8(
        (Double(pixels[base + index]) * (1 - cover) + Double(shade) * cover).rounded())
    }
  }
}
