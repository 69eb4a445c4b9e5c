internal import CVector
public import Tensors

/// A box of a feature map by its top-left corner; it may hang over the map's edge.
public struct Window: Hashable, Sendable {
  public var image: Int
  public var row: Int
  public var column: Int

  /// The picture's place in the batch, and the upper left position; it may lie off the map.
  public init(image: Int, row: Int, column: Int) {
    self.image = image
    self.row = row
    self.column = column
  }

  /// The columns of a box that lie on a map, counted on the map.
  fileprivate func columns(_ columns: Int, within extent: Int) -> Range<Int> {
    let first = min(max(column, 0), extent)
    return first..<max(first, min(column + columns, extent))
  }

  fileprivate func rows(_ rows: Int, within extent: Int) -> Range<Int> {
    let first = min(max(row, 0), extent)
    return first..<max(first, min(row + rows, extent))
  }
}

extension Device {
  /// Cuts boxes of one size out of maps.
  ///
  /// - Parameters:
  ///   - windows: Where each box stands.
  ///   - rows: The rows of each.
  ///   - columns: The columns of each.
  ///   - map: Images x rows x columns x channels.
  /// - Returns: Windows x `rows` x `columns` x channels; zero outside the map.
  /// - Throws: ``KernelError`` where the map is not of rank 4, a box has no extent or names an image there is not.
  public func cutting(
    _ windows: [Window], rows: Int, columns: Int, from map: Tensor
  ) throws(KernelError) -> Tensor {
    try requireMaps(map, for: "cutting windows")
    let shape = map.shape
    guard rows > 0, columns > 0 else {
      throw .shapes(
        operation: "cutting windows", expected: "an extent of 1 or more", found: "\(rows)x\(columns)")
    }
    try requireImages(windows, shape.images, for: "cutting windows")
    let channels = shape.channels
    let size = Shape(images: windows.count, rows: rows, columns: columns, channels: channels)
    let inside = windows.allSatisfy { window in
      window.row >= 0 && window.row + rows <= shape.rows && window.column >= 0
        && window.column + columns <= shape.columns
    }
    return unsafe Tensor(uninitialized: size) { target in
      if !inside { unsafe target.update(repeating: 0) }
      unsafe map.withUnsafeElements { source in
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        for (index, window) in windows.enumerated() {
          let kept = window.columns(columns, within: shape.columns)
          for row in window.rows(rows, within: shape.rows) {
            let start = ((window.image * shape.rows + row) * shape.columns + kept.lowerBound) * channels
            let place = (index * rows + row - window.row) * columns + kept.lowerBound - window.column
            unsafe (to + place * channels).update(from: from + start, count: kept.count * channels)
          }
        }
      }
    }
  }

  /// Adds each cut to a map where it was: the transpose of cutting.
  ///
  /// - Parameters:
  ///   - cuts: Windows x rows x columns x channels.
  ///   - windows: Where each stands.
  ///   - shape: The shape of the maps.
  /// - Returns: Maps of `shape`; what hangs over the edge is dropped, and overlapping cuts add up.
  /// - Throws: ``KernelError`` where the shapes disagree or a window names an image there is not.
  public func pasting(
    _ cuts: Tensor, at windows: [Window], onto shape: Shape
  ) throws(KernelError) -> Tensor {
    try requireMaps(cuts, for: "pasting windows")
    var maps = Tensor(shape)
    try requireMaps(maps, for: "pasting windows")
    let (rows, columns, channels) = (cuts.shape.rows, cuts.shape.columns, shape.channels)
    try require(
      cuts, shaped: Shape(images: windows.count, rows: rows, columns: columns, channels: channels),
      for: "pasting windows")
    try requireImages(windows, shape.images, for: "pasting windows")
    unsafe maps.withUnsafeMutableElements { target in
      unsafe cuts.withUnsafeElements { source in
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        for (index, window) in windows.enumerated() {
          let kept = window.columns(columns, within: shape.columns)
          for row in window.rows(rows, within: shape.rows) {
            let start = ((window.image * shape.rows + row) * shape.columns + kept.lowerBound) * channels
            let place = (index * rows + row - window.row) * columns + kept.lowerBound - window.column
            unsafe vector_adding(from + place * channels, to + start, kept.count * channels)
          }
        }
      }
    }
    return maps
  }

  /// Zeroes what of each cut hangs over the map's edge, and leaves the rest.
  ///
  /// - Parameters:
  ///   - cuts: Windows x rows x columns x channels.
  ///   - windows: Where each stands.
  ///   - map: The extents of the map.
  /// - Returns: The cleared cuts; the very tensor given where nothing hangs over.
  /// - Throws: ``KernelError`` where there is not a window for each cut.
  public func clearing(
    _ cuts: Tensor, at windows: [Window], outside map: (rows: Int, columns: Int)
  ) throws(KernelError) -> Tensor {
    try requireMaps(cuts, for: "clearing windows")
    guard cuts.shape.images == windows.count else {
      throw .shapes(
        operation: "clearing windows", expected: "\(windows.count) cuts", found: "\(cuts.shape.images)")
    }
    let (rows, columns, channels) = (cuts.shape.rows, cuts.shape.columns, cuts.shape.channels)
    let hangs = windows.map { window in
      window.row < 0 || window.row + rows > map.rows || window.column < 0
        || window.column + columns > map.columns
    }
    guard hangs.contains(true) else { return cuts }
    var cleared = cuts
    unsafe cleared.withUnsafeMutableElements { elements in
      guard let base = elements.baseAddress else { return }
      for (index, window) in windows.enumerated() where hangs[index] {
        let keptRows = window.rows(rows, within: max(map.rows, 0))
        let kept = window.columns(columns, within: max(map.columns, 0))
        for row in 0..<rows {
          let line = unsafe base + (index * rows + row) * columns * channels
          let isKept = keptRows.contains(row + window.row) && !kept.isEmpty
          let before = isKept ? kept.lowerBound - window.column : columns
          let after = isKept ? columns - (kept.upperBound - window.column) : 0
          unsafe line.update(repeating: 0, count: before * channels)
          unsafe (line + (columns - after) * channels).update(repeating: 0, count: after * channels)
        }
      }
    }
    return cleared
  }
}

private func requireImages(_ windows: [Window], _ images: Int, for operation: String) throws(KernelError) {
  for window in windows where !(0..<images).contains(window.image) {
    throw .shapes(operation: operation, expected: "images below \(images)", found: "image \(window.image)")
  }
}
