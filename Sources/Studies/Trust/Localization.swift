package import Images

/// How a map of a picture agrees with where the object is known to be.
///
/// The object is known by boxes around it, and perhaps by a mask of its own pixels. Where no mask is known,
/// the mask's part is played by the positions inside any of the boxes.
package struct Localization: Codable, Hashable, Sendable {
  /// Whether the map's maximum hits a box: the pointing game.
  ///
  /// After Zhang et al. 2018 ("Top-Down Neural Attention by Excitation Backprop"). The maximum is a hit if
  /// its Euclidean distance to the nearest pixel of a box is at most 15/224 of the input's shorter side: the
  /// paper's 15 pixels at an input of 224 x 224. Among equal maxima the first in row-major order
  /// counts. A map of one value everywhere points nowhere and is a miss.
  package var pointing: Bool
  /// The share of the sum of positive values that lies inside the boxes; 0 where nothing is positive.
  ///
  /// The energy-based pointing game of Wang et al. 2020 ("Score-CAM").
  package var energy: Double
  /// The share of the sum of positive values that lies on the mask; 0 where nothing is positive.
  ///
  /// The relevance mass accuracy of Arras et al. 2022 ("CLEVR-XAI").
  package var massAccuracy: Double
  /// The share of the K largest values that lies on the mask, for K positions of the mask.
  ///
  /// The relevance rank accuracy of Arras et al. 2022. Among equal values those first in row-major order are
  /// taken.
  package var rankAccuracy: Double

  /// Compares a map with an object's place.
  ///
  /// The result is nil where no box overlaps the input, the mask is empty or full, or the map holds a NaN.
  ///
  /// - Parameters:
  ///   - map: A value for each position, in row-major order.
  ///   - rows: The input's rows.
  ///   - columns: The input's columns.
  ///   - boxes: Around the object, in the input's pixels; clipped to the input.
  ///   - mask: Whether a position belongs to the object, in row-major order; nil where only boxes are known.
  package init?(map: [Float], rows: Int, columns: Int, boxes: [Box], mask: [Bool]? = nil) {
    let count = rows * columns
    precondition(map.count == count, "a map of \(map.count) values for \(rows) x \(columns) positions")
    precondition(mask.map { $0.count == count } ?? true, "a mask of \(mask?.count ?? 0) instead of \(count)")
    let clipped = boxes.map {
      Box(
        top: max($0.top, 0), left: max($0.left, 0), bottom: min($0.bottom, rows),
        right: min($0.right, columns))
    }.filter { $0.rows > 0 && $0.columns > 0 }
    guard !clipped.isEmpty, !map.contains(where: \.isNaN) else { return nil }
    if let mask, !mask.contains(true) || !mask.contains(false) { return nil }

    var boxed = [Bool](repeating: false, count: count)
    for box in clipped {
      for row in box.top..<box.bottom {
        for column in box.left..<box.right { boxed[row * columns + column] = true }
      }
    }
    let object = mask ?? boxed
    pointing =
      Self.maximum(of: map).map { position in
        clipped.contains {
          Self.isNear($0, row: position / columns, column: position % columns, side: min(rows, columns))
        }
      } ?? false
    energy = Self.positiveShare(of: map, in: boxed)
    massAccuracy = Self.positiveShare(of: map, in: object)
    let size = object.count { $0 }
    let largest = map.indices.sorted { (-map[$0], $0) < (-map[$1], $1) }.prefix(size)
    rankAccuracy = Double(largest.count { object[$0] }) / Double(size)
  }

  /// The first position with the largest value; nil where all are equal.
  private static func maximum(of map: [Float]) -> Int? {
    guard let most = map.max(), map.contains(where: { $0 < most }) else { return nil }
    return map.firstIndex(of: most)
  }

  /// Whether a position's distance to a box is at most 15/224 of a side; in whole numbers, so exactly.
  private static func isNear(_ box: Box, row: Int, column: Int, side: Int) -> Bool {
    let down = max(box.top - row, row - (box.bottom - 1), 0)
    let across = max(box.left - column, column - (box.right - 1), 0)
    return 224 * 224 * (down * down + across * across) <= 15 * 15 * side * side
  }

  private static func positiveShare(of map: [Float], in region: [Bool]) -> Double {
    var (inside, all) = (0.0, 0.0)
    for (value, isInside) in zip(map, region) where value > 0 {
      all += Double(value)
      if isInside { inside += Double(value) }
    }
    return all > 0 ? inside / all : 0
  }
}
