internal import Activations
internal import Figures
internal import Images
internal import Projection
internal import Studies
internal import Synchronization

/// The small pictures of one layer's sheets, gathered while its projections are computed.
///
/// Projections and patches have the same extents, in pixels of the network's input, so that they align.
final class Tiles: Sendable {
  let rows: Int
  let columns: Int
  private let isBGR: Bool

  private struct Key: Hashable {
    var unit: Int
    var rank: Int
  }

  private struct State {
    var decoded: [Int: (picture: Picture, framing: Framing)] = [:]
    var projections: [Key: Picture] = [:]
    var patches: [Key: Picture] = [:]
  }

  private let state = Mutex(State())

  init(rows: Int, columns: Int, isBGR: Bool) {
    self.rows = rows
    self.columns = columns
    self.isBGR = isBGR
  }

  /// Keeps a picture until its stretch is done.
  func keep(_ picture: Picture, _ framing: Framing, _ image: Int) {
    state.withLock { $0.decoded[image] = (picture, framing) }
  }

  func forget() {
    state.withLock { $0.decoded = [:] }
  }

  func add(_ place: Gallery.Place, _ projection: PixelProjection) throws {
    let key = Key(unit: place.unit, rank: place.rank)
    let shown = Picture(projection: projection.pixels, isBGR: isBGR, saturating: 0.01)
    guard let (picture, framing) = state.withLock({ $0.decoded[place.peak.image] }) else { return }
    let patch = picture.patch(
      top: projection.top, left: projection.left, rows: rows, columns: columns, framing)
    state.withLock {
      $0.projections[key] = shown
      $0.patches[key] = patch
    }
  }

  func projection(unit: Int, rank: Int) -> Picture? {
    state.withLock { $0.projections[Key(unit: unit, rank: rank)] }
  }

  func patch(unit: Int, rank: Int) -> Picture? {
    state.withLock { $0.patches[Key(unit: unit, rank: rank)] }
  }
}

extension Picture {
  /// What the network saw at a window of its input, taken from this original; grey where the window hangs over.
  fileprivate func patch(top: Int, left: Int, rows: Int, columns: Int, _ framing: Framing) -> Picture {
    let perRow = Double(self.rows) / Double(framing.resizedRows)
    let perColumn = Double(self.columns) / Double(framing.resizedColumns)
    var patch = [UInt8](repeating: 128, count: rows * columns * 3)
    for row in 0..<rows {
      let inputRow = top + row
      guard (0..<framing.cropRows).contains(inputRow) else { continue }
      let sourceRow = min(Int((Double(inputRow + framing.cropTop) + 0.5) * perRow), self.rows - 1)
      for column in 0..<columns {
        let inputColumn = left + column
        guard (0..<framing.cropColumns).contains(inputColumn), sourceRow >= 0 else { continue }
        let sourceColumn = min(
          Int((Double(inputColumn + framing.cropLeft) + 0.5) * perColumn), self.columns - 1)
        for channel in 0..<3 {
          patch[(row * columns + column) * 3 + channel] =
            pixels[(sourceRow * self.columns + sourceColumn) * 3 + channel]
        }
      }
    }
    return Picture(rows: rows, columns: columns, pixels: patch)
  }
}
