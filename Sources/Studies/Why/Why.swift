internal import Attribution
public import Datasets
internal import Execution
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Kernels
internal import Networks
internal import Tensors

/// Which units carry a decision, where in the picture, and what each of them likes: two walks back, and a run of features.
public struct Why: Study, Sendable {
  public static let kind = "why"

  /// How units share a decision.
  public enum Sharing: String, CaseIterable, Sendable {
    case relevance, conductance, deeplift
  }

  public let subject: Subject
  public let dataset: Dataset
  public let layers: [StudiedLayer]
  private let features: FeaturesRun
  private let table: [FeatureTable.Layer]
  private let plan: ExplanationPlan
  private let goal: Explain.Goal
  private let labels: String?
  private let sharing: Sharing
  private let baseline: OccluderFill
  private let units: Int
  private let seed: UInt64
  private let isStrict: Bool
  private let names: [String]
  /// What the class folders were taken for, where that should be said.
  public let note: String?

  /// Of each layer the units are shown that add the most, with the pictures of a run of features that excite them most.
  ///
  /// - Parameters:
  ///   - run: A finished run of features, which says the model, the layers and how pictures are prepared.
  ///   - dataset: The pictures.
  ///   - layers: Names of some of the run's layers; nil for the last three whose units are no classes.
  ///   - goal: The class's score, or the unit, that is explained.
  ///   - labels: A list of true classes in place of class folders.
  ///   - sharing: How units share the class's score.
  ///   - baseline: What conductance and DeepLIFT compare with.
  ///   - units: How many units of each layer are shown.
  ///   - model: Where the model's file is now; nil for where the run had it.
  ///   - place: Where the run's pictures are now; nil for where it had them.
  ///   - seed: Of all that is drawn by chance.
  ///   - isStrict: Whether a picture that cannot be read is an error.
  /// - Throws: ``StudyError`` where the run is not finished, or has no such layer; `AttributionError` where a node has no rule.
  public init(
    ofRun run: String, _ dataset: Dataset, layers: String? = nil,
    goal: Explain.Goal = .label("auto", isProbability: false), labels: String? = nil,
    sharing: Sharing = .relevance, baseline: OccluderFill = .mean, units: Int = 4,
    model: String? = nil, pictures place: String? = nil, seed: UInt64 = 0, strict isStrict: Bool = false
  ) throws {
    features = try FeaturesRun(run, pictures: place)
    let found = try features.table()
    let study = try features.study(model: model, rule: features.rule)
    (subject, self.dataset) = (study.subject, dataset)
    plan = try ExplanationPlan(
      subject, dataset, goal, labels: labels, baseline: baseline, seed: seed)
    note = plan.note
    let named = try layers.map { try study.subject.layers(named: $0, usual: []).map(\.name) }
    for name in named ?? [] where !study.layers.contains(where: { $0.name == name }) {
      throw StudyError(
        "\(run) has not searched the layer '\(name)'; it has \(study.layers.map(\.name).joined(separator: ", "))."
      )
    }
    let (network, shapes, value) = (study.subject.network, study.subject.shapes, plan.value ?? "")
    let below = network.weighted(below: value)
    let maps = study.layers.filter { layer in
      if let named { return named.contains(layer.name) }
      // Nothing with weights comes after the classifier's own units, which are the classes.
      let own = network.weighted(below: layer.value)
      return shapes[layer.value]?.rank == 4 && own.count < below.count && own.allSatisfy(below.contains)
    }
    let chosen = named == nil ? maps.suffix(3) : maps
    self.layers = chosen
    table = chosen.compactMap { layer in found.layers.first { $0.layer == layer.name } }
    guard !chosen.isEmpty else {
      throw StudyError(
        "no layer of \(run) comes before what is explained. Search earlier ones, or name another class or unit."
      )
    }
    guard table.count == chosen.count else {
      throw StudyError(
        "\(run)/features.json does not have the layers that its run.json names. Make the run again.")
    }
    (self.goal, self.labels, self.sharing, self.baseline) = (goal, labels, sharing, baseline)
    (self.units, self.seed, self.isStrict) = (units, seed, isStrict)
    names = dataset.resultNames
    try plan.check([Self.method(sharing)])
  }

  /// How relevance is carried: z+ in convolutions, epsilon above them.
  static let relevanceMethod = Method.lrpEpsilonPlus

  private static func method(_ sharing: Sharing) -> Method {
    switch sharing {
    case .relevance: relevanceMethod
    case .conductance: .gradient
    case .deeplift: .deeplift
    }
  }

  private var rule: Explainer.Sharing {
    switch sharing {
    case .relevance: .relevance(Self.method(.relevance))
    case .conductance: .conductance
    case .deeplift: .rescale
    }
  }

