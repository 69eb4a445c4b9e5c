internal import Attribution
public import Datasets
internal import Figures
public import Files
public import Foundation
public import Images
public import Kernels
internal import Networks
package import Peaks
internal import Tensors

/// What each feature map looks for: its strongest pictures beside their projections (the paper's figure 2).
public struct Features: Study, Sendable {
  public static let kind = "features"
  /// The paper's.
  public static let usualRule = RectifierRule.deconvnet

  public let subject: Subject
  public let dataset: Dataset
  public let layers: [StudiedLayer]
  public let units: UnitChoice
  public let top: Int
  public let rule: RectifierRule
  public let readsBeforeRectifier: Bool
  public let onlySearches: Bool
  /// Whether only activations are looked at whose receptive field lies inside the picture.
  public let isInterior: Bool
  /// Whether sheets say what is left of projections under controls.
  public let hasControls: Bool
  /// Whether projections are kept as arrays too.
  public let writesArrays: Bool
  /// What these arrays take, or would take.
  let arrayBytes: Int
  private static let mostArrayBytes = 1_000_000_000
  private let isStrict: Bool

  /// Unless layers are named, every convolution and the end of every residual block are searched.
  ///
  /// Products over the channels of maps that an activation follows are searched too. Each unit keeps its
  /// `top` strongest pictures, and the first 64 units of a layer are projected and drawn unless others are chosen.
  /// Arrays are kept where they take a gigabyte at most and not all units are chosen; `arrays` says otherwise. Activations
  /// with an upper bound (ReLU6) are ranked and carried back by their values before it.
  ///
  /// - Throws: `NetworkError` for a layer or a unit that is not there, or ``StudyError``.
  public init(
    _ subject: Subject, _ dataset: Dataset, layers: String? = nil, units: UnitChoice = .init(), top: Int = 9,
    rule: RectifierRule = .deconvnet, beforeRectifier isBefore: Bool = false,
    interior isInterior: Bool = false, onlySearching onlySearches: Bool = false, arrays: Bool? = nil,
    controls hasControls: Bool = false, strict isStrict: Bool = false
  ) throws {
    let named = try subject.layers(
      named: layers, usual: subject.featureLayers(beforeRectifier: isBefore), beforeRectifier: isBefore)
    // A run may come to have other layers, and a file must stay its layer's: names are those among all layers.
    let names = subject.layers.map(\.name)
    let stems = Dictionary(zip(names, fileNames(forLayers: names)), uniquingKeysWith: { one, _ in one })
    (self.subject, self.layers) = try subject.liftingUpperBounds(
      of: named.map {
        StudiedLayer(name: $0.name, value: $0.value, units: $0.units, stem: stems[$0.name] ?? $0.stem)
      })
    self.dataset = dataset
    self.units = units
    self.top = top
    self.rule = rule
    readsBeforeRectifier = isBefore
    self.isInterior = isInterior
    self.onlySearches = onlySearches
    self.hasControls = hasControls
    self.isStrict = isStrict
    try units.check(self.layers)
    arrayBytes = try self.layers.reduce(0) { [network = self.subject.network] bytes, layer in
      let field = try FieldGeometry(network, value: layer.value, rule: rule).extents
      return bytes + units.units(of: layer.units).count * top * field.rows * field.columns
        * subject.preprocessing.channels.count * MemoryLayout<Float>.size
    }
    writesArrays = arrays ?? (!units.isAll && arrayBytes <= Self.mostArrayBytes)
  }

  /// What a run of features is a function of.
  public struct Configuration: Codable, Equatable, Sendable {
    public var model: String
    public var modelDigest: String
    public var pictures: String
    public var picturesDigest: String
    public var layers: [String]
    public var units: String
    public var top: Int
    public var rule: String
    public var preActivation: Bool
    public var searchOnly: Bool
    /// Nil in runs from before there was such a choice.
    public var interior: Bool?
    /// The same.
    public var arrays: Bool?
    /// Whether sheets show controls; nil where they do not.
    public var controls: Bool?
    public var preprocessing: Preprocessing
  }

  public var subjects: [Subject] { [subject] }

  public func configuration() throws -> Configuration {
    Configuration(
      model: subject.model, modelDigest: try subject.digest(), pictures: dataset.title,
      picturesDigest: dataset.digest, layers: layers.map(\.name), units: units.description, top: top,
      rule: rule.rawValue, preActivation: readsBeforeRectifier, searchOnly: onlySearches,
      interior: isInterior, arrays: writesArrays, controls: hasControls ? true : nil,
      preprocessing: subject.preprocessing)
  }

