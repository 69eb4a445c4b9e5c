package import Images

/// A picture as near-duplicates are told by: 64 x 64 squares of brightness, with mean and contrast taken out.
///
/// Each square is the mean over the part of the picture that it covers, whatever the picture's size and proportions;
/// so a picture has nearly the same one at any size. Values are in steps of 1/25 of their deviation, up to five of them.
package struct Thumbnail: Hashable, Sendable {
  /// Rows and columns.
  package static let side = 64
  /// Pictures whose squares deviate less, in levels of 0...255, are flat: they correlate with nothing.
  static let leastDeviation: Float = 0.5

  /// Row by row; 128 is the mean.
  package let levels: [UInt8]

  /// - Returns: Nil where the levels are not ``side`` x ``side``.
  package init?(levels: [UInt8]) {
    guard levels.count == Self.side * Self.side else { return nil }
    self.levels = levels
  }

  /// - Returns: Nil for a picture that is flat.
  package init?(_ picture: Picture) {
    let squares = Self.squares(of: picture)
    let mean = squares.reduce(0, +) / Float(squares.count)
    let deviation = (squares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(squares.count)).squareRoot()
    guard deviation >= Self.leastDeviation else { return nil }
    levels = squares.map { UInt8(min(max(128 + 25 * ($0 - mean) / deviation, 0), 255).rounded()) }
  }

  /// Mean brightness of each square.
  private static func squares(of picture: Picture) -> [Float] {
    let (side, columns) = (side, picture.columns)
    let (across, down) = (shares(of: columns), shares(of: picture.rows))
    var squares = [Float](repeating: 0, count: side * side)
    var line = [Float](repeating: 0, count: side)
    var grey = [Float](repeating: 0, count: columns)
    let pixels = picture.pixels.span
    var lastRow = -1
    for share in down {
      if share.source != lastRow {
        lastRow = share.source
        let base = lastRow * columns * 3
        for column in 0..<columns {
          let pixel = base + column * 3
          grey[column] = Float(brightness(Int(pixels[pixel]), Int(pixels[pixel + 1]), Int(pixels[pixel + 2])))
        }
        for index in 0..<side { line[index] = 0 }
        for part in across { line[part.target] += part.weight * grey[part.source] }
      }
      let start = share.target * side
      for index in 0..<side { squares[start + index] += share.weight * line[index] }
    }
    return squares
  }

  /// How much of each of a line's cells lies in each square, in the order of the squares, which is that of the cells too;
  /// a square's weights sum to 1.
  private static func shares(of count: Int) -> [(target: Int, source: Int, weight: Float)] {
    let width = Float(count) / Float(side)
    return (0..<side).flatMap { target in
      let (low, high) = (Float(target) * width, Float(target + 1) * width)
      return (Int(low)..<max(Int(low) + 1, Int(high.rounded(.up)))).compactMap { source in
        let cover = min(high, Float(source + 1)) - max(low, Float(source))
        return cover > 1e-5 * width && source < count
          ? (target: target, source: source, weight: cover / width) : nil
      }
    }
  }

  /// A part of the picture, in squares from the top left corner.
  package typealias Window = (top: Float, left: Float, bottom: Float, right: Float)
}

/// A thumbnail's levels summed from the top left corner, so that the mean of any part takes four look-ups.
package struct SummedThumbnail {
  /// (side + 1) x (side + 1), the mean taken out.
  private let sums: [Float]
  private static let width = Thumbnail.side + 1

  package init(_ thumbnail: Thumbnail) {
    let (side, width) = (Thumbnail.side, Self.width)
    var sums = [Float](repeating: 0, count: width * width)
    let levels = thumbnail.levels.span
    for row in 0..<side {
      var line: Float = 0
      for column in 0..<side {
        line += Float(levels[row * side + column]) - 128
        let place = (row + 1) * width + column + 1
        sums[place] = sums[place - width] + line
      }
    }
    self.sums = sums
  }

  /// The means of `count` x `count` equal parts of a window, their own mean taken out, of length 1; all zero where
  /// the window is flat.
  package func vector(of window: Thumbnail.Window, count: Int, mirrored: Bool = false) -> [Float] {
    let width = Self.width
    // Sums up to any place, between squares too: squares are even in themselves, so lines between sums are exact.
    let columns = (0...count).map { Self.place(window.left, window.right, $0, count) }
    var above = [Float](repeating: 0, count: count + 1)
    var values = [Float](repeating: 0, count: count * count)
    var line = [Float](repeating: 0, count: width)
    for row in 0...count {
      let (index, share) = Self.place(window.top, window.bottom, row, count)
      for column in 0..<width {
        let place = index * width + column
        line[column] = sums[place] + share * (sums[place + width] - sums[place])
      }
      var left: Float = 0
      for (column, (index, share)) in columns.enumerated() {
        let sum = line[index] + share * (line[index + 1] - line[index])
        let strip = sum - above[column]
        above[column] = sum
        if row > 0, column > 0 {
          let place = mirrored ? count - column : column - 1
          values[(row - 1) * count + place] = strip - left
        }
        left = strip
      }
    }
    // A part's sum in place of its mean: all parts are as large.
    let mean = values.reduce(0, +) / Float(values.count)
    var length: Float = 0
    for index in values.indices {
      values[index] -= mean
      length += values[index] * values[index]
    }
    // Parts that deviate by less than half a level are flat.
    let area = (window.bottom - window.top) * (window.right - window.left) / Float(count * count)
    let scale = length > 0.25 * area * area * Float(values.count) ? 1 / length.squareRoot() : 0
    for index in values.indices { values[index] *= scale }
    return values
  }

  /// The square that part `number` of a stretch begins in, and how much of the square lies before it.
  private static func place(_ start: Float, _ end: Float, _ number: Int, _ count: Int) -> (Int, Float) {
    let place = start + (end - start) * Float(number) / Float(count)
    let index = min(max(Int(place), 0), Thumbnail.side - 1)
    return (index, place - Float(index))
  }
}
