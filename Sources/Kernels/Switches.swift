public import Tensors

/// Which position of each pooling window won: what lets a pooled value find its way back.
///
/// A winner is an index into its window in row-major order, so it does not depend on where the window is and a
/// cut of the switches stays true.
///
/// - Note: Zeiler & Fergus 2014 (arXiv 1311.2901), section 2.1, "Unpooling".
public struct Switches: Sendable {
  /// The shape of the pooled maps.
  public let pooled: Shape
  /// The shape of the maps that were pooled.
  public let input: Shape
  public let sliding: Sliding
  /// `pooled.count` of them, in row-major order.
  public let winners: [UInt16]

  /// Switches from winners already known, each less than `sliding.count`.
  public init(pooled: Shape, input: Shape, sliding: Sliding, winners: [UInt16]) {
    precondition(winners.count == pooled.count, "\(winners.count) winners for pooled maps of \(pooled)")
    precondition(
      winners.allSatisfy { $0 < sliding.count }, "a winner lies outside its window of \(sliding.count)")
    self.init(recorded: winners, pooled: pooled, input: input, sliding: sliding)
  }

  init(recorded winners: [UInt16], pooled: Shape, input: Shape, sliding: Sliding) {
    self.pooled = pooled
    self.input = input
    self.sliding = sliding
    self.winners = winners
  }

  /// The switches inside boxes of the pooled maps.
  ///
  /// Unpooling through the cut gives what cutting the unpooled maps would, at each box's corner times the
  /// stride less the padding.
  ///
  /// - Parameters:
  ///   - windows: Boxes of the pooled maps; where one hangs over the edge, winners are 0.
  ///   - rows: The rows of each box.
  ///   - columns: The columns of each box.
  /// - Returns: Switches whose `pooled` is windows x rows x columns x channels, and whose `input` is what those
  ///   pooling windows reach, without padding.
  public func cut(_ windows: [Window], rows: Int, columns: Int) -> Switches {
    precondition(rows > 0 && columns > 0, "a cut of \(rows) x \(columns) positions")
    let bare = sliding.unpadded
    let channels = pooled.channels
    var cut = [UInt16](repeating: 0, count: windows.count * rows * columns * channels)
    for (index, window) in windows.enumerated() where (0..<pooled.images).contains(window.image) {
      let kept =
        max(window.column, 0)..<max(max(window.column, 0), min(window.column + columns, pooled.columns))
      for row in max(window.row, 0)..<max(max(window.row, 0), min(window.row + rows, pooled.rows)) {
        let from = ((window.image * pooled.rows + row) * pooled.columns + kept.lowerBound) * channels
        let to = ((index * rows + row - window.row) * columns + kept.lowerBound - window.column) * channels
        for offset in 0..<kept.count * channels { cut[to + offset] = winners[from + offset] }
      }
    }
    return Switches(
      recorded: cut,
      pooled: Shape(images: windows.count, rows: rows, columns: columns, channels: channels),
      input: Shape(
        images: windows.count, rows: (rows - 1) * bare.rows.stride + bare.rows.reach,
        columns: (columns - 1) * bare.columns.stride + bare.columns.reach, channels: channels),
      sliding: bare)
  }
}

extension Switches {
  /// Switches of the same maps whose winners are drawn by chance, each as likely among its window's positions on the map.
  package func drawn(using generator: inout SeededGenerator) -> Switches {
    /// Places in each window along an axis that lie on the map.
    func places(_ slide: Slide, _ count: Int, _ extent: Int) -> [[Int]] {
      (0..<count).map { position in
        (0..<slide.window).filter {
          (0..<extent).contains(position * slide.stride - slide.before + $0 * slide.dilation)
        }
      }
    }
    let down = places(sliding.rows, pooled.rows, input.rows)
    let across = places(sliding.columns, pooled.columns, input.columns)
    let channels = pooled.channels
    var drawn = winners
    for index in drawn.indices {
      let place = index / channels
      guard let row = down[place / pooled.columns % pooled.rows].randomElement(using: &generator),
        let column = across[place % pooled.columns].randomElement(using: &generator)
      else { continue }
      drawn[index] = UInt16(row * sliding.columns.window + column)
    }
    return Switches(recorded: drawn, pooled: pooled, input: input, sliding: sliding)
  }

  /// The switches of some of the pictures.
  public func slices(_ range: Range<Int>) -> Switches {
    let size = winners.count / max(pooled.images, 1)
    func part(_ shape: Shape) -> Shape { Shape([range.count] + shape.dimensions.dropFirst()) }
    return Switches(
      recorded: Array(winners[range.lowerBound * size..<range.upperBound * size]), pooled: part(pooled),
      input: part(input), sliding: sliding)
  }

  /// The switches of all pictures as one batch, in order; every part must be of the same maps.
  public static func stacking(_ parts: [Switches]) -> Switches {
    precondition(!parts.isEmpty, "no switches to stack")
    if parts.count == 1 { return parts[0] }
    let images = parts.reduce(0) { $0 + $1.pooled.images }
    func whole(_ shape: Shape) -> Shape { Shape([images] + shape.dimensions.dropFirst()) }
    return Switches(
      recorded: parts.flatMap(\.winners), pooled: whole(parts[0].pooled), input: whole(parts[0].input),
      sliding: parts[0].sliding)
  }
}
