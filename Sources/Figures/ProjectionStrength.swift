package import Images
package import Tensors

/// How strong a projection is about each place, as a share of the strongest: where a unit looks.
package struct ProjectionStrength {
  /// Rows x columns shares, 0 to 1.
  private let strength: [Float]
  private let (rows, columns): (Int, Int)

  /// A fitted part holds all places stronger than this.
  private static let least: Float = 0.2
  /// Below the first nothing is seen of a picture's light, above the second all.
  private static let fades: (from: Float, to: Float) = (0.05, 0.25)
  private static let darkest: Float = 0.2

  /// - Parameters:
  ///   - projection: Rows x columns x channels; what is not finite counts as zero.
  ///   - rows: The places that cover it.
  ///   - columns: The same.
  package init(of projection: Tensor, rows: Int, columns: Int) {
    (self.rows, self.columns) = (rows, columns)
    let channels = projection.shape[2]
    let values = projection.elements
    let largest = values.reduce(Float(0)) { $1.isFinite ? max($0, abs($1)) : $0 }
    // Signs cancel when a signal is made small; its energy does not. Of the largest value, so that no square overflows.
    let energy = Tensor([projection.shape[0], projection.shape[1], 1]) { energy in
      for place in 0..<energy.count {
        var sum: Float = 0
        for channel in 0..<channels {
          let value = values[place * channels + channel] / max(largest, .leastNonzeroMagnitude)
          if value.isFinite { sum += value * value }
        }
        energy[place] = sum
      }
    }
    // Three means one after the other are nearly a Gaussian's; together they reach a twelfth of the projection.
    let reach = max(1, (max(rows, columns) + 18) / 36)
    let blurred = (0..<3).reduce(energy.shrunk(rows: rows, columns: columns).elements) { values, _ in
      values.spread(rows: rows, columns: columns, reach: reach)
    }
    let strongest = blurred.max() ?? 0
    strength = blurred.map { strongest > 0 ? (max($0, 0) / strongest).squareRoot() : 0 }
  }

  /// The smallest part of what was projected, the box `inside`, with the strong places, of a tile's proportions.
  package func part(of inside: Box, keeping tile: (rows: Int, columns: Int)) -> Box {
    let strong = strength.indices.filter { strength[$0] >= Self.least }
    guard let first = strong.first, let last = strong.last else { return inside }
    let across = strong.map { $0 % columns }
    func span(_ low: Int, _ high: Int, of places: Int, _ range: Range<Int>) -> (
      middle: Double, extent: Double
    ) {
      let scale = Double(range.count) / Double(places)
      return (
        Double(range.lowerBound) + Double(low + high + 1) / 2 * scale, Double(high - low + 3) * scale
      )
    }
    let down = span(first / columns, last / columns, of: rows, inside.top..<inside.bottom)
    let wide = span(
      across.min() ?? 0, across.max() ?? 0, of: columns, inside.left..<inside.right)
    let wanted = max(
      down.extent / Double(tile.rows), wide.extent / Double(tile.columns),
      0.25 * Double(inside.rows) / Double(tile.rows))
    let extent = min(
      wanted, Double(inside.rows) / Double(tile.rows), Double(inside.columns) / Double(tile.columns))
    func edges(_ middle: Double, _ extent: Double, _ range: Range<Int>) -> Range<Int> {
      let count = min(range.count, max(1, Int(extent.rounded())))
      let start = Int((middle - Double(count) / 2).rounded())
      let low = min(max(start, range.lowerBound), range.upperBound - count)
      return low..<low + count
    }
    let (y, x) = (
      edges(down.middle, extent * Double(tile.rows), inside.top..<inside.bottom),
      edges(wide.middle, extent * Double(tile.columns), inside.left..<inside.right)
    )
    return Box(top: y.lowerBound, left: x.lowerBound, bottom: y.upperBound, right: x.upperBound)
  }

  /// A picture of as many rows and columns, dark where the projection is weak; all of it where that is zero.
  package func dimmed(_ patch: Picture) -> Picture {
    let pixels = patch.pixels.enumerated().map { place, shade in
      let seen = min(max((strength[place / 3] - Self.fades.from) / (Self.fades.to - Self.fades.from), 0), 1)
      return UInt8((Float(shade) * (Self.darkest + (1 - Self.darkest) * seen)).rounded())
    }
    return Picture(rows: patch.rows, columns: patch.columns, pixels: pixels)
  }
}

extension [Float] {
  /// The mean of each place's neighbours up to `reach` away along both axes of a grid.
  fileprivate func spread(rows: Int, columns: Int, reach: Int) -> [Float] {
    func along(_ values: [Float], _ count: Int, place: (Int) -> Int, into result: inout [Float]) {
      for index in 0..<count {
        let near = Swift.max(0, index - reach)...Swift.min(count - 1, index + reach)
        result[place(index)] = near.reduce(Float(0)) { $0 + values[place($1)] } / Float(near.count)
      }
    }
    var (across, down) = (self, self)
    for row in 0..<rows { along(self, columns, place: { row * columns + $0 }, into: &across) }
    for column in 0..<columns { along(across, rows, place: { $0 * columns + column }, into: &down) }
    return down
  }
}
