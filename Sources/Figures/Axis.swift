/// Where numbers stand along a line, with ticks at round ones.
public struct Axis: Sendable {
  public let low: Double
  public let high: Double
  private let step: Double

  /// An axis that reaches the values, or has the range's ends; where it counts, no tick lies between whole numbers.
  public init(_ values: [Double], within range: ClosedRange<Double>?, isCount: Bool = false) {
    let (least, most) = (range?.lowerBound ?? values.min() ?? 0, range?.upperBound ?? values.max() ?? 1)
    // Values that differ in their last digits alone are one value.
    let magnitude = max(abs(least), abs(most))
    let span = most - least > 1e-9 * magnitude ? most - least : max(1, 1e-6 * magnitude)
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
