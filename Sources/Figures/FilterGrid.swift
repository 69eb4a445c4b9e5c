public import Images
public import Tensors

/// A layer's filters side by side, in as square a grid as they fill.
public struct FilterGrid: Sendable {
  /// What black and white stand for.
  public enum Scale: Sendable {
    /// The layer's largest weight: what dominates shows.
    case common
    /// Each filter's own largest weight: what each looks for shows.
    case own
  }

  /// The filters as pictures, one by one.
  ///
  /// - Parameters:
  ///   - filters: Outputs x rows x columns x inputs; the first three inputs are shown, or one in grey.
  ///   - isBGR: Whether inputs are blue, green, red.
  ///   - scale: One for all, or one each.
  /// - Returns: A picture a filter, of the filter's size.
  public static func tiles(of filters: Tensor, isBGR: Bool, scale: Scale) -> [Picture] {
    let (count, rows, columns, channels) = (
      filters.shape[0], filters.shape[1], filters.shape[2], filters.shape[3]
    )
    switch scale {
    case .own:
      return (0..<count).map {
        Picture(
          projection: filters.slices($0..<$0 + 1).reshaped(to: [rows, columns, channels]), isBGR: isBGR)
      }
    case .common:
      let all = Picture(projection: filters.reshaped(to: [count * rows, columns, channels]), isBGR: isBGR)
      return (0..<count).map {
        all.cropped(to: Box(top: $0 * rows, left: 0, bottom: ($0 + 1) * rows, right: columns))
      }
    }
  }

  /// Tiles in a grid that fits a square; small ones are blown up in whole pixels' look, large ones shrunk.
  ///
  /// - Parameters:
  ///   - tiles: Pictures of one size.
  ///   - side: The square's side in pixels.
  /// - Returns: The grid, as high as its rows.
  /// - Throws: `ImageError` where a tile cannot be resized.
  public static func picture(of tiles: [Picture], side: Int) throws(ImageError) -> Picture {
    let across = max(1, Int(Double(tiles.count).squareRoot().rounded(.up)))
    let down = max(1, (tiles.count + across - 1) / across)
    let gap = 1
    let tile = max(1, (side - (across - 1) * gap) / across)
    var canvas = Canvas(rows: down * (tile + gap) - gap, columns: side)
    for (index, picture) in tiles.enumerated() {
      let shown = try picture.resized(
        rows: tile, columns: tile, by: picture.rows <= tile ? .nearest : .lanczos)
      canvas.place(shown, top: index / across * (tile + gap), left: index % across * (tile + gap))
    }
    return canvas.picture
  }
}
