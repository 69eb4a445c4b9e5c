public import Tensors

/// What is wrong with an architecture or an edit of one.
public enum ArchitectureError: BadInput, Equatable, CustomStringConvertible {
  case unknownName(name: String)
  case unknownLayer(number: Int, present: [Int])
  case classifier(number: Int)
  case firstLayer(reason: String)
  case size(what: String, found: String)
  /// A layer whose window finds no place on its input, or that is left out of its order.
  case shape(layer: String, reason: String)

  public var description: String {
    switch self {
    case .unknownName(let name):
      "there is no architecture '\(name)'. There are "
        + Architecture.all.map(\.name).joined(separator: ", ") + "."
    case .unknownLayer(let number, let present):
      "there is no layer \(number) to edit: layers are \(present.map(String.init).joined(separator: ", "))."
    case .classifier(let number):
      "layer \(number) is the classifier: it has a unit a class, and stays."
    case .firstLayer(let reason):
      "the first layer's filters cannot change: \(reason)"
    case .size(let what, let found):
      "\(what) must be positive, not \(found)."
    case .shape(let layer, let reason):
      "the edited network does not fit together at \(layer): \(reason)"
    }
  }
}