  /// What a run is a function of.
  public struct Configuration: Encodable, Sendable {
    var features: String
    var model: String
    var modelDigest: String
    var pictures: String
    var picturesDigest: String
    var layers: [String]
    var label: String?
    var unit: String?
    var labels: String?
    var sharing: String
    var baseline: String
    var units: Int
    var seed: UInt64
    var preprocessing: Preprocessing
  }

  public var subjects: [Subject] { [subject] }

  public func configuration() throws -> Configuration {
    var (label, unit): (String?, String?) = (nil, nil)
    switch goal {
    case .label(let text, _): label = text
    case .unit(let text): unit = text
    }
    return Configuration(
      features: features.folder, model: subject.model, modelDigest: try subject.digest(),
      pictures: dataset.title, picturesDigest: dataset.digest, layers: layers.map(\.name), label: label,
      unit: unit, labels: labels, sharing: sharing.rawValue, baseline: baseline.rawValue, units: units,
      seed: seed,
      preprocessing: subject.preprocessing)
  }

  /// Who decided of a picture: `why/PICTURE.json`.
  public struct Finding: Codable, Sendable {
    public struct Unit: Codable, Sendable {
      public var unit: Int
      /// What it adds to the score.
      public var adds: Double
      /// Its strongest activation in the picture, and where.
      public var activation: Float
      public var row: Int
      public var column: Int
    }

    public struct Layer: Codable, Sendable {
      public var layer: String
      /// What all its units add.
      public var sum: Double
      /// How far that is from what it should be, as a share of it; nil where some paths go around the layer.
      public var error: Double?
      /// Those that add the most, largest first.
      public var units: [Unit]
    }

    /// The class explained; nil where a unit is.
    public var `class`: Int?
    /// The unit explained, as `conv5:17`; nil where a class is.
    public var unit: String?
    public var score: Float
    public var layers: [Layer]
  }

  /// How many pictures have a page; what was found of them are files of the run.
  public struct Explained: Encodable, Sendable {
    public var pictures: Int
    var findings: [Finding?]

    private enum CodingKeys: CodingKey { case pictures }
  }

  public func result(_ work: Work) throws -> Explained {
    let pictures = try work.prepare(dataset, subject.preprocessing, strict: isStrict)
    let findings = try work.findings(of: stage(pictures, work))
    try work.requireReadable(pictures)
    return Explained(pictures: dataset.count(without: work.skipped), findings: findings)
  }

  private func file(_ id: Int) -> String { "why/\(names[id])" }

  private static func array(_ layer: StudiedLayer, _ unit: Int) -> String { "\(layer.name):\(unit)" }

  private func stage(_ pictures: PreparedPictures, _ work: Work) throws -> Stage<Int, Finding> {
    let mean = try subject.meanInput()
    let desk = try ExplanationDesk(subject, threads: work.threads, work.cancellation)
    let runner = try Runner(
      subject.network, keeping: layers.map(\.value), threads: work.threads, cancellation: work.cancellation)
    return Stage(
      units: Array(dataset.items.indices), title: "ask units", counted: "images", file: file,
      isSound: { _, found in found.layers.map(\.layer) == layers.map(\.name) }
    ) { ids, _ in
      try ids.map { id in
        try work.cancellation.check("stopped at image \(id + 1); the same command goes on from there.")
        guard let input = try pictures.tensor(id) else { return nil }
        let target = try plan.target(of: id, input, desk)
        let settings = plan.settings(for: input, id, mean: mean)
        let explainer = try desk.explainer(target)
        let shared = try explainer.units(of: input, in: layers.map(\.value), by: rule, settings)
        let trace = try runner.forward(input)
        var arrays: [String: Tensor] = [:]
        let found = try layers.map { layer in
          let sums = shared.sums(of: layer.value)
          guard sums.allSatisfy(\.isFinite) else {
            throw StudyError(notFinite: layer.value, in: dataset.items[id].path, of: subject.model)
          }
          let best = sums.indices.filter { sums[$0] > 0 }.sorted { (-sums[$0], $0) < (-sums[$1], $1) }
            .prefix(units)
          let places = try explainer.places(
            of: shared, input, in: layer.value, units: Array(best), by: rule, settings)
          for (unit, place) in zip(best, places) { arrays[Self.array(layer, unit)] = place }
          arrays[layer.name] = Tensor([sums.count], elements: sums.map { Float($0) })
          return Finding.Layer(
            layer: layer.name, sum: sums.reduce(0, +), error: shared.errors[layer.value],
            units: best.map { Finding.Unit($0, adds: sums[$0], in: trace[layer.value]) })
        }
        try SafeTensors(arrays).write(to: try work.run.preparedPath(of: file(id) + ".safetensors"))
        var unit: String?
        if case .unit(let text) = goal { unit = text }
        return Finding(class: target.label, unit: unit, score: shared.score, layers: found)
      }
    }
  }

