internal import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Tensors

/// Which layer's features serve other pictures (the paper's tables 4 to 7 and figure 9).
public struct TransferLayers: Study, Sendable {
  public static let kind = "transfer"

  /// How each layer is pooled: one way for all, and a layer's own.
  public struct PoolingChoice: Sendable {
    private var general: FeaturePooling?
    private var own: [String: FeaturePooling] = [:]

    /// The most features that a layer has without its being asked for.
    private static let limit = 10_000

    /// The finest grid below the limit, for every layer.
    public init() {}

    /// - Parameter text: `none`, `average`, `max` or `grid:N`; a layer may have its own, as `average,pool5=none`.
    /// - Throws: ``StudyError`` for anything else.
    public init(_ text: String) throws(StudyError) {
      for part in text.split(separator: ",", omittingEmptySubsequences: false) {
        let sides = part.split(separator: "=", omittingEmptySubsequences: false).map {
          $0.trimmingCharacters(in: .whitespaces)
        }
        guard sides.count <= 2, let last = sides.last, let pooling = FeaturePooling(last),
          sides.count == 2 || general == nil
        else {
          throw StudyError(
            "--pooling takes none, average, max or grid:N, for a layer as pool5=none; not '\(text)'.")
        }
        if sides.count == 2 { own[sides[0]] = pooling } else { general = pooling }
      }
    }

    /// What is extracted, in the layers' order, each called as the user called it in `text`.
    ///
    /// - Throws: ``StudyError`` for a pooling of a layer that is not compared.
    func selections(
      of subject: Subject, _ layers: [StudiedLayer], named text: String?
    ) throws -> [FeatureExtraction.Selection] {
      let network = subject.network
      let called = try (text?.split(separator: ",") ?? []).map { name in
        let name = name.trimmingCharacters(in: .whitespaces)
        return (try network.layer(named: name).name, name)
      }
      let titles = Dictionary(called, uniquingKeysWith: { one, _ in one })
      let known = Dictionary(subject.layers.map { ($0.name, $0) }, uniquingKeysWith: { one, _ in one })
      var pooled: [String: FeaturePooling] = [:]
      for (name, pooling) in own.sorted(by: { $0.key < $1.key }) {
        let layer = try network.layer(named: name)
        guard layers.contains(where: { $0.name == layer.name }) else {
          throw StudyError("--pooling names layer \(name), which is not among the layers compared.")
        }
        pooled[layer.name] = pooled[layer.name] ?? pooling
      }
      return layers.map { layer in
        let shape = subject.shapes[layer.value] ?? []
        let pooling = pooled[layer.name] ?? general ?? Self.usual(shape)
        return FeatureExtraction.Selection(
          layer: titles[layer.name] ?? known[layer.name].map(network.title) ?? layer.name, value: layer.value,
          pooling: pooling, count: pooling.count(of: shape))
      }
    }

    private static func usual(_ shape: Shape) -> FeaturePooling {
      guard FeaturePooling.none.count(of: shape) > limit else { return .none }
      let finest = (1...32).last { FeaturePooling.grid($0).count(of: shape) <= limit }
      return finest.map { $0 < 2 ? .average : .grid($0) } ?? .average
    }
  }

  public let subject: Subject
  public let division: TransferDivision
  public let scaling: FeatureScaling
  public let classifiers: [Transfer.Classifier]
  public let trained: [WholeTraining]
  public let epochs: Int
  let selections: [FeatureExtraction.Selection]
  let seed: UInt64
  let isStrict: Bool
  private let cost: Transfer.Cost?

  /// Convolutions, the last pool and fully connected layers are compared unless layers are named.
  ///
  /// The subject's preprocessing decides what is seen of a picture. What an error costs against long weights is 1 for a machine and 100 for a softmax
  /// unless it is given. Networks that are trained whole beside them go through the training pictures `epochs` times.
  ///
  /// - Throws: `NetworkError` for a layer that is not there, or ``StudyError``.
  public init(
    _ subject: Subject, _ division: TransferDivision, layers: String? = nil, pooling: PoolingChoice = .init(),
    scaling: FeatureScaling = .init(), classifiers: [Transfer.Classifier] = Transfer.Classifier.allCases,
    cost: Transfer.Cost? = nil, training trained: [WholeTraining] = [], epochs: Int = 20, seed: UInt64 = 0,
    strict isStrict: Bool = false
  ) throws {
    self.subject = subject
    self.division = division
    self.scaling = scaling
    self.classifiers = classifiers
    self.cost = cost
    self.trained = trained
    self.epochs = epochs
    self.seed = seed
    self.isStrict = isStrict
    let chosen = try subject.layers(named: layers, usual: subject.network.transferLayers)
    selections = try pooling.selections(of: subject, chosen, named: layers)
  }

