public import Attribution
public import Datasets
internal import Execution
internal import Figures
internal import Files
internal import Foundation
internal import Images
public import Kernels
internal import Networks
internal import Peaks
internal import Tensors

/// How far pictures of a network can be believed: projections of units under controls, and methods of attribution held against
/// what the network does when parts of its input are hidden or its weights are others.
public struct Trust: Study {
  public static let kind = "trust"

  public let subject: Subject
  public let dataset: Dataset
  public let layers: [StudiedLayer]
  public let rule: RectifierRule
  public let methods: [Method]
  public let metrics: [MapMetric]
  /// What the class folders were taken for, where that should be said.
  public let note: String?
  private let units: Int
  private let images: Int
  let sample: Int
  let seed: UInt64
  let plan: ExplanationPlan?
  let names: [String]
  private let label: String
  private let baseline: OccluderFill
  private let points: Int?
  private let isStrict: Bool

  /// Of each layer, by default every convolution and the end of every residual block, so many active units are drawn by chance,
  /// and of each so many of its strongest images are projected.
  ///
  /// Where methods are named, they are compared on a sample of the images, explaining the class that the label says (`auto`,
  /// `true`, an index or a name) from a baseline; projections are then made of the layers that are named, if any.
  ///
  /// - Throws: `NetworkError` for a layer that is not there, ``StudyError`` for a class that is not, or `AttributionError` for a
  ///   method that has no rule for a node.
  public init(
    _ subject: Subject, _ dataset: Dataset, layers: String? = nil, units: Int = 8, images: Int = 4,
    rule: RectifierRule = .deconvnet, methods: [Method] = [],
    metrics: [MapMetric] = MapMetric.allCases, label: String = "auto",
    baseline: OccluderFill = .mean, points: Int? = nil, sample: Int = 16, seed: UInt64 = 0,
    strict isStrict: Bool = false
  ) throws {
    (self.subject, self.dataset, self.rule) = (subject, dataset, rule)
    self.layers =
      layers == nil && !methods.isEmpty
      ? [] : try subject.layers(named: layers, usual: subject.featureLayers(beforeRectifier: false))
    (self.units, self.images, self.seed, self.isStrict) = (units, images, seed, isStrict)
    var seen = Set<Method>()
    self.methods = methods.filter { seen.insert($0).inserted }
    self.metrics = MapMetric.allCases.filter(metrics.contains)
    (self.label, self.baseline, self.points, self.sample) = (label, baseline, points, sample)
    names = dataset.resultNames
    plan =
      methods.isEmpty
      ? nil
      : try ExplanationPlan(
        subject, dataset, .label(label, isProbability: false), baseline: baseline, points: points, seed: seed)
    note = plan?.note
    try plan?.check(self.methods)
  }

  /// What a run is a function of.
  public struct Configuration: Encodable, Sendable {
    var model: String
    var modelDigest: String
    var pictures: String
    var picturesDigest: String
    var layers: [String]
    var units: Int
    var images: Int
    var rule: String
    var methods: [String]
    var metrics: [String]
    var label: String
    var baseline: String
    var points: Int?
    var sample: Int
    var seed: UInt64
    var preprocessing: Preprocessing
  }

  public var subjects: [Subject] { [subject] }

  public func configuration() throws -> Configuration {
    Configuration(
      model: subject.model, modelDigest: try subject.digest(), pictures: dataset.title,
      picturesDigest: dataset.digest, layers: layers.map(\.name), units: units, images: images,
      rule: rule.rawValue, methods: methods.map(\.rawValue),
      metrics: metrics.map(\.rawValue), label: label, baseline: baseline.rawValue,
      points: points, sample: sample, seed: seed, preprocessing: subject.preprocessing)
  }

  public func result(_ work: Work) throws -> TrustTable {
    let pictures = try work.prepare(dataset, subject.preprocessing, strict: isStrict)
    let rows = try rows(pictures, work)
    guard !layers.isEmpty else {
      return TrustTable(model: subject.name, rule: rule.rawValue, layers: [], methods: rows)
    }
    let peaks = try work.search(
      layers.map(\.value), keeping: images, of: subject, in: pictures, file: "search.safetensors",
      title: "search")
    let stage = Stage<StudiedLayer, TrustTable.Layer>(
      units: layers, title: "trust", counted: "layers", file: { "trust/\($0.stem)" },
      isSound: { $0.name == $1.layer }
    ) { some, _ in
      try some.map { try described($0, peaks.layers[$0.value]?.units ?? [], pictures, work) }
    }
    let found = try work.findings(of: stage).compactMap(\.self)
    return TrustTable(model: subject.name, rule: rule.rawValue, layers: found, methods: rows)
  }

