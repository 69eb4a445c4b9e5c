public import Images
public import Tensors

extension Picture {
  /// A projection as a picture: one common scale, zero at mid-grey, `0.5 + 0.5 * x / max|x|`.
  ///
  /// - Parameters:
  ///   - projection: Rows x columns x channels, in the network's channel order; one channel is shown grey.
  ///   - isBGR: Whether that order is blue, green, red.
  public init(projection: Tensor, isBGR: Bool) {
    let (rows, columns, channels) = (projection.shape[0], projection.shape[1], projection.shape[2])
    let elements = projection.elements
    let largest = elements.reduce(Float(0)) { max($0, abs($1)) }
    let factor = largest > 0 && largest.isFinite ? 0.5 / largest : 0
    var pixels = [UInt8](repeating: 0, count: rows * columns * 3)
    for place in 0..<rows * columns {
      for colour in 0..<3 {
        let channel = min(isBGR ? 2 - colour : colour, channels - 1)
        let shade = 0.5 + elements[place * channels + channel] * factor
        pixels[place * 3 + colour] = UInt8(min(max((shade * 255).rounded(), 0), 255))
      }
    }
    self.init(rows: rows, columns: columns, pixels: pixels)
  }
}
