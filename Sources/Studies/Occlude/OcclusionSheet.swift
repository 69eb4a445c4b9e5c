package import Figures
package import Images
internal import Tensors

/// The paper's figure 7: a row a picture, with what a square hides of it by position.
package struct OcclusionSheet: Sendable {
  /// A grid of values by position of the square.
  package struct Heat: Sendable {
    /// What is measured, and of what.
    var title: String
    var subtitle: String
    var values: [[Float]]
    /// The value of the unoccluded picture.
    var base: Float
    /// Whether values are probabilities, which are written in percent.
    var isProbability: Bool

    package init(title: String, subtitle: String, values: [[Float]], base: Float, isProbability: Bool) {
      self.title = title
      self.subtitle = subtitle
      self.values = values
      self.base = base
      self.isProbability = isProbability
    }

    var scale: ChangeScale { ChangeScale(values.joined().map(Double.init), base: Double(base)) }

    /// The first of the positions whose value is lowest.
    var lowest: (down: Int, across: Int)? {
      let places = values.indices.flatMap { down in values[down].indices.map { (down: down, across: $0) } }
      return places.min { values[$0.down][$0.across] < values[$1.down][$1.across] }
    }

    func written(_ value: Double) -> String {
      isProbability
        ? value.probability
        : abs(value) >= 1000 && abs(value) < 1e15 ? Int(value.rounded()).grouped : value.brief
    }
  }

  /// One picture's part of the sheet.
  package struct Row: Sendable {
    var caption: String
    /// The network's input as a picture.
    var picture: Picture
    var map: OcclusionMap
    /// Total activation of feature maps.
    var activations: [Heat]
    /// The first watched map's projections: this picture's own first, framed.
    var projections: [Picture]
    /// Of the class watched; nil where the network classifies nothing.
    var probability: Heat?
    /// Of the labels in the map.
    var names: [Int: String]

    package init(
      caption: String, picture: Picture, map: OcclusionMap, activations: [Heat], projections: [Picture],
      probability: Heat?, names: [Int: String]
    ) {
      self.caption = caption
      self.picture = picture
      self.map = map
      self.activations = activations
      self.projections = projections
      self.probability = probability
      self.names = names
    }

    var panels: Int {
      1 + activations.count + (projections.isEmpty ? 0 : 1) + (probability == nil ? 0 : 1)
        + (map.labels == nil ? 0 : 1)
    }
  }

  private let title: String
  private let subtitle: String
  private let rows: [Row]

  package init(title: String, subtitle: String, rows: [Row]) {
    self.title = title
    self.subtitle = subtitle
    self.rows = rows
  }

  private let side = 168
  /// How large a projection is drawn, in pixels a side.
  static let projectionSide = 82
  private let margin = 24
  private let gap = 16
  /// Labels with a colour of their own; the rarer ones share one.
  private let coloured = 6

  /// The sheet, as large as its rows need.
  package func drawing() throws(ImageError) -> Drawing {
    let panels = rows.map(\.panels).max() ?? 1
    let width = max(2 * margin + panels * side + (panels - 1) * gap, 600)
    let lines = Drawing.wrapped(subtitle, width: Double(width - 2 * margin))
    let head = margin + 32 + lines.count * 16 + 14
    let heights = rows.map(height)
    var drawing = Drawing(
      rows: head + heights.reduce(0, +) + margin, columns: width, title: title, description: subtitle)
    drawing.text(title, top: margin, column: margin, height: 20, bold: true)
    drawing.paragraph(
      subtitle, top: Double(margin + 32), column: Double(margin), width: Double(width - 2 * margin))
    var top = head
    for (row, height) in zip(rows, heights) {
      try draw(row, top: top, into: &drawing)
      top += height
    }
    return drawing
  }

  /// Caption, headings, the panels and the longest of what stands below them.
  private func height(_ row: Row) -> Int { 20 + 32 + side + 6 + max(78, legend(row).count * 16) + 20 }

  private func draw(_ row: Row, top: Int, into drawing: inout Drawing) throws(ImageError) {
    drawing.text(
      Drawing.fitted(row.caption, width: Double(drawing.columns - 2 * margin), height: 13, bold: true),
      top: top,
      column: margin, height: 13, bold: true)
    let (head, panel) = (top + 20, top + 52)
    var left = margin
    var letters = "abcdefghijklmnopqrstuvwxyz".makeIterator()
    func heading(_ title: String, _ subtitle: String, into drawing: inout Drawing) {
      let letter = letters.next().map { "(\($0)) " } ?? ""
      drawing.text(
        Drawing.fitted(letter + title, width: Double(side)), top: head, column: left, height: 12)
      drawing.text(
        Drawing.fitted(subtitle, width: Double(side)), top: head + 15, column: left, height: 12, .soft)
    }
    func next() { left += side + gap }

    heading("image", "as the network sees it", into: &drawing)
    drawing.picture(
      try row.picture.resized(rows: side, columns: side, by: .lanczos), top: panel, left: left)
    let pointing = row.probability ?? row.activations.first
    if let pointing {
      outline(pointing, row, top: panel, left: left, into: &drawing)
      square(pointing, row, top: panel, left: left, into: &drawing)
      drawing.paragraph(
        "red: the square where the \(row.probability == nil ? "activation" : "probability") is lowest; "
          + "black: where it is under half the unoccluded",
        top: Double(panel + side + 6), column: Double(left), width: Double(side), height: 11)
    }
    next()
    for heat in row.activations {
      heading(heat.title, heat.subtitle, into: &drawing)
      draw(heat, row, top: panel, left: left, into: &drawing)
      next()
    }
    if !row.projections.isEmpty {
      heading("projections of that map", row.activations.first?.subtitle ?? "", into: &drawing)
      try draw(row.projections, top: panel, left: left, into: &drawing)
      next()
    }
    if let heat = row.probability {
      heading(heat.title, heat.subtitle, into: &drawing)
      draw(heat, row, top: panel, left: left, into: &drawing)
      next()
    }
    if row.map.labels != nil {
      heading("most probable class", "and at how many positions", into: &drawing)
      draw(labelsOf: row, top: panel, left: left, into: &drawing)
    }
  }

  // MARK: Maps

  /// Values as changes from the unoccluded picture, each cell where the middle of the square was, and the scale below.
  private func draw(_ heat: Heat, _ row: Row, top: Int, left: Int, into drawing: inout Drawing) {
    let scale = heat.scale
    draw(row, top: top, left: left, into: &drawing) { scale.colour(Double(heat.values[$0][$1])) }
    let (below, column) = (Double(top + side + 8), Double(left))
    drawing.bar(scale, top: below, left: column, columns: Double(side), label: heat.written)
    drawing.text(
      "unoccluded \(heat.written(Double(heat.base)))", top: below + 33, column: column, height: 11)
    guard let lowest = heat.lowest else { return }
    drawing.text(
      "lowest \(heat.written(Double(heat.values[lowest.down][lowest.across]))) at "
        + "(\(row.map.rows[lowest.down] + row.map.size / 2), \(row.map.columns[lowest.across] + row.map.size / 2))",
      top: below + 48, column: column, height: 11)
  }

  /// Cells in plain colours on the ground of the picture's extents.
  private func draw(
    _ row: Row, top: Int, left: Int, into drawing: inout Drawing, colour: (Int, Int) -> Colour
  ) {
    let cells = cells(row)
    let (above, before) = (cells.rows[0].lowerBound, cells.columns[0].lowerBound)
    var canvas = Canvas(
      rows: (cells.rows.last?.upperBound ?? 0) - above,
      columns: (cells.columns.last?.upperBound ?? 0) - before)
    for (down, rows) in cells.rows.enumerated() {
      for (across, columns) in cells.columns.enumerated() {
        canvas.fill(
          top: Double(rows.lowerBound - above), left: Double(columns.lowerBound - before),
          rows: Double(rows.count), columns: Double(columns.count), colour(down, across))
      }
    }
    drawing.picture(canvas.picture, top: top + above, left: left + before)
    drawing.box(
      top: Double(top) + 0.5, left: Double(left) + 0.5, rows: Double(side) - 1, columns: Double(side) - 1,
      stroke: .line)
  }

  /// The box of each position's cell, in the tile's pixels.
  private func cells(_ row: Row) -> (rows: [Range<Int>], columns: [Range<Int>]) {
    func ranges(_ starts: [Int], _ scale: Double) -> [Range<Int>] {
      let step = starts.count > 1 ? Double(starts[1] - starts[0]) : Double(row.map.size)
      return starts.map { start in
        let middle = Double(start) + Double(row.map.size) / 2
        return Int(((middle - step / 2) * scale).rounded())..<Int(((middle + step / 2) * scale).rounded())
      }
    }
    return (
      ranges(row.map.rows, Double(side) / Double(row.picture.rows)),
      ranges(row.map.columns, Double(side) / Double(row.picture.columns))
    )
  }

  // MARK: The picture

  /// The square that leaves the least, on the picture.
  private func square(_ heat: Heat, _ row: Row, top: Int, left: Int, into drawing: inout Drawing) {
    guard let lowest = heat.lowest else { return }
    let down = Double(side) / Double(row.picture.rows)
    let across = Double(side) / Double(row.picture.columns)
    drawing.box(
      top: Double(top) + Double(row.map.rows[lowest.down]) * down,
      left: Double(left) + Double(row.map.columns[lowest.across]) * across,
      rows: Double(row.map.size) * down, columns: Double(row.map.size) * across, stroke: .mark)
  }

  /// Lines around the cells whose value is below half the unoccluded picture's.
  private func outline(_ heat: Heat, _ row: Row, top: Int, left: Int, into drawing: inout Drawing) {
    let cells = cells(row)
    func isLow(_ down: Int, _ across: Int) -> Bool {
      heat.values.indices.contains(down) && heat.values[down].indices.contains(across)
        && heat.values[down][across] < heat.base / 2
    }
    // Boundaries between cells down and across, with the picture's own.
    let downs = Self.boundaries(cells.rows).map { Double(top + $0) }
    let acrosses = Self.boundaries(cells.columns).map { Double(left + $0) }
    var edges: [[(row: Double, column: Double)]] = []
    for (down, row) in downs.enumerated() {
      for run in Self.runs(cells.columns.indices, where: { isLow(down - 1, $0) != isLow(down, $0) }) {
        edges.append([(row, acrosses[run.lowerBound]), (row, acrosses[run.upperBound])])
      }
    }
    for (across, column) in acrosses.enumerated() {
      for run in Self.runs(cells.rows.indices, where: { isLow($0, across - 1) != isLow($0, across) }) {
        edges.append([(downs[run.lowerBound], column), (downs[run.upperBound], column)])
      }
    }
    for edge in edges { drawing.line(edge, Colour.paper.fixed, width: 3) }
    for edge in edges { drawing.line(edge, Colour.ink.fixed, width: 1.2) }
  }

  /// Where cells begin, and where the last ends.
  private static func boundaries(_ cells: [Range<Int>]) -> [Int] {
    cells.map(\.lowerBound) + [cells.last?.upperBound ?? 0]
  }

  /// Stretches of indices, as long as they are, for which something holds.
  private static func runs(_ indices: Range<Int>, where holds: (Int) -> Bool) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for index in indices where holds(index) {
      if let last = runs.last, last.upperBound == index {
        runs[runs.count - 1] = last.lowerBound..<index + 1
      } else {
        runs.append(index..<index + 1)
      }
    }
    return runs
  }

  private func draw(
    _ projections: [Picture], top: Int, left: Int, into drawing: inout Drawing
  ) throws(ImageError) {
    // One alone has the room of four.
    let tile = projections.count == 1 ? side : Self.projectionSide
    for (index, projection) in projections.prefix(4).enumerated() {
      let (down, across) = (top + index / 2 * (tile + 4), left + index % 2 * (tile + 4))
      drawing.picture(
        try projection.resized(rows: tile, columns: tile, by: .lanczos), top: down, left: across)
      if index == 0 {
        drawing.box(
          top: Double(down) + 0.5, left: Double(across) + 0.5, rows: Double(tile) - 1,
          columns: Double(tile) - 1, stroke: .mark)
      }
    }
    drawing.paragraph(
      projections.count > 1
        ? "red frame: this image; the others: images that excite the map most"
        : "what excites the map in this image",
      top: Double(top + side + 6), column: Double(left), width: Double(side), height: 11)
  }

  // MARK: Labels

  /// Labels by the number of positions, the most frequent first.
  private func order(_ row: Row) -> [(label: Int, positions: Int)] {
    let counts = Dictionary((row.map.labels ?? []).joined().map { ($0, 1) }, uniquingKeysWith: +)
    return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
  }

  /// The legend's lines: a colour and a name each, then all that share the last colour.
  private func legend(_ row: Row) -> [(colour: Colour?, text: String)] {
    let order = order(row)
    func name(_ entry: (label: Int, positions: Int)) -> String {
      "\(row.names[entry.label] ?? "class \(entry.label)") (\(entry.positions))"
    }
    let own: [(colour: Colour?, text: String)] = order.prefix(coloured).enumerated().map { index, entry in
      (Colour.kind(index).fixed, Drawing.fitted(name(entry), width: Double(side - 16), height: 11))
    }
    let others = order.dropFirst(coloured).map(name).joined(separator: ", ")
    let lines = others.isEmpty ? [] : Drawing.wrapped(others, width: Double(side - 16), height: 11)
    return own
      + lines.enumerated().map { (colour: $0.offset == 0 ? Colour.soft.fixed : nil, text: $0.element) }
  }

  private func draw(labelsOf row: Row, top: Int, left: Int, into drawing: inout Drawing) {
    let kinds = Dictionary(
      uniqueKeysWithValues: order(row).enumerated().map { ($0.element.label, $0.offset) })
    draw(row, top: top, left: left, into: &drawing) { down, across in
      let kind = row.map.labels.flatMap { kinds[$0[down][across]] } ?? 0
      return kind < coloured ? .kind(kind) : .soft
    }
    for (index, line) in legend(row).enumerated() {
      let place = Double(top + side + 8 + index * 16)
      if let colour = line.colour {
        drawing.box(top: place, left: Double(left), rows: 10, columns: 10, fill: colour)
      }
      drawing.text(line.text, top: place - 1, column: Double(left + 16), height: 11)
    }
  }
}

extension Double {
  /// A probability in percent with three significant digits at most.
  var probability: String {
    self >= 0.001 || self == 0 ? percent : "\((self * 100).significant)%"
  }
}