  public func result(_ work: Work) throws -> FeatureTable {
    let pictures = try work.prepare(dataset, subject.preprocessing, strict: isStrict)
    let estimate = FeaturesEstimate(study: self, pictures: pictures, threads: work.threads)
    let file = searchFile
    if let note = notesOnInterior { work.listener.note("note: " + note) }
    if try !work.containsSearch(file), let note = try estimate.note() {
      work.listener.note("estimate: " + note)
    }
    let peaks = try work.search(
      layers.map(\.value), keepingAtLeast: depth, within: interiors,
      of: subject, in: pictures, file: file, title: "search")
    let strongest = try strongest(peaks, pictures)
    let table = table(peaks, strongest, pictures)
    try work.first { try work.run.write(json: table, to: "features.json") }
    guard !onlySearches else { return table }
    if try !layers.allSatisfy({ try work.contains("figures/\($0.stem).json") }) {
      work.listener.note("estimate: " + (try estimate.size()))
    }
    _ = try work.findings(of: sheets(strongest, pictures, work))
    try Thumbnails(dataset: dataset, work: work).draw(shown(in: table))
    return table
  }

  /// How many peaks a unit keeps, at least.
  var depth: Int { max(top, ClassCounts.depth(for: dataset)) }

  /// What a search has found so far, as the table of a finished run says it.
  ///
  /// - Throws: `ImageError` where pictures must all be read.
  package func table(ofSearch peaks: PeakTable, in pictures: PreparedPictures) throws -> FeatureTable {
    table(peaks, try strongest(peaks, pictures), pictures)
  }

  /// The file of the search: another ranking is another search, and a run may come to have both.
  var searchFile: String { isInterior ? "search-interior.safetensors" : "search.safetensors" }

  /// For each value the positions whose receptive field lies inside the picture, where only those are looked at.
  private var interiors: [String: PeakSearch.Part] {
    guard isInterior else { return [:] }
    let network = subject.network
    return layers.reduce(into: [:]) { parts, layer in
      let fields = network.fields(below: layer.value, shapes: subject.shapes, throughGates: false)
      guard case .window(let rows, let columns) = fields[network.inputs[0].name],
        let map = subject.shapes[layer.value], map.rank == 4
      else { return }
      func inside(_ reach: Reach, _ positions: Int, _ extent: Int) -> Range<Int> {
        let inside = (0..<positions).filter {
          reach.start($0) >= 0 && reach.start($0) + reach.extent <= extent
        }
        return (inside.first ?? 0)..<((inside.last ?? -1) + 1)
      }
      let down = inside(rows, map.rows, subject.input.rows)
      let across = inside(columns, map.columns, subject.input.columns)
      if !down.isEmpty, !across.isEmpty { parts[layer.value] = (down, across) }
    }
  }

  /// The layers of which no field lies inside the picture, in words; nil where there is none.
  private var notesOnInterior: String? {
    let interiors = interiors
    let without = isInterior ? layers.filter { interiors[$0.value] == nil }.map(\.name) : []
    return without.isEmpty
      ? nil
      : "no receptive field of \(without.joined(separator: ", ")) lies inside the image; all positions are looked at."
  }

  /// A peak, and how its picture's pixels become the network's.
  private typealias Found = (peak: Peak, framing: Framing)

  /// Each layer's units' strongest peaks, by value.
  ///
  /// Each picture's header is read once; one that can no longer be read, as it could be for the search, gives way to the
  /// next.
  private func strongest(_ peaks: PeakTable, _ pictures: PreparedPictures) throws -> [String: [[Found]]] {
    var framings: [Int: Framing?] = [:]
    func framing(of image: Int) throws -> Framing? {
      if let known = framings[image] { return known }
      let framing = try pictures.framing(of: image)
      framings[image] = framing
      return framing
    }
    return try layers.reduce(into: [:]) { found, layer in
      found[layer.value] = try (peaks.layers[layer.value]?.units ?? []).map { kept in
        var strongest: [Found] = []
        for peak in kept where strongest.count < top {
          if let framing = try framing(of: peak.image) { strongest.append((peak, framing)) }
        }
        return strongest
      }
    }
  }

