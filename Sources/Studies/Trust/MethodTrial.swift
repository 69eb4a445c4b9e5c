internal import Attribution
internal import Datasets
internal import Execution
internal import Foundation
internal import Images
internal import Networks
internal import Tensors

/// What was found of one picture's maps: `trust/images/PICTURE.json` of a run.
struct PictureTrial: Codable {
  /// What was found of one map.
  struct Map: Codable {
    struct Curves: Codable {
      var probability: HidingCurves
      var score: HidingCurves
    }

    /// By what the hidden positions show.
    var curves: [String: Curves]
    var road: Double?
    var infidelity: Double?
    /// How far the map moves when the picture hardly does: the most of several times; nil where it was not measured.
    var sensitivity: Double?
    /// How like it is to the same method's map of another class.
    var otherClass: Similarity?
    var entropy: Double
    var localization: Localization?
    var parts: Parts?
  }

  /// Where the parts of the object are known, and what each does.
  struct Parts: Codable {
    /// Whether the map's maximum lies on the object.
    var isOnObject: Bool
    /// Whether it lies on the part whose removal takes the most from the score.
    var isOnDecisive: Bool
    /// The rank correlation (Spearman) of the map's sums over parts with what removing each takes from the score; nil where
    /// there are fewer than three parts.
    var correlation: Double?
  }

  var `class`: Int
  var maps: [String: Map]

  /// Whether it has these maps, and their curves all of their steps.
  func isWhole(_ names: [String]) -> Bool {
    names.allSatisfy { name in
      maps[name]?.curves.values.allSatisfy { curves in
        [curves.probability, curves.score].allSatisfy {
          [$0.mostFirst.count, $0.leastFirst.count] == [HidingCurves.steps + 1, HidingCurves.steps + 1]
        }
      } ?? false
    }
  }
}

/// Where a picture's object is in the network's input, and what each of its parts does to the score.
struct KnownObject {
  var boxes: [Box]
  var mask: [Bool]?
  var parts: [(mask: [Bool], fall: Double)] = []

  /// - Returns: Nil where nothing of the class is known to be in the picture.
  init?(
    _ id: Int, showing label: Int, _ subject: Subject, _ pictures: PreparedPictures, _ scores: ClassScores
  ) throws {
    let dataset = pictures.dataset
    guard let framing = try pictures.framing(of: id) else { return nil }
    var names = Set([subject.network.name(ofClass: label)])
    if dataset.items[id].label == label, let own = dataset.classNames?[label] { names.insert(own) }
    boxes = dataset.regions(of: id).filter { names.contains($0.name) }.map { framing.input($0.box) }
    guard !boxes.isEmpty else { return nil }
    guard let removals = dataset.partRemovals(of: id) else { return }
    mask = framing.input(removals.object)
    let preprocessing = subject.preprocessing
    let inputs = [try dataset.picture(id)] + removals.parts.map(\.without)
    let readings = try scores.readings(inputs.count, of: label) {
      try inputs[$0].prepared(preprocessing).tensor
    }
    parts = zip(removals.parts, readings.dropFirst()).compactMap { part, reading in
      let mask = framing.input(part.mask)
      return mask.contains(true) ? (mask, readings[0].score - reading.score) : nil
    }
  }

  /// What a map says of the parts; nil where no part is known.
  func parts(under map: [Float]) -> PictureTrial.Parts? {
    guard let mask, let most = map.indices.max(by: { (map[$0], $1) < (map[$1], $0) }),
      let decisive = parts.max(by: { $0.fall < $1.fall })
    else { return nil }
    let sums = parts.map { part in
      zip(map, part.mask).reduce(Float(0)) { $1.1 ? $0 + $1.0 : $0 }
    }
    return PictureTrial.Parts(
      isOnObject: mask[most], isOnDecisive: decisive.mask[most],
      correlation: parts.count < 3
        ? nil : Similarity.rankCorrelation(sums, parts.map { Float($0.fall) }))
  }
}

extension Framing {
  /// A mask of the original picture's pixels at the positions of the network's input: each position's nearest pixel.
  fileprivate func input(_ mask: [Bool]) -> [Bool] {
    (0..<cropRows * cropColumns).map { position in
      let row = (2 * (position / cropColumns + cropTop) + 1) * originalRows / (2 * resizedRows)
      let column = (2 * (position % cropColumns + cropLeft) + 1) * originalColumns / (2 * resizedColumns)
      guard (0..<originalRows).contains(row), (0..<originalColumns).contains(column) else { return false }
      return mask[row * originalColumns + column]
    }
  }
}

