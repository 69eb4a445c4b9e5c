internal import Attribution
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Synchronization
internal import Tensors

/// The small pictures of one layer's sheets, gathered while its projections are computed.
///
/// They wait in a file, as all units' together may outgrow memory; of the pictures they come from only those at work
/// are held. Projections and patches have the same extents in pixels of the network's input, so that they align.
/// A class because it owns the file, which goes with it.
final class Tiles: Sendable {
  /// Rows and columns that a unit sees.
  let field: (rows: Int, columns: Int)
  /// Extents of a tile: the field's, unless a sheet draws it smaller.
  private let extents: (rows: Int, columns: Int)
  private let isBGR: Bool
  private let path: String
  private let file: FileHandle

  /// Which of a place's two tiles.
  enum Kind: Int {
    case projection = 0
    case patch = 1
  }

  private struct State {
    var seen: [Int: Picture] = [:]
    var kept = Set<Int>()
  }

  private let state = Mutex(State())

  /// - Parameters:
  ///   - path: Where the tiles wait.
  ///   - field: Rows and columns of every projection.
  ///   - isBGR: Whether the network's channels are blue, green, red.
  /// - Throws: `FileError` where the file cannot be made.
  init(path: String, field: (rows: Int, columns: Int), isBGR: Bool) throws(FileError) {
    self.path = path
    self.field = field
    let drawn = FeatureSheet.tile(ofField: field.rows, field.columns)
    extents = drawn.rows * drawn.columns < field.rows * field.columns ? drawn : field
    self.isBGR = isBGR
    guard let file = FileHandle(creating: path, emptied: true) else {
      throw FileError(path: path, reason: "cannot be made. Check that its folder is writable.")
    }
    self.file = file
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Keeps what the network saw of a picture until its stretch is done.
  func keep(_ seen: Picture, _ image: Int) {
    state.withLock { $0.seen[image] = seen }
  }

  func forget() {
    state.withLock { $0.seen = [:] }
  }

  /// Keeps the tiles of a projection, and of the picture it comes from, under a number of its own.
  ///
  /// - Throws: `FileError` on a full disk, or `ImageError`.
  func add(_ number: Int, image: Int, _ projection: PixelProjection) throws {
    guard let seen = state.withLock({ $0.seen[image] }) else { return }
    let shown = Picture(projection: projection.pixels, isBGR: isBGR, saturating: 0.01)
    let patch = seen.window(
      top: projection.top, left: projection.left, rows: field.rows, columns: field.columns)
    try write(shown, number, .projection)
    try write(patch, number, .patch)
    state.withLock { _ = $0.kept.insert(number) }
  }

  private var size: Int { extents.rows * extents.columns * 3 }

  private func offset(_ number: Int, _ kind: Kind) -> UInt64 { UInt64((number * 2 + kind.rawValue) * size) }

  private func write(_ picture: Picture, _ number: Int, _ kind: Kind) throws {
    let tile = try picture.resized(rows: extents.rows, columns: extents.columns, by: .lanczos)
    do {
      try file.seek(toOffset: offset(number, kind))
      try file.write(contentsOf: Data(tile.pixels))
    } catch {
      throw FileError(path: path, reason: "cannot be written. Check the disk's space.")
    }
  }

  /// A tile kept before; nil where there is none.
  ///
  /// - Throws: `FileError` where it cannot be read back.
  func tile(_ number: Int, _ kind: Kind) throws(FileError) -> Picture? {
    guard state.withLock({ $0.kept.contains(number) }) else { return nil }
    do {
      try file.seek(toOffset: offset(number, kind))
      if let bytes = try file.read(upToCount: size), bytes.count == size {
        return Picture(rows: extents.rows, columns: extents.columns, pixels: [UInt8](bytes))
      }
    } catch {
      throw FileError(path: path, reason: "cannot be read back.")
    }
    throw FileError(path: path, reason: "was cut short while it was in use.")
  }
}

extension Picture {
  /// A part that may hang over the edge, grey there.
  fileprivate func window(top: Int, left: Int, rows: Int, columns: Int) -> Picture {
    var part = [UInt8](repeating: 128, count: rows * columns * 3)
    let first = max(0, -left)
    let count = min(columns, self.columns - left) - first
    if count > 0 {
      for row in 0..<rows where (0..<self.rows).contains(top + row) {
        let source = ((top + row) * self.columns + left + first) * 3
        let target = (row * columns + first) * 3
        part.replaceSubrange(target..<target + count * 3, with: pixels[source..<source + count * 3])
      }
    }
    return Picture(rows: rows, columns: columns, pixels: part)
  }
}
