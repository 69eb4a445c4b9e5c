internal import Attribution
public import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Images
public import Networks
internal import Peaks
internal import Tensors

/// How a training run's features came to be (the paper's figure 4).
public struct Evolve: Study {
  public static let kind = "evolve"

  private let saved: SavedEpochs
  /// The epochs that are looked at, ascending.
  public let epochs: [Int]
  public let dataset: Dataset
  private let specification: String
  /// The network of the last epoch.
  private let last: Subject
  private let overrides: PreprocessingOverrides
  private let layers: [String]?
  private let units: Int
  private let seed: UInt64
  private let isStrict: Bool

  public var subjects: [Subject] { [last] }

  /// Epochs are written as `1,2,5`; by default they are eight of those saved, early ones denser.
  ///
  /// Pictures are as `Dataset.parse(_:)` takes them, by default those that the run was trained on; of each layer, by default every
  /// convolution, so many units are drawn and projected.
  ///
  /// - Throws: ``StudyError`` where the run saved no such epoch, or does not say its pictures.
  public init(
    run: String, epochs: String? = nil, pictures: String? = nil, layers: String? = nil, units: Int = 6,
    seed: UInt64 = 0, preprocessing overrides: PreprocessingOverrides = .init(), strict isStrict: Bool = false
  ) throws {
    saved = try SavedEpochs(run)
    self.epochs = try saved.chosen(epochs)
    guard let last = self.epochs.last else { throw StudyError("\(run) has no saved epoch.") }
    specification = try pictures ?? saved.pictures()
    let whole = try Dataset.parse(specification)
    dataset = whole.splits.contains(.train) ? whole.only(.train) : whole
    self.layers = layers?.split(separator: ",").map(String.init)
    self.units = units
    self.seed = seed
    self.overrides = overrides
    self.isStrict = isStrict
    self.last = try Subject(model: saved.path(of: last), preprocessing: overrides)
  }

  /// What a run is a function of.
  public struct Configuration: Codable, Sendable {
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

  public func configuration() throws -> Configuration {
    Configuration(
      run: saved.run, modelDigest: try saved.digest(of: epochs.last ?? 0), epochs: epochs,
      pictures: specification,
      picturesDigest: dataset.digest, layers: layers, units: units, seed: seed,
      preprocessing: last.preprocessing)
  }

  public func result(_ work: Work) throws -> EvolutionTable {
    // One unit of work: its searches, which take the time, are kept epoch by epoch.
    let stage = Stage<Int, EvolutionTable>(
      units: [0], isCollective: true, file: { _ in "evolution" },
      isSound: { _, table in table.epochs == epochs }
    ) { _, _ in [try table(work)] }
    return try work.findings(of: stage).compactMap { $0 }.first ?? EvolutionTable(epochs: [], layers: [])
  }

  /// Finds the table, and draws the sheet of projections that it is found with.
  private func table(_ work: Work) throws -> EvolutionTable {
    let pictures = try work.prepare(dataset, last.preprocessing, strict: isStrict)
    // By epoch, layer and unit.
    var tiles: [Int: [String: [Int: EvolutionSheet.Tile]]] = [:]
    let table = try Evolution(layers: layers, unitsPerLayer: units, seed: seed, threads: work.threads).table(
      over: epochs,
      network: { epoch in
        var network = try saved.network(epoch)
        network.preprocessing = last.preprocessing
        return network
      }, images: dataset.items.map(\.path), input: { try pictures.tensor($0) },
      search: { epoch, network, values in
        try work.search(
          values, keeping: 1,
          of: try Subject(network, model: saved.path(of: epoch), preprocessing: overrides),
          in: pictures, file: Self.searchFile(of: epoch), title: "evolve, epoch \(epoch)")
      }
    ) { epoch, layer, results in
      for (place, projection) in results {
        tiles[epoch, default: [:]][layer, default: [:]][place.unit] = tile(of: projection)
      }
      try work.cancellation.check("stopped; the same command goes on from there.")
    }
    let sheet = try EvolutionSheet.drawing(
      title: Self.title, subtitle: Self.subtitle,
      epochs: table.epochs,
      layers: table.layers.map { layer in
        (
          name: layer.layer,
          rows: layer.units.map { unit in
            let images = unit.moments.map(\.image)
            return (
              unit.unit, table.epochs.map { tiles[$0]?[layer.layer]?[unit.unit] },
              images.indices.map { index in
                guard index > 0, let before = images[index - 1], let now = images[index] else { return false }
                return before != now
              }
            )
          }
        )
      })
    try work.first { try work.run.write(sheet, to: Self.sheet) }
    return table
  }