  /// What the features are a function of; classifiers and numbers are not part of it.
  public struct Configuration: Encodable, Sendable {
    var model: String
    var modelDigest: String
    var pictures: String
    var picturesDigest: String
    var preprocessing: Preprocessing
  }

  public var subjects: [Subject] { [subject] }

  public func configuration() throws -> Configuration {
    Configuration(
      model: subject.model, modelDigest: try subject.digest(), pictures: division.dataset.title,
      picturesDigest: division.dataset.digest, preprocessing: subject.preprocessing)
  }

  public func result(_ work: Work) throws -> TransferTable {
    let pictures = try work.prepare(division.dataset, subject.preprocessing, strict: isStrict)
    let shards = FeatureShards(subject, pictures, selections, work)
    do {
      try shards.extract()
    } catch is Interruption {
      throw Interruption("stopped while features are extracted; the same command goes on from there.")
    }
    try work.requireReadable(pictures)
    let folds = try division.folds(without: pictures.skippedIDs)
    let rows = try classified(shards, folds, work) + trainedWhole(folds, pictures, work)
    return TransferTable(
      model: subject.model, pictures: division.dataset.title,
      measure: division.dataset.isMultiple ? .averagePrecision : .accuracy,
      squareRoot: scaling.takesSquareRoot, normalized: scaling.normalizesLength,
      classNames: division.dataset.classNames ?? [], rows: rows)
  }

  // MARK: Classifiers

  /// What a row of the table is a function of, beside the run.
  private struct Settings: Encodable {
    var layer: String
    var pooling: String
    var scaling: FeatureScaling
    var classifier: String
    var cost: Double?
    var seed: UInt64
    var folds: String
  }

  /// One row of the table.
  private typealias Line = (size: Int?, classifier: Transfer.Classifier, file: String)

  private func cost(of classifier: Transfer.Classifier) -> Transfer.Cost {
    // A softmax is never sure of a picture, so it takes more to move its weights.
    cost ?? .given(classifier == .svm ? 1 : 100)
  }

  private func classified(
    _ shards: FeatureShards, _ folds: [ClassFold], _ work: Work
  ) throws -> [TransferTable.Row] {
    let marks = division.sizes.map { division.fingerprint(folds, $0) }
    var rows: [TransferTable.Row] = []
    var meter = work.meter(
      "classifiers", total: selections.count * division.sizes.count * classifiers.count, unit: "rows")
    for selection in selections {
      let lines = try zip(division.sizes, marks).flatMap { size, mark in
        try classifiers.map { classifier -> Line in
          let settings = Settings(
            layer: selection.layer, pooling: selection.pooling.description, scaling: scaling,
            classifier: classifier.rawValue, cost: cost(of: classifier).number, seed: seed, folds: mark)
          let name = "\(shards.stem(of: selection))-\(classifier.rawValue)-\(size.map { "\($0)" } ?? "all")"
          return (size, classifier, "rows/\(name)-\(try Fingerprint(of: settings))")
        }
      }
      // All rows that are not there are found together, from features that are read once.
      let stage = Stage<Line, TransferTable.Row>(
        units: lines, group: lines.count, file: { $0.file },
        isSound: { line, row in
          row.layer == selection.layer && row.classifier == line.classifier.rawValue
            && row.classes.count == division.dataset.classNames?.count ?? 0
            && ([row.accuracy, row.deviation] + row.classes.compactMap { $0 } + row.folds).allSatisfy {
              (0...1).contains($0)
            }
        }
      ) { lines, _ in
        let (images, values) = try shards.read(selection, scaling)
        let study = Transfer(
          layer: selection.layer, features: values, labels: division.dataset.labels(of: images),
          classes: division.dataset.classNames?.count ?? 0)
        let cancellation = work.cancellation
        return try inLanes(lines, work) {
          try row(selection, $0, study, images, folds, threads: $1, cancellation)
        }
      }
      rows += try work.findings(of: stage).compactMap { $0 }
      meter.show(rows.count)
    }
    meter.finish()
    return rows
  }

