public import Images
public import Tensors

extension Picture {
  /// A projection as a picture: one common scale, zero at mid-grey, `0.5 + 0.5 * x / max|x|`.
  ///
  /// A deep layer's projection has a few values far above the rest, beside which nothing else shows. A sheet lets
  /// those saturate: the scale is then the magnitude that only the stated share of values exceeds.
  ///
  /// Where a value is not finite there is nothing to show, and it is grey.
  ///
  /// - Parameters:
  ///   - projection: Rows x columns x channels, in the network's channel order; one channel is shown grey.
  ///   - isBGR: Whether that order is blue, green, red.
  ///   - share: The share of values that may saturate, from 0 to less than 1.
  public init(projection: Tensor, isBGR: Bool, saturating share: Double = 0) {
    let (rows, columns, channels) = (projection.shape[0], projection.shape[1], projection.shape[2])
    let elements = projection.elements
    let factor = min(0.5 / Self.scale(of: elements, saturating: share), .greatestFiniteMagnitude)
    var pixels = [UInt8](repeating: 0, count: rows * columns * 3)
    for place in 0..<rows * columns {
      for colour in 0..<3 {
        let channel = min(isBGR ? 2 - colour : colour, channels - 1)
        let value = elements[place * channels + channel]
        let shade = value.isFinite ? 0.5 + value * factor : 0.5
        pixels[place * 3 + colour] = UInt8(min(max((shade * 255).rounded(), 0), 255))
      }
    }
    self.init(rows: rows, columns: columns, pixels: pixels)
  }

  /// The magnitude that becomes black or white; infinite where there is nothing to show.
  private static func scale(of elements: [Float], saturating share: Double) -> Float {
    let largest = elements.reduce(Float(0)) { $1.isFinite ? max($0, abs($1)) : $0 }
    guard largest > 0 else { return .infinity }
    guard share > 0 else { return largest }
    let place = min(Int(Double(elements.count) * (1 - share)), elements.count - 1)
    let kept = magnitude(at: place, of: elements)
    return kept > 0 ? kept : largest
  }

  /// The magnitude at a place of the ascending list of all, without sorting them.
  ///
  /// Bit patterns of magnitudes have the magnitudes' order. Counting their upper halves finds that of the one sought,
  /// and counting the lower halves of those that share it finds the rest.
  private static func magnitude(at place: Int, of elements: [Float]) -> Float {
    var remaining = place
    func half(_ key: (UInt32) -> UInt32?) -> UInt32 {
      var counts = [Int](repeating: 0, count: 1 << 16)
      for element in elements { if let key = key(element.magnitude.bitPattern) { counts[Int(key)] += 1 } }
      var half = 0
      while counts[half] <= remaining {
        remaining -= counts[half]
        half += 1
      }
      return UInt32(half)
    }
    let upper = half { $0 >> 16 }
    return Float(bitPattern: upper << 16 | half { $0 >> 16 == upper ? $0 & 0xFFFF : nil })
  }
}

extension Tensor {
  /// The part of rows x columns x channels values in a box, which must lie inside.
  package func part(in box: Box) -> Tensor {
    if box == Box(top: 0, left: 0, bottom: shape[0], right: shape[1]) { return self }
    let (columns, channels) = (shape[1], shape[2])
    let values = elements
    return Tensor([box.rows, box.columns, channels]) { part in
      let width = box.columns * channels
      for row in 0..<box.rows {
        let start = ((box.top + row) * columns + box.left) * channels
        for place in 0..<width { part[row * width + place] = values[start + place] }
      }
    }
  }

  /// Rows x columns x channels values at other extents, usually fewer: means weighed by a triangle as wide as the step from
  /// one place to the next.
  ///
  /// A projection is made as small as it is drawn before it is scaled to shades: positive and negative stripes that are
  /// too fine to be seen cancel, and what is left spans all shades.
  package func shrunk(rows: Int, columns: Int) -> Tensor {
    func along(_ values: [Float], outer: Int, _ length: Int, _ count: Int, inner: Int) -> [Float] {
      if length == count { return values }
      var result = [Float](repeating: 0, count: outer * count * inner)
      let step = Double(length) / Double(count)
      let reach = Swift.max(step, 1)
      for place in 0..<count {
        let middle = (Double(place) + 0.5) * step
        let near = Swift.max(0, Int(middle - reach))..<Swift.min(length, Int(middle + reach) + 1)
        let weights = near.map { Swift.max(0, 1 - abs(Double($0) + 0.5 - middle) / reach) }
        let sum = weights.reduce(0, +)
        for (position, weight) in zip(near, weights) where weight > 0 {
          let share = Float(weight / sum)
          for block in 0..<outer {
            let (from, to) = ((block * length + position) * inner, (block * count + place) * inner)
            for index in 0..<inner { result[to + index] += share * values[from + index] }
          }
        }
      }
      return result
    }
    let (height, width, channels) = (shape[0], shape[1], shape[2])
    let lines = along(elements, outer: 1, height, rows, inner: width * channels)
    return Tensor(
      [rows, columns, channels],
      elements: along(lines, outer: rows, width, columns, inner: channels))
  }
}
