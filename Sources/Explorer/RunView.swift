internal import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Kernels
internal import Networks
internal import Peaks
internal import Studies
internal import Tensors

/// A run as its pages see it: every layer and unit with its numbers, worked out once.
struct RunView: Sendable {
  /// One of a unit's strongest activations.
  struct Entry: Sendable {
    /// The picture's id in the data set.
    let image: Int
    let path: String
    let label: String?
    let value: Float
    let row: Int
    let column: Int
    /// What the unit sees, in pixels of the whole picture.
    let box: Box
    /// Where that lies in a tile; nil where all of it is outside the picture.
    let inside: Box?
  }

  struct Unit: Sendable {
    let number: Int
    /// Those that are shown: none where the unit was never active.
    let entries: [Entry]
    /// The largest activation in any picture.
    let strongest: Float
    /// The mean over pictures of the largest activation.
    let mean: Double
    /// The share of pictures that make it active.
    let active: Double
    let selectivity: Double?
    let classes: [FeatureTable.ClassShare]
    /// The class of most of its shown pictures, and their share; nil where pictures have no classes.
    let purest: (name: String, share: Double)?

    var isDead: Bool { entries.isEmpty }

    /// Its activations, to be projected.
    var places: [Gallery.Place] {
      entries.enumerated().map { rank, entry in
        (
          unit: number, rank: rank,
          peak: Peak(value: entry.value, image: entry.image, row: entry.row, column: entry.column)
        )
      }
    }
  }

  struct Layer: Sendable {
    let name: String
    /// Its name in addresses.
    let stem: String
    let value: String
    /// Rows and columns of the maps.
    let map: (rows: Int, columns: Int)
    /// Rows and columns of the receptive field in the network's input.
    let field: (rows: Int, columns: Int)
    /// How tiles of its units lie in their pictures.
    let grid: UnitPicture
    let units: [Unit]

    var dead: Int { units.count(where: \.isDead) }

    /// The units' numbers, the most telling first: those that pictures excite, by their selectivity.
    let order: [Int]
    /// Each unit's place in that order.
    let places: [Int]

    init(
      _ layer: StudiedLayer, map: (rows: Int, columns: Int), field: (rows: Int, columns: Int),
      grid: UnitPicture,
      units: [Unit]
    ) {
      (name, stem, value) = (layer.name, layer.stem, layer.value)
      (self.map, self.field, self.grid, self.units) = (map, field, grid, units)
      order = units.sorted {
        ($1.entries.count, $1.selectivity ?? 0, $0.number) < (
          $0.entries.count, $0.selectivity ?? 0, $1.number
        )
      }.map(\.number)
      var places = [Int](repeating: 0, count: units.count)
      for (place, unit) in order.enumerated() { places[unit] = place }
      self.places = places
    }
  }

  let study: Features
  let run: FeaturesRun
  let peaks: PeakTable
  let wiring: Wiring
  let layers: [Layer]
  /// How many images have been searched; nil where all have.
  let progress: (done: Int, of: Int)?
  /// The longer side of a tile, where fields are not smaller; nil for tiles as `features` draws them.
  let side: Int?
  private let placesByStem: [String: Int]

  /// What lies around the run: its name among others, nil for the first; those others' names and titles; what other studies
  /// found; and its units at the epochs of training.
  var name: String?
  var others: [(name: String, title: String)] = []
  var studies: [StudyRun] = []
  var epochs: Epochs?

  /// What stands behind the addresses of what stays as it is while this view is served: a browser need not ask again, and
  /// takes nothing for it that another server, or an earlier view, has sent.
  let stamp: HTML
  /// The number in the stamp.
  let version: String

