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

  /// The picture as far as a projection is strong there: dark where it is nearly zero, as it is where it is not.
  ///
  /// - Parameter projection: Rows x columns x channels that cover the picture. One that is zero leaves all dark.
  /// - Returns: A picture of the same extents.
  package func lit(by projection: Tensor) -> Picture {
    let (height, width, channels) = (projection.shape[0], projection.shape[1], projection.shape[2])
    let elements = projection.elements
    var energy = (0..<height * width).map { place in
      elements[place * channels..<(place + 1) * channels].reduce(Float(0)) {
        $1.isFinite ? $0 + $1 * $1 : $0
      }
    }
    // Three means one after the other are nearly a Gaussian's; together they reach a twelfth of the projection.
    let reach = max(height, width) / 36
    for _ in 0..<3 { energy = energy.spread(rows: height, columns: width, reach: reach) }
    let strongest = energy.max() ?? 0
    let shades = pixels.enumerated().map { index, shade in
      let (row, column) = (index / 3 / columns * height / rows, index / 3 % columns * width / columns)
      let share = strongest > 0 ? (energy[row * width + column] / strongest).squareRoot() : 0
      // Below a twentieth of the strongest nothing is seen, above a quarter all.
      return UInt8((Float(shade) * (0.2 + 0.8 * min(max((share - 0.05) / 0.2, 0), 1))).rounded())
    }
    return Picture(rows: rows, columns: columns, pixels: shades)
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

extension Tensor {
  /// The part of rows x columns x channels values in a box, which must lie inside.
  package func part(in box: Box) -> Tensor {
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

  /// Rows x columns x channels values at fewer rows and columns, each the mean of the area that it covers.
  ///
  /// A projection is made as small as it is drawn before it is scaled to shades: positive and negative stripes that are
  /// too fine to be seen cancel, and what is left spans all shades.
  package func averaged(rows: Int, columns: Int) -> Tensor {
    func along(_ values: [Float], outer: Int, _ length: Int, _ count: Int, inner: Int) -> [Float] {
      var result = [Float](repeating: 0, count: outer * count * inner)
      let step = Double(length) / Double(count)
      for place in 0..<count {
        let (start, end) = (Double(place) * step, Double(place + 1) * step)
        for position in Int(start)..<Swift.min(length, Int(end.rounded(.up))) {
          let cover = Swift.min(end, Double(position + 1)) - Swift.max(start, Double(position))
          let weight = Float(cover / step)
          for block in 0..<outer {
            let (from, to) = ((block * length + position) * inner, (block * count + place) * inner)
            for index in 0..<inner { result[to + index] += weight * values[from + index] }
          }
        }
      }
      return result
    }
    let (height, width, channels) = (shape[0], shape[1], shape[2])
    if height == rows, width == columns { return self }
    let lines = along(elements, outer: 1, height, rows, inner: width * channels)
    return Tensor(
      [rows, columns, channels],
      elements: along(lines, outer: rows, width, columns, inner: channels))
  }
}