  // MARK: Report

  public func report(_ result: Explained, _ work: Work) throws -> Report {
    let pictures = try work.prepare(dataset, subject.preprocessing, strict: isStrict)
    let shown = result.findings.indices.compactMap { id in result.findings[id].map { (id: id, found: $0) } }
    let what =
      switch sharing {
      case .relevance: "relevance (LRP, epsilon-plus)"
      case .conductance: "conductance (integrated gradients of the layer)"
      case .deeplift: "DeepLIFT's rescale rule"
      }
    return Report(
      title: "Why \(subject.title) says so, in units",
      facts: [
        ("model", subject.model), ("images", dataset.title), ("features", features.folder),
        ("shared by", what),
      ] + (sharing == .relevance ? [] : [("baseline", baseline.rawValue)]),
      sections: [
        Report.Section(
          "Why, in units",
          [
            .figures(
              shown.map { id, found in
                Report.Figure(file: "figures/\(names[id])", description: sentence(id, found)) {
                  try drawing(id, found, pictures, work)
                }
              }),
            .text(
              "How to read this: each row is a layer, each card a unit that adds much to the class's score, the most on the left. Its "
                + "image is light where in the picture what it adds comes from, carried back from that unit alone. The nine patches "
                + "below are what excites the unit most among \(features.pictures.dataset.title). What units add is in units of the "
                + "score, and of one layer adds up to it only where every path passes that layer. "
                + (sharing == .relevance
                  ? ""
                  : "A unit may add by being quieter than at the baseline: its activation here is then small. ")
                + "That a unit takes part does not "
                + "say that the class could not be found without it."),
          ])
      ], json: [], summary: shown.map(sentence))
  }

  private func name(of found: Finding) -> String {
    found.class.map { subject.network.name(ofClass: $0) } ?? found.unit ?? ""
  }

  /// Who decided, in a sentence.
  private func sentence(_ id: Int, _ found: Finding) -> String {
    let last = found.layers.last
    let units = (last?.units ?? []).map { "\($0.unit) (\($0.adds.significant))" }
    return
      "\(dataset.items[id].path): \(name(of: found)), \(Double(found.score).significant), "
      + (units.isEmpty
        ? "to which no unit of \(last?.layer ?? "") adds"
        : "to which units of \(last?.layer ?? "") add the most: \(units.joined(separator: ", "))") + "."
  }

  private func drawing(
    _ id: Int, _ found: Finding, _ pictures: PreparedPictures, _ work: Work
  ) throws -> Drawing {
    guard let picture = try pictures.seen(id) else {
      throw StudyError("\(dataset.items[id].path) can no longer be read.")
    }
    let arrays = try SafeTensors(reading: work.run.path(of: file(id) + ".safetensors")).tensors
    let rows = try zip(layers, zip(table, found.layers)).map { layer, described in
      WhySheet.Row(
        title: layer.name
          + ": its units add \(described.1.sum.significant) of \(Double(found.score).significant)"
          + (described.1.error == nil ? "; some paths go around it" : ""),
        units: try described.1.units.map { unit in
          let known = unit.unit < described.0.units.count ? described.0.units[unit.unit] : nil
          let classes = (known?.classes ?? []).prefix(2).map(\.name)
          return WhySheet.Unit(
            title: "unit \(unit.unit) adds \(unit.adds.significant)",
            note: classes.isEmpty ? "" : "found for " + classes.joined(separator: ", "),
            map: arrays[Self.array(layer, unit.unit)],
            patches: try (known?.top ?? []).prefix(9).compactMap { try features.patch($0.image, $0.box) })
        })
    }
    return try WhySheet.drawing(
      title: "\(name(of: found)), because of these units, here: this is what each of them likes",
      subtitle: "\(dataset.items[id].path) · score \(Double(found.score).significant)", picture: picture,
      rows: rows, columns: units)
  }
}

extension Why.Finding.Unit {
  /// A unit with its strongest activation among a layer's values.
  fileprivate init(_ unit: Int, adds: Double, in maps: Tensor?) {
    self.init(unit: unit, adds: adds, activation: 0, row: 0, column: 0)
    guard let maps, let units = maps.shape.dimensions.last, units > 0 else { return }
    let elements = maps.elements
    let columns = maps.shape.rank == 4 ? maps.shape.columns : 1
    for (place, index) in stride(from: unit, to: elements.count, by: units).enumerated()
    where place == 0 || elements[index] > activation {
      (activation, row, column) = (elements[index], place / columns, place % columns)
    }
  }
}
