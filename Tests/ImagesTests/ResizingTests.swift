import Images
import TestSupport
import Testing

@Suite struct Resizing {
  /// A separable filter, as wide as the step where it is antialiased, in `Double`: what Pillow calls by these names.
  private func reference(
    _ picture: Picture, rows: Int, columns: Int, by resampling: Picture.Resampling = .bilinear,
    antialiased: Bool = true
  ) -> [Double] {
    func weight(_ x: Double) -> Double {
      switch resampling {
      case .bicubic:
        // Keys 1981, with a = -1/2.
        let a = -0.5
        if x < 1 { return (a + 2) * x * x * x - (a + 3) * x * x + 1 }
        return x < 2 ? a * (x * x * x - 5 * x * x + 8 * x - 4) : 0
      default: return x < 1 ? 1 - x : 0
      }
    }
    func weights(from length: Int, to target: Int) -> [[(index: Int, weight: Double)]] {
      let step = Double(length) / Double(target)
      let reach = antialiased ? max(step, 1) : 1
      return (0..<target).map { place in
        let centre = (Double(place) + 0.5) * step
        let raw: [(index: Int, weight: Double)] = (0..<length).compactMap { index in
          let distance = abs(Double(index) + 0.5 - centre) / reach
          return weight(distance) != 0 ? (index, weight(distance)) : nil
        }
        let sum = raw.reduce(0) { $0 + $1.weight }
        return raw.map { ($0.index, $0.weight / sum) }
      }
    }
    let down = weights(from: picture.rows, to: rows)
    let across = weights(from: picture.columns, to: columns)
    // Pillow's passes, with whole levels between them where a kernel leaves 0...255.
    func level(_ value: Double) -> Double {
      resampling == .bicubic ? min(max(value.rounded(), 0), 255) : value
    }
    var resized: [Double] = []
    for row in 0..<rows {
      for column in 0..<columns {
        for channel in 0..<3 {
          let sum = down[row].reduce(0.0) { sum, source in
            sum + source.weight
              * level(
                across[column].reduce(0) {
                  $0 + $1.weight
                    * Double(picture.pixels[(source.index * picture.columns + $1.index) * 3 + channel])
                })
          }
          resized.append(min(max(sum, 0), 255))
        }
      }
    }
    return resized
  }

  private func noise(rows: Int, columns: Int) -> Picture {
    Picture(
      rows: rows, columns: columns,
      pixels: (0..<rows * columns * 3).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) })
  }

  @Test(arguments: [
    (64, 64, 32, 32), (97, 61, 23, 14), (50, 80, 33, 53), (31, 45, 30, 44), (20, 30, 7, 64),
    (300, 10, 11, 10),
    (40, 40, 1, 1), (9, 7, 18, 14), (12, 12, 31, 17), (5, 3, 64, 38), (1, 1, 8, 8), (2, 200, 4, 400),
  ]) func `resizing is a filter as wide as the step, or not antialiased`(
    rows: Int, columns: Int, toRows: Int, toColumns: Int
  ) throws {
    let picture = noise(rows: rows, columns: columns)
    for (resampling, antialiased) in [(.bilinear, true), (.bilinear, false), (.bicubic, true)]
      as [(Picture.Resampling, Bool)]
    {
      let resized = try picture.resized(
        rows: toRows, columns: toColumns, by: resampling, antialiased: antialiased)
      #expect((resized.rows, resized.columns) == (toRows, toColumns))
      let expected = reference(
        picture, rows: toRows, columns: toColumns, by: resampling, antialiased: antialiased)
      // The result is rounded once, to whole levels; a tie between two passes may fall either way.
      let allowed = resampling == .bicubic ? 1.5 : 0.5
      #expect(largestDifference(resized.pixels.map(Double.init), expected) <= allowed + 1e-3)
    }
  }

  /// One such picture ended the program, or took a minute.
  @Test(.timeLimit(.minutes(20))) func `a picture of ten million columns is squeezed like any other`() throws
  {
    let columns = 9_999_999
    let long = Picture(rows: 1, columns: columns, pixels: [UInt8](repeating: 90, count: columns * 3))
    let tall = Picture(rows: columns, columns: 1, pixels: long.pixels)
    for resampling in Picture.Resampling.allCases {
      for picture in [long, tall] {
        let squeezed = try picture.resized(rows: 16, columns: 16, by: resampling)
        // Millions of weights are summed, with an error of a level at most.
        #expect(squeezed.pixels.count == 16 * 16 * 3 && squeezed.pixels.allSatisfy { (89...91).contains($0) })
      }
    }
    #expect(try long.resized(rows: 224, columns: 224).pixels.allSatisfy { $0 == 90 })
  }

  @Test func `a flat picture stays flat at every size`() throws {
    let flat = Picture(
      rows: 33, columns: 47, pixels: Array([[UInt8]](repeating: [12, 130, 255], count: 33 * 47).joined()))
    for (rows, columns) in [(1, 1), (7, 90), (64, 64), (256, 365)] {
      for resampling in Picture.Resampling.allCases {
        let pixels = try flat.resized(rows: rows, columns: columns, by: resampling).pixels
        #expect(pixels.count == rows * columns * 3)
        #expect((0..<rows * columns).allSatisfy { pixels[$0 * 3..<$0 * 3 + 3] == [12, 130, 255] })
      }
    }
  }

  @Test func `the nearest pixel is taken as it is`() throws {
    let picture = noise(rows: 3, columns: 2)
    let larger = try picture.resized(rows: 9, columns: 6, by: .nearest)
    for row in 0..<9 {
      for column in 0..<6 {
        let (place, source) = ((row * 6 + column) * 3, (row / 3 * 2 + column / 3) * 3)
        #expect(larger.pixels[place..<place + 3] == picture.pixels[source..<source + 3])
      }
    }
    #expect(try larger.resized(rows: 3, columns: 2, by: .nearest) == picture)
  }

  @Test func `the same size is the same picture, and no size is refused`() throws {
    let picture = noise(rows: 6, columns: 9)
    #expect(try picture.resized(rows: 6, columns: 9) == picture)
    #expect(throws: ImageError.self) { try picture.resized(rows: 0, columns: 4) }
  }

  @Test func `a crop is that part`() {
    let picture = noise(rows: 6, columns: 9)
    let part = picture.cropped(to: Box(top: 1, left: 2, bottom: 4, right: 7))
    #expect((part.rows, part.columns) == (3, 5))
    for row in 0..<3 {
      for column in 0..<5 {
        #expect(part.pixels[(row * 5 + column) * 3] == picture.pixels[((row + 1) * 9 + column + 2) * 3])
      }
    }
  }
}
