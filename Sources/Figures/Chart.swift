/// One series of a ``Chart``.
package struct Series: Sendable {
  /// A point in the chart's own units; one without a finite value breaks the line.
  package struct Point: Sendable {
    package var x: Double
    package var y: Double
    /// How far its error bar reaches up and down; none where it is 0.
    package var spread: Double

    package init(x: Double, y: Double, spread: Double = 0) {
      self.x = x
      self.y = y
      self.spread = spread
    }
  }

  /// What stands at a point, so that series differ by more than their colour.
  package enum Marker: CaseIterable, Sendable {
    case square, diamond, cross, hollow
  }

  /// What stands at the end of its line; none where it is empty.
  package var name: String
  package var points: [Point]
  package var colour: Colour
  package var width: Double
  /// Drawn at every point; without one only a point that no line reaches is marked.
  package var marker: Marker?
  /// How many points there are to a marker; beyond one the marker stands beside the name too.
  package var markerStep: Int

  package init(
    name: String, points: [Point], colour: Colour, width: Double = 2, marker: Marker? = nil,
    markerStep: Int = 1
  ) {
    self.name = name
    self.points = points
    self.colour = colour
    self.width = width
    self.marker = marker
    self.markerStep = markerStep
  }
}

/// Series over one axis, each named at the end of its line.
package struct Chart: Sendable {
  package var title: String
  package var xTitle: String
  package var yTitle: String
  /// Where the axis has ticks, and what stands there; nil for round numbers.
  package var xTicks: [(value: Double, label: String)]?
  /// The vertical axis's ends; nil for round numbers around the values and their error bars.
  package var yRange: ClosedRange<Double>?
  /// What no value can pass; error bars end there.
  package var bounds: ClosedRange<Double>?
  package var rows: Int
  package var columns: Int

  package init(
    title: String, xTitle: String, yTitle: String, xTicks: [(value: Double, label: String)]? = nil,
    yRange: ClosedRange<Double>? = nil, bounds: ClosedRange<Double>? = nil, rows: Int = 300, columns: Int
  ) {
    self.title = title
    self.xTitle = xTitle
    self.yTitle = yTitle
    self.xTicks = xTicks
    self.yRange = yRange
    self.bounds = bounds
    self.rows = rows
    self.columns = columns
  }

  private static let label = 12.0

  /// The chart as a drawing of ``rows`` x ``columns``, higher where the names need it.
  package func drawing(_ series: [Series]) -> Drawing {
    let names = series.filter { !$0.name.isEmpty }
    let rows = max(rows, names.count * 15 + 110)
    var drawing = Drawing(rows: rows, columns: columns, title: title, description: "\(yTitle) over \(xTitle)")
    drawing.text(title, top: 8, column: 8, height: 14, bold: true)
    drawing.text(yTitle, top: 28, column: 8, height: Self.label, .soft)
    let widest = names.map { Drawing.width(of: $0.name, height: Self.label) }.max() ?? 0
    let marks = names.contains { $0.marker != nil && $0.markerStep > 1 } ? 14.0 : 0
    let right = min(widest, Double(columns) * 0.35) + (names.isEmpty ? 16 : 26) + marks
    let plot = Plot(self, series, rows: Double(rows), right: right)
    plot.axes(self, into: &drawing)
    for (index, one) in series.enumerated() {
      plot.draw(one, under: series[(index + 1)...], into: &drawing)
    }
    plot.label(names, right: right, into: &drawing)
    return drawing
  }

  /// An axis from a round number below the values to one above.
  package static func fitted(_ values: [Double]) -> Axis {
    let axis = Axis(values, within: nil)
    guard axis.ticks.count > 1 else { return axis }
    let step = axis.ticks[1] - axis.ticks[0]
    let low = (axis.low / step + 1e-9).rounded(.down) * step
    return Axis([], within: low...max((axis.high / step - 1e-9).rounded(.up) * step, low + step))
  }
}

/// Where a chart's values stand.
private struct Plot {
  let top = 52.0
  let left = 56.0
  let high: Double
  let wide: Double
  let x: Axis
  let y: Axis
  /// Whether all points have one place, which is then the middle.
  let isNarrow: Bool
  let bounds: ClosedRange<Double>

  init(_ chart: Chart, _ series: [Series], rows: Double, right: Double) {
    let points = series.flatMap(\.points).filter { $0.x.isFinite }
    let xs = points.map(\.x) + (chart.xTicks ?? []).map(\.value)
    high = rows - top - 50
    wide = Double(chart.columns) - left - right
    x = Axis(xs, within: nil)
    isNarrow = Set(xs).count < 2
    let bounds = chart.bounds ?? (-.infinity)...(.infinity)
    self.bounds = bounds
    let ys = points.filter(\.y.isFinite).flatMap { [$0.y - $0.spread, $0.y + $0.spread] }
      .map { min(max($0, bounds.lowerBound), bounds.upperBound) }
    y = chart.yRange.map { Axis([], within: $0) } ?? Chart.fitted(ys)
  }

