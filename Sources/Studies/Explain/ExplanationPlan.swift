internal import Attribution
internal import Datasets
internal import Execution
internal import Images
internal import Kernels
internal import Networks
internal import Tensors

/// What is explained of each picture of a data set, and from which baseline: settled before a picture is read.
struct ExplanationPlan: Sendable {
  let subject: Subject
  /// What the class folders were taken for, where that should be said.
  let note: String?
  /// The layer of class activation maps; nil for the last maps.
  let camera: StudiedLayer?
  private let goal: Explain.Goal
  private let baseline: OccluderFill
  private let points: Int?
  private let seed: UInt64
  private let truth: [Int: Int]
  private let namedClass: Int?
  private let unit: (layer: StudiedLayer, number: Int)?

  init(
    _ subject: Subject, _ dataset: Dataset, _ goal: Explain.Goal, labels: String? = nil,
    baseline: OccluderFill = .mean, layer: String? = nil, points: Int? = nil, seed: UInt64 = 0
  ) throws {
    (self.subject, self.goal, self.baseline, self.points, self.seed) = (
      subject, goal, baseline, points, seed
    )
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
  }

  /// The value that is explained.
  var value: String? { unit?.layer.value ?? subject.head?.scores }

  /// - Throws: `AttributionError` for the first method that cannot be walked back, before a picture is read.
  func check(_ methods: [Method]) throws {
    guard let value else { return }
    let explainer = try Explainer(subject.network, target: .unit(value: value, unit: 0), threads: 1)
    for method in methods { try explainer.check(method, layer: camera?.value) }
  }

  /// What is explained of a picture.
  func target(of id: Int, _ input: Tensor, _ desk: ExplanationDesk) throws -> Explainer.Target {
    if let unit { return .unit(value: unit.layer.value, unit: unit.number) }
    guard let head = subject.head, case .label(let label, let isProbability) = goal else {
      throw StudyError("\(subject.model) names no classes.")
    }
    let index = try namedClass ?? (label == "true" ? truth[id] : nil) ?? desk.mostProbable(input)
    return isProbability
      ? .probability(value: head.scores, index: index) : .score(value: head.scores, index: index)
  }

  /// What methods leave open, for a picture; expected gradients start from others.
  func settings(
    for input: Tensor, _ id: Int, mean: Tensor, startingFrom others: [Tensor] = []
  ) -> Explainer.Settings {
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
    settings.pictures = others
    settings.layer = camera?.value
    settings.seed = seed &+ UInt64(id)
    return settings
  }

  /// Pictures that expected gradients start from: always the same.
  func baselines(from pictures: PreparedPictures) throws -> [Tensor] {
    var generator = SeededGenerator(mixing: [seed, UInt64(pictures.count)])
    var drawn: [Tensor] = []
    for id in pictures.dataset.items.indices.shuffled(using: &generator) where drawn.count < 32 {
      if let input = try pictures.tensor(id) { drawn.append(input) }
    }
    return drawn
  }
}

/// Networks made ready to explain one picture at a time.
///
/// A class because it keeps what is prepared for the first picture.
final class ExplanationDesk {
  private let subject: Subject
  private let network: Network
  private let threads: Int
  private let cancellation: Cancellation
  private let runner: Runner?
  private var made: Explainer?

  /// Another network than the subject's own, of the same values, may be explained.
  init(_ subject: Subject, network: Network? = nil, threads: Int, _ cancellation: Cancellation) throws {
    (self.subject, self.threads, self.cancellation) = (subject, threads, cancellation)
    self.network = network ?? subject.network
    runner = try subject.head.map {
      try Runner(
        network ?? subject.network, keeping: [$0.scores], threads: threads, cancellation: cancellation)
    }
  }

  /// The explainer of a target; another of the same value needs no new preparation.
  func explainer(_ target: Explainer.Target) throws -> Explainer {
    let explainer =
      try made ?? Explainer(network, target: target, threads: threads, cancellation: cancellation)
    (made, explainer.target) = (explainer, target)
    return explainer
  }

  /// The class with the highest score; the first of several.
  func mostProbable(_ input: Tensor) throws -> Int {
    guard let head = subject.head, let runner else {
      throw StudyError("\(subject.model) names no classes.")
    }
    let elements = try runner.forward(input)[head.scores]?.elements ?? []
    guard elements.allSatisfy(\.isFinite) else {
      throw StudyError("\(subject.model): '\(head.scores)' is not finite (NaN, or infinite).")
    }
    return elements.indices.max { (elements[$0], $1) < (elements[$1], $0) } ?? 0
  }
}