  /// Each classifier's rows one after another, the classifiers side by side: LIBLINEAR takes one thread, and one turn.
  private func inLanes(
    _ lines: [Line], _ work: Work, _ find: @Sendable (Line, _ threads: Int) throws -> TransferTable.Row
  ) throws -> [TransferTable.Row?] {
    let lanes = work.threads > 1 ? classifiers.map { [$0] } : [classifiers]
    let threads = max(1, work.threads - lanes.count + 1)
    let found = try Pool.map(over: 0..<lanes.count, threads: lanes.count, cancellation: work.cancellation) {
      lane in
      try lines.indices.filter { lanes[lane].contains(lines[$0].classifier) }.map {
        ($0, try find(lines[$0], threads))
      }
    }
    let rows = Dictionary(found.flatMap(\.self), uniquingKeysWith: { one, _ in one })
    return lines.indices.map { rows[$0] }
  }

  private func row(
    _ selection: FeatureExtraction.Selection, _ line: Line, _ study: Transfer, _ images: [Int],
    _ folds: [ClassFold], threads: Int, _ cancellation: Cancellation
  ) throws -> TransferTable.Row {
    let places = Dictionary(zip(images, images.indices), uniquingKeysWith: { one, _ in one })
    let outcomes = try folds.enumerated().map { number, fold in
      try cancellation.check("stopped among the classifiers; the same command goes on from there.")
      return try study.outcome(
        of: line.classifier, cost: cost(of: line.classifier),
        training: fold.training(perClass: line.size).compactMap { places[$0] },
        testing: fold.testing.compactMap { places[$0] }, seed: seed &+ UInt64(number), threads: threads)
    }
    return TransferTable.Row(
      layer: selection.layer, pooling: selection.pooling.description, features: selection.count,
      classifier: line.classifier.rawValue, perClass: division.perClass(line.size, folds[0]),
      outcomes: outcomes)
  }

  // MARK: Report

  public func report(_ result: TransferTable, _ work: Work) throws -> Report {
    let (lines, classes) = (result.lines, result.classLines)
    let figures = [("figures/by-layer", result.byLayer()), ("figures/by-pictures", result.byPictures())]
      .compactMap { name, drawing in
        drawing.map { drawing in Report.Figure(file: name, description: drawing.description) { drawing } }
      }
    let scaled =
      (scaling.takesSquareRoot ? ["square root"] : []) + (scaling.normalizesLength ? ["length 1"] : [])
    return Report(
      title: "What \(subject.name) transfers",
      facts: [
        ("model", subject.model), ("pictures", division.dataset.title),
        ("divided by", division.division == .own ? "the data set's own lists" : "draws"),
        ("features", scaled.isEmpty ? "as they are" : scaled.joined(separator: ", ")),
        ("C", cost.map(\.description) ?? "1 for svm, 100 for softmax"),
        ("preparation", "\(subject.preprocessing)"),
      ],
      sections: [
        Report.Section("Layers", .figures(figures), .table(lines)),
        Report.Section("Classes", .table(classes)),
      ],
      json: [("transfer.json", result)],
      texts: [("transfer.csv", lines.csv), ("transfer.md", lines.markdown), ("classes.csv", classes.csv)],
      summary: [lines.markdown])
  }
}

extension Transfer.Cost: CustomStringConvertible {
  /// The number given; nil for cross-validation.
  var number: Double? {
    if case .given(let number) = self { number } else { nil }
  }

  /// As the user gives it.
  public var description: String { number.map { "\($0)" } ?? "cross-validation" }
}

extension Fingerprint {
  /// Tells settings from any others.
  init(of settings: some Encodable) throws {
    self.init()
    add(String(decoding: try JSONEncoder.inKeyOrder.encode(settings), as: UTF8.self))
  }
}

extension Network {
  /// What a table calls a layer: its node's own name where that is of the kind `conv5`, else the layer's.
  func title(of layer: Layer) -> String {
    layer.node.wholeMatch(of: /(conv|pool|fc)[0-9]+/) != nil ? layer.node : layer.name
  }

  /// Every convolution and fully connected layer but the classifier, and the last pool.
  fileprivate var transferLayers: [Layer] {
    let features = featureLayers(includingProducts: true).filter {
      $0.output != scores && $0.featureMaps != scores
    }
    let pool = nodes.last {
      if case .maxPooling = $0.operation { true } else { false }
    }
    let chosen = Set(features.map(\.name))
    return layers.filter { chosen.contains($0.name) || $0.node == pool?.name }
  }
}
