internal import Activations
internal import Datasets
internal import Foundation
internal import Networks
internal import RunStore
internal import Tensors

extension FeaturesJob {
  /// How far a checkpoint is, beside its peaks.
  private struct Progressed: Codable {
    var next: Int
    var skipped: [Skipped]
  }

  private var checkpoint: String { run.path(of: "search.safetensors") }

  /// The strongest peaks of every unit, from where an earlier attempt stopped.
  func search() throws -> PeakTable {
    let count = source.dataset.items.count
    var state = try restored(count)
    if state.next < count { state = try searched(from: state, count) }
    let skipped = source.skipped()
    guard skipped.count < count else {
      throw ArgumentError(
        "none of the \(count) pictures in \(command.pictures) could be read: \(skipped[0].reason)")
    }
    return state.peaks
  }

  private func restored(_ count: Int) throws -> PeakSearch.State {
    let units = layers.map { ($0.value, $0.units) }
    var state = PeakSearch.State(peaks: PeakTable(units: units, keeping: command.top), next: 0)
    guard FileManager.default.fileExists(atPath: checkpoint) else { return state }
    let saved = try SafeTensors(reading: checkpoint)
    guard let text = saved.metadata["progress"],
      let progress = try? JSONDecoder().decode(Progressed.self, from: Data(text.utf8)),
      (0...count).contains(progress.next)
    else { throw ActivationsError.checkpoint(path: checkpoint, reason: "it does not say how far it is") }
    try state.peaks.restore(saved, path: checkpoint, pictures: count)
    state.next = progress.next
    source.skip(progress.skipped)
    return state
  }

  private func searched(from start: PeakSearch.State, _ count: Int) throws -> PeakSearch.State {
    let search = try PeakSearch(network, values: layers.map(\.value), threads: command.common.workers)
    var progress = Progress("search", total: count, unit: "pictures", alreadyDone: start.next, quiet: isQuiet)
    var saved = ContinuousClock.now
    var latest = start
    let source = source
    do {
      let state = try Interrupts.heeded {
        try search.run(from: start, count: count, input: { try source.tensor($0) }) { state in
          latest = state
          progress.show(state.next)
          if ContinuousClock.now - saved > .seconds(10) {
            try save(state)
            saved = ContinuousClock.now
          }
          return true
        }
      }
      try save(state)
      progress.finish(count)
      return state
    } catch is Interruption {
      try save(latest)
      throw Interruption(
        description: "stopped after \(latest.next) of \(count) pictures; the same command goes on from there."
      )
    } catch ActivationsError.notANumber(let value, let image) {
      throw ArgumentError(
        "\(command.model): '\(value)' is not finite (NaN, or infinite) for \(source.dataset.items[image].path). "
          + "Check the network's weights and how pictures are prepared.")
    }
  }

  private func save(_ state: PeakSearch.State) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let progress = try encoder.encode(
      Progressed(next: state.next, skipped: source.skipped(below: state.next)))
    try state.peaks.safeTensors(metadata: ["progress": String(decoding: progress, as: UTF8.self)])
      .write(to: checkpoint)
  }
}
