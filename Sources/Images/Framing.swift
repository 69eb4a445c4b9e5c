/// How pixels of a network's input map back to the picture they came from.
public struct Framing: Codable, Hashable, Sendable {
  public var originalRows: Int
  public var originalColumns: Int
  public var resizedRows: Int
  public var resizedColumns: Int
  /// Where the crop begins in the resized picture, and its extents: the network's input.
  public var cropTop: Int
  public var cropLeft: Int
  public var cropRows: Int
  public var cropColumns: Int

  /// The framing of a picture of this size.
  ///
  /// - Parameters:
  ///   - rows: The picture's rows.
  ///   - columns: Its columns.
  ///   - preprocessing: How it is resized and cropped.
  ///   - placement: Where the crop is cut from; mirroring is not a matter of framing.
  /// - Throws: ``ImageError/preparation(reason:)`` where it is smaller than the crop, one
  ///   pixel, or far longer than it is wide.
  public init(
    rows: Int, columns: Int, _ preprocessing: Preprocessing, at placement: Placement = .center
  ) throws(ImageError) {
    originalRows = rows
    originalColumns = columns
    resizedRows = rows
    resizedColumns = columns
    if let side = preprocessing.resize?.shorterSide, rows > 0, columns > 0 {
      // The longer side is rounded down, as torchvision does.
      resizedRows = rows <= columns ? side : side * rows / columns
      resizedColumns = columns <= rows ? side : side * columns / rows
      guard max(resizedRows, resizedColumns) <= 1 << 16 else {
        throw .preparation(
          reason: "\(rows) x \(columns) pixels would become \(resizedRows) x \(resizedColumns)")
      }
    } else if let toRows = preprocessing.resize?.rows, let toColumns = preprocessing.resize?.columns {
      resizedRows = toRows
      resizedColumns = toColumns
    }
    cropRows = preprocessing.crop?.center ?? resizedRows
    cropColumns = preprocessing.crop?.center ?? resizedColumns
    guard cropRows <= resizedRows, cropColumns <= resizedColumns else {
      throw .preparation(
        reason:
          "\(resizedRows) x \(resizedColumns) pixels are fewer than the crop of \(cropRows) x \(cropColumns); "
          + "resize images first (--resize)")
    }
    guard rows * columns > 1 || cropRows * cropColumns == 1 else {
      throw .preparation(reason: "it is one pixel, which shows nothing")
    }
    let rounding = preprocessing.rounding ?? .down
    cropTop = placement.start(
      placement.down, of: cropRows, in: resizedRows, beside: resizedColumns, rounding: rounding)
    cropLeft = placement.start(
      placement.across, of: cropColumns, in: resizedColumns, beside: resizedRows, rounding: rounding)
  }

  /// A box of the network's input in pixels of the original, rounded outwards and clipped to the picture.
  public func original(_ box: Box) -> Box {
    let all = box.moved(down: cropTop, across: cropLeft)
      .scaled(rows: (resizedRows, originalRows), columns: (resizedColumns, originalColumns))
    return Box(
      top: min(max(all.top, 0), originalRows), left: min(max(all.left, 0), originalColumns),
      bottom: min(max(all.bottom, 0), originalRows), right: min(max(all.right, 0), originalColumns))
  }

  /// A box of the original picture in pixels of the network's input, rounded outwards; it may hang over the crop's edge.
  public func input(_ box: Box) -> Box {
    box.scaled(rows: (max(originalRows, 1), resizedRows), columns: (max(originalColumns, 1), resizedColumns))
      .moved(down: -cropTop, across: -cropLeft)
  }
}

extension Box {
  fileprivate func moved(down: Int, across: Int) -> Box {
    Box(top: top + down, left: left + across, bottom: bottom + down, right: right + across)
  }

  /// In pixels of a picture of other extents, rounded outwards.
  fileprivate func scaled(rows: (from: Int, to: Int), columns: (from: Int, to: Int)) -> Box {
    Box(
      top: top * rows.to / rows.from, left: left * columns.to / columns.from,
      bottom: (bottom * rows.to + rows.from - 1) / rows.from,
      right: (right * columns.to + columns.from - 1) / columns.from)
  }
}
