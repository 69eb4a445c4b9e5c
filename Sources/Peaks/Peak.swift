/// The largest value of one unit's feature map in one picture, and where it is.
public struct Peak: Hashable, Sendable {
  public var value: Float
  /// The picture's id in its data set.
  public var image: Int
  public var row: Int
  public var column: Int

  /// A unit's largest value in a picture, and where in its feature map.
  public init(value: Float, image: Int, row: Int, column: Int) {
    self.value = value
    self.image = image
    self.row = row
    self.column = column
  }

  /// Whether this peak comes before another: larger values first, then lower images, rows, columns.
  public func precedes(_ other: Peak) -> Bool {
    if value != other.value { return value > other.value }
    return (image, row, column) < (other.image, other.row, other.column)
  }
}

/// The strongest peaks of each unit of one layer, strongest first, at most one a picture.
public struct LayerPeaks: Sendable, Equatable {
  /// How many peaks a unit keeps.
  public let depth: Int
  public private(set) var units: [[Peak]]

  /// An empty table of so many units that keeps `depth` peaks each.
  public init(units: Int, keeping depth: Int) {
    precondition(depth > 0, "keeping \(depth) peaks")
    self.depth = depth
    self.units = Array(repeating: [], count: units)
  }

  /// Keeps the peak if it is among the unit's strongest; the value must be a number.
  public mutating func insert(_ peak: Peak, unit: Int) {
    if units[unit].count == depth, !peak.precedes(units[unit][depth - 1]) { return }
    let place = units[unit].firstIndex { peak.precedes($0) } ?? units[unit].count
    units[unit].insert(peak, at: place)
    if units[unit].count > depth { units[unit].removeLast() }
  }

  /// Takes in one picture's peak of each unit; positions are row * columns + column, from `first` on.
  mutating func insert(
    _ values: ArraySlice<Float>, at positions: ArraySlice<Int32>, columns: Int,
    from first: (row: Int, column: Int), image: Int
  ) {
    for (unit, (value, position)) in zip(values, positions).enumerated() {
      let (row, column) = Int(position).quotientAndRemainder(dividingBy: columns)
      insert(
        Peak(value: value, image: image, row: first.row + row, column: first.column + column), unit: unit)
    }
  }

  /// Keeps the strongest of both; in whatever order parts are merged, the result is the same.
  ///
  /// The two must come from different pictures.
  public mutating func merge(_ other: LayerPeaks) {
    precondition(
      units.count == other.units.count && depth == other.depth,
      "\(units.count) units keeping \(depth) merged with \(other.units.count) keeping \(other.depth)")
    for unit in units.indices {
      for peak in other.units[unit] { insert(peak, unit: unit) }
    }
  }
}