  /// - Parameters:
  ///   - run: The run; one whose search is under way has what was found so far.
  ///   - model: Where the model is now; nil for where the run had it.
  ///   - side: The longer side of a tile; nil for tiles as `features` draws them.
  /// - Throws: `StudyError` or `PeakError` where the run is not whole.
  init(_ run: FeaturesRun, model: String?, side: Int? = nil) throws {
    self.side = side
    version = String(UInt64.random(in: .min ... .max), radix: 36)
    stamp = "?v=\(version)"
    let study = try run.study(model: model, rule: run.rule)
    (self.run, self.study) = (run, study)
    let (peaks, searched) = try run.search(of: study)
    self.peaks = peaks
    let table = try run.found ?? study.table(ofSearch: peaks, in: run.pictures)
    progress = run.found == nil ? (searched, run.pictures.count) : nil
    // A run's folder may come from someone else: what its table says is used as places below.
    func isWhole(_ layer: StudiedLayer, _ table: FeatureTable.Layer) -> Bool {
      let map = study.subject.shapes[layer.value]
      let (rows, columns) = map?.rank == 4 ? (map?.rows ?? 1, map?.columns ?? 1) : (1, 1)
      return layer.name == table.layer && table.units.map(\.unit) == Array(0..<layer.units)
        && table.units.allSatisfy { unit in
          unit.top.count <= study.top
            && unit.top.allSatisfy {
              $0.value.isFinite && (0..<rows).contains($0.row) && (0..<columns).contains($0.column)
            }
        }
    }
    guard table.layers.count == study.layers.count, zip(study.layers, table.layers).allSatisfy(isWhole)
    else {
      throw StudyError(
        "\(run.folder)/features.json is damaged, or is another run's: it does not fit the run's model. Make the run again."
      )
    }
    wiring = Wiring(study)
    let names = run.pictures.dataset.classNames
    let items = run.pictures.dataset.items
    let layers = try zip(study.layers, table.layers).map { layer, table in
      let geometry = try FieldGeometry(study.subject.network, value: layer.value, rule: run.rule)
      let maker = TileMaker(
        field: geometry.extents, preprocessing: run.configuration.preprocessing, side: side)
      let map = study.subject.shapes[layer.value]
      let isMap = map?.rank == 4
      let units = table.units.map { unit in
        let shown = unit.top.filter { $0.value > 0 || run.configuration.preActivation }
        let entries = shown.compactMap { entry -> Entry? in
          guard let id = run.ids.exact(entry.image).first else { return nil }
          return Entry(
            image: id, path: entry.image,
            label: items[id].label.map { label in
              names.flatMap { $0.indices.contains(label) ? $0[label] : nil } ?? "class \(label)"
            }, value: entry.value, row: entry.row, column: entry.column, box: entry.box,
            inside: study.box(ofRow: entry.row, column: entry.column, geometry, maker))
        }
        return Unit(
          number: unit.unit, entries: entries, strongest: unit.top.first?.value ?? 0,
          mean: peaks.distributions[layer.value]?.mean(unit: unit.unit) ?? 0, active: unit.active ?? 0,
          selectivity: unit.selectivity, classes: unit.classes ?? [],
          purest: Self.purest(entries.compactMap(\.label)))
      }
      return Layer(
        layer, map: isMap ? (map?.rows ?? 1, map?.columns ?? 1) : (1, 1), field: geometry.extents,
        grid: UnitPicture(depth: study.top, tile: maker.tile), units: units)
    }
    self.layers = layers
    placesByStem = Dictionary(
      layers.indices.map { (layers[$0].stem, $0) }, uniquingKeysWith: { one, _ in one })
  }

  private static func purest(_ labels: [String]) -> (name: String, share: Double)? {
    let counts = Dictionary(labels.map { ($0, 1) }, uniquingKeysWith: +)
    guard let most = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) else { return nil }
    return (most.key, Double(most.value) / Double(labels.count))
  }

  /// A layer by its name in addresses.
  func layer(_ stem: String) -> Layer? { placesByStem[stem].map { layers[$0] } }

  /// What the run is of, for titles.
  var title: String { study.subject.name }

  /// How many pictures were searched.
  var searched: Int { (progress?.done ?? run.pictures.count) - run.pictures.skippedIDs.count }

  /// The line that made the run, as it may be typed again.
  var command: String {
    let configuration = run.configuration
    var words = [
      "switchback", "features", study.subject.model, configuration.pictures, "--out", run.folder,
      "--layers", layers.map(\.name).joined(separator: ","), "--units", configuration.units,
    ]
    if configuration.top != 9 { words += ["--top", "\(configuration.top)"] }
    if configuration.rule != Features.usualRule.rawValue { words += ["--rule", configuration.rule] }
    if configuration.searchOnly { words.append("--search-only") }
    return words.map(\.quotedForShell).joined(separator: " ")
  }

  /// The units of a layer whose strongest pictures are most like a unit's, by the share that they have in common.
  func neighbours(of unit: Unit, in layer: Layer, most count: Int = 8) -> [(unit: Unit, share: Double)] {
    let own = Set(unit.entries.map(\.image))
    guard !own.isEmpty else { return [] }
    let others = layer.units.compactMap { other -> (unit: Unit, share: Double)? in
      guard other.number != unit.number else { return nil }
      let images = Set(other.entries.map(\.image))
      let common = own.intersection(images).count
      return common > 0 ? (other, Double(common) / Double(own.union(images).count)) : nil
    }
    return Array(others.sorted { ($1.share, $0.unit.number) < ($0.share, $1.unit.number) }.prefix(count))
  }
}