  /// What is left of a layer's projections, of units drawn from those that are active in at least two images.
  func described(
    _ layer: StudiedLayer, _ peaks: [[Peak]], _ pictures: PreparedPictures, _ work: Work
  ) throws -> TrustTable.Layer {
    var generator = SeededGenerator(mixing: [seed, UInt64(peaks.count)])
    let peaks = peaks.map { Array($0.prefix(images)) }
    let active = peaks.indices.filter { peaks[$0].count(where: { $0.value > 0 }) >= min(2, images) }
    let chosen = active.shuffled(using: &generator).prefix(units).sorted()
    let network = subject.network
    let controls = try ProjectionControls(network, value: layer.value, rule: rule, threads: work.threads)
    // From the layer itself down, and from the input up: a quarter of the layers with weights more each time.
    let weighted = network.weighted(below: layer.value)
    let counts = Set([0.25, 0.5, 0.75, 1].map { Int(($0 * Double(weighted.count)).rounded(.up)) }).sorted()
    func pass(_ nodes: ArraySlice<String>) throws -> ProjectionControls.Pass {
      try .init(network.shufflingWeights(of: Set(nodes)), layer.value, rule, work.threads)
    }
    let shares = counts.filter { $0 > 0 }.map { Double($0) / Double(weighted.count) }
    let passes = try counts.filter { $0 > 0 }.map { count in
      (down: try pass(weighted.suffix(count)), up: try pass(weighted.prefix(count)))
    }
    var found: [String: [Similarity]] = [:]
    var (down, up) = (
      [[Similarity]](repeating: [], count: shares.count), [[Similarity]](repeating: [], count: shares.count)
    )
    var samples = 0
    for unit in chosen {
      try work.cancellation.check("stopped in \(layer.name); the same command goes on from there.")
      let own = try peaks[unit].filter { $0.value > 0 }.compactMap { peak in
        try pictures.tensor(peak.image).map {
          ProjectionControls.Sample(unit: unit, row: peak.row, column: peak.column, input: $0)
        }
      }
      for (sample, controlled) in zip(own, try controls.controlled(own)) {
        samples += 1
        let evidence = controlled.evidence.pixels
        for (kind, control) in controlled.controls {
          if let alike = Similarity(evidence, control.pixels) {
            found[kind.rawValue, default: []].append(alike)
          }
        }
        let edges = sample.input.edges(
          top: controlled.evidence.top, left: controlled.evidence.left, rows: evidence.shape[0],
          columns: evidence.shape[1])
        let sizes = Tensor(edges.shape, elements: Similarity.magnitudes(evidence))
        if let alike = Similarity(sizes, edges) { found["sobel", default: []].append(alike) }
        for (place, pass) in passes.enumerated() {
          for (isDown, one) in [(true, pass.down), (false, pass.up)] {
            let trace = try one.runner.forward(sample.input)
            let control = try one.project(try one.evidence(sample, trace))
            guard let alike = Similarity(evidence, control.pixels) else { continue }
            if isDown { down[place].append(alike) } else { up[place].append(alike) }
          }
        }
      }
    }
    func steps(_ all: [[Similarity]]) -> [TrustTable.Step] {
      zip(shares, all).compactMap { share, some in
        Similarity.mean(some).map {
          .init(share: share, projections: some.count, cosine: $0.cosine, rank: $0.rank)
        }
      }
    }
    return TrustTable.Layer(
      layer: layer.name, units: chosen.count, projections: samples,
      controls: found.compactMapValues(Similarity.mean), fromTop: steps(down), fromBottom: steps(up))
  }

  // MARK: Report

  public func report(_ result: TrustTable, _ work: Work) throws -> Report {
    let projections = projections(result)
    let methods = result.methods
    return Report(
      title: methods.isEmpty
        ? "How far projections of \(subject.title) show their units"
        : "How far pictures of \(subject.title) can be believed",
      facts: [("model", subject.model), ("images", dataset.title)]
        + (layers.isEmpty ? [] : [("rule", rule.rawValue)])
        + (methods.isEmpty ? [] : [("class", label), ("baseline", baseline.rawValue)]),
      sections: (projections.map { [$0.section] } ?? []) + sections(of: methods),
      json: [("trust.json", result)],
      texts: (projections.map { [("trust.csv", $0.csv)] } ?? [])
        + (methods.isEmpty ? [] : [("methods.csv", MethodRow.table(methods).csv)]),
      summary: result.layers.map(\.sentence)
        + (methods.isEmpty
          ? [] : MethodRow.tables(methods).map { $0.title + "\n" + $0.table.aligned } + Self.caveats))
  }

