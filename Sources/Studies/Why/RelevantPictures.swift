internal import Attribution
internal import Datasets
internal import Execution
internal import Figures
internal import Files
internal import Foundation
public import Images
internal import Networks
internal import Peaks
internal import Tensors

/// The pictures in which each unit mattered most for a class, beside those that excited it most: relevance maximisation.
///
/// - Note: Achtibat et al. 2023, "From attribution maps to human-understandable explanations through concept relevance
///   propagation". Relevance, and not activation, ranks the pictures; a unit may be strongly active and matter little.
public struct RelevantPictures: Study, Sendable {
  public static let kind = "relevance"

  public let subject: Subject
  private let features: FeaturesRun
  private let study: Features
  private let table: FeatureTable
  private let plan: ExplanationPlan
  private let label: String
  private let labels: String?
  private let seed: UInt64
  private let isStrict: Bool
  /// What the class folders were taken for, where that should be said.
  public let note: String?
  /// Pictures whose findings are kept together.
  private static let chunk = 64
  /// How many units of a layer the figure shows.
  private static let shown = 12

  /// - Parameters:
  ///   - run: A finished run of features: its model, layers and pictures.
  ///   - label: The class whose score is shared out: `auto` for each picture's most probable one, `true`, an index or a name.
  ///   - labels: A list of true classes in place of class folders.
  ///   - seed: Of all that is drawn by chance.
  ///   - isStrict: Whether a picture that cannot be read is an error.
  /// - Throws: ``StudyError`` where the run is not finished or the class is not there, `AttributionError` for a node without a rule.
  public init(
    ofRun run: String, label: String = "auto", labels: String? = nil, seed: UInt64 = 0,
    strict isStrict: Bool = false
  ) throws {
    features = try FeaturesRun(run)
    table = try features.table()
    study = try features.study(rule: features.rule)
    subject = study.subject
    (self.label, self.labels, self.seed, self.isStrict) = (label, labels, seed, isStrict)
    plan = try ExplanationPlan(
      subject, features.pictures.dataset, .label(label, isProbability: false), labels: labels, seed: seed)
    note = plan.note
    try plan.check([Why.relevanceMethod])
  }

  /// What a run is a function of.
  public struct Configuration: Encodable, Sendable {
    var features: String
    var model: String
    var modelDigest: String
    var pictures: String
    var picturesDigest: String
    var layers: [String]
    var top: Int
    var label: String
    var labels: String?
    var seed: UInt64
    var preprocessing: Preprocessing
  }

  public var subjects: [Subject] { [subject] }

  public func configuration() throws -> Configuration {
    let dataset = features.pictures.dataset
    return Configuration(
      features: features.folder, model: subject.model, modelDigest: try subject.digest(),
      pictures: dataset.title, picturesDigest: dataset.digest, layers: study.layers.map(\.name),
      top: study.top, label: label, labels: labels, seed: seed, preprocessing: subject.preprocessing)
  }

  /// The pictures of some units: `relevance.json` of a run.
  public struct Table: Codable, Sendable {
    /// A picture in which a unit mattered.
    public struct Entry: Codable, Sendable {
      public var image: String
      /// What the unit added to the class's score.
      public var relevance: Float
      /// The same as a share of all that the layer's units added or took, sign aside.
      public var share: Float
      /// Where in the map most of it lies, and what the unit sees there of the picture.
      public var row: Int
      public var column: Int
      public var box: Box
    }

    public struct Unit: Codable, Sendable {
      public var unit: Int
      public var top: [Entry]
      /// How many of these are among the pictures that excite the unit most.
      public var shared: Int
    }

    public struct Layer: Codable, Sendable {
      public var layer: String
      public var units: [Unit]
    }

    public var model: String
    public var label: String
    public var layers: [Layer]
  }

  /// What was found of some pictures: of each layer each unit's strongest.
  private struct Chunk: Codable {
    struct Found: Codable {
      var image: Int
      var relevance: Float
      var share: Float
      var row: Int
      var column: Int

      /// Larger first, then lower images.
      func precedes(_ other: Found) -> Bool { (-relevance, image) < (-other.relevance, other.image) }
    }
    var layers: [[[Found]]]
  }

  public func result(_ work: Work) throws -> Table {
    let pictures = try work.prepare(features.pictures.dataset, subject.preprocessing, strict: isStrict)
    let chunks = Swift.stride(from: 0, to: pictures.count, by: Self.chunk).map {
      $0..<min($0 + Self.chunk, pictures.count)
    }
    let mean = try subject.meanInput()
    let desks = try (0..<work.threads).map { _ in try ExplanationDesk(subject, threads: 1, work.cancellation)
    }
    let found = try work.findings(
      of: Stage<Range<Int>, Chunk>(
        units: chunks, title: "relevance", counted: "groups of \(Self.chunk) images",
        file: { "relevance/\($0.lowerBound)" },
        isSound: { range, chunk in
          chunk.layers.map(\.count) == study.layers.map(\.units)
            && chunk.layers.allSatisfy { $0.allSatisfy { $0.allSatisfy { range.contains($0.image) } } }
        }
      ) { some, _ in
        try some.map { range in
          let each = try Pool.map(over: range, with: desks) { id, desk in
            try relevances(of: id, pictures, desk, mean)
          }
          var chunk = Chunk(layers: study.layers.map { Array(repeating: [], count: $0.units) })
          for image in each.compactMap(\.self) { join(image, into: &chunk) }
          return chunk
        }
      }
    ).compactMap(\.self)
    try work.requireReadable(pictures)
    var all = Chunk(layers: study.layers.map { Array(repeating: [], count: $0.units) })
    for chunk in found { join(chunk.layers, into: &all) }
    return try table(all, pictures)
  }

