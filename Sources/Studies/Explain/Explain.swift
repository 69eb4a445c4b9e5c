public import Attribution
public import Datasets
internal import Execution
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Kernels
internal import Networks
internal import Tensors

/// What in each picture a class's score, or a unit's activation, rests on: by several methods of attribution.
public struct Explain: Study {
  public static let kind = "explain"

  /// What is explained of each picture.
  public enum Goal: Hashable, Sendable {
    /// A class by `auto` (the most probable), `true`, an index or a name.
    case label(String, isProbability: Bool)
    /// A unit, as `conv5:17`.
    case unit(String)
  }

  public let subject: Subject
  public let dataset: Dataset
  public let methods: [Method]
  public let goal: Goal
  public let baseline: OccluderFill
  private let layer: String?
  private let points: Int?
  private let seed: UInt64
  private let labels: String?
  private let truth: [Int: Int]
  private let namedClass: Int?
  private let unit: (layer: StudiedLayer, number: Int)?
  private let camera: StudiedLayer?
  private let isStrict: Bool
  private let names: [String]
  /// What the class folders were taken for, where that should be said.
  public let note: String?

  /// Class activation maps are of the last maps unless a layer is named.
  ///
  /// Of each method so many points are looked at, or its own number. Pictures of the data set are what expected gradients start from, 32 of them drawn by chance.
  ///
  /// - Throws: `NetworkError` for a layer or a unit that is not there, or ``StudyError`` for a class that is not, or none at all.
  public init(
    _ subject: Subject, _ dataset: Dataset, methods: [Method],
    goal: Goal = .label("auto", isProbability: false),
    labels: String? = nil, baseline: OccluderFill = .mean, layer: String? = nil, points: Int? = nil,
    seed: UInt64 = 0, strict isStrict: Bool = false
  ) throws {
    (self.subject, self.dataset, self.goal) = (subject, dataset, goal)
    var seen = Set<Method>()
    self.methods = methods.filter { seen.insert($0).inserted }
    (self.baseline, self.layer, self.points) = (baseline, layer, points)
    (self.seed, self.labels, self.isStrict) = (seed, labels, isStrict)
    names = dataset.resultNames
    camera = try layer.map { name in
      let named = try subject.layers(named: name, usual: [])
      guard named.count == 1, let shape = subject.shapes[named[0].value], shape.rank == 4,
        shape.rows * shape.columns > 1
      else {
        throw StudyError("--layer takes one layer whose maps have several positions; '\(name)' has not.")
      }
      return named[0]
    }
    switch goal {
    case .unit(let text):
      let choice = try UnitFigure.Choice(text)
      let layers = try subject.layers(named: choice.layer, usual: [])
      guard layers.count == 1, choice.units.count == 1 else {
        throw StudyError("--unit takes one unit, as \(layers.first?.name ?? "conv5"):17, not '\(text)'.")
      }
      guard choice.units[0] < layers[0].units else {
        throw NetworkError.unknownUnit(unit: choice.units[0], layer: layers[0].name, units: layers[0].units)
      }
      unit = (layers[0], choice.units[0])
      (truth, note, namedClass) = ([:], nil, nil)
    case .label(let label, _):
      unit = nil
      guard let head = subject.head else {
        throw StudyError(
          "\(subject.model) does not end in one score a class, so no class can be explained. Name a unit with --unit LAYER:NUMBER."
        )
      }
      (truth, note) = try subject.trueClasses(of: dataset, labels: labels)
      namedClass =
        try label == "auto" || label == "true"
        ? nil : subject.network.classIndex(of: label, classes: head.classes)
      if label == "true", let missing = dataset.items.first(where: { truth[$0.id] == nil }) {
        throw StudyError(
          "the true class of \(missing.path) is not known. Put images into class folders, or give --labels.")
      }
    }
    // What cannot be walked back is refused before a picture is read.
    if let value = unit?.layer.value ?? subject.head?.scores {
      let explainer = try Explainer(subject.network, target: .unit(value: value, unit: 0), threads: 1)
      for method in self.methods { try explainer.check(method, layer: camera?.value) }
    }
  }

  /// What a run is a function of.
  public struct Configuration: Encodable, Sendable {
    var model: String
    var modelDigest: String
    var pictures: String
    var picturesDigest: String
    var methods: [String]
    var target: String
    var label: String?
    var unit: String?
    var labels: String?
    var baseline: String
    var layer: String?
    var points: Int?
    var seed: UInt64
    var preprocessing: Preprocessing
  }

