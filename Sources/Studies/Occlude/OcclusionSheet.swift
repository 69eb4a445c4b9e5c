internal import Figures
internal import Images
internal import Tensors

/// The paper's figure 7: a row a picture, with what a square hides of it by position.
struct OcclusionSheet: Sendable {
  /// A grid of values by position of the square.
  struct Heat: Sendable {
    var title: String
    var values: [[Float]]
    /// The value of the unoccluded picture, marked on the colour bar.
    var base: Float
    /// The ends of the scale; nil for those of the values and the base.
    var range: ClosedRange<Float>?
  }

  /// One picture's part of the sheet.
  struct Row: Sendable {
    var caption: String
    /// The network's input as a picture.
    var picture: Picture
    var map: OcclusionMap
    /// Total activation of feature maps, then the probability of the class.
    var heats: [Heat]
    /// The watched map's projections: this picture's own first, framed.
    var projections: [Picture]
    /// Of the labels in the map.
    var names: [Int: String]
  }

  var title: String
  var subtitle: String
  var rows: [Row]

  private let side = 208
  private let margin = 28
  private let gap = 26

  /// The sheet, as large as its rows need.
  func drawing() throws(ImageError) -> Drawing {
    let panels =
      rows.map { row in
        1 + row.heats.count + (row.projections.isEmpty ? 0 : 1) + (row.map.labels == nil ? 0 : 1)
      }.max() ?? 1
    let width = 2 * margin + panels * side + (panels - 1) * gap + panels * 44
    let each = side + 112
    var drawing = Drawing(
      rows: 2 * margin + 56 + rows.count * each, columns: width, title: title, description: subtitle)
    drawing.text(title, top: margin, column: margin, height: 20, bold: true)
    drawing.text(subtitle, top: margin + 30, column: margin, height: 13, .soft)
    for (index, row) in rows.enumerated() { try draw(row, top: margin + 64 + index * each, into: &drawing) }
    return drawing
  }

  private func draw(_ row: Row, top: Int, into drawing: inout Drawing) throws(ImageError) {
    var left = margin
    let picture = try row.picture.resized(rows: side, columns: side, by: .lanczos)
    drawing.text(row.caption, top: top, column: left, height: 12, bold: true)
    drawing.picture(picture, top: top + 20, left: left)
    let scale = Double(side) / Double(row.picture.rows)
    if let first = row.map.rows.first, let across = row.map.columns.first {
      drawing.box(
        top: Double(top + 20) + Double(first) * scale, left: Double(left) + Double(across) * scale,
        rows: Double(row.map.size) * scale, columns: Double(row.map.size) * scale,
        fill: Colour(128, 128, 128), stroke: .paper)
    }
    left += side + gap
    for heat in row.heats {
      draw(heat, row, picture, top: top, left: left, into: &drawing)
      left += side + gap + 44
    }
    if !row.projections.isEmpty {
      try draw(row.projections, top: top, left: left, into: &drawing)
      left += side + gap
    }
    if let labels = row.map.labels { draw(labels, row, picture, top: top, left: left, into: &drawing) }
  }

  /// Values over the greyed picture, each cell where the middle of the square was, and the scale beside it.
  private func draw(
    _ heat: Heat, _ row: Row, _ picture: Picture, top: Int, left: Int, into drawing: inout Drawing
  ) {
    let values = heat.values.flatMap(\.self) + [heat.base]
    let low = heat.range?.lowerBound ?? values.min() ?? 0
    let high = heat.range?.upperBound ?? values.max() ?? 1
    // Of a constant map there is nothing to tell apart: it lies in the middle of its scale.
    func share(_ value: Float) -> Double { high > low ? Double((value - low) / (high - low)) : 0.5 }
    drawing.text(heat.title, top: top, column: left, height: 12)
    drawing.picture(
      picture.overlaid(cells(row)) { down, across in Colour.heat(share(heat.values[down][across])) },
      top: top + 20, left: left)
    let bar = Double(left + side + 8)
    for step in 0..<52 {
      drawing.box(
        top: Double(top + 20 + side) - Double(step + 1) * Double(side) / 52, left: bar,
        rows: Double(side) / 52 + 0.5, columns: 10, fill: .heat(Double(step) / 51))
    }
    drawing.text(Double(high).brief, top: Double(top + 20), column: bar + 14, height: 10, .soft)
    drawing.text(Double(low).brief, top: Double(top + 8 + side), column: bar + 14, height: 10, .soft)
    let mark = Double(top + 20) + Double(side) * (1 - share(heat.base))
    drawing.line([(mark, bar - 3), (mark, bar + 13)], .ink, width: 2)
  }