  private func join(_ more: [[[Chunk.Found]]], into chunk: inout Chunk) {
    for (layer, units) in more.enumerated() {
      for (unit, some) in units.enumerated() where !some.isEmpty {
        chunk.layers[layer][unit] = Array(
          (chunk.layers[layer][unit] + some).sorted { $0.precedes($1) }.prefix(study.top))
      }
    }
  }

  /// What each unit of each layer added in a picture, where it added at all; nil for one that cannot be read.
  private func relevances(
    of id: Int, _ pictures: PreparedPictures, _ desk: ExplanationDesk, _ mean: Tensor
  ) throws -> [[[Chunk.Found]]]? {
    guard let input = try pictures.tensor(id) else { return nil }
    let explainer = try desk.explainer(try plan.target(of: id, input, desk))
    let shared = try explainer.units(
      of: input, in: study.layers.map(\.value), by: .relevance(Why.relevanceMethod),
      plan.settings(for: input, id, mean: mean))
    return study.layers.map { layer in
      let sums = shared.sums(of: layer.value)
      let whole = Float(sums.reduce(0) { $0 + abs($1) })
      var found = [[Chunk.Found]](repeating: [], count: layer.units)
      guard let map = shared.shares[layer.value], sums.count == layer.units else { return found }
      let elements = map.elements
      let columns = map.shape.rank == 4 ? map.shape.columns : 1
      for unit in sums.indices where sums[unit] > 0 {
        var best = unit
        for index in stride(from: unit, to: elements.count, by: sums.count)
        where elements[index] > elements[best] {
          best = index
        }
        let place = best / sums.count
        found[unit] = [
          Chunk.Found(
            image: id, relevance: Float(sums[unit]), share: whole > 0 ? Float(sums[unit]) / whole : 0,
            row: place / columns, column: place % columns)
        ]
      }
      return found
    }
  }

  private func table(_ all: Chunk, _ pictures: PreparedPictures) throws -> Table {
    let network = subject.network
    let layers = try zip(study.layers, all.layers).map { layer, units in
      let field =
        network.fields(below: layer.value, shapes: subject.shapes, throughGates: false)[
          network.inputs[0].name] ?? .whole
      let excited = table.layers.first { $0.layer == layer.name }?.units ?? []
      return Table.Layer(
        layer: layer.name,
        units: try units.enumerated().map { unit, found in
          let top = try found.compactMap { entry -> Table.Entry? in
            guard let framing = try pictures.framing(of: entry.image) else { return nil }
            let box = network.receptiveField(
              field, row: entry.row, column: entry.column, input: subject.input)
            return Table.Entry(
              image: pictures.dataset.items[entry.image].path, relevance: entry.relevance, share: entry.share,
              row: entry.row, column: entry.column, box: framing.original(box))
          }
          let strongest = Set(unit < excited.count ? excited[unit].top.map(\.image) : [])
          return Table.Unit(unit: unit, top: top, shared: top.count { strongest.contains($0.image) })
        })
    }
    return Table(model: subject.name, label: label, layers: layers)
  }

  // MARK: Report

  public func report(_ result: Table, _ work: Work) throws -> Report {
    let what =
      label == "auto" ? "each image's most probable class" : label == "true" ? "each image's class" : label
    let figures = zip(study.layers, result.layers).map { layer, found in
      Report.Figure(
        file: "figures/\(layer.stem)",
        description: "\(layer.name): images that excite units most, and those in which they matter most"
      ) { try drawing(layer, found, what) }
    }
    let overlaps = ResultTable(
      headings: ["layer", "units that ever add", "of their images, also among the strongest"],
      rows: result.layers.map { layer in
        let some = layer.units.filter { !$0.top.isEmpty }
        let shares = some.map { Double($0.shared) / Double($0.top.count) }
        return [
          layer.layer, "\(some.count)", some.isEmpty ? "" : (shares.mean * 100).fixed(decimals: 0) + " %",
        ]
      })
    return Report(
      title: "Where units of \(subject.title) matter",
      facts: [
        ("model", subject.model), ("images", features.pictures.dataset.title), ("features", features.folder),
        ("for", what),
      ],
      sections: [
        Report.Section(
          "Images by relevance",
          [
            .figures(figures), .table(overlaps),
            .text(
              "How to read this: of each layer the \(Self.shown) units that ever add the most. On the left what excites the unit "
                + "most, on the right where it added most to the score of \(what), by relevance (LRP, epsilon-plus). Where both "
                + "differ the unit is often active without being used."),
          ])
      ], json: [("relevance.json", result)],
      summary: overlaps.rows.map {
        "\($0[0]): \($0[1]) units ever add; \($0[2]) of their images are among their strongest too."
      })
  }

  private func drawing(_ layer: StudiedLayer, _ found: Table.Layer, _ what: String) throws -> Drawing {
    let excited = table.layers.first { $0.layer == layer.name }?.units ?? []
    let best = found.units.filter { !$0.top.isEmpty }.sorted {
      (-$0.top[0].relevance, $0.unit) < (-$1.top[0].relevance, $1.unit)
    }.prefix(Self.shown)
    return try PairedPatches.drawing(
      title: "\(subject.title) · \(layer.name)",
      subtitle: "left: excites the unit most; right: in which it added most to \(what)",
      units: try best.map { unit in
        PairedPatches.Unit(
          title: "unit \(unit.unit): \(unit.shared) of \(unit.top.count) in both",
          excited: try (unit.unit < excited.count ? excited[unit.unit].top : []).prefix(9).compactMap {
            try features.patch($0.image, $0.box)
          },
          relevant: try unit.top.prefix(9).compactMap { try features.patch($0.image, $0.box) })
      })
  }
}
