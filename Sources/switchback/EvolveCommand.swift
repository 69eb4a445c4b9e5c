internal import ArgumentParser
internal import Attribution
internal import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Studies
internal import Tensors

struct EvolveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evolve",
    abstract: "Shows how a training run's features came to be.",
    discussion: """
      For units drawn by chance in each layer, at the epochs a training run saved: the strongest activation \
      over the training pictures, carried back to pixels. And in numbers: how many units' strongest picture \
      changed, and when projections settle. Stopped or killed, the same command goes on where it was.

      EXAMPLE
        switchback evolve run --units 6 --epochs 1,2,5,10
      """)

  @Argument(help: ArgumentHelp("A training run's folder.", valueName: "run"), completion: .directory)
  var trained: String

  @Option(
    help: ArgumentHelp(
      "The folder for what is found (default: evolution in the run's).", valueName: "folder"),
    completion: .directory)
  var out: String?

  @Option(
    help: ArgumentHelp("The pictures (default: those the run was trained on).", valueName: "pictures"),
    completion: .directory)
  var pictures: String?

  @Option(
    help: ArgumentHelp(
      "Epochs as 1,2,5 (default: eight of those saved, early ones denser).", valueName: "a,b"))
  var epochs: String?

  @Option(
    help: ArgumentHelp("Layers by name, comma-separated (default: every convolution).", valueName: "a,b"))
  var layers: String?

  @Option(help: ArgumentHelp("Units drawn and projected in each layer.", valueName: "n"))
  var units = 6

  @Flag(help: "A picture that cannot be read is an error.")
  var strict = false

  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard units > 0 else { throw ValidationError("--units must be 1 or more, not \(units).") }
  }

  func run() throws {
    let saved = try SavedEpochs(trained)
    let chosen = try saved.chosen(epochs)
    let specification = try pictures ?? saved.pictures()
    let whole = try Dataset.parse(specification)
    let dataset = whole.splits.contains(.train) ? whole.only(.train) : whole
    guard let last = chosen.last else { throw ArgumentError("\(trained) has no saved epoch.") }
    let network = try saved.network(last)
    let source = Source(
      dataset, try preprocessing.resolved(for: network, quiet: common.quiet), strict: strict)
    let names = layers.map { $0.split(separator: ",").map(String.init) }
    let target = try RunFolder.open(
      at: out ?? trained + "/evolution", kind: "evolve",
      configuration: Configuration(
        run: trained, modelDigest: try saved.fingerprint(of: last), epochs: chosen,
        pictures: specification,
        picturesDigest: dataset.fingerprint, layers: names, units: units, seed: common.seed,
        preprocessing: source.preprocessing))
    let study = Evolution(layers: names, unitsPerLayer: units, seed: common.seed, threads: common.workers)
    var progress = Progress(
      "evolve", total: chosen.count * dataset.items.count, unit: "pictures", quiet: common.quiet)
    var tiles: [Tile: Picture] = [:]
    var checkpoint: SearchCheckpoint?
    let isBGR = source.preprocessing.channels == .bgr
    let table = try Interrupts.heeded { () throws -> EvolutionTable? in
      do {
        return try study.table(
          over: chosen,
          network: { epoch in
            var network = try saved.network(epoch)
            network.preprocessing = source.preprocessing
            return network
          }, images: dataset.items.map(\.path),
          input: { try source.tensor($0) },
          start: { epoch, empty in
            let path = try target.preparedPath(of: "searches/epoch-\(epoch).safetensors")
            checkpoint = SearchCheckpoint(path: path, source: source)
            return try checkpoint?.restored(empty) ?? empty
          },
          keep: { try checkpoint?.keep($1) },
          observe: { done, _ in
            progress.show(done)
            return !Interrupts.isRaised
          },
          receive: { snapshots in
            for snapshot in snapshots {
              let tile = Tile(layer: snapshot.layer, unit: snapshot.place.unit, epoch: snapshot.epoch)
              tiles[tile] = Picture(projection: snapshot.projection.pixels, isBGR: isBGR, saturating: 0.01)
            }
          })
      } catch is Interruption {
        return nil
      }
    }
    guard let table else {
      try checkpoint?.save()
      throw Interruption(description: "stopped; the same command goes on from there.")
    }
    progress.finish(chosen.count * dataset.items.count)
    try write(table, tiles, source.skipped(), target)
  }

  private struct Configuration: Encodable {
    var run: String
    var modelDigest: String
    var epochs: [Int]
    var pictures: String
    var picturesDigest: String
    var layers: [String]?
    var units: Int
    var seed: UInt64
    var preprocessing: Preprocessing
  }

  private struct Tile: Hashable {
    var layer: String
    var unit: Int
    var epoch: Int
  }

  private func write(
    _ table: EvolutionTable, _ tiles: [Tile: Picture], _ skipped: [Skipped], _ target: RunFolder
  ) throws {
    try target.write(json: table, to: "evolution.json")
    try target.write(json: skipped, to: "skipped.json")
    let sheet = EvolutionSheet(
      title: "How features came to be",
      subtitle: "strongest activations projected, by epoch; red: the picture changed",
      epochs: table.epochs,
      layers: table.layers.map { layer in
        (
          name: layer.layer,
          rows: layer.units.map { unit in
            let images = unit.moments.map(\.image)
            return EvolutionSheet.Row(
              unit: unit.unit,
              projections: table.epochs.map { tiles[Tile(layer: layer.layer, unit: unit.unit, epoch: $0)] },
              jumps: images.indices.map { $0 > 0 && images[$0] != images[$0 - 1] })
          }
        )
      })
    var figures: [(file: String, columns: Int, rows: Int, description: String)] = []
    for (name, drawing) in [
      ("evolution", try sheet.drawing()), ("settling", EvolutionSheet.charts(of: table)),
    ] {
      try target.write(bytes: Data(try drawing.svg().utf8), to: "figures/\(name).svg")
      try target.write(bytes: Data(try drawing.picture().encodedPNG()), to: "figures/\(name).png")
      figures.append(("figures/\(name)", drawing.columns, drawing.rows, drawing.description))
    }
    let numbers = EvolutionSheet.table(of: table)
    try target.write(bytes: Data(numbers.csv.utf8), to: "evolution.csv")
    let page = RunPage(
      title: sheet.title,
      facts: [("run", trained), ("epochs", table.epochs.map(String.init).joined(separator: ", "))],
      sections: [
        RunPage.Section(
          title: "Projections and numbers",
          bodies: [
            .figures(figures), .table(headings: numbers.headings, rows: numbers.rows),
            .text(
              "A unit has settled at the first epoch from which its projection always has a cosine above "
                + "\(Evolution.settledCosine) to that of the last epoch."),
          ])
      ])
    try target.write(bytes: Data(page.html().utf8), to: "index.html")
    if common.json { return try Terminal.print(json: table) }
    guard !common.quiet else { return }
    try Terminal.print(numbers.markdown)
    try Terminal.print(target.path(of: "index.html"))
  }
}