  func column(_ value: Double) -> Double { left + wide * (isNarrow ? 0.5 : x.share(value)) }
  func row(_ value: Double) -> Double { top + high * (1 - y.share(value)) }

  func axes(_ chart: Chart, into drawing: inout Drawing) {
    for tick in y.ticks {
      drawing.line([(row(tick), left), (row(tick), left + wide)], .line)
      drawing.text(y.label(tick), top: row(tick) - 7, column: left - 6, height: 11, .soft, .end)
    }
    let ticks = chart.xTicks ?? x.ticks.map { ($0, x.label($0)) }
    var free = -Double.infinity
    for (value, label) in ticks {
      let column = column(value)
      drawing.line([(top + high, column), (top + high + 4, column)], .soft)
      let half = Drawing.width(of: label, height: 11) / 2
      // A label that would cover its neighbour is left out.
      guard column - half > free else { continue }
      drawing.text(label, top: top + high + 8, column: column, height: 11, .soft, .middle)
      free = column + half + 4
    }
    drawing.line([(top, left), (top + high, left), (top + high, left + wide)], .soft)
    drawing.text(
      chart.xTitle, top: top + high + 26, column: left + wide / 2, height: 12, .soft, .middle)
  }

  func draw(_ series: Series, under later: ArraySlice<Series>, into drawing: inout Drawing) {
    func place(_ point: Series.Point) -> (row: Double, column: Double) {
      (row(point.y), column(point.x))
    }
    for run in series.points.split(whereSeparator: { !$0.x.isFinite || !$0.y.isFinite }) {
      drawing.line(run.map(place), series.colour, width: series.width)
      for (start, end) in zip(run, run.dropFirst()) {
        let hidden = min(later.count { $0.runs(from: start, to: end) }, 4)
        // Where later lines run along this one it is wider, so that it shows beside them.
        guard hidden > 0 else { continue }
        drawing.line([place(start), place(end)], series.colour, width: series.width + 2 * Double(hidden))
      }
      for point in run where point.spread > 0 {
        let column = place(point).column
        let low = row(max(point.y - point.spread, bounds.lowerBound))
        let high = row(min(point.y + point.spread, bounds.upperBound))
        drawing.line([(low, column), (high, column)], series.colour, width: 1.2)
        for end in [low, high] {
          drawing.line([(end, column - 3), (end, column + 3)], series.colour, width: 1.2)
        }
      }
      guard let marker = series.marker ?? (run.count == 1 ? .square : nil) else { continue }
      for (number, point) in run.enumerated() where number % series.markerStep == 0 {
        drawing.mark(marker, at: place(point), series.colour)
      }
    }
  }

  /// Names at the ends of lines, apart from each other, each led to its line.
  func label(_ series: [Series], right: Double, into drawing: inout Drawing) {
    let ends = series.compactMap { one in
      one.points.last { $0.y.isFinite && $0.x.isFinite }.map { (one, row($0.y), column($0.x)) }
    }.sorted { $0.1 < $1.1 }
    var places = ends.map(\.1)
    let least = 15.0
    for index in places.indices.dropFirst() { places[index] = max(places[index], places[index - 1] + least) }
    // What was pushed below the axis is pushed up again.
    var floor = top + high + 4
    for index in places.indices.reversed() {
      places[index] = min(places[index], floor)
      floor = places[index] - least
    }
    for ((one, end, column), place) in zip(ends, places) {
      let start = left + wide + 8
      drawing.line([(end, column + 5), (place, start + 8)], one.colour, width: 0.8)
      var column = start + 11
      if let marker = one.marker, one.markerStep > 1 {
        drawing.mark(marker, at: (place, column + 5), one.colour)
        column += 14
      }
      drawing.text(Drawing.fitted(one.name, width: right - 24), top: place - 7, column: column, height: 12)
    }
  }
}

extension Series {
  /// Whether one of its stretches has these ends.
  fileprivate func runs(from start: Point, to end: Point) -> Bool {
    zip(points, points.dropFirst()).contains {
      $0.x == start.x && $0.y == start.y && $1.x == end.x && $1.y == end.y
    }
  }
}

extension Drawing {
  /// A marker whose middle stands at a place.
  package mutating func mark(
    _ marker: Series.Marker, at place: (row: Double, column: Double), _ colour: Colour, size: Double = 7
  ) {
    let (row, column, half) = (place.row, place.column, size / 2)
    switch marker {
    case .square:
      box(top: row - half, left: column - half, rows: size, columns: size, fill: colour)
    case .hollow:
      box(top: row - half, left: column - half, rows: size, columns: size, fill: .paper, stroke: colour)
    case .cross:
      line([(row - half, column - half), (row + half, column + half)], colour, width: 2)
      line([(row - half, column + half), (row + half, column - half)], colour, width: 2)
    case .diamond:
      line(
        [
          (row - half, column), (row, column + half), (row + half, column), (row, column - half),
          (row - half, column),
        ], colour, width: 2.5)
    }
  }
}
