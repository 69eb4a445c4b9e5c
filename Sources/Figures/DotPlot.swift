/// Values as dots on one axis, a line each, in groups; beside them numbers in columns.
package struct DotPlot: Sendable {
  /// One value with what is known of its spread.
  package struct Dot: Sendable {
    package var value: Double
    package var interval: ClosedRange<Double>?
    /// Which of the ``DotPlot/kinds`` it is.
    package var kind: Int

    package init(_ value: Double, interval: ClosedRange<Double>? = nil, kind: Int = 0) {
      self.value = value
      self.interval = interval
      self.kind = kind
    }
  }

  /// One line.
  package struct Row: Sendable {
    package var label: String
    package var dots: [Dot]
    /// Where chance alone puts the value, and the middle of that; drawn as a pale band.
    package var chance: (range: ClosedRange<Double>, mean: Double)?
    /// Numbers beside the plot, one a heading.
    package var cells: [String]

    package init(
      label: String, dots: [Dot], chance: (range: ClosedRange<Double>, mean: Double)? = nil, cells: [String]
    ) {
      self.label = label
      self.dots = dots
      self.chance = chance
      self.cells = cells
    }
  }

  /// Lines under a title; none stands above them where it is empty.
  package var groups: [(title: String, rows: [Row])]
  /// What kinds of dots there are, each in a colour and with a marker of its own; named where there are several.
  package var kinds: [String]
  /// Values that belong to no line: a line across all of them each.
  package var across: [(name: String, value: Double)] = []
  package var axis: String
  package var headings: [String]
  /// What no value can pass; intervals end there.
  package var bounds: ClosedRange<Double>

  package init(
    groups: [(title: String, rows: [Row])], kinds: [String], axis: String, headings: [String],
    bounds: ClosedRange<Double>
  ) {
    self.groups = groups
    self.kinds = kinds
    self.axis = axis
    self.headings = headings
    self.bounds = bounds
  }

  private static let (line, label, cell) = (22.0, 176.0, 112.0)

  /// The axis: round numbers around all that is drawn.
  private var scale: Axis {
    let dots = groups.flatMap(\.rows).flatMap { row in
      row.dots.flatMap { dot in
        [dot.value] + (dot.interval.map { [$0.lowerBound, $0.upperBound] } ?? [])
      } + (row.chance.map { [$0.range.lowerBound, $0.range.upperBound] } ?? [])
    }
    return Chart.fitted((dots + across.map(\.value)).map(bounded))
  }

  private func bounded(_ value: Double) -> Double {
    min(max(value, bounds.lowerBound), bounds.upperBound)
  }

  /// The plot, as high as its lines.
  package func drawing(columns: Int, title: String) -> Drawing {
    let count = groups.reduce(0) { $0 + $1.rows.count + ($1.title.isEmpty ? 0 : 1) }
    let top = 30.0
    let high = Double(count) * Self.line
    let left = Self.label
    let wide = Double(columns) - left - Double(headings.count) * Self.cell - 12
    var drawing = Drawing(rows: Int(top + high) + 48, columns: columns, title: title, description: axis)
    let scale = scale
    func place(_ value: Double) -> Double { left + wide * scale.share(bounded(value)) }
    for tick in scale.ticks {
      drawing.line([(top, place(tick)), (top + high, place(tick))], .line)
      drawing.text(scale.label(tick), top: top + high + 6, column: place(tick), height: 11, .soft, .middle)
    }
    drawing.text(axis, top: top + high + 26, column: left + wide / 2, height: 12, .soft, .middle)
    legend(left: left, into: &drawing)
    func write(_ cells: [String], top: Double, _ colour: Colour) {
      for (index, text) in cells.enumerated() {
        let right = left + wide + 12 + Double(index + 1) * Self.cell
        drawing.text(text, top: top, column: right, height: 12, colour, .end)
      }
    }
    write(headings, top: 6, .soft)
    for (index, line) in across.enumerated() {
      let colour = Colour.kind(kinds.count + index)
      drawing.line([(top, place(line.value)), (top + high, place(line.value))], colour, width: 2)
    }
    var middle = top + Self.line / 2
    for group in groups {
      if !group.title.isEmpty {
        drawing.text(group.title, top: middle - 7, column: 0, height: 12, bold: true)
        middle += Self.line
      }
      for row in group.rows {
        drawing.text(Drawing.fitted(row.label, width: left - 28), top: middle - 7, column: 12, height: 12)
        if let (range, mean) = row.chance {
          drawing.box(
            top: middle - 7, left: place(range.lowerBound), rows: 14,
            columns: place(range.upperBound) - place(range.lowerBound), fill: .line)
          drawing.line([(middle - 7, place(mean)), (middle + 7, place(mean))], .soft, width: 1.5)
        }
        for dot in row.dots {
          // Kinds stand a little above each other, so that none covers another.
          let height = middle + (Double(dot.kind) - Double(kinds.count - 1) / 2) * 6
          if let interval = dot.interval {
            drawing.line(
              [(height, place(interval.lowerBound)), (height, place(interval.upperBound))],
              .kind(dot.kind), width: 1.5)
          }
          drawing.mark(
            Self.marker(dot.kind), at: (height, place(dot.value)), .kind(dot.kind))
        }
        write(row.cells, top: middle - 7, .ink)
        middle += Self.line
      }
    }
    return drawing
  }

  private static func marker(_ kind: Int) -> Series.Marker {
    Series.Marker.allCases[kind % Series.Marker.allCases.count]
  }

  private func legend(left: Double, into drawing: inout Drawing) {
    guard kinds.count + across.count > 1 else { return }
    var column = left
    func name(_ text: String, into drawing: inout Drawing) {
      drawing.text(text, top: 6, column: column + 14, height: 12)
      column += Drawing.width(of: text) + 34
    }
    for (index, kind) in kinds.enumerated() {
      drawing.mark(Self.marker(index), at: (13, column + 4), .kind(index))
      name(kind, into: &drawing)
    }
    for (index, line) in across.enumerated() {
      drawing.line([(7, column + 4), (19, column + 4)], .kind(kinds.count + index), width: 2)
      name("\(line.name) \(line.value.fixed(decimals: 1))", into: &drawing)
    }
  }
}