/// The networks that a training run saved, by epoch.
private struct SavedEpochs {
  private let run: String
  private let files: [Int: String]

  init(_ run: String) throws {
    self.run = run
    let names = (try? FileManager.default.contentsOfDirectory(atPath: run + "/models")) ?? []
    let found = names.compactMap { name -> (Int, String)? in
      guard name.hasPrefix("epoch-"), name.hasSuffix(".onnx") else { return nil }
      return Int(name.dropFirst(6).dropLast(5)).map { ($0, name) }
    }
    guard !found.isEmpty else {
      throw ArgumentError(
        "\(run) has no models/epoch-NNN.onnx. Give the folder of a train run that saved some.")
    }
    files = Dictionary(found, uniquingKeysWith: { one, _ in one })
  }

  func path(of epoch: Int) -> String { run + "/models/" + (files[epoch] ?? "") }

  func fingerprint(of epoch: Int) throws -> String {
    var weights = Fingerprint()
    try weights.add(file: path(of: epoch))
    return weights.description
  }

  func network(_ epoch: Int) throws -> Network { try Network(onnx: path(of: epoch)) }

  /// The epochs asked for; or eight of those saved, spread evenly in ratio, as features change fastest at first.
  func chosen(_ text: String?) throws -> [Int] {
    let saved = files.keys.sorted()
    guard let text else {
      guard saved.count > 8 else { return saved }
      let ratio = Double(saved.count)
      return Set((0..<8).map { saved[Int(pow(ratio, Double($0) / 7).rounded()) - 1] }).sorted()
    }
    let asked = text.split(separator: ",").map { Int($0.trimmingCharacters(in: .whitespaces)) }
    let epochs = Set(asked.compactMap { $0 }).sorted()
    guard !epochs.isEmpty, !asked.contains(nil) else {
      throw ArgumentError("--epochs takes numbers such as 1,2,5; not '\(text)'.")
    }
    if let missing = epochs.first(where: { files[$0] == nil }) {
      let known = saved.map(String.init).joined(separator: ", ")
      throw ArgumentError("\(run) saved no epoch \(missing). It has \(known).")
    }
    return epochs
  }

  /// The pictures that the run was trained on, as its `run.json` says.
  func pictures() throws -> String {
    let file = run + "/run.json"
    guard let bytes = FileManager.default.contents(atPath: file),
      let header = try? JSONSerialization.jsonObject(with: bytes) as? [String: Any],
      let settings = header["configuration"] as? [String: Any], let pictures = settings["pictures"] as? String
    else {
      throw ArgumentError("\(file) does not say which pictures the run was trained on; give --pictures.")
    }
    return pictures
  }
}
