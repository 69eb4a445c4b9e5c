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
    let factor = 0.5 / Self.scale(of: elements, saturating: share)
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
