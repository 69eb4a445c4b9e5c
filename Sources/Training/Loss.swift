public import Datasets
public import Networks

/// What training makes small.
///
/// Either is the mean over a batch's pictures, as PyTorch's `CrossEntropyLoss` and `BCEWithLogitsLoss` have it.
public enum Loss: String, Codable, CaseIterable, Sendable {
  /// Of a softmax over the classes: each picture is of one.
  case crossEntropy = "cross-entropy"
  /// Of a sigmoid for each class alone: a picture can be of several classes, or of none.
  ///
  /// A picture's loss is the mean over all its classes; a class that is neither present nor absent adds nothing to it.
  /// Pictures of one class each are learned as if the other classes were absent; where there are two such classes,
  /// one score says that it is the second.
  case binaryCrossEntropy = "binary-cross-entropy"

  /// The loss that fits some labels: cross-entropy where each picture has one class.
  ///
  /// - Parameters:
  ///   - labels: What is learned.
  ///   - named: The loss that was asked for; nil for none.
  /// - Throws: ``TrainingError/recipe(reason:)`` for cross-entropy where pictures can hold several classes.
  public init(fitting labels: Labels, named: Loss? = nil) throws(TrainingError) {
    guard named != .crossEntropy || !labels.isMultiple else {
      throw .recipe(
        reason: "cross-entropy is the loss of images that have one class each, and these can hold several: "
          + "\(Loss.binaryCrossEntropy.rawValue) is theirs.")
    }
    self = named ?? (labels.isMultiple ? .binaryCrossEntropy : .crossEntropy)
  }

  /// The loss that a network's end asks for; cross-entropy where it ends in scores or maps.
  init(of head: ClassHead?) {
    self =
      switch head?.squashing {
      // A hard sigmoid stands for the sigmoid that it is drawn after.
      case .sigmoid, .hardSigmoid: .binaryCrossEntropy
      case .softmax, .logSoftmax, .some(.none), nil: .crossEntropy
      }
  }

  /// What makes probabilities of a network's scores that were learned with it.
  public var end: ClassHead.End { self == .crossEntropy ? .softmax : .sigmoid }

  /// How many scores a network gives that learns some labels of so many classes with it.
  public func scores(classes: Int, of labels: Labels) -> Int {
    self == .binaryCrossEntropy && !labels.isMultiple && classes == 2 ? 1 : classes
  }
}
