internal import Datasets
internal import Files
internal import Foundation
internal import Peaks
internal import Tensors

/// How far a search is, in a file: what a stopped run goes on from.
struct SearchCheckpoint {
  private let path: String
  private let source: Source
  private var lastSave = ContinuousClock.now
  /// The state that ``restored(_:)`` or ``keep(_:)`` saw last.
  private(set) var latest: PeakSearch.State?

  init(path: String, source: Source) {
    self.path = path
    self.source = source
  }

  /// What the file holds beside the peaks.
  private struct Progressed: Codable {
    var next: Int
    var skipped: [Skipped]
  }

  /// The state that was saved; the one given where none was.
  ///
  /// - Parameter start: An empty table of the units that are searched.
  /// - Returns: Where the search goes on.
  /// - Throws: `ActivationsError.checkpoint(path:reason:)` for a file of another search.
  mutating func restored(_ start: PeakSearch.State) throws -> PeakSearch.State {
    latest = start
    guard FileManager.default.fileExists(atPath: path) else { return start }
    let count = source.dataset.items.count
    let saved = try SafeTensors(reading: path)
    guard let text = saved.metadata["progress"],
      let progress = try? JSONDecoder().decode(Progressed.self, from: Data(text.utf8)),
      (0...count).contains(progress.next)
    else { throw ActivationsError.checkpoint(path: path, reason: "it does not say how far it is") }
    var state = start
    try state.peaks.restore(saved, path: path, pictures: count)
    state.next = progress.next
    source.skip(progress.skipped)
    latest = state
    return state
  }

  /// Takes note of a state, and saves it every ten seconds and at the end.
  mutating func keep(_ state: PeakSearch.State) throws {
    latest = state
    guard ContinuousClock.now - lastSave > .seconds(10) || state.next == source.dataset.items.count else {
      return
    }
    try save()
    lastSave = ContinuousClock.now
  }

  /// Saves the state that was seen last.
  func save() throws {
    guard let state = latest else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let progress = try encoder.encode(
      Progressed(next: state.next, skipped: source.skipped(below: state.next)))
    try state.peaks.safeTensors(metadata: ["progress": String(decoding: progress, as: UTF8.self)])
      .write(to: path)
  }
}