  /// The strongest peaks with paths and boxes, and what is known of their units.
  private func table(
    _ peaks: PeakTable, _ strongest: [String: [[Found]]], _ pictures: PreparedPictures
  ) -> FeatureTable {
    let network = subject.network
    let depth = ClassCounts.depth(for: dataset)
    let counts = depth > 0 ? ClassCounts(dataset, without: pictures.skippedIDs) : nil
    let described = layers.map { layer in
      let field =
        network.fields(below: layer.value, shapes: subject.shapes, throughGates: false)[
          network.inputs[0].name] ?? .whole
      let ledger = peaks.distributions[layer.value]?.ledger
      let units = (peaks.layers[layer.value]?.units ?? []).enumerated().map { unit, kept in
        FeatureTable.Unit(
          unit: unit,
          top: (strongest[layer.value]?[unit] ?? []).map { peak, framing in
            let box = network.receptiveField(field, row: peak.row, column: peak.column, input: subject.input)
            return FeatureTable.Entry(
              image: dataset.items[peak.image].path, value: peak.value, row: peak.row, column: peak.column,
              box: framing.original(box))
          }, active: ledger?.activeShare(unit: unit), selectivity: ledger?.selectivity(unit: unit),
          classes: counts?.classes(of: kept, strongest: depth))
      }
      return FeatureTable.Layer(layer: layer.name, upperBound: layer.upperBound, units: units)
    }
    return FeatureTable(model: subject.name, layers: described)
  }

  /// The sheets of a layer: what is kept of a unit of work.
  struct Sheets: Codable {
    struct Page: Codable {
      var name: String
      var rows: Int
      var columns: Int
    }
    var pages: [Page]
  }

  /// The path of a unit's pictures in the run, without the ends of their names.
  func pictures(of unit: Int, _ layer: StudiedLayer) -> String {
    "gallery/\(rule.rawValue)/\(layer.stem)/\(unit)"
  }

  /// Where the field of a position lies in its tile; nil where all of it is outside the picture.
  package func box(ofRow row: Int, column: Int, _ geometry: FieldGeometry, _ maker: TileMaker) -> Box? {
    let (top, left) = geometry.start(ofRow: row, column: column)
    return maker.box(top: top, left: left, in: (subject.input.rows, subject.input.columns))
  }

  /// Whether all of a unit's pictures have been drawn.
  func hasPictures(of unit: Int, _ layer: StudiedLayer, _ run: RunFolder) -> Bool {
    UnitPicture.File.allCases.allSatisfy { run.contains(pictures(of: unit, layer) + $0.rawValue) }
  }

  /// The same; nil for a unit that has none.
  func shownPicture(of unit: FeatureTable.Unit, _ layer: StudiedLayer) -> String? {
    (unit.top.first?.value ?? 0) > 0 || (readsBeforeRectifier && !unit.top.isEmpty)
      ? pictures(of: unit.unit, layer) : nil
  }

  /// Paths of the pictures that the chosen units' strongest activations are from.
  private func shown(in table: FeatureTable) -> Set<ExactName> {
    Set(
      zip(layers, table.layers).flatMap { layer, described in
        units.units(of: layer.units).flatMap { described.units[$0].top.map { ExactName($0.image) } }
      })
  }

  /// A layer's projections, its arrays and its sheets: each layer is a unit of work.
  private func sheets(
    _ strongest: [String: [[Found]]], _ pictures: PreparedPictures, _ work: Work
  ) -> Stage<StudiedLayer, Sheets> {
    Stage(units: layers, file: { "figures/\($0.stem)" }) { layers, _ in
      try layers.map { layer in
        let kept = (strongest[layer.value] ?? []).map { $0.map(\.peak) }
        do {
          return try LayerSheets(study: self, layer: layer, kept: kept, pictures: pictures, work: work)
            .drawn()
        } catch is Interruption {
          throw Interruption("stopped while projecting \(layer.name); the same command goes on from there.")
        }
      }
    }
  }

  public func report(_ result: FeatureTable, _ work: Work) throws -> Report {
    let shown = dataset.count(without: work.skipped)
    return Report(
      title: "Features of \(result.model)",
      facts: [
        ("model", subject.model), ("images", "\(shown) of \(dataset.title)"), ("rule", rule.rawValue),
        ("preprocessing", "\(subject.preprocessing)"),
      ] + (isInterior ? [("positions", "those whose receptive field lies inside the image")] : [])
        + (notesOnInterior.map { [("note", $0)] } ?? []),
      sections: onlySearches
        ? []
        : try LayerGallery(study: self, work: work).sections(result) + [
          Report.Section("How to read this", explanation.map { .text($0) })
        ], json: [("features.json", result)])
  }