  private func projections(_ result: TrustTable) -> (section: Report.Section, csv: String)? {
    guard !result.layers.isEmpty else { return nil }
    let kinds = TrustTable.kinds
    let numbers = ResultTable(
      headings: ["layer", "units", "projections"]
        + kinds.flatMap { ["\($0.title), cosine", "\($0.title), rank"] },
      rows: result.layers.map { layer in
        [layer.layer, "\(layer.units)", "\(layer.projections)"]
          + kinds.flatMap { kind in
            let found = layer.controls[kind.name]
            return [found?.cosine, found?.rank].map { $0.map { $0.fixed(decimals: 2) } ?? "" }
          }
      })
    let chart = chart(of: result)
    let section = Report.Section(
      "Projections by layer", .figure("figures/trust", chart.description) { chart }, .table(numbers),
      .text(result.layers.map(\.sentence).joined(separator: " ")),
      .text(
        "How to read this: the nearer a cosine is to 1, the more a projection is what the control says and the less its unit. "
          + "Another image's switches: the same activation carried back as another image's pass went. Another unit: the "
          + "strongest other one at the same place. Switches by chance: a random winner in every window. Another image: the same unit's next image. Random weights: every layer's "
          + "weights shuffled. The image's edges (Sobel) are compared by size alone: a rank near 1 would say that a "
          + "projection is an edge detector's picture. No number passes or fails a projection: low cosines under random weights "
          + "are also what noise has."))
    return (section, numbers.csv)
  }

  private func chart(of result: TrustTable) -> Drawing {
    let series = TrustTable.kinds.enumerated().map { index, kind in
      Series(
        name: kind.title,
        points: result.layers.enumerated().map { place, layer in
          Series.Point(
            x: Double(place),
            y: layer.controls[kind.name].map { kind.name == "sobel" ? $0.rank : $0.cosine } ?? .nan)
        }, colour: .kind(index), marker: .square)
    }
    return Chart(
      title: "What is left of a projection", xTitle: "layer",
      yTitle: "cosine with it; of edges, rank correlation",
      xTicks: result.layers.enumerated().map { (value: Double($0), label: $1.layer) }, rows: 360, columns: 720
    ).drawing(series)
  }
}

/// What is left of projections under their controls, layer by layer: `trust.json` of a run.
public struct TrustTable: Codable, Sendable {
  /// Some of the layers with weights shuffled, of those below.
  public struct Step: Codable, Sendable {
    /// The share of layers.
    public var share: Double
    /// How many projections the means are of: where the other network is not active there is none.
    public var projections: Int
    public var cosine: Double
    public var rank: Double
  }

  public struct Layer: Codable, Sendable {
    public var layer: String
    public var units: Int
    public var projections: Int
    package var controls: [String: Similarity]
    /// Weights shuffled from the layer down, and from the input up; the signal is then the other network's own activation.
    public var fromTop: [Step]
    public var fromBottom: [Step]

    /// How much of a projection is decided by what, in words.
    var sentence: String {
      func cosine(_ name: String) -> String { controls[name].map { $0.cosine.fixed(decimals: 2) } ?? "none" }
      guard projections > 0 else { return "\(layer): no unit was active often enough." }
      return
        "\(layer): another unit's projection at the same place is as alike as \(cosine("otherUnit")), with another image's "
        + "switches \(cosine("wrongSwitches")), with switches by chance \(cosine("randomSwitches")) is left, with shuffled weights \(cosine("randomWeights")); the unit's next image "
        + "gives \(cosine("otherImage"))."
    }
  }

  public var model: String
  public var rule: String
  public var layers: [Layer]
  /// Methods of attribution, and controls after them; none where none was named.
  public var methods: [MethodRow]

  static let kinds: [(name: String, title: String)] = [
    ("otherUnit", "another unit, same place"), ("wrongSwitches", "another image's switches"),
    ("randomSwitches", "switches by chance"),
    ("randomWeights", "random weights"), ("otherImage", "the unit's next image"),
    ("sobel", "the image's edges"),
  ]
}

extension Tensor {
  /// The size of an input's slope at each position of a window of it, by Sobel's masks, zero beyond its edges: rows x columns x 1.
  func edges(top: Int, left: Int, rows: Int, columns: Int) -> Tensor {
    let (high, wide, channels) = (shape.rows, shape.columns, shape.channels)
    let values = elements
    func grey(_ row: Int, _ column: Int) -> Float {
      let place = (min(max(row, 0), high - 1) * wide + min(max(column, 0), wide - 1)) * channels
      return (0..<channels).reduce(0) { $0 + values[place + $1] }
    }
    return Tensor(
      [rows, columns, 1],
      elements: (0..<rows * columns).map { index in
        let (row, column) = (top + index / columns, left + index % columns)
        guard (0..<high).contains(row), (0..<wide).contains(column) else { return 0 }
        func across(_ row: Int) -> Float { grey(row, column + 1) - grey(row, column - 1) }
        func down(_ column: Int) -> Float { grey(row + 1, column) - grey(row - 1, column) }
        let x = across(row - 1) + 2 * across(row) + across(row + 1)
        let y = down(column - 1) + 2 * down(column) + down(column + 1)
        return (x * x + y * y).squareRoot()
      })
  }
}