/// Compares methods of attribution on pictures: hiding in their maps' order, small noise, another class, where objects are.
struct MethodTrial {
  let subject: Subject
  let methods: [Method]
  let metrics: Set<MapMetric>
  let plan: ExplanationPlan
  let pictures: PreparedPictures
  let seed: UInt64
  /// How often a picture is disturbed.
  private static let disturbances = 8

  /// Whether a method is asked about many pictures: RISE would take thousands of passes for each.
  static func isAskedOften(_ method: Method) -> Bool { method != .rise }

  /// A picture's findings, and the arrays of its maps.
  func trial(
    of id: Int, at desk: ExplanationDesk, _ scores: ClassScores, mean: Tensor, others: [Tensor],
    _ cancellation: Cancellation, show: (Int) -> Void
  ) throws -> (PictureTrial, arrays: [String: Tensor])? {
    guard let input = try pictures.tensor(id) else { return nil }
    let target = try plan.target(of: id, input, desk)
    guard let label = target.label else { return nil }
    let settings = plan.settings(for: input, id, mean: mean, startingFrom: others)
    let stop = "stopped at \(pictures.dataset.items[id].path); the same command goes on from there."
    func map(_ method: Method, _ input: Tensor, _ target: Explainer.Target) throws -> Tensor {
      try cancellation.check(stop)
      let found: Explanation = try desk.explainer(target).explain(input, by: method, settings)
      return found.values
    }
    let trial = MapTrial(input: input, label: label, scores: scores, seed: seed &+ UInt64(id))
    var arrays: [String: Tensor] = [:]
    var sensitivities: [String: Double] = [:]
    var otherClasses: [String: Similarity] = [:]
    let another = target.ofAnotherClass(of: subject.head?.classes ?? 0, seed: seed &+ UInt64(id))
    for (number, method) in methods.enumerated() {
      let own = try map(method, input, target)
      guard own.elements.allSatisfy(\.isFinite) else {
        throw StudyError(notFinite: method.rawValue, in: pictures.dataset.items[id].path, of: subject.model)
      }
      arrays[method.rawValue] = own
      show(number + 1)
      guard Self.isAskedOften(method) else { continue }
      if metrics.contains(.sensitivity) {
        sensitivities[method.rawValue] = try (0..<Self.disturbances).map {
          MapLikeness.change(own, to: try map(method, trial.disturbed($0), target))
        }.max()
      }
      if metrics.contains(.classes), let another {
        otherClasses[method.rawValue] = Similarity(own, try map(method, input, another))
      }
    }
    let names = methods.map(\.rawValue) + MapTrial.controls
    let maps = methods.compactMap { arrays[$0.rawValue]?.positionSums } + MapTrial.controls.map(trial.control)
    try cancellation.check(stop)
    let fills = [
      ("mean", mean),
      ("blur", OccluderFill.blur.cover(of: input, subject.preprocessing, mean: nil, seed: seed)),
    ]
    let curves =
      metrics.contains(.curves) ? try fills.map { ($0.0, try trial.curves(of: maps, fill: $0.1)) } : []
    let roads = metrics.contains(.road) ? try trial.imputed(maps) : nil
    let infidelities = metrics.contains(.infidelity) ? try trial.infidelity(of: maps, fill: mean) : nil
    let object = try KnownObject(id, showing: label, subject, pictures, scores)
    var found = PictureTrial(class: label, maps: [:])
    for (place, name) in names.enumerated() {
      found.maps[name] = PictureTrial.Map(
        curves: Dictionary(
          uniqueKeysWithValues: curves.map { fill, all in
            (fill, .init(probability: all[place].probability, score: all[place].score))
          }),
        road: roads?[place], infidelity: infidelities?[place], sensitivity: sensitivities[name],
        otherClass: otherClasses[name], entropy: MapLikeness.entropy(maps[place]),
        localization: object.flatMap {
          Localization(
            map: maps[place], rows: input.shape.rows, columns: input.shape.columns, boxes: $0.boxes,
            mask: $0.mask)
        }, parts: object?.parts(under: maps[place]))
    }
    return (found, arrays)
  }
}

extension Explainer.Target {
  /// The class that is explained; nil for a unit.
  var label: Int? {
    switch self {
    case .score(_, let index), .probability(_, let index): index
    case .unit: nil
    }
  }

  /// The same of another class, drawn by chance; nil where there is none.
  fileprivate func ofAnotherClass(of classes: Int, seed: UInt64) -> Explainer.Target? {
    guard let label, classes > 1 else { return nil }
    var generator = SeededGenerator(mixing: [seed, 41])
    let other = (label + Int.random(in: 1..<classes, using: &generator)) % classes
    switch self {
    case .score(let value, _): return .score(value: value, index: other)
    case .probability(let value, _): return .probability(value: value, index: other)
    case .unit: return nil
    }
  }
}
