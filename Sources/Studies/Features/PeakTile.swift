internal import Figures
package import Images
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

  /// - Parameters:
  ///   - field: Rows and columns that a unit sees.
  ///   - preprocessing: How pictures became the network's input.
  ///   - side: The longer side of a tile, where the field is not smaller; nil for what suits the field.
  package init(field: (rows: Int, columns: Int), preprocessing: Preprocessing, side: Int? = nil) {
    self.field = field
    tile = Self.tile(ofField: field.rows, field.columns, side: side)
    self.preprocessing = preprocessing
  }

  /// The extents of a field's tiles: those of the field where it is small, fewer the larger it is, 72 at most.
  ///
  /// What a deep unit responds to fills a part of its field alone, so the tile grows with the field's square root.
  package static func tile(
    ofField rows: Int, _ columns: Int, side: Int? = nil
  ) -> (rows: Int, columns: Int) {
    let longest = max(rows, columns, 1)
    let side = min(longest, side ?? min(Int((5.5 * Double(longest).squareRoot()).rounded()), 72))
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
  /// - Throws: `ImageError` for extents that cannot be.
  package func tile(of pixels: Tensor, top: Int, left: Int, in seen: Picture) throws -> PeakTile? {
    guard let inside = inside(top, left, seen.rows, seen.columns) else { return nil }
    let box = box(of: inside)
    let view = try view(of: pixels, top, left, in: seen, part: inside, box.rows, box.columns)
    let strength = ProjectionStrength(of: pixels.part(in: inside), rows: box.rows, columns: box.columns)
    let fitted = strength.part(of: inside, keeping: tile)
    return PeakTile(
      box: box, field: view,
      fitted: try self.view(of: pixels, top, left, in: seen, part: fitted, tile.rows, tile.columns),
      dimmed: strength.dimmed(view.patch))
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
    let signal = pixels.part(in: part).shrunk(rows: rows, columns: columns)
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
