internal import Attribution
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Synchronization
internal import Tensors

/// The small pictures of one layer's sheets, gathered while its projections are computed.
///
/// They wait in a temporary file, since all units' together may not fit in memory; of the pictures they are cut from, only
/// those in progress are held. Projections and patches have the same extents in pixels of the network's input, so that they align.
/// A class because it owns the file, which goes with it.
final class Tiles: Sendable {
  /// Rows and columns that a unit sees.
  let field: (rows: Int, columns: Int)
  /// Whether projections reach further, through gates.
  let isCutAtGates: Bool
  /// Extents of a tile: the field's, unless a sheet draws it smaller.
  private let extents: (rows: Int, columns: Int)
  private let preprocessing: Preprocessing
  private let path: String
  private let file: FileHandle

  private struct State {
    var seen: [Int: Picture] = [:]
    var kept = Set<Int>()
  }

  private let state = Mutex(State())

  /// - Throws: `FileError` where the file cannot be made.
  init(
    path: String, field: (rows: Int, columns: Int), isCutAtGates: Bool, preprocessing: Preprocessing
  ) throws(FileError) {
    self.path = path
    self.field = field
    self.isCutAtGates = isCutAtGates
    let drawn = FeatureSheet.tile(ofField: field.rows, field.columns)
    extents = drawn.rows * drawn.columns < field.rows * field.columns ? drawn : field
    self.preprocessing = preprocessing
    guard let file = FileHandle(creating: path, emptied: true) else {
      throw FileError(path: path, reason: "cannot be made. Check that its folder is writable.")
    }
    self.file = file
  }

  deinit { FileSystem.remove(path) }

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
    // What hangs over the picture's edge is grey.
    var patch = Canvas(rows: field.rows, columns: field.columns, shade: 128)
    patch.place(seen, top: -projection.top, left: -projection.left)
    let tiles = try [preprocessing.shown(projection: projection.pixels), patch.picture].map {
      try $0.resized(rows: extents.rows, columns: extents.columns, by: .lanczos)
    }
    do {
      try file.seek(toOffset: UInt64(number * 2 * size))
      try file.write(contentsOf: Data(tiles.flatMap(\.pixels)))
    } catch {
      throw FileError(path: path, reason: "cannot be written. Check the disk's space.")
    }
    state.withLock { _ = $0.kept.insert(number) }
  }

  /// Bytes of a tile.
  private var size: Int { extents.rows * extents.columns * 3 }

  /// The tiles kept before; nil where there are none.
  ///
  /// - Throws: `FileError` where they cannot be read back.
  func tiles(_ number: Int) throws(FileError) -> (projection: Picture, patch: Picture)? {
    guard state.withLock({ $0.kept.contains(number) }) else { return nil }
    do {
      try file.seek(toOffset: UInt64(number * 2 * size))
      if let bytes = try file.read(upToCount: 2 * size), bytes.count == 2 * size {
        let (rows, columns) = extents
        return (
          Picture(rows: rows, columns: columns, pixels: [UInt8](bytes.prefix(size))),
          Picture(rows: rows, columns: columns, pixels: [UInt8](bytes.suffix(size)))
        )
      }
    } catch {
      throw FileError(path: path, reason: "cannot be read back.")
    }
    throw FileError(path: path, reason: "was cut short while it was in use.")
  }
}