  /// A projection's part inside the image, as small as it is drawn; nil where all of it is outside.
  private func tile(of projection: PixelProjection) -> EvolutionSheet.Tile? {
    let field = (rows: projection.pixels.shape[0], columns: projection.pixels.shape[1])
    let inside = Box(
      top: max(0, -projection.top), left: max(0, -projection.left),
      bottom: min(field.rows, last.input.rows - projection.top),
      right: min(field.columns, last.input.columns - projection.left))
    guard inside.rows > 0, inside.columns > 0 else { return nil }
    let side = max(
      1, EvolutionSheet.largestTile * max(inside.rows, inside.columns) / max(field.rows, field.columns))
    return EvolutionSheet.Tile(
      last.preprocessing.shown(projection: projection.pixels.part(in: inside), side: side), inside: inside,
      of: field)
  }

  /// Where a run keeps what the search at an epoch has found.
  static func searchFile(of epoch: Int) -> String { "searches/epoch-\(epoch).safetensors" }

  private static let title = "Evolution of features during training"
  private static let subtitle =
    "Each tile: the projection of a random unit's strongest activation over all images, at a saved epoch"
  private static let sheet = "figures/evolution"

  public func report(_ result: EvolutionTable, _ work: Work) throws -> Report {
    let numbers = EvolutionSheet.table(of: result)
    let (rows, columns) = try Picture.extents(of: work.run.path(of: Self.sheet + ".png"))
    let charts = EvolutionSheet.charts(of: result)
    return Report(
      title: Self.title,
      facts: [("run", saved.run), ("epochs", result.epochs.map(String.init).joined(separator: ", "))],
      sections: [
        Report.Section(
          "Projections and numbers",
          .figures([
            Report.Figure(file: Self.sheet, description: Self.subtitle, extents: (rows, columns)),
            Report.Figure(file: "figures/settling", description: charts.description) { charts },
          ]), .table(numbers),
          .text(
            "How to read this: along a row one unit's feature emerges; it has converged where the tiles look alike. A red line "
              + "is a jump: another image activates the unit most. In the charts lower layers usually fall and rise first. A "
              + "unit has settled at the first epoch from which its projection always has a cosine above "
              + "\(Evolution.settledCosine) to that of the last epoch, so all units that are active at the end count as settled then. Lines that "
              + "coincide are drawn one inside the other."))
      ], json: [("evolution.json", result)], texts: [("evolution.csv", numbers.csv)],
      summary: [numbers.aligned])
  }
}

/// The networks that a training run saved, by epoch.
struct SavedEpochs: Sendable {
  /// The training run's folder.
  let run: String
  private let files: [Int: String]

  /// - Throws: ``StudyError`` where it saved no network.
  init(_ run: String) throws(StudyError) {
    self.run = run
    let names = (try? FolderListing(run + "/models"))?.names ?? []
    let found = names.compactMap { name -> (Int, String)? in
      guard name.hasPrefix("epoch-"), name.hasSuffix(".onnx") else { return nil }
      return Int(name.dropFirst(6).dropLast(5)).map { ($0, name) }
    }
    guard !found.isEmpty else {
      throw StudyError("\(run) has no models/epoch-NNN.onnx. Give the folder of a train run that saved some.")
    }
    files = Dictionary(found, uniquingKeysWith: { one, _ in one })
  }

  func path(of epoch: Int) -> String { run + "/models/" + (files[epoch] ?? "") }

  func digest(of epoch: Int) throws(FileError) -> String {
    var weights = Fingerprint()
    try weights.add(file: path(of: epoch))
    return weights.description
  }

  func network(_ epoch: Int) throws -> Network { try Network(onnx: path(of: epoch)) }

  /// The epochs asked for; or eight of those saved, spread evenly in ratio, as features change fastest at first.
  func chosen(_ text: String?) throws(StudyError) -> [Int] {
    let saved = files.keys.sorted()
    guard let text else {
      guard saved.count > 8 else { return saved }
      let ratio = Double(saved.count)
      return Set((0..<8).map { saved[Int(pow(ratio, Double($0) / 7).rounded()) - 1] }).sorted()
    }
    let asked = text.split(separator: ",").map { Int($0.trimmingCharacters(in: .whitespaces)) }
    let epochs = Set(asked.compactMap { $0 }).sorted()
    guard !epochs.isEmpty, !asked.contains(nil) else {
      throw StudyError("--epochs takes numbers such as 1,2,5; not '\(text)'.")
    }
    if let missing = epochs.first(where: { files[$0] == nil }) {
      let known = saved.map(String.init).joined(separator: ", ")
      throw StudyError("\(run) saved no epoch \(missing). It has \(known).")
    }
    return epochs
  }

  /// The pictures that the run was trained on, as its `run.json` says.
  func pictures() throws(StudyError) -> String {
    struct Header: Decodable {
      struct Configuration: Decodable { var pictures: String }
      var configuration: Configuration
    }
    let file = run + "/run.json"
    guard let header = decoded(Header.self, from: file) else {
      throw StudyError("\(file) does not say which images the run was trained on; give --pictures.")
    }
    return header.configuration.pictures
  }
}
