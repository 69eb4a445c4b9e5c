public import Tensors

/// How a layer's feature maps become one vector a picture.
public enum FeaturePooling: Hashable, Sendable, CustomStringConvertible {
  /// Every position of every map: rows, columns, channels.
  case none
  /// The mean of each map.
  case average
  /// The largest value of each map.
  case max
  /// Each map's mean in every cell of a grid of so many rows and columns; cells in row-major order, maps together.
  ///
  /// A cell goes from `rows * i / n`, rounded down, to `rows * (i + 1) / n`, rounded up, so that none is empty.
  case grid(Int)

  /// What ``description`` writes; nil for anything else.
  public init?(_ text: String) {
    switch text {
    case "none": self = .none
    case "average": self = .average
    case "max": self = .max
    default:
      let sides = text.split(separator: ":", omittingEmptySubsequences: false)
      guard sides.count == 2, sides[0] == "grid", let cells = Int(sides[1]), (1...1024).contains(cells) else {
        return nil
      }
      self = .grid(cells)
    }
  }

  public var description: String {
    switch self {
    case .none: "none"
    case .average: "average"
    case .max: "max"
    case .grid(let cells): "grid:\(cells)"
    }
  }

  /// How many features come of one picture's value.
  public func count(of shape: Shape) -> Int {
    guard shape.rank == 4 else { return shape.count }
    switch self {
    case .none: return shape.rows * shape.columns * shape.channels
    case .average, .max: return shape.channels
    case .grid(let cells): return cells * cells * shape.channels
    }
  }

  /// One picture's features.
  ///
  /// - Parameter value: 1 x rows x columns x channels, or 1 x features, which no pooling changes.
  /// - Returns: As many as ``count(of:)`` says. A mean is summed in double precision.
  public func vector(of value: Tensor) -> [Float] {
    precondition(value.shape.dimensions.first == 1, "\(value.shape) is not one picture's value")
    guard value.shape.rank == 4 else { return value.elements }
    let (rows, columns) = (value.shape.rows, value.shape.columns)
    switch self {
    case .none: return value.elements
    case .average: return means(of: value, rows: 0..<rows, columns: 0..<columns)
    case .max:
      let channels = value.shape.channels
      return value.withSpan { elements in
        var largest = [Float](repeating: -.infinity, count: channels)
        for position in 0..<rows * columns {
          for channel in 0..<channels {
            let element = elements[position * channels + channel]
            // A NaN is larger than all, and nothing is larger than a NaN.
            if element > largest[channel] || element.isNaN { largest[channel] = element }
          }
        }
        return largest
      }
    case .grid(let cells):
      return (0..<cells).flatMap { row in
        (0..<cells).flatMap { column in
          means(
            of: value, rows: cell(row, of: cells, over: rows), columns: cell(column, of: cells, over: columns)
          )
        }
      }
    }
  }

  private func cell(_ index: Int, of cells: Int, over length: Int) -> Range<Int> {
    length * index / cells..<(length * (index + 1) + cells - 1) / cells
  }

  private func means(of value: Tensor, rows: Range<Int>, columns: Range<Int>) -> [Float] {
    let (across, channels) = (value.shape.columns, value.shape.channels)
    return value.withSpan { elements in
      var sums = [Double](repeating: 0, count: channels)
      for row in rows {
        for column in columns {
          let first = (row * across + column) * channels
          for channel in 0..<channels { sums[channel] += Double(elements[first + channel]) }
        }
      }
      let count = Double(rows.count * columns.count)
      return sums.map { Float($0 / count) }
    }
  }
}
