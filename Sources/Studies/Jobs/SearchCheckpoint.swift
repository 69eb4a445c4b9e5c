internal import Datasets
internal import Files
internal import Foundation
internal import Peaks
internal import Tensors

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

/// What is in the file of a search, whatever it was of.
struct SavedSearch {
  /// Pictures below this were searched.
  let next: Int
  /// How many peaks a unit of each value keeps.
  let depths: [String: Int]

  /// The number of peaks that units of every value keep; nil where that differs, as in a damaged file.
  var depth: Int? { Set(depths.values).count == 1 ? depths.values.first : nil }

  /// - Returns: nil where there is no such file, or it is none of a search.
  init?(_ path: String) {
    guard let saved = try? SafeTensors(reading: path),
      let progress = saved.metadata["progress"].flatMap({
        try? JSONDecoder().decode(Progressed.self, from: Data($0.utf8))
      })
    else { return nil }
    next = progress.next
    depths = PeakTable.values(in: saved).mapValues { $0.rank == 3 ? $0[1] : 0 }
  }

  private struct Progressed: Decodable { var next: Int }

  /// Adds what a search of other values over the same pictures found.
  static func join(_ addition: String, to path: String) throws {
    var joined = try SafeTensors(reading: addition)
    joined.tensors.merge(try SafeTensors(reading: path).tensors) { one, _ in one }
    try joined.write(to: path)
  }
}
