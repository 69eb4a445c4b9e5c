/// A linear map along one axis, by its entries: each place of the result is a weighted sum of a few positions.
public struct AxisMap: Hashable, Sendable {
  /// One term of a sum.
  public struct Term: Hashable, Sendable {
    public var position: Int
    public var weight: Float

    /// The position that is read, and the factor of its value.
    public init(position: Int, weight: Float) {
      self.position = position
      self.weight = weight
    }
  }

  /// The positions of the axis that is read.
  public let length: Int
  /// For each place of the result, its terms; a place without terms is zero.
  public let places: [[Term]]

  /// - Parameters:
  ///   - length: The positions of the axis that is read.
  ///   - places: For each place of the result, its terms, whose positions are below `length`.
  public init(length: Int, places: [[Term]]) {
    self.length = length
    self.places = places
  }

  /// The map that leaves an axis as it is.
  public init(identityOver length: Int) {
    self.init(length: length, places: (0..<length).map { [Term(position: $0, weight: 1)] })
  }

  var isIdentity: Bool { self == AxisMap(identityOver: length) }

  /// The window that slides over the axis by whole positions and covers just what each place reads, if there is one.
  ///
  /// - Returns: The positions from one place to the next, the first position of place 0 (before the axis cuts it off)
  ///   and the window's extent; nil where the places lie on no such grid, as those of an enlargement.
  package var window: (stride: Int, offset: Int, extent: Int)? {
    let spans = places.map { terms in
      let positions = terms.map(\.position)
      return positions.min().flatMap { first in positions.max().map { (first: first, last: $0) } }
    }
    let longest = spans.compactMap { $0.map { $0.last - $0.first + 1 } }.max() ?? 1
    let ratio = length / max(places.count, 1)
    for stride in [ratio, ratio + 1] where stride > 0 {
      let shifted = spans.enumerated().compactMap { place, span in
        span.map { (first: $0.first - place * stride, last: $0.last - place * stride) }
      }
      guard let first = shifted.map(\.first).min(), let last = shifted.map(\.last).max() else { return nil }
      if last - first + 1 == longest { return (stride, first, longest) }
    }
    return nil
  }

  /// The part of the map that leads from one window to another.
  ///
  /// - Parameters:
  ///   - places: The places of the result's window; they may lie off the axis, and then have no terms.
  ///   - start: Where the window that is read begins.
  ///   - length: Its positions.
  /// - Returns: A map between the windows.
  package func part(places: Range<Int>, readingFrom start: Int, length: Int) -> AxisMap {
    AxisMap(
      length: length,
      places: places.map { place in
        guard self.places.indices.contains(place) else { return [] }
        return self.places[place].map { Term(position: $0.position - start, weight: $0.weight) }
      })
  }
}
