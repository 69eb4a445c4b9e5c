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

  deinit { try? FileManager.default.removeItem(atPath: path) }

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

  /// Bytes of a tile: two boxes of four edges, and five pictures.
  private var size: Int { 8 + 5 * maker.tile.rows * maker.tile.columns * 3 }

  /// Keeps a tile under a number of its own.
  ///
  /// - Throws: `FileError` on a full disk.
  func add(_ number: Int, _ tile: PeakTile) throws(FileError) {
    let (field, fitted) = (tile.field, tile.fitted)
    var bytes = Data(
      [field.box, fitted.box].flatMap { [$0.top, $0.left, $0.bottom, $0.right].map(UInt8.init) })
    for picture in [field.projection, field.patch, tile.dimmed, fitted.projection, fitted.patch] {
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
    var place = 8
    func box(_ first: Int) -> Box {
      Box(
        top: Int(bytes[first]), left: Int(bytes[first + 1]), bottom: Int(bytes[first + 2]),
        right: Int(bytes[first + 3]))
    }
    func picture(_ box: Box) -> Picture {
      let count = box.rows * box.columns * 3
      defer { place += count }
      return Picture(rows: box.rows, columns: box.columns, pixels: [UInt8](bytes[place..<place + count]))
    }
    let (field, fitted) = (box(0), box(4))
    let (projection, patch, dimmed) = (picture(field), picture(field), picture(field))
    return PeakTile(
      field: .init(projection: projection, patch: patch, box: field),
      fitted: .init(projection: picture(fitted), patch: picture(fitted), box: fitted), dimmed: dimmed)
  }
}
