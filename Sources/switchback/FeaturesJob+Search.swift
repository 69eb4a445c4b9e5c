internal import Datasets
internal import Files
internal import Foundation
internal import Networks
internal import Peaks

extension FeaturesJob {
  /// The strongest peaks of every unit, from where an earlier attempt stopped.
  func search() throws -> PeakTable {
    let count = source.dataset.items.count
    let units = layers.map { ($0.value, $0.units) }
    var checkpoint = SearchCheckpoint(path: run.path(of: "search.safetensors"), source: source)
    var state = try checkpoint.restored(.init(peaks: PeakTable(units: units, keeping: command.top)))
    if state.next < count { state = try searched(from: state, count, &checkpoint) }
    let skipped = source.skipped()
    guard skipped.count < count else {
      throw ArgumentError(
        "none of the \(count) pictures in \(command.pictures) could be read: \(skipped[0].reason)")
    }
    return state.peaks
  }

  private func searched(
    from start: PeakSearch.State, _ count: Int, _ checkpoint: inout SearchCheckpoint
  ) throws -> PeakSearch.State {
    let search = try PeakSearch(network, values: layers.map(\.value), threads: command.common.workers)
    var progress = Progress("search", total: count, unit: "pictures", alreadyDone: start.next, quiet: isQuiet)
    let source = source
    do {
      let state = try Interrupts.heeded {
        try search.run(from: start, count: count, input: { try source.tensor($0) }) { state in
          progress.show(state.next)
          try checkpoint.keep(state)
          return true
        }
      }
      progress.finish(count)
      return state
    } catch is Interruption {
      try checkpoint.save()
      let done = checkpoint.latest?.next ?? 0
      throw Interruption(
        description: "stopped after \(done) of \(count) pictures; the same command goes on from there."
      )
    } catch ActivationsError.notANumber(let value, let image) {
      throw ArgumentError(
        "\(command.model): '\(value)' is not finite (NaN, or infinite) for \(source.dataset.items[image].path). "
          + "Check the network's weights and how pictures are prepared.")
    }
  }
}
