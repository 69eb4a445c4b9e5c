public import Tensors

/// What keeps a network from being trained.
public enum TrainingError: BadInput, Equatable, CustomStringConvertible {
  /// The network does not end in scores, or does not say how pictures are prepared.
  case network(reason: String)
  /// A setting is out of its range.
  case recipe(reason: String)
  /// The pictures have more classes than the network scores.
  case classes(found: Int, scores: Int)
  case oneClass(name: String)
  /// Every training picture shows the same of several classes.
  case sameClasses
  /// Classes that no training picture is of.
  case emptyClasses(names: [String])
  case batchTooLarge(batch: Int, pictures: Int)
  case nothingReadable
  /// The loss or a weight is no longer finite: the epoch counted from 1, the step within it, and the rate of that step.
  case diverged(epoch: Int, step: Int, rate: Float)
  /// A checkpoint's file is damaged.
  case checkpoint(file: String, reason: String)

  /// A run that diverged was asked for in good order, and failed.
  public var isForTheCallerToMend: Bool {
    if case .diverged = self { false } else { true }
  }

  public var description: String {
    switch self {
    case .network(let reason):
      "the network cannot be trained: \(reason)"
    case .recipe(let reason):
      reason
    case .classes(let found, let scores):
      "the images have \(found) classes and the network scores \(scores). Give it an output for each class."
    case .oneClass(let name):
      "every image is of class '\(name)': there is nothing to tell apart. Add images of other classes, a folder "
        + "for each."
    case .sameClasses:
      "no class is in some training images and absent from others: there is nothing to tell apart. Add images of "
        + "other classes."
    case .emptyClasses(let names):
      "no image for \(names.count == 1 ? "class" : "classes") \(names.prefix(6).joined(separator: ", "))"
        + "\(names.count > 6 ? " and \(names.count - 6) more" : ""). Add images or remove the folders."
    case .batchTooLarge(let batch, let pictures):
      "a batch of \(batch) is larger than the \(pictures) training images. Use --batch \(max(1, pictures)) or less."
    case .nothingReadable:
      "none of the training images could be read."
    case .diverged(let epoch, let step, let rate):
      "the loss is no longer a number at epoch \(epoch), step \(step). Try a lower learning rate (--rate "
        + "\(rate / 10)), --init he, or leave renormalisation on; the last checkpoint is from before."
    case .checkpoint(let file, let reason):
      "\(file): \(reason)"
    }
  }
}
