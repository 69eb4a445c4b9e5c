internal import Figures
package import Images

/// A unit's tiles as one picture: square grids beside each other, strongest first, row by row.
///
/// Between tiles, and where a tile reaches beyond its picture, nothing is drawn: the page shows through.
package struct UnitPicture: Sendable {
  /// Pixels between two tiles, and between two grids.
  package static let (gap, gutter) = (2, 10)

  /// Tiles along an edge of a grid.
  package let side: Int
  package let tile: (rows: Int, columns: Int)

  /// - Parameters:
  ///   - depth: How many tiles a grid has.
  ///   - tile: Their extents.
  package init(depth: Int, tile: (rows: Int, columns: Int)) {
    side = max(1, Int(Double(depth).squareRoot().rounded(.up)))
    self.tile = tile
  }

  /// The extents of some grids beside each other.
  package func extents(grids: Int) -> (rows: Int, columns: Int) {
    let (rows, columns) = (
      side * (tile.rows + Self.gap) - Self.gap, side * (tile.columns + Self.gap) - Self.gap
    )
    return (rows, grids * columns + (grids - 1) * Self.gutter)
  }

  /// Grids of pictures, each at its place in its tile; nil where there is none.
  ///
  /// - Returns: The picture, and how opaque each of its pixels is.
  package func drawn(
    _ grids: [[(picture: Picture, box: Box)?]]
  ) -> (picture: Picture, opacity: [UInt8]) {
    let (rows, columns) = extents(grids: grids.count)
    var canvas = Canvas(rows: rows, columns: columns)
    var opacity = [UInt8](repeating: 0, count: rows * columns)
    for (number, grid) in grids.enumerated() {
      let start = number * (extents(grids: 1).columns + Self.gutter)
      for (index, shown) in grid.enumerated() {
        guard let (picture, box) = shown else { continue }
        let top = index / side * (tile.rows + Self.gap) + box.top
        let left = start + index % side * (tile.columns + Self.gap) + box.left
        canvas.place(picture, top: top, left: left)
        for row in top..<top + picture.rows {
          for column in left..<left + picture.columns { opacity[row * columns + column] = 255 }
        }
      }
    }
    return (canvas.picture, opacity)
  }

  /// What stands on the page: projections beside patches.
  package func fields(_ tiles: [PeakTile?]) throws(ImageError) -> [UInt8] {
    try encoded([
      tiles.map { $0.map { ($0.field.projection, $0.field.box) } },
      tiles.map { $0.map { ($0.field.patch, $0.field.box) } },
    ])
  }

  /// What is shown when it is asked for: projections and patches fitted to where the projections are, then dimmed patches.
  package func views(_ tiles: [PeakTile?]) throws(ImageError) -> [UInt8] {
    try encoded([
      tiles.map { $0.map { ($0.fitted.projection, $0.fitted.box) } },
      tiles.map { $0.map { ($0.fitted.patch, $0.fitted.box) } },
      tiles.map { $0.map { ($0.dimmed, $0.field.box) } },
    ])
  }

  private func encoded(_ grids: [[(picture: Picture, box: Box)?]]) throws(ImageError) -> [UInt8] {
    let (picture, opacity) = drawn(grids)
    // A photograph's encoding blurs tiles that are a few pixels.
    let isSmall = max(tile.rows, tile.columns) <= 16
    return try picture.encoded(as: isSmall ? .losslessWebP : .webp(quality: 66), opacity: opacity)
  }
}
