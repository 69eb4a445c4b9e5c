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
public struct Explain: Study, Sendable {
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
  private let plan: ExplanationPlan
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
    plan = try ExplanationPlan(
      subject, dataset, goal, labels: labels, baseline: baseline, layer: layer, points: points, seed: seed)
    note = plan.note
    try plan.check(self.methods)
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
    let (run, cancellation) = (work.run, work.cancellation)
    let mean = try subject.meanInput()
    let areQuick = methods.allSatisfy(\.isQuick)
    let shared = try ExplanationDesk(subject, threads: work.threads, cancellation)
    let desks =
      try areQuick
      ? (0..<work.threads).map { _ in try ExplanationDesk(subject, threads: 1, cancellation) } : []
    var others: [Tensor]?
    return Stage(
      units: Array(dataset.items.indices), title: "explain", counted: "maps", weight: methods.count,
      group: areQuick ? work.threads : 1, file: file,
      isSound: { _, found in Set(found.methods.keys) == Set(methods.map(\.rawValue)) }
    ) { ids, show in
      // Several pictures are explained side by side; a single one, or one that takes many passes, has all threads.
      if ids.count > 1 {
        return try Pool.map(over: ids.indices, with: desks) { place, desk in
          try explained(ids[place], pictures, desk, mean, [], run, cancellation)
        }
      }
      if methods.contains(.expectedGradients), others == nil { others = try plan.baselines(from: pictures) }
      return try ids.map {
        try explained($0, pictures, shared, mean, others ?? [], run, cancellation, show)
      }
    }
  }

  /// What all methods say of a picture, written to the run; nil for a picture that cannot be read.
  private func explained(
    _ id: Int, _ pictures: PreparedPictures, _ desk: ExplanationDesk, _ mean: Tensor, _ others: [Tensor],
    _ run: RunFolder, _ cancellation: Cancellation, _ show: (Int) -> Void = { _ in }
  ) throws -> Finding? {
    guard let input = try pictures.tensor(id) else { return nil }
    let target = try plan.target(of: id, input, desk)
    let settings = plan.settings(for: input, id, mean: mean, startingFrom: others)
    var arrays: [String: Tensor] = [:]
    var finding = Finding(class: nil, unit: nil, score: 0, methods: [:])
    switch target {
    case .unit: if case .unit(let text) = goal { finding.unit = text }
    case .score(_, let index), .probability(_, let index): finding.class = index
    }
    for (number, method) in methods.enumerated() {
      let found = try desk.explainer(target).explain(input, by: method, settings) { _, _ in
        try cancellation.check("stopped at image \(id + 1); the same command goes on from there.")
      }
      guard found.values.elements.allSatisfy(\.isFinite), found.score.isFinite else {
        throw StudyError(
          "\(method.rawValue) of \(dataset.items[id].path) has values that are not finite (NaN, or infinite). Check the network's "
            + "weights and how images are preprocessed.")
      }
      arrays[method.rawValue] = found.values
      finding.score = found.score
      let starts = [.integratedGradients, .deeplift, .rise].contains(method)
      finding.methods[method.rawValue] = Finding.Detail(
        points: found.points,
        baseline: starts ? baseline.rawValue : method == .expectedGradients ? "pictures" : nil,
        completenessError: found.completenessError,
        sum: found.values.elements.reduce(0) { $0 + Double($1) })
      show(number + 1)
    }
    try SafeTensors(arrays).write(to: try run.preparedPath(of: file(id) + ".safetensors"))
    return finding
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
