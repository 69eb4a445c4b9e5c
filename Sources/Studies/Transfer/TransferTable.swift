internal import Tensors
internal import Training

/// How well features transfer, by layer, classifier and pictures a class: `transfer.json` of a run.
public struct TransferTable: Codable, Hashable, Sendable {
  /// What ``Row/accuracy`` measures.
  public enum Measure: String, Codable, Sendable {
    /// The mean over classes of the share named right.
    case accuracy
    /// The mean over classes of the average precision over all points.
    case averagePrecision
  }

  public struct Row: Codable, Hashable, Sendable {
    /// A layer's name; `all` for a network that was trained whole.
    public var layer: String
    public var pooling: String
    /// How many features a picture has.
    public var features: Int
    /// `svm`, `softmax`, `from-scratch` or `fine-tune`.
    public var classifier: String
    /// Training pictures a class: the most that a class has, where all are taken.
    public var perClass: Int
    /// A share, 0 to 1: the mean over the folds.
    public var accuracy: Double
    /// The share of all test pictures named right, over the folds: large classes count for more.
    public var overall: Double?
    /// The standard deviation over the folds; 0 for one.
    public var deviation: Double
    /// The mean of each fold.
    public var folds: [Double]
    /// By class, the mean over the folds that test it; nil where none does.
    public var classes: [Double?]
    /// The mean over classes and folds of VOC 2007's average precision, where pictures can hold several classes.
    public var elevenPoint: Double?
    /// What an error cost in each fold, for classifiers that are trained on features.
    public var costs: [Double]

    package init(
      layer: String, pooling: String, features: Int, classifier: String, perClass: Int, outcomes: [Outcome]
    ) {
      self.layer = layer
      self.pooling = pooling
      self.features = features
      self.classifier = classifier
      self.perClass = perClass
      folds = outcomes.map(\.mean)
      accuracy = folds.mean
      deviation = folds.deviation
      let overalls = outcomes.compactMap(\.overall)
      overall = overalls.isEmpty ? nil : overalls.mean
      classes = (outcomes.first?.classes ?? []).indices.map { index in
        let known = outcomes.compactMap { $0.classes[index] }
        return known.isEmpty ? nil : known.mean
      }
      let elevenPoints = outcomes.compactMap { $0.elevenPoint.map { $0.compactMap(\.self).mean } }
      elevenPoint = elevenPoints.isEmpty ? nil : elevenPoints.mean
      costs = outcomes.compactMap(\.cost)
    }
  }

  /// What one fold came to.
  public struct Outcome: Codable, Hashable, Sendable {
    /// By class: the share named right, or the average precision; nil where no picture tests it.
    public var classes: [Double?]
    /// The share of all pictures named right, where each has one class.
    public var overall: Double?
    /// By class, VOC 2007's average precision.
    public var elevenPoint: [Double?]?
    public var cost: Double?

    package init(
      classes: [Double?], overall: Double? = nil, elevenPoint: [Double?]? = nil, cost: Double? = nil
    ) {
      self.classes = classes
      self.overall = overall
      self.elevenPoint = elevenPoint
      self.cost = cost
    }

    /// Of pictures whose classes were named: each class counts the same, however many pictures it has.
    package init(predictions: [Int], labels: [Int], classes count: Int) {
      precondition(
        predictions.count == labels.count, "\(predictions.count) predictions for \(labels.count) labels")
      var right = [Int](repeating: 0, count: count)
      var all = right
      for (prediction, label) in zip(predictions, labels) {
        all[label] += 1
        if prediction == label { right[label] += 1 }
      }
      overall = Double(right.reduce(0, +)) / Double(max(labels.count, 1))
      classes = zip(right, all).map { $1 == 0 ? nil : Double($0) / Double($1) }
    }

    /// Of pictures that can hold several classes, each class's precision.
    init(precisions: [AveragePrecision?]) {
      classes = precisions.map { $0?.allPoints }
      elevenPoint = precisions.map { $0?.elevenPoint }
    }

    /// Over the classes that are tested.
    public var mean: Double { classes.compactMap(\.self).mean }
  }

  public var model: String
  public var pictures: String
  public var measure: Measure
  public var squareRoot: Bool
  public var normalized: Bool
  /// In the order of ``Row/classes``.
  public var classNames: [String]
  public var rows: [Row]

  package init(
    model: String, pictures: String, measure: Measure, squareRoot: Bool, normalized: Bool,
    classNames: [String], rows: [Row]
  ) {
    self.model = model
    self.pictures = pictures
    self.measure = measure
    self.squareRoot = squareRoot
    self.normalized = normalized
    self.classNames = classNames
    self.rows = rows
  }
}
