internal import Attribution
public import Datasets
internal import Figures
internal import Files
public import Images
public import Kernels
internal import Networks
internal import Peaks
internal import Tensors

/// What each feature map looks for: its strongest pictures beside their projections (the paper's figure 2).
public struct Features: Study {
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
  private let isStrict: Bool

  /// Unless layers are named, every convolution and the end of every residual block are searched.
  ///
  /// Products over the channels of maps that an activation follows are searched too. Each unit keeps its
  /// `top` strongest pictures, and the first 64 units of a layer are projected and drawn unless others are chosen.
  /// Activations with an upper bound (ReLU6) are ranked and carried back by their values before it.
  ///
  /// - Throws: `NetworkError` for a layer or a unit that is not there, or ``StudyError``.
  public init(
    _ subject: Subject, _ dataset: Dataset, layers: String? = nil, units: UnitChoice = .init(), top: Int = 9,
    rule: RectifierRule = .deconvnet, beforeRectifier isBefore: Bool = false,
    onlySearching onlySearches: Bool = false, strict isStrict: Bool = false
  ) throws {
    let named = try subject.layers(
      named: layers, usual: subject.featureLayers(beforeRectifier: isBefore), beforeRectifier: isBefore)
    (self.subject, self.layers) = try subject.liftingUpperBounds(of: named)
    self.dataset = dataset
    self.units = units
    self.top = top
    self.rule = rule
    readsBeforeRectifier = isBefore
    self.onlySearches = onlySearches
    self.isStrict = isStrict
    try self.units.check(self.layers)
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
    public var preprocessing: Preprocessing
  }

  public var subjects: [Subject] { [subject] }

  public func configuration() throws -> Configuration {
    Configuration(
      model: subject.model, modelDigest: try subject.digest(), pictures: dataset.title,
      picturesDigest: dataset.digest, layers: layers.map(\.name), units: units.description, top: top,
      rule: rule.rawValue, preActivation: readsBeforeRectifier, searchOnly: onlySearches,
      preprocessing: subject.preprocessing)
  }

  public func result(_ work: Work) throws -> FeatureTable {
    let pictures = try work.prepare(dataset, subject.preprocessing, strict: isStrict)
    if !work.run.contains("search.safetensors"),
      let estimate = try FeaturesEstimate(study: self, pictures: pictures, threads: work.threads).note()
    {
      work.listener.note("estimate: " + estimate)
    }
    let peaks = try work.search(
      layers.map(\.value), keeping: top, of: subject, in: pictures, file: "search.safetensors",
      title: "search")
    let table = try table(peaks, pictures)
    try work.run.write(json: table, to: "features.json")
    if !onlySearches { _ = try work.findings(of: sheets(peaks, pictures, work)) }
    return table
  }

  /// The peaks with paths and boxes; framings come from the pictures' headers, read once each.
  private func table(_ peaks: PeakTable, _ pictures: PreparedPictures) throws -> FeatureTable {
    var framings: [Int: Framing] = [:]
    func framing(of image: Int) throws -> Framing {
      if let known = framings[image] { return known }
      let framing = try pictures.framing(of: image)
      framings[image] = framing
      return framing
    }
    let network = subject.network
    let described = try layers.map { layer in
      let field =
        network.fields(below: layer.value, shapes: subject.shapes, throughGates: false)[
          network.inputs[0].name] ?? .whole
      let units = try (peaks.layers[layer.value]?.units ?? []).enumerated().map { unit, kept in
        FeatureTable.Unit(
          unit: unit,
          top: try kept.map { peak in
            let box = network.receptiveField(field, row: peak.row, column: peak.column, input: subject.input)
            return FeatureTable.Entry(
              image: dataset.items[peak.image].path, value: peak.value, row: peak.row, column: peak.column,
              box: try framing(of: peak.image).original(box))
          })
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

  /// A layer's projections, its arrays and its sheets: each layer is a unit of work.
  private func sheets(_ peaks: PeakTable, _ pictures: PreparedPictures, _ work: Work) -> Stage<
    StudiedLayer, Sheets
  > {
    Stage(units: layers, file: { "figures/\($0.stem)" }) { layers, _ in
      try layers.map { layer in
        let kept = peaks.layers[layer.value]?.units ?? []
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
      title: "What \(result.model) looks for",
      facts: [
        ("model", subject.model), ("pictures", "\(shown) of \(dataset.title)"), ("rule", rule.rawValue),
        ("preparation", "\(subject.preprocessing)"),
      ],
      sections: onlySearches
        ? []
        : try zip(layers, result.layers).map { try section($0, $1, work) } + [
          Report.Section(
            "How to read this",
            .text(
              "Each unit has two grids. On the right are the pictures that excite it most, cut to what the unit can see. "
                + "On the left, each of those activations is carried back to pixels by the rule '\(rule.rawValue)': "
                + "grey is zero, and each projection has a scale of its own. A number beside a unit is its largest value"
                + (layers.contains { $0.upperBound != nil }
                  ? ", before the upper bound of an activation that has one." : ".")
            ))
        ], json: [("features.json", result)])
  }

  private func section(
    _ layer: StudiedLayer, _ described: FeatureTable.Layer, _ work: Work
  ) throws -> Report.Section {
    let sheets = try work.run.read(Sheets.self, from: "figures/\(layer.stem).json")
    let figures = sheets.pages.map {
      Report.Figure(
        file: "figures/\($0.name)", description: "\(layer.name): projections beside pictures, unit by unit",
        extents: ($0.rows, $0.columns))
    }
    let rows = described.units.flatMap { unit in
      unit.top.enumerated().map { rank, entry in
        [
          "\(unit.unit)", "\(rank + 1)", "\(entry.value)", entry.image, "\(entry.row), \(entry.column)",
          "\(entry.box)",
        ]
      }
    }
    let headings = ["unit", "rank", "value", "picture", "row, column", "box in the picture"]
    return Report.Section(layer.name, .figures(figures), .table(ResultTable(headings: headings, rows: rows)))
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