  public var subjects: [Subject] { [subject] }

  public func configuration() throws -> Configuration {
    var configuration = Configuration(
      model: subject.model, modelDigest: try subject.digest(), pictures: dataset.title,
      picturesDigest: dataset.digest, methods: methods.map(\.rawValue), target: "score", labels: labels,
      baseline: baseline.rawValue, layer: layer, points: points, seed: seed,
      preprocessing: subject.preprocessing)
    switch goal {
    case .unit(let text): configuration.unit = text
    case .label(let label, let isProbability):
      configuration.label = label
      if isProbability { configuration.target = "probability" }
    }
    return configuration
  }

  /// What was found of a picture, beside its arrays: `PICTURE.json`.
  public struct Finding: Codable, Sendable {
    /// How a method came to its values.
    public struct Detail: Codable, Sendable {
      public var points: Int?
      public var baseline: String?
      /// How far the values' sum is from the difference in score, as a share of it.
      public var completenessError: Double?
      /// The sum of all values.
      public var sum: Double
    }

    /// The class explained; nil where a unit is.
    public var `class`: Int?
    /// The unit explained, as `conv5:17`; nil where a class is.
    public var unit: String?
    public var score: Float
    public var methods: [String: Detail]
  }

  /// How many pictures are explained; their findings are files of the run.
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

  private func file(_ id: Int) -> String { "explanations/\(names[id])" }

  private func stage(_ pictures: PreparedPictures, _ work: Work) throws -> Stage<Int, Finding> {
    var made: Explainer?
    func explainer(_ target: Explainer.Target) throws -> Explainer {
      let explainer =
        try made
        ?? Explainer(
          subject.network, target: target, threads: work.threads, cancellation: work.cancellation)
      (made, explainer.target) = (explainer, target)
      return explainer
    }
    let mean = try subject.meanInput()
    let runner = try subject.head.map {
      try Runner(
        subject.network, keeping: [$0.scores], threads: work.threads, cancellation: work.cancellation)
    }
    var others: [Tensor]?
    return Stage(
      units: Array(dataset.items.indices), title: "explain", counted: "maps", weight: methods.count,
      file: file,
      isSound: { _, found in Set(found.methods.keys) == Set(methods.map(\.rawValue)) }
    ) { ids, show in
      try ids.map { id in
        guard let input = try pictures.tensor(id) else { return nil }
        let target = try target(of: id, input, runner)
        var settings = settings(for: input, id, mean)
        if methods.contains(.expectedGradients) {
          let drawn = try others ?? drawn(from: pictures)
          others = drawn
          settings.pictures = drawn
        }
        var arrays: [String: Tensor] = [:]
        var finding = Finding(class: nil, unit: nil, score: 0, methods: [:])
        switch target {
        case .unit: if case .unit(let text) = goal { finding.unit = text }
        case .score(_, let index), .probability(_, let index): finding.class = index
        }
        for (number, method) in methods.enumerated() {
          let found = try explainer(target).explain(input, by: method, settings) { _, _ in
            try work.cancellation.check(
              "stopped at image \(id + 1); the same command goes on from there.")
          }
          guard found.values.elements.allSatisfy(\.isFinite), found.score.isFinite else {
            throw StudyError(
              "\(method.rawValue) of \(dataset.items[id].path) has values that are not finite (NaN, or infinite). Check the network's "
                + "weights and how images are preprocessed.")
          }
          arrays[method.rawValue] = found.values
          finding.score = found.score
          let starts = [.integratedGradients, .rise].contains(method)
          finding.methods[method.rawValue] = Finding.Detail(
            points: found.points,
            baseline: starts ? baseline.rawValue : method == .expectedGradients ? "pictures" : nil,
            completenessError: found.completenessError,
            sum: found.values.elements.reduce(0) { $0 + Double($1) })
          show(number + 1)
        }
        try SafeTensors(arrays).write(to: try work.run.preparedPath(of: file(id) + ".safetensors"))
        return finding
      }
    }
  }

