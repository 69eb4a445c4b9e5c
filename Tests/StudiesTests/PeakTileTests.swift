import Figures
import Images
import Studies
import Tensors
import Testing

@Suite struct PeakTiles {
  private let preprocessing = Preprocessing(
    resize: nil, crop: nil, scale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1])

  private func maker(_ rows: Int, _ columns: Int) -> TileMaker {
    TileMaker(field: (rows, columns), preprocessing: preprocessing)
  }

  private func seen(_ rows: Int, _ columns: Int, _ shade: (Int, Int) -> UInt8) -> Picture {
    var pixels: [UInt8] = []
    for row in 0..<rows {
      for column in 0..<columns { pixels += [UInt8](repeating: shade(row, column), count: 3) }
    }
    return Picture(rows: rows, columns: columns, pixels: pixels)
  }

  private func projection(_ rows: Int, _ columns: Int, _ value: (Int, Int) -> Float) -> Tensor {
    Tensor(
      [rows, columns, 3], elements: (0..<rows * columns * 3).map { value($0 / 3 / columns, $0 / 3 % columns) }
    )
  }

  @Test(arguments: [
    (1, 1), (11, 11), (31, 31), (51, 39), (99, 55), (131, 63), (163, 70), (224, 72), (500, 72),
  ])
  func `tiles are fewer pixels than their fields, the more the larger these are`(field: Int, side: Int) {
    #expect(TileMaker.tile(ofField: field, field) == (side, side))
    let wide = TileMaker.tile(ofField: field, 2 * field)
    #expect(wide.columns <= 72 && wide.rows >= 1 && abs(2 * wide.rows - wide.columns) <= 1)
  }

  /// The mean of stripes of a pixel is a slope that is far weaker than they are: only what is scaled afterwards shows it.
  @Test func `a projection is scaled to shades after it was made small`() throws {
    let stripes = projection(200, 200) { row, column in (column % 2 == 0 ? 10 : -10) + (row < 100 ? 1 : -1) }
    let tile = try #require(
      try maker(200, 200).tile(of: stripes, top: 0, left: 0, in: seen(200, 200) { _, _ in 90 }))
    let shown = tile.field.projection
    #expect((shown.rows, shown.columns) == (72, 72))
    let half = shown.pixels.count / 2
    let (above, below) = (shown.pixels[..<half], shown.pixels[half...])
    #expect(above.reduce(0) { $0 + Int($1) } / half > 180 && below.reduce(0) { $0 + Int($1) } / half < 75)
    let before = try Picture(projection: stripes, isBGR: false, saturating: 0.01).resized(
      rows: 72, columns: 72, by: .lanczos)
    #expect(contrast(shown) > 4 * contrast(before))
  }

  private func contrast(_ picture: Picture) -> Double {
    let shades = picture.pixels.map { Double($0) / 255 }
    let mean = shades.reduce(0, +) / Double(shades.count)
    return (shades.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(shades.count)).squareRoot()
  }

  @Test func `what hangs over the picture's edge is left out of projection and patch alike`() throws {
    let over = projection(100, 100) { _, _ in 1 }
    let tile = try #require(
      try maker(100, 100).tile(
        of: over, top: -25, left: 70, in: seen(120, 120) { _, column in UInt8(2 * column) }))
    // A hundred pixels are 55 in the tile: a quarter above and a half on the right are outside.
    let box = Box(top: 14, left: 0, bottom: 55, right: 28)
    #expect(tile.box == box)
    for picture in [tile.field.projection, tile.field.patch, tile.dimmed] {
      #expect((picture.rows, picture.columns) == (box.rows, box.columns))
    }
    // The patch begins at the picture's column 70.
    #expect(abs(Int(tile.field.patch.pixels[0]) - 140) <= 4)
    #expect(
      try maker(100, 100).tile(
        of: projection(100, 100) { _, _ in 1 }, top: 120, left: 0, in: seen(120, 120) { _, _ in 1 }) == nil)
  }

  @Test func `a small field is shown pixel by pixel`() throws {
    let one = projection(9, 9) { row, column in row == 4 && column == 4 ? 1 : 0 }
    let tile = try #require(
      try maker(9, 9).tile(
        of: one, top: 0, left: 0, in: seen(9, 9) { row, column in UInt8(row * 9 + column) }))
    #expect(tile.field.patch == seen(9, 9) { row, column in UInt8(row * 9 + column) })
    #expect(tile.field.projection.pixels[(4 * 9 + 4) * 3] == 255 && tile.field.projection.pixels[0] == 128)
  }

  @Test func `the fitted view is about the projection, and the dimmed patch is dark elsewhere`() throws {
    let spot = projection(200, 200) { row, column in
      (140..<160).contains(row) && (40..<60).contains(column) ? Float((row + column) % 3 - 1) : 0
    }
    let tile = try #require(
      try maker(200, 200).tile(
        of: spot, top: 10, left: 20,
        in: seen(300, 300) { row, column in row < 150 || column > 100 ? 100 : 200 }))
    // Only the spot's surroundings are in the fitted patch, where the picture is light.
    let light = tile.fitted.patch.pixels.count { $0 > 150 }
    #expect(light > tile.fitted.patch.pixels.count / 2)
    #expect(contrast(tile.fitted.projection) > contrast(tile.field.projection))
    let (middle, corner) = ((54 * 72 + 18) * 3, (5 * 72 + 66) * 3)
    #expect(tile.dimmed.pixels[middle] == tile.field.patch.pixels[middle])
    #expect(tile.dimmed.pixels[corner] == 20 && tile.field.patch.pixels[corner] == 100)
  }

  @Test func `a projection of zeros is grey, and its views are whole`() throws {
    let tile = try #require(
      try maker(100, 100).tile(
        of: projection(100, 100) { _, _ in 0 }, top: 0, left: 0, in: seen(100, 100) { _, _ in 50 }))
    #expect(tile.field.projection.pixels.allSatisfy { $0 == 128 })
    #expect(tile.fitted.patch == tile.field.patch)
  }

  @Test func `between tiles and outside the picture a unit's picture lets the page through`() throws {
    let drawing = UnitPicture(depth: 4, tile: (3, 5))
    #expect(drawing.side == 2 && drawing.extents(grids: 1) == (8, 12) && drawing.extents(grids: 2) == (8, 34))
    let shown = seen(2, 5) { _, _ in 9 }
    let (picture, opacity) = drawn(drawing, shown)
    #expect(opacity.count { $0 == 255 } == 2 * 10 && Set(opacity) == [0, 255])
    for place in opacity.indices where opacity[place] == 255 { #expect(picture.pixels[place * 3] == 9) }
    // The second tile's upper row is outside.
    #expect(opacity[7] == 0 && opacity[34 + 7] == 255)
  }

  private func drawn(_ drawing: UnitPicture, _ shown: Picture) -> (picture: Picture, opacity: [UInt8]) {
    drawing.drawn([
      [nil, (shown, Box(top: 1, left: 0, bottom: 3, right: 5))],
      [(shown, Box(top: 0, left: 0, bottom: 2, right: 5))],
    ])
  }
}
