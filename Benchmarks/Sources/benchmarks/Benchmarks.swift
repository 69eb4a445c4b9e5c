import ArgumentParser
import Foundation

/// Our side of each comparison: one measurement a process, as JSON on standard output.
@main
struct Benchmarks: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmarks", abstract: "Times one piece of work; `compare.py` runs it beside its peers.",
    subcommands: [
      Decode.self, Extraction.self, Forward.self, Search.self, GalleryProjections.self, KnownAnswer.self,
      KnownParts.self, Precision.self,
      OcclusionMaps.self, TrainingStep.self,
    ])
}

/// What every measurement takes.
struct Repeats: ParsableArguments {
  @Option(help: "Threads.") var threads = 2
  @Option(help: "Timed repeats, after one that is not timed.") var repeats = 5

  /// Times a piece of work and prints its median and smallest time.
  func measure(items: Int, _ work: () throws -> Void) throws {
    try work()
    let seconds = try (0..<repeats).map { _ in
      let duration = try ContinuousClock().measure(work)
      return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }.sorted()
    let report = ["median": seconds[seconds.count / 2], "least": seconds[0], "items": Double(items)]
    print(String(decoding: try JSONEncoder().encode(report), as: UTF8.self))
  }
}
