internal import Figures
package import Images
internal import Kernels
package import Tensors

/// One peak as the gallery shows it: its projection and the part of the picture that it comes from, small.
package struct PeakTile: Sendable {
  /// A projection beside the part of the picture that it shows, of the same extents.
  package struct View: Sendable {
    package var projection: Picture
    package var patch: Picture
  }

  /// Where the field lies in the tile; the rest is outside the picture.
  package var box: Box
  /// What the unit sees of the picture: its receptive field.
  package var field: View
  /// The part of it where the projection is, as large as a tile.
  package var fitted: View
  /// The field's patch, dark where the projection is nearly zero.
  package var dimmed: Picture
}

/// Makes tiles of one layer's projections.
package struct TileMaker: Sendable {
  /// Rows and columns that a unit sees, in pixels of the network's input.
  package let field: (rows: Int, columns: Int)
  /// Rows and columns of a tile.
  package let tile: (rows: Int, columns: Int)
  private let preprocessing: Preprocessing

  package init(field: (rows: Int, columns: Int), preprocessing: Preprocessing) {
    self.field = field
    tile = Self.tile(ofField: field.rows, field.columns)
    self.preprocessing = preprocessing
  }

  /// The extents of a field's tiles: those of the field where it is small, fewer the larger it is, 72 at most.
  ///
  /// What a deep unit responds to fills a part of its field alone, so the tile grows with the field's square root.
  package static func tile(ofField rows: Int, _ columns: Int) -> (rows: Int, columns: Int) {
    let longest = max(rows, columns, 1)
    let side = min(longest, Int((5.5 * Double(longest).squareRoot()).rounded()), 72)
    return (max(1, rows * side / longest), max(1, columns * side / longest))
  }

  /// The tile of a projection.
  ///
  /// A projection is made small first and scaled to shades then: positive and negative stripes that are too fine to be
  /// shown cancel, and what is left spans all shades. The field that hangs over the picture's edge is left out of both.
  ///
  /// - Parameters:
  ///   - pixels: The projection, of the extents of ``field``.
  ///   - top: Where its first row and column lie in what the network saw; negative where it hangs over the edge.
  ///   - left: The same.
  ///   - seen: What the network saw of the picture.
  /// - Returns: The tile; nil where all of the field lies outside the picture.
  /// - Throws: `KernelError` or `ImageError` for extents that cannot be.
  package func tile(of pixels: Tensor, top: Int, left: Int, in seen: Picture) throws -> PeakTile? {
    guard let inside = inside(top, left, seen.rows, seen.columns) else { return nil }
    let box = box(of: inside)
    let view = try view(of: pixels, top, left, in: seen, part: inside, box.rows, box.columns)
    let look = try Look(pixels, inside, rows: box.rows, columns: box.columns)
    let fitted = look.part(of: inside, keeping: tile)
    return PeakTile(
      box: box, field: view,
      fitted: try self.view(of: pixels, top, left, in: seen, part: fitted, tile.rows, tile.columns),
      dimmed: look.dimmed(view.patch))
  }

  /// Where a field lies in its tile that begins at a place of a picture; nil where all of it is outside.
  package func box(top: Int, left: Int, in picture: (rows: Int, columns: Int)) -> Box? {
    inside(top, left, picture.rows, picture.columns).map(box)
  }

  /// The part of a field that is inside the picture.
  private func inside(_ top: Int, _ left: Int, _ rows: Int, _ columns: Int) -> Box? {
    let inside = Box(
      top: max(0, -top), left: max(0, -left), bottom: min(field.rows, rows - top),
      right: min(field.columns, columns - left))
    return inside.rows > 0 && inside.columns > 0 ? inside : nil
  }

  private func box(of inside: Box) -> Box {
    let rows = Self.scaled(inside.top..<inside.bottom, by: tile.rows, of: field.rows)
    let columns = Self.scaled(inside.left..<inside.right, by: tile.columns, of: field.columns)
    return Box(
      top: rows.lowerBound, left: columns.lowerBound, bottom: rows.upperBound, right: columns.upperBound)
  }

  private func view(
    of pixels: Tensor, _ top: Int, _ left: Int, in seen: Picture, part: Box, _ rows: Int, _ columns: Int
  ) throws -> PeakTile.View {
    let signal = try pixels.part(part).shrunk(rows: rows, columns: columns)
    let source = Box(
      top: part.top + top, left: part.left + left,
      bottom: part.bottom + top, right: part.right + left)
    return PeakTile.View(
      projection: preprocessing.shown(projection: signal),
      patch: try seen.cropped(to: source).resized(rows: rows, columns: columns, by: .lanczos))
  }

  /// A stretch of the field in a tile's pixels; one pixel at least.
  private static func scaled(_ range: Range<Int>, by tile: Int, of field: Int) -> Range<Int> {
    func place(_ edge: Int) -> Int { (2 * edge * tile + field) / (2 * field) }
    let start = min(place(range.lowerBound), tile - 1)
    return start..<max(start + 1, place(range.upperBound))
  }
}

