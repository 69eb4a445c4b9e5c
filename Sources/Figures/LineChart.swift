extension Drawing {
  /// One curve of a chart in the chart's own units; points without a finite value break it.
  ///
  /// A thin curve stands behind the others and has no entry in the legend.
  public typealias Curve = (
    name: String, points: [(x: Double, y: Double)], colour: Colour, isThin: Bool
  )

  /// Curves over one axis, told apart by dashes as well as by colour, with a legend; `yRange` is the axis's ends where they should not follow from the curves.
  public static func curves(
    _ series: [Curve], title: String, xTitle: String, yTitle: String, yRange: ClosedRange<Double>? = nil,
    rows: Int = 300, columns: Int
  ) -> Drawing {
    var drawing = Drawing(rows: rows, columns: columns, title: title, description: "\(yTitle) over \(xTitle)")
    let named = series.filter { !$0.isThin }
    let (top, left) = (52.0, 62.0)
    let (high, wide) = (
      Double(rows) - top - 46 - Double((named.count + 1) / 2) * 18, Double(columns) - left - 20
    )
    let points = series.flatMap(\.points).filter { $0.x.isFinite && $0.y.isFinite }
    let ends = (points.map(\.x).min() ?? 0, points.map(\.x).max() ?? 1)
    // A lone place stands in the middle.
    let x = Axis(
      points.map(\.x), within: ends.0 == ends.1 ? ends.0 - 0.5...ends.0 + 0.5 : nil,
      isCount: points.allSatisfy { $0.x == $0.x.rounded() })
    let y = Axis(points.map(\.y) + (yRange == nil ? [0] : []), within: yRange)
    func place(_ point: (x: Double, y: Double)) -> (row: Double, column: Double) {
      (top + high * (1 - y.share(point.y)), left + wide * x.share(point.x))
    }
    drawing.text(title, top: 14, column: 16, height: 15, bold: true)
    for tick in y.ticks {
      let row = place((x.low, tick)).row
      drawing.line([(row, left), (row, left + wide)], .line)
      drawing.text(y.label(tick), top: row - 6, column: left - 6, height: 11, .soft, .end)
    }
    for tick in x.ticks {
      let column = place((tick, y.low)).column
      drawing.line([(top + high, column), (top + high + 4, column)], .soft)
      drawing.text(x.label(tick), top: top + high + 7, column: column, height: 11, .soft, .middle)
    }
    drawing.line([(top, left), (top + high, left), (top + high, left + wide)], .soft)
    drawing.text(yTitle, top: 30, column: left - 46, height: 11, .soft)
    drawing.text(xTitle, top: top + high + 22, column: left + wide / 2, height: 11, .soft, .middle)
    let dashed = series.filter(\.isThin).map { ($0, [Double]()) } + zip(named, named.indices.map(dash(of:)))
    for (curve, dash) in dashed {
      for run in curve.points.split(whereSeparator: { !$0.x.isFinite || !$0.y.isFinite }) {
        drawing.line(run.map(place), curve.colour, width: curve.isThin ? 0.8 : 2, dash: dash)
        if run.count == 1, let point = run.first {
          drawing.dot(row: place(point).row, column: place(point).column, fill: curve.colour)
        }
      }
    }
    for (index, curve) in named.enumerated() {
      let row = top + high + 46 + Double(index / 2) * 18
      let column = left + Double(index % 2) * wide / 2
      drawing.line([(row, column), (row, column + 30)], curve.colour, width: 2, dash: dash(of: index))
      drawing.text(curve.name, top: row - 6, column: column + 36, height: 11)
    }
    return drawing
  }

  /// Dashes and gaps of a chart's curves in turn, so that colour alone need not tell them apart.
  private static func dash(of index: Int) -> [Double] {
    [[], [7, 3], [2, 2.5], [8, 3, 2, 3]][index % 4]
  }
}

/// Where numbers stand along a line, with ticks at round ones.
public struct Axis: Sendable {
  public let low: Double
  public let high: Double
  private let step: Double

  /// An axis that reaches the values, or has the range's ends; where it counts, no tick lies between whole numbers.
  public init(_ values: [Double], within range: ClosedRange<Double>?, isCount: Bool = false) {
    let (least, most) = (range?.lowerBound ?? values.min() ?? 0, range?.upperBound ?? values.max() ?? 1)
    let span = most > least ? most - least : 1
    low = least
    high = least + span
    // About five ticks, 1, 2 or 5 times a power of ten apart.
    var unit = 1.0
    while unit * 10 <= span / 5 { unit *= 10 }
    while unit > span / 5 { unit /= 10 }
    let fitting = [1, 2, 5, 10].map { $0 * unit }.first { span / $0 <= 6 } ?? unit * 10
    step = isCount ? max(1, fitting) : fitting
  }

  /// Where a value lies between the ends: 0 at `low`, 1 at `high`.
  public func share(_ value: Double) -> Double { (value - low) / (high - low) }

  public var ticks: [Double] {
    let first = (low / step).rounded(.up)
    let last = (high / step + 1e-9).rounded(.down)
    return last < first ? [low] : Array(stride(from: first, through: last, by: 1)).map { $0 * step }
  }

  /// A value as the axis writes it.
  public func label(_ value: Double) -> String {
    abs(value) < 1e6 && step > 1e-4 ? value.short(decimals: 4) : "\(value)"
  }
}
