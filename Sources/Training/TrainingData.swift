public import Datasets

/// What a network is trained and judged on.
public struct TrainingData: Sendable {
  public let classNames: [String]
  public let training: any LabelledPictures
  /// Nil where there are no pictures to judge on: epochs then have no validation error.
  public let validation: (any LabelledPictures)?

  /// The pictures that a split sets apart.
  public init(_ split: TrainingSplit) {
    self.init(classNames: split.classNames, training: split.training, validation: split.validation)
  }

  /// - Parameters:
  ///   - classNames: Names of the classes, each at its label.
  ///   - training: The pictures that are learned from.
  ///   - validation: The pictures that each epoch is judged on; nil for none.
  public init(
    classNames: [String], training: any LabelledPictures, validation: (any LabelledPictures)? = nil
  ) {
    self.classNames = classNames
    self.training = training
    self.validation = validation
  }

  /// Refuses data that nothing can be learned from.
  ///
  /// - Throws: ``TrainingError``: one class only, classes without pictures, fewer pictures than a batch.
  public func check(batch: Int) throws(TrainingError) {
    let labels = training.labels
    var counts = [Int](repeating: 0, count: classNames.count)
    for label in labels + (validation?.labels ?? []) {
      guard counts.indices.contains(label) else {
        throw .classes(found: label + 1, scores: classNames.count)
      }
    }
    for label in labels { counts[label] += 1 }
    if classNames.count < 2 { throw .oneClass(name: classNames.first ?? "none") }
    let empty = classNames.indices.filter { counts[$0] == 0 }.map { classNames[$0] }
    if let only = counts.firstIndex(of: labels.count), !labels.isEmpty {
      throw .oneClass(name: classNames[only])
    }
    if !empty.isEmpty { throw .emptyClasses(names: empty) }
    if batch > labels.count { throw .batchTooLarge(batch: batch, pictures: labels.count) }
  }
}