/// Where a unit looks: how strong its projection is about each pixel of a tile, as a share of the strongest.
private struct Look {
  /// Rows x columns shares, 0 to 1.
  private let strength: [Float]
  private let (rows, columns): (Int, Int)

  /// A fitted part holds all places stronger than this.
  private static let least: Float = 0.2
  /// Below the first nothing is seen of a picture's light, above the second all.
  private static let fades: (from: Float, to: Float) = (0.05, 0.25)
  private static let darkest: Float = 0.2

  /// - Parameters:
  ///   - pixels: The projection.
  ///   - inside: Its part inside the picture.
  ///   - rows: The extents of the tile's part that shows it.
  ///   - columns: The same.
  /// - Throws: `KernelError` for extents that cannot be.
  init(_ pixels: Tensor, _ inside: Box, rows: Int, columns: Int) throws {
    (self.rows, self.columns) = (rows, columns)
    let part = pixels.part(inside)
    let channels = part.shape[2]
    let values = part.elements
    // Signs cancel when a signal is made small; its energy does not.
    let energy = Tensor([inside.rows, inside.columns, 1]) { energy in
      for place in 0..<energy.count {
        var sum: Float = 0
        for channel in 0..<channels {
          let value = values[place * channels + channel]
          if value.isFinite { sum += value * value }
        }
        energy[place] = sum
      }
    }
    let small = try energy.shrunk(rows: rows, columns: columns)
    let blurred = try Device().resampled(
      small.reshaped(to: [1, rows, columns, 1]), rows: .blur(over: rows), columns: .blur(over: columns)
    ).elements
    let strongest = blurred.max() ?? 0
    strength = blurred.map { strongest > 0 ? (max($0, 0) / strongest).squareRoot() : 0 }
  }

  /// The smallest part of the field with the strong places, of a tile's proportions; what does not fit into the picture is
  /// left out.
  func part(of inside: Box, keeping tile: (rows: Int, columns: Int)) -> Box {
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

  /// A patch of the tile's extents, dark where the projection is weak.
  func dimmed(_ patch: Picture) -> Picture {
    let pixels = patch.pixels.enumerated().map { place, shade in
      let seen = min(max((strength[place / 3] - Self.fades.from) / (Self.fades.to - Self.fades.from), 0), 1)
      return UInt8((Float(shade) * (Self.darkest + (1 - Self.darkest) * seen)).rounded())
    }
    return Picture(rows: patch.rows, columns: patch.columns, pixels: pixels)
  }
}

extension Tensor {
  /// Part of rows x columns x channels values.
  fileprivate func part(_ box: Box) -> Tensor {
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

  /// Rows x columns x channels values at other extents, each a mean of those that it covers.
  package func shrunk(rows: Int, columns: Int) throws -> Tensor {
    if shape[0] == rows, shape[1] == columns { return self }
    return try Device().resampled(
      reshaped(to: [1, shape[0], shape[1], shape[2]]), rows: .triangle(from: shape[0], to: rows),
      columns: .triangle(from: shape[1], to: columns)
    ).reshaped(to: [rows, columns, shape[2]])
  }
}

extension AxisMap {
  /// Places that are means of positions, weighed by a triangle as wide as the step from one place to the next.
  fileprivate static func triangle(from length: Int, to count: Int) -> AxisMap {
    let step = Double(length) / Double(count)
    let reach = max(step, 1)
    return weighted(length, count) { place in
      ((Double(place) + 0.5) * step, reach, { max(0, 1 - abs($0) / reach) })
    }
  }

  /// Places that are means of their neighbours, as far as a twelfth of the axis.
  fileprivate static func blur(over length: Int) -> AxisMap {
    let reach = max(1.5, Double(length) / 12)
    return weighted(length, length) { (Double($0) + 0.5, reach, { max(0, 1 - abs($0) / reach) }) }
  }

  /// Places that are weighted means: `window` gives a place's middle, how far it reaches, and the weight of a position by
  /// its distance.
  private static func weighted(
    _ length: Int, _ count: Int,
    _ window: (Int) -> (middle: Double, reach: Double, weight: (Double) -> Double)
  ) -> AxisMap {
    AxisMap(
      length: length,
      places: (0..<count).map { place in
        let (middle, reach, weight) = window(place)
        let positions = max(0, Int(middle - reach))..<min(length, Int((middle + reach).rounded(.up)) + 1)
        let weights = positions.map { weight(Double($0) + 0.5 - middle) }
        let sum = weights.reduce(0, +)
        return zip(positions, weights).filter { $0.1 > 0 }.map {
          Term(position: $0.0, weight: Float($0.1 / sum))
        }
      })
  }
}
