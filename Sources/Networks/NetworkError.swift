public import Tensors

/// What is wrong with a network or a request to one.
public enum NetworkError: ModelFault, Equatable, CustomStringConvertible {
  case cycle(nodes: [String])
  case missingValue(name: String, node: String)
  case duplicateValue(name: String)
  case shape(node: String, reason: String)
  case input(name: String, expected: String, found: String)
  case unknownLayer(name: String, near: [String])
  case unknownUnit(unit: Int, layer: String, units: Int)
  case notForPictures(reason: String)
  /// Numbers that no picture can be prepared with.
  case preprocessing(reason: String)
  /// An end that no classifier for other classes can take the place of.
  case classifier(node: String, operation: String)

  public var description: String {
    switch self {
    case .cycle(let nodes):
      "the graph has a cycle through \(nodes.prefix(6).joined(separator: ", ")). "
        + "Only feed-forward networks are supported."
    case .missingValue(let name, let node):
      "\(node) reads '\(name)', which nothing makes. The file may be cut short or edited by hand."
    case .duplicateValue(let name):
      "two nodes make '\(name)'. Each value must have one maker."
    case .shape(let node, let reason):
      "shapes do not fit at node \(node): \(reason)"
    case .input(let name, let expected, let found):
      "input '\(name)' must be \(expected), not \(found)."
    case .unknownLayer(let name, let near):
      "there is no layer '\(name)'. "
        + (near.isEmpty ? "" : "Near names: \(near.joined(separator: ", ")). ")
        + "`switchback inspect` lists them all."
    case .unknownUnit(let unit, let layer, let units):
      "layer \(layer) has no unit \(unit): its units are 0 to \(units - 1)."
    case .notForPictures(let reason):
      "it cannot be given pictures: \(reason)."
    case .preprocessing(let reason):
      reason
    case .classifier(let node, let operation):
      "its classifier cannot be replaced: \(node) is \(operation), not a fully connected layer or a convolution."
    }
  }
}
