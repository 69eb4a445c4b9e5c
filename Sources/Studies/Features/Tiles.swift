internal import Attribution
internal import Files
internal import Foundation
internal import Images
internal import Synchronization

/// Tiles of a layer on their way from projections to a file a unit.
///
/// They wait in a temporary file: projections come picture by picture, and all units' tiles may not fit in memory. Of the
/// pictures they are cut from, only those in progress are held. A class because it owns the file, which goes with it.
final class Tiles: Sendable {
  private let maker: TileMaker
  private let path: String
  private let file: FileHandle

  private struct State {
    var seen: [Int: Picture] = [:]
    var kept = Set<Int>()
  }

  private let state = Mutex(State())

  /// - Throws: `FileError` where the file cannot be made.
  init(path: String, maker: TileMaker) throws(FileError) {
    self.path = path
    self.maker = maker
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

  /// The tile of a projection of one of the pictures in progress; nil where there is nothing to show.
  func tile(of projection: PixelProjection, image: Int) throws -> PeakTile? {
    guard let seen = state.withLock({ $0.seen[image] }) else { return nil }
    return try maker.tile(of: projection.pixels, top: projection.top, left: projection.left, in: seen)
  }

  /// Bytes of a tile: a box of four edges, and five pictures.
  private var size: Int { 4 + 5 * maker.tile.rows * maker.tile.columns * 3 }

  /// Keeps a tile under a number of its own.
  ///
  /// - Throws: `FileError` on a full disk.
  func add(_ number: Int, _ tile: PeakTile) throws(FileError) {
    var bytes = Data([tile.box.top, tile.box.left, tile.box.bottom, tile.box.right].map(UInt8.init))
    for picture in [
      tile.field.projection, tile.field.patch, tile.dimmed, tile.fitted.projection, tile.fitted.patch,
    ] {
      bytes.append(contentsOf: picture.pixels)
    }
    bytes.append(Data(count: size - bytes.count))
    do {
      try file.seek(toOffset: UInt64(number * size))
      try file.write(contentsOf: bytes)
    } catch {
      throw FileError(path: path, reason: "cannot be written. Check the disk's space.")
    }
    state.withLock { _ = $0.kept.insert(number) }
  }

  /// A tile kept before; nil where there is none.
  ///
  /// - Throws: `FileError` where it cannot be read back.
  func tile(_ number: Int) throws(FileError) -> PeakTile? {
    guard state.withLock({ $0.kept.contains(number) }) else { return nil }
    let bytes: Data?
    do {
      try file.seek(toOffset: UInt64(number * size))
      bytes = try file.read(upToCount: size)
    } catch {
      throw FileError(path: path, reason: "cannot be read back.")
    }
    guard let bytes, bytes.count == size else {
      throw FileError(path: path, reason: "was cut short while it was in use.")
    }
    let box = Box(top: Int(bytes[0]), left: Int(bytes[1]), bottom: Int(bytes[2]), right: Int(bytes[3]))
    var place = 4
    func picture(_ rows: Int, _ columns: Int) -> Picture {
      let count = rows * columns * 3
      defer { place += count }
      return Picture(rows: rows, columns: columns, pixels: [UInt8](bytes[place..<place + count]))
    }
    let field = (picture(box.rows, box.columns), picture(box.rows, box.columns))
    let dimmed = picture(box.rows, box.columns)
    let (rows, columns) = maker.tile
    return PeakTile(
      box: box, field: .init(projection: field.0, patch: field.1),
      fitted: .init(projection: picture(rows, columns), patch: picture(rows, columns)), dimmed: dimmed)
  }
}
