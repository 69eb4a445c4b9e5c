internal import Images

extension Canvas {
  /// Lays a colour over a pixel, as far as it covers it.
  private mutating func blend(_ row: Int, _ column: Int, _ colour: Colour, _ cover: Double) {
    guard (0..<rows).contains(row), (0..<columns).contains(column), cover > 0 else { return }
    let base = (row * columns + column) * 3
    let share = min(cover, 1)
    for (index, shade) in [colour.red, colour.green, colour.blue].enumerated() {
      pixels[base + index] = UInt8(
        (Double(pixels[base + index]) * (1 - share) + Double(shade) * share).rounded())
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

  /// Draws a line through points, smooth at its edges.
  mutating func line(_ points: [(row: Double, column: Double)], _ colour: Colour, width: Double) {
    let reach = width / 2 + 0.5
    var covers: [Int: Double] = [:]
    for (start, end) in zip(points, points.dropFirst()) {
      let (down, across) = (end.row - start.row, end.column - start.column)
      let length = down * down + across * across
      let high = (min(start.row, end.row) - reach, max(start.row, end.row) + reach)
      let wide = (min(start.column, end.column) - reach, max(start.column, end.column) + reach)
      guard high.1 > 0, wide.1 > 0, high.0 < Double(rows), wide.0 < Double(columns) else { continue }
      for row in Int(max(high.0, 0))...Int(min(high.1, Double(rows - 1))) {
        for column in Int(max(wide.0, 0))...Int(min(wide.1, Double(columns - 1))) {
          let (r, c) = (Double(row) + 0.5 - start.row, Double(column) + 0.5 - start.column)
          let along = length > 0 ? min(max((r * down + c * across) / length, 0), 1) : 0
          let (off, aside) = (r - along * down, c - along * across)
          let cover = min(max(reach - (off * off + aside * aside).squareRoot(), 0), 1)
          // A joint is covered once, not by both its lines.
          if cover > 0 { covers[row * columns + column] = max(covers[row * columns + column] ?? 0, cover) }
        }
      }
    }
    for (place, cover) in covers { blend(place / columns, place % columns, colour, cover) }
  }

  /// Writes one line of text from, about or up to a column.
  mutating func text(
    _ text: String, top: Double, column: Double, height: Double, bold: Bool, _ colour: Colour,
    _ anchor: Drawing.Anchor
  ) throws(ImageError) {
    let line = String(
      String.UnicodeScalarView(text.unicodeScalars.map { $0.isWritable && $0 != "\n" ? $0 : "\u{FFFD}" }))
    let mask = try Picture.text(line, height: Int(height.rounded()), bold: bold)
    let start =
      switch anchor {
      case .start: column
      case .middle: column - Double(mask.columns) / 2
      case .end: column - Double(mask.columns)
      }
    for row in 0..<mask.rows {
      for offset in 0..<mask.columns {
        let cover = Double(mask.coverage[row * mask.columns + offset]) / 255
        blend(Int(top.rounded()) + row, Int(start.rounded()) + offset, colour, cover)
      }
    }
  }
}