  private var explanation: [String] {
    [
      "Each card is a unit: a feature map of the layer. On the right are patches of the \(top) images that excite it most, "
        + "the strongest first: what the unit can see of each, its receptive field. On the left, each of those activations "
        + "is projected back to pixels (a deconvnet; Zeiler & Fergus 2014) by the rule '\(rule.rawValue)'. A projection "
        + "shows what caused this activation in this image, not what the unit means in general.",
      "Grey in a projection is zero, and brighter and darker are positive and negative. Each has a scale of its own: one "
        + "value in a hundred is beyond it and is shown as black or white (saturated). Hatched is outside the image.",
      "\"max\" is the unit's largest activation in any image"
        + (layers.contains { $0.upperBound != nil }
          ? ", before the upper bound of an activation that has one" : "")
        + ", and \"active in\" the share of images that make it "
        + "positive anywhere. Units are in the order of their selectivity: 0 if all images excite a unit alike, near 1 "
        + "if few do (Vinje & Gallant 2000). Units active in fewer than \(top) images come last. A class is named "
        + "where it is among a unit's strongest images more often than by chance (hypergeometric test, corrected for the "
        + "number of classes, p < 0.01): \"8x (12 of 30)\" is 12 of its 30 strongest images, 8 times as often as among all.",
      "A card opens larger, with the whole images; the arrow keys lead to the next. \"Fitted to the projection\" enlarges "
        + "the part of the field that the projection fills; \"dark where the unit does not look\" dims a patch where the "
        + "projection is nearly zero.",
    ]
  }
}

extension Features {
  /// A run of the same model and pictures may come to have other layers, units and rules: the search is kept, and so are
  /// pictures of units.
  public static let changingSettings: Set = [
    "layers", "units", "top", "rule", "interior", "searchOnly", "arrays", "controls",
  ]

  public func adapt(_ run: RunFolder, from earlier: Data) throws(RunError) {
    struct Header: Decodable { var configuration: Configuration }
    let before = (try? JSONDecoder().decode(Header.self, from: earlier))?.configuration
    try run.remove("index.html")
    let hasSamePeaks = before?.top == top && before?.interior == isInterior
    if !hasSamePeaks { try run.remove("gallery") }
    for file in run.names(in: "gallery") where file.hasSuffix(".js") || file.hasSuffix(".html") {
      try run.remove("gallery/" + file)
    }
    // What a killed process left half written may be of a file that is not written again.
    let galleries = run.names(in: "gallery").map { "gallery/" + $0 }
    let folders = galleries + galleries.flatMap { rule in run.names(in: rule).map { rule + "/" + $0 } }
    for folder in [".", "gallery"] + folders {
      for file in run.names(in: folder) where file.hasSuffix(".partial") {
        try run.remove(folder + "/" + file)
      }
    }
    let isSame =
      hasSamePeaks && before?.units == units.description && before?.rule == rule.rawValue
      && before?.arrays == writesArrays && before?.searchOnly == onlySearches
      && (before?.controls ?? false) == hasControls
    let kept = isSame ? layers.filter { before?.layers.contains($0.name) == true } : []
    var files = Set(kept.flatMap { ["\($0.stem).json", "\($0.stem).safetensors"] })
    for layer in kept {
      let sheets = try? run.read(Sheets.self, from: "figures/\(layer.stem).json")
      files.formUnion((sheets?.pages ?? []).map { $0.name + ".svg" })
    }
    for folder in ["figures", "projections"] {
      for file in run.names(in: folder) where !files.contains(file) { try run.remove(folder + "/" + file) }
      if run.names(in: folder).isEmpty { try run.remove(folder) }
    }
  }
}

extension Features.Configuration {
  /// What an earlier run was a function of.
  ///
  /// - Throws: ``StudyError`` where the folder is no run of features.
  init(ofRun folder: String) throws(StudyError) {
    struct Header: Decodable { var configuration: Features.Configuration }
    guard let header = decoded(Header.self, from: folder + "/run.json") else {
      throw StudyError("\(folder) is not a run of 'features'.")
    }
    self = header.configuration
  }
}