  private func draw(
    _ projections: [Picture], top: Int, left: Int, into drawing: inout Drawing
  ) throws(ImageError) {
    drawing.text("its projections, here framed", top: top, column: left, height: 12)
    let tile = (side - 4) / 2
    for (index, projection) in projections.prefix(4).enumerated() {
      let (down, across) = (top + 20 + index / 2 * (tile + 4), left + index % 2 * (tile + 4))
      drawing.picture(
        try projection.resized(rows: tile, columns: tile, by: .lanczos), top: down, left: across)
      if index == 0 {
        drawing.box(
          top: Double(down) + 0.5, left: Double(across) + 0.5, rows: Double(tile) - 1,
          columns: Double(tile) - 1, stroke: Colour(214, 39, 40))
      }
    }
  }

  /// The most probable label by position, a colour each, and their names below.
  private func draw(
    _ labels: [[Int]], _ row: Row, _ picture: Picture, top: Int, left: Int, into drawing: inout Drawing
  ) {
    let counts = Dictionary(labels.flatMap(\.self).map { ($0, 1) }, uniquingKeysWith: +)
    let order = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
    let kinds = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($0.element, $0.offset) })
    drawing.text("most probable label", top: top, column: left, height: 12)
    drawing.picture(
      picture.overlaid(cells(row)) { down, across in Colour.kind(kinds[labels[down][across]] ?? 0) },
      top: top + 20, left: left)
    for (index, label) in order.prefix(4).enumerated() {
      let line = Double(top + 26 + side + index * 15)
      drawing.box(top: line, left: Double(left), rows: 10, columns: 10, fill: .kind(index))
      drawing.text(row.names[label] ?? "\(label)", top: line - 1, column: Double(left + 16), height: 11)
    }
    if order.count > 4 {
      drawing.text(
        "and \(order.count - 4) more", top: Double(top + 26 + side + 60), column: Double(left + 16),
        height: 11, .soft)
    }
  }

  /// The box of each position's cell, in the tile's pixels.
  private func cells(_ row: Row) -> (rows: [Range<Int>], columns: [Range<Int>]) {
    let scale = Double(side) / Double(row.picture.rows)
    func ranges(_ starts: [Int]) -> [Range<Int>] {
      let step = starts.count > 1 ? Double(starts[1] - starts[0]) : Double(row.map.size)
      return starts.map { start in
        let middle = Double(start) + Double(row.map.size) / 2
        return Int(((middle - step / 2) * scale).rounded())..<Int(((middle + step / 2) * scale).rounded())
      }
    }
    return (ranges(row.map.rows), ranges(row.map.columns))
  }
}

extension Picture {
  /// The picture in pale grey with coloured cells laid over it, half transparent.
  fileprivate func overlaid(
    _ cells: (rows: [Range<Int>], columns: [Range<Int>]), _ colour: (Int, Int) -> Colour
  ) -> Picture {
    var laid = [UInt8](repeating: 0, count: pixels.count)
    for place in 0..<rows * columns {
      let sum = Int(pixels[place * 3]) * 3 + Int(pixels[place * 3 + 1]) * 6 + Int(pixels[place * 3 + 2])
      for channel in 0..<3 { laid[place * 3 + channel] = UInt8(sum / 10) }
    }
    for (down, rows) in cells.rows.enumerated() {
      for (across, columns) in cells.columns.enumerated() {
        let shade = colour(down, across)
        for row in rows where (0..<self.rows).contains(row) {
          for column in columns where (0..<self.columns).contains(column) {
            let base = (row * self.columns + column) * 3
            for (channel, value) in [shade.red, shade.green, shade.blue].enumerated() {
              laid[base + channel] = UInt8((Int(laid[base + channel]) * 35 + Int(value) * 65) / 100)
            }
          }
        }
      }
    }
    return Picture(rows: rows, columns: columns, pixels: laid)
  }
}
