public import Datasets
internal import Kernels
public import Tensors
internal import Training

/// How well one layer's features tell classes apart (Zeiler & Fergus 2014, tables 4 to 7 and figure 9).
///
/// The layer and all below it stay as they are; a linear classifier is trained on top and tested on other pictures.
public struct Transfer: Sendable {
  /// What is trained on the features.
  public enum Classifier: String, Codable, CaseIterable, Sendable {
    /// A linear support vector machine (LIBLINEAR's solver 1).
    case svm
    /// Multinomial logistic regression.
    case softmax
  }

  /// What an error costs against long weights.
  public enum Cost: Hashable, Sendable {
    case given(Double)
    /// The best of 0.01, 0.1, 1, 10 and 100 over three parts of the training pictures, each held out once; of equally
    /// good ones the least.
    case crossValidated

    static let candidates = [0.01, 0.1, 1, 10, 100]
  }

  private let layer: String
  private let features: Tensor
  private let labels: Labels
  private let classes: Int

  /// - Parameters:
  ///   - layer: What messages call it.
  ///   - features: Pictures x features.
  ///   - labels: As many.
  ///   - classes: How many classes there are.
  public init(layer: String, features: Tensor, labels: Labels, classes: Int) {
    self.layer = layer
    self.features = features
    self.labels = labels
    self.classes = classes
  }

  /// Trains on some pictures and tests on others.
  ///
  /// - Parameters:
  ///   - classifier: What is trained.
  ///   - cost: What an error costs.
  ///   - training: Rows of the features; each class has one or more of them.
  ///   - testing: Other rows.
  ///   - seed: Of the parts that cross-validation holds out.
  ///   - threads: How many compute one product.
  /// - Returns: What it comes to, by class.
  /// - Throws: ``StudyError`` where features do not vary or a class is too small to hold parts out, or `KernelError` where
  ///   oneDNN cannot start.
  public func outcome(
    of classifier: Classifier, cost: Cost, training: [Int], testing: [Int], seed: UInt64 = 0, threads: Int = 1
  ) throws -> TransferTable.Outcome {
    guard features.varies(over: training) else {
      throw StudyError(
        "every feature of layer \(layer) is the same in all \(training.count) training images, so there is nothing to "
          + "tell apart. Choose another layer or pooling, or look for dead units with `switchback diagnose`.")
    }
    let chosen = try cost.number ?? bestCost(of: classifier, training, seed, threads)
    var outcome = try judged(classifier, chosen, training, testing, threads)
    outcome.cost = chosen
    return outcome
  }

  private func judged(
    _ classifier: Classifier, _ cost: Double, _ training: [Int], _ testing: [Int], _ threads: Int
  ) throws -> TransferTable.Outcome {
    switch labels {
    case .classes(let labels):
      let trained = try trained(
        classifier, features.rows(training), training.map { labels[$0] }, classes, cost, threads)
      let predictions = trained.predictions(for: features.rows(testing))
      return TransferTable.Outcome(
        predictions: predictions, labels: testing.map { labels[$0] }, classes: classes)
    case .presences(let presences):
      let tested = features.rows(testing)
      let precisions = try (0..<classes).map { index -> AveragePrecision? in
        let known = training.filter { presences[$0][index] != .ignored }
        let labels = known.map { presences[$0][index] == .present ? 1 : 0 }
        var scores = [Double](repeating: 0, count: testing.count)
        // A class that training does not show both with and without scores all pictures the same.
        if Set(labels).count == 2 {
          let two = try trained(classifier, features.rows(known), labels, 2, cost, threads).scores(of: tested)
          scores = testing.indices.map { two[$0 * 2 + 1] - two[$0 * 2] }
        }
        return AveragePrecision(scores: scores, presences: testing.map { presences[$0][index] })
      }
      return TransferTable.Outcome(precisions: precisions)
    }
  }

  private func trained(
    _ classifier: Classifier, _ features: Tensor, _ labels: [Int], _ classes: Int, _ cost: Double,
    _ threads: Int
  ) throws -> LinearClassifier {
    switch classifier {
    case .svm: LinearMachine.trained(on: features, labels: labels, classes: classes, cost: cost)
    case .softmax:
      try SoftmaxRegression.trained(
        on: features, labels: labels, classes: classes, cost: cost, threads: threads)
    }
  }

  private func bestCost(
    of classifier: Classifier, _ training: [Int], _ seed: UInt64, _ threads: Int
  ) throws -> Double {
    let parts = try parts(of: training, seed)
    var best = (cost: Cost.candidates[0], mean: -1.0)
    for cost in Cost.candidates {
      let means = try parts.indices.map { held in
        try judged(
          classifier, cost, parts.indices.filter { $0 != held }.flatMap { parts[$0] }.sorted(), parts[held],
          threads
        ).mean
      }
      if means.mean > best.mean { best = (cost, means.mean) }
    }
    return best.cost
  }

  /// Three parts, or two where a class has no more pictures; each class is dealt out evenly.
  private func parts(of training: [Int], _ seed: UInt64) throws(StudyError) -> [[Int]] {
    let byClass = Dictionary(grouping: training) { row in
      if case .classes(let labels) = labels { labels[row] } else { 0 }
    }
    let least = byClass.values.map(\.count).min() ?? 0
    guard least > 1 else {
      throw StudyError(
        "a class has \(least == 1 ? "one training image" : "no training images"), and cross-validation takes two. "
          + "Give --c a number.")
    }
    let count = min(3, least)
    var generator = SeededGenerator(seed: seed)
    var parts = [[Int]](repeating: [], count: count)
    for label in byClass.keys.sorted() {
      for (place, row) in (byClass[label] ?? []).shuffled(using: &generator).enumerated() {
        parts[place % count].append(row)
      }
    }
    return parts.map { $0.sorted() }
  }
}

extension Tensor {
  /// Some rows of pictures x features, copied in the order given.
  func rows(_ rows: [Int]) -> Tensor {
    let width = shape[1]
    return withSpan { elements in
      Tensor([rows.count, width]) { copy in
        for (place, row) in rows.enumerated() {
          for column in 0..<width { copy[place * width + column] = elements[row * width + column] }
        }
      }
    }
  }

  /// Whether some feature differs between two of these rows.
  fileprivate func varies(over rows: [Int]) -> Bool {
    guard let first = rows.first else { return false }
    let width = shape[1]
    return withSpan { elements in
      rows.contains { row in
        (0..<width).contains { elements[row * width + $0] != elements[first * width + $0] }
      }
    }
  }
}
