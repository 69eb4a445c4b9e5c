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

  /// Classes that no training picture shows.
  public var unseenClasses: [String] {
    zip(classNames, shown).filter { $0.1 == 0 }.map(\.0)
  }

  /// How many training pictures show each class.
  private var shown: [Int] {
    var counts = [Int](repeating: 0, count: classNames.count)
    switch training.labels {
    case .classes(let labels): for label in labels { counts[label] += 1 }
    case .presences(let presences):
      for picture in presences {
        for (index, presence) in picture.enumerated() where presence == .present { counts[index] += 1 }
      }
    }
    return counts
  }

  /// Refuses data that nothing can be learned from.
  ///
  /// - Throws: ``TrainingError``: one class only, classes without pictures where each picture has one, fewer pictures than
  ///   a batch.
  public func check(batch: Int) throws(TrainingError) {
    let classes = max(training.labels.classes, validation?.labels.classes ?? 0)
    guard classes <= classNames.count else { throw .classes(found: classes, scores: classNames.count) }
    let count = training.labels.count
    switch training.labels {
    case .classes:
      if classNames.count < 2 { throw .oneClass(name: classNames.first ?? "none") }
      if let only = shown.firstIndex(of: count), count > 0 { throw .oneClass(name: classNames[only]) }
      if !unseenClasses.isEmpty { throw .emptyClasses(names: unseenClasses) }
    case .presences(let presences):
      let isVaried = classNames.indices.contains { index in
        Set(presences.map { $0[index] }).isSuperset(of: [.present, .absent])
      }
      if count > 0, !isVaried { throw .sameClasses }
    }
    if batch > count { throw .batchTooLarge(batch: batch, pictures: count) }
  }
}

extension Labels {
  /// The number of classes that they need.
  fileprivate var classes: Int {
    switch self {
    case .classes(let labels): (labels.max() ?? -1) + 1
    case .presences(let presences): presences.map(\.count).max() ?? 0
    }
  }
}