  private func target(of id: Int, _ input: Tensor, _ runner: Runner?) throws -> Explainer.Target {
    if let unit { return .unit(value: unit.layer.value, unit: unit.number) }
    guard let head = subject.head, let runner, case .label(let label, let isProbability) = goal else {
      throw StudyError("\(subject.model) names no classes.")
    }
    let index = try namedClass ?? (label == "true" ? truth[id] : nil) ?? mostProbable(input, head, runner)
    return isProbability
      ? .probability(value: head.scores, index: index) : .score(value: head.scores, index: index)
  }

  private func mostProbable(_ input: Tensor, _ head: ClassHead, _ runner: Runner) throws -> Int {
    let elements = try runner.forward(input)[head.scores]?.elements ?? []
    guard elements.allSatisfy(\.isFinite) else {
      throw StudyError("\(subject.model): '\(head.scores)' is not finite (NaN, or infinite).")
    }
    return elements.indices.max { (elements[$0], $1) < (elements[$1], $0) } ?? 0
  }

  private func settings(for input: Tensor, _ id: Int, _ mean: Tensor) -> Explainer.Settings {
    let preprocessing = subject.preprocessing
    func levels(_ level: Float) -> [Float] {
      (0..<input.shape.channels).map {
        preprocessing.value(ofLevel: level, channel: min($0, preprocessing.mean.count - 1))
      }
    }
    let (black, white) = (levels(0), levels(255))
    var settings = Explainer.Settings(
      baseline: baseline.cover(of: input, preprocessing, mean: mean, seed: seed &+ UInt64(id)),
      cover: OccluderFill.gray.cover(of: input, preprocessing, mean: mean, seed: seed),
      range: (zip(black, white).map { min($0, $1) }, zip(black, white).map { max($0, $1) }))
    settings.points = points
    settings.layer = camera?.value
    settings.seed = seed &+ UInt64(id)
    return settings
  }

  /// Pictures that expected gradients start from: always the same.
  private func drawn(from pictures: PreparedPictures) throws -> [Tensor] {
    var generator = SeededGenerator(mixing: [seed, UInt64(dataset.items.count)])
    var drawn: [Tensor] = []
    for id in dataset.items.indices.shuffled(using: &generator) where drawn.count < 32 {
      if let input = try pictures.tensor(id) { drawn.append(input) }
    }
    return drawn
  }

  // MARK: Report

  public func report(_ result: Explained, _ work: Work) throws -> Report {
    let pictures = try work.prepare(dataset, subject.preprocessing, strict: isStrict)
    let ids = result.findings.indices.filter { result.findings[$0] != nil }
    let figures = Swift.stride(from: 0, to: ids.count, by: 8).enumerated().map { page, start in
      Report.Figure(
        file: "figures/explanations" + (ids.count > 8 ? "-\(page + 1)" : ""),
        description: "a row for each image, a column for each method"
      ) {
        try ExplanationSheet.drawing(
          title: "What \(subject.title) goes by", methods: methods,
          rows: try ids[start..<min(start + 8, ids.count)].compactMap { id in
            try result.findings[id].flatMap { try row(id, $0, pictures, work) }
          })
      }
    }
    return Report(
      title: "What \(subject.title) goes by",
      facts: [
        ("model", subject.model), ("images", dataset.title), ("baseline", baseline.rawValue),
        ("preprocessing", "\(subject.preprocessing)"),
      ],
      sections: [
        Report.Section(
          "Explanations", .figures(figures),
          .text(
            "How to read this: each map is one method's answer, summed over colours, with a scale of its own: red speaks for what is "
              + "explained, blue against it, and white is zero (of RISE its mean). Methods differ because they answer different questions; none of them is "
              + "what the network saw."),
          .table(
            ResultTable(
              headings: ["method", "what it answers"], rows: methods.map { [$0.rawValue, $0.meaning] })))
      ], json: [])
  }

  private func row(
    _ id: Int, _ finding: Finding, _ pictures: PreparedPictures, _ work: Work
  ) throws -> ExplanationSheet.Row? {
    guard let picture = try pictures.seen(id) else { return nil }
    let arrays = try SafeTensors(reading: work.run.path(of: file(id) + ".safetensors"))
    let what = finding.class.map { subject.network.name(ofClass: $0) } ?? finding.unit ?? ""
    return ExplanationSheet.Row(
      caption: "\(dataset.items[id].path): \(what), \(Double(finding.score).significant)", picture: picture,
      maps: methods.map { arrays.tensors[$0.rawValue] })
  }
}
