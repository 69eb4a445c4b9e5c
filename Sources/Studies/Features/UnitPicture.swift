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
  /// - Parameters:
  ///   - grids: The grids.
  ///   - ground: The shade of grey where nothing is drawn.
  /// - Returns: The picture, and how opaque each of its pixels is.
  package func drawn(
    _ grids: [[(picture: Picture, box: Box)?]], ground: UInt8 = 128
  ) -> (picture: Picture, opacity: [UInt8]) {
    let (rows, columns) = extents(grids: grids.count)
    var canvas = Canvas(rows: rows, columns: columns, shade: ground)
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

  /// The four files of a unit, by the ends of their names.
  ///
  /// Projections are JPEG with whole colours: their stripes are as fine in colour as in light, and WebP, which halves the
  /// resolution of colours, takes a third of their contrast. Patches are WebP, which is smaller.
  package enum File: String, CaseIterable, Sendable {
    /// Projections on the receptive field.
    case projections = ".jpg"
    /// Patches of the receptive field.
    case patches = ".webp"
    /// Projections fitted to where they are.
    case fitted = "-fitted.jpg"
    /// Patches fitted to the projections, then patches that are dark where the projection is nearly zero.
    case views = "-views.webp"
  }

  /// The bytes of a unit's file, given its tiles.
  package func encoded(_ file: File, _ tiles: [PeakTile?]) throws(ImageError) -> [UInt8] {
    let whole = Box(top: 0, left: 0, bottom: tile.rows, right: tile.columns)
    func grid(_ shown: (PeakTile) -> Picture, in box: (PeakTile) -> Box) -> [(picture: Picture, box: Box)?] {
      tiles.map { $0.map { (shown($0), box($0)) } }
    }
    // A photograph's encoding blurs tiles that are a few pixels.
    let isSmall = max(tile.rows, tile.columns) <= 16
    switch file {
    case .projections, .fitted:
      let grid =
        file == .fitted
        ? grid(\.fitted.projection, in: { _ in whole }) : grid(\.field.projection, in: \.box)
      return try drawn([grid]).picture.encoded(as: .sharpJPEG(quality: isSmall ? 95 : 36))
    case .patches, .views:
      let fitted = grid(\.fitted.patch, in: { _ in whole })
      let (picture, opacity) = drawn(
        file == .views ? [fitted, grid(\.dimmed, in: \.box)] : [grid(\.field.patch, in: \.box)])
      return try picture.encoded(as: isSmall ? .losslessWebP : .webp(quality: 60), opacity: opacity)
    }
  }

  /// A unit's projections and patches beside each other on white, from its files.
  ///
  /// - Parameters:
  ///   - projections: The file of projections, decoded.
  ///   - patches: That of patches.
  ///   - boxes: Where each tile's picture lies in it; nil where there is none.
  /// - Returns: The two grids as one picture.
  package func joined(_ projections: Picture, _ patches: Picture, _ boxes: [Box?]) -> Picture {
    let (_, columns) = extents(grids: 1)
    func grid(_ picture: Picture) -> [(picture: Picture, box: Box)?] {
      boxes.enumerated().map { index, box in
        box.map { box in
          let top = index / side * (tile.rows + Self.gap)
          let left = index % side * (tile.columns + Self.gap)
          let place = Box(
            top: top + box.top, left: left + box.left, bottom: top + box.bottom, right: left + box.right)
          return (picture.cropped(to: place), box)
        }
      }
    }
    guard [projections, patches].allSatisfy({ ($0.rows, $0.columns) == extents(grids: 1) }) else {
      preconditionFailure("pictures of \(projections.columns) columns for grids of \(columns)")
    }
    return drawn([grid(projections), grid(patches)], ground: 255).picture
  }
}
