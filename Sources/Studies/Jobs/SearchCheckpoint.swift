internal import Datasets
internal import Files
internal import Foundation
internal import Peaks

/// How far a search is, in a file: what a stopped run goes on from.
struct SearchCheckpoint {
  let path: String
  let pictures: PreparedPictures

  /// What the file holds beside the peaks.
  private struct Progressed: Codable {
    var next: Int
    var skipped: [Skipped]
  }

  /// The state that was saved; the one given where none was.
  ///
  /// - Parameter start: An empty table of the units that are searched.
  /// - Returns: Where to go on.
  /// - Throws: `PeakError.checkpoint(path:reason:)` for a file of another search.
  func restored(_ start: PeakSearch.State) throws -> PeakSearch.State {
    guard FileSystem.exists(path) else { return start }
    let saved = try SafeTensors(reading: path)
    guard let text = saved.metadata["progress"],
      let progress = try? JSONDecoder().decode(Progressed.self, from: Data(text.utf8)),
      (0...pictures.count).contains(progress.next)
    else { throw PeakError.checkpoint(path: path, reason: "it does not say how far it is") }
    var state = start
    try state.peaks.restore(saved, path: path, pictures: pictures.count, hash: pictures.dataset.pathHash)
    state.next = progress.next
    pictures.skip(progress.skipped)
    return state
  }

  func save(_ state: PeakSearch.State) throws {
    let progress = try JSONEncoder.inKeyOrder.encode(
      Progressed(next: state.next, skipped: pictures.skipped(below: state.next)))
    try state.peaks.safeTensors(metadata: ["progress": String(decoding: progress, as: UTF8.self)]).write(
      to: path)
  }
}
