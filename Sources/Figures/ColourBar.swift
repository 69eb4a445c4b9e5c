extension Drawing {
  /// The scale of a map of changes: a bar from the lowest to the highest value in the colours of ``Colour/signed(_:)``,
  /// with a tick where nothing changes.
  ///
  /// - Parameters:
  ///   - scale: What the colours stand for.
  ///   - top: The bar's upper edge.
  ///   - left: Its left edge.
  ///   - columns: Its width.
  ///   - label: How a value is written below an end.
  package mutating func bar(
    _ scale: ChangeScale, top: Double, left: Double, columns: Double, label: (Double) -> String
  ) {
    let (steps, rows) = (48, 10.0)
    let step = columns / Double(steps)
    for index in 0..<steps {
      let value = scale.low + (scale.high - scale.low) * (Double(index) + 0.5) / Double(steps)
      box(
        top: top, left: left + Double(index) * step, rows: rows,
        columns: step + (index < steps - 1 ? 0.5 : 0),
        fill: scale.colour(value))
    }
    box(top: top, left: left, rows: rows, columns: columns, stroke: .soft)
    let mark = left + columns * scale.share(scale.base)
    line([(top - 3, mark), (top + rows + 3, mark)], .ink, width: 2)
    text(label(scale.low), top: top + rows + 5, column: left, height: 11, .soft)
    text(label(scale.high), top: top + rows + 5, column: left + columns, height: 11, .soft, .end)
  }
}

/// How changes from one value become colours: both directions on one scale, so that equal steps look equally strong.
package struct ChangeScale: Sendable {
  /// The value without a change.
  package let base: Double
  /// The lowest and highest value shown, `base` among them.
  package let low: Double
  package let high: Double

  /// The scale of some values; those that are not finite are left out.
  package init(_ values: [Double], base: Double) {
    let finite = values.filter(\.isFinite) + [base]
    self.base = base
    low = finite.min() ?? base
    high = finite.max() ?? base
  }

  /// The colour of a value.
  package func colour(_ value: Double) -> Colour {
    let reach = max(high - base, base - low)
    return .signed(reach > 0 ? (value - base) / reach : 0)
  }

  /// Where a value lies on the bar: 0 at the lowest, 1 at the highest, in the middle where they are one.
  package func share(_ value: Double) -> Double { high > low ? (value - low) / (high - low) : 0.5 }
}
