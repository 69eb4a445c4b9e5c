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

  /// The filters, outputs x rows x columns x inputs, as pictures of their size, one by one; the first three inputs are
  /// shown, or one in grey.
  public static func tiles(of filters: Tensor, isBGR: Bool, scale: Scale) -> [Picture] {
    let shape = filters.shape
    let (count, rows, columns, channels) = (shape[0], shape[1], shape[2], shape[3])
    switch scale {
    case .own:
      return (0..<count).map {
        let filter = filters.slices($0..<$0 + 1).reshaped(to: [rows, columns, channels])
        return Picture(projection: filter, isBGR: isBGR)
      }
    case .common:
      let all = Picture(projection: filters.reshaped(to: [count * rows, columns, channels]), isBGR: isBGR)
      return (0..<count).map {
        all.cropped(to: Box(top: $0 * rows, left: 0, bottom: ($0 + 1) * rows, right: columns))
      }
    }
  }

  /// How many tiles stand in a row of the grid of so many, and a tile's side, in a grid of this width.
  package static func layout(of count: Int, side: Int) -> (across: Int, tile: Int) {
    let across = max(1, Int(Double(count).squareRoot().rounded(.up)))
    return (across, max(1, (side - (across - 1) * gap) / across))
  }

  /// Pixels between tiles.
  package static let gap = 1

  /// Tiles of one size in a grid that fits a square, as high as its rows; small ones are blown up in whole pixels' look,
  /// large ones shrunk.
  public static func picture(of tiles: [Picture], side: Int) throws(ImageError) -> Picture {
    let (across, tile) = layout(of: tiles.count, side: side)
    let down = max(1, (tiles.count + across - 1) / across)
    var canvas = Canvas(rows: down * (tile + gap) - gap, columns: side)
    for (index, picture) in tiles.enumerated() {
      let shown = try picture.resized(
        rows: tile, columns: tile, by: picture.rows <= tile ? .nearest : .lanczos)
      canvas.place(shown, top: index / across * (tile + gap), left: index % across * (tile + gap))
    }
    return canvas.picture
  }
}
