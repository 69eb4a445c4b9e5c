internal import Datasets
internal import Files
internal import Networks
internal import Peaks
internal import Studies

/// The stages of `features`, each of which finds what an interrupted attempt left and goes on from there.
struct FeaturesJob {
  let command: FeaturesCommand
  let network: Network
  let layers: [SearchedLayer]
  let source: Source
  let run: RunFolder

  var isQuiet: Bool { command.common.quiet }

  func perform() throws {
    let peaks = try search()
    let table = try table(peaks)
    try run.write(json: table, to: "features.json")
    try run.write(json: source.skipped(), to: "skipped.json")
    if !command.searchOnly {
      for layer in layers { try draw(layer, peaks) }
      try writePage(table)
    }
    try report(table)
  }

  private struct Report: Encodable {
    var run: String
    var layers: [String]
    var pictures: Int
    var skipped: [Skipped]
  }

  private func report(_ table: FeatureTable) throws {
    let skipped = source.skipped()
    if command.common.json {
      return try Terminal.print(
        json: Report(
          run: command.out, layers: table.layers.map(\.layer),
          pictures: source.dataset.items.count - skipped.count, skipped: skipped))
    }
    guard !isQuiet else { return }
    if !skipped.isEmpty {
      Terminal.say("\(skipped.count) pictures could not be read: see \(run.path(of: "skipped.json"))")
    }
    try Terminal.print(run.path(of: command.searchOnly ? "features.json" : "index.html"))
  }
}
