internal import Kernels
internal import Tensors

extension Network {
  /// The upper bound of the activation that makes a value (6 of ReLU6, 1 of a hard sigmoid); nil where there is none.
  ///
  /// At the bound activations are ties and the derivative is zero, so neither their order nor their gradient says
  /// anything.
  package func upperBound(of value: String) -> Float? {
    guard let node = nodes.first(where: { $0.outputs.contains(value) }),
      case .activation(let activation) = node.operation
    else { return nil }
    return activation.upperBound
  }

  /// The same network with one more value beside each of some that stop at an upper bound: what its activation would
  /// make of the same input if it had none.
  ///
  /// What the network itself computes stays as it is.
  ///
  /// - Parameter values: Names of values, with an upper bound or without.
  /// - Returns: The network, and the name of each new value by that of the bounded one; empty where no value is bounded.
  package func liftingUpperBounds(of values: [String]) -> (network: Network, lifted: [String: String]) {
    let wanted = Set(values)
    var taken = Set(inputs.map(\.name) + nodes.flatMap(\.outputs) + nodes.map(\.name))
    func new(_ name: String) -> String {
      var free = name
      while !taken.insert(free).inserted { free += "\'" }
      return free
    }
    var lifted: [String: String] = [:]
    let network = insertingNodes { node in
      guard let value = node.outputs.first, wanted.contains(value),
        case .activation(let activation) = node.operation, activation.upperBound != nil
      else { return [] }
      var read = node.inputs
      return activation.withoutUpperBound.map { operation in
        let made = new(value + " without its upper bound")
        lifted[value] = made
        defer { read = [made] }
        return Node(name: made, operation: operation, inputs: read, outputs: [made])
      }
    }
    return (network, lifted)
  }
}

extension Activation {
  fileprivate var upperBound: Float? {
    switch self {
    case .clip(let minimum, let maximum) where minimum < maximum && maximum < .greatestFiniteMagnitude:
      maximum
    case .hardSigmoid: 1
    default: nil
    }
  }

  /// The steps of a bounded activation, but for its upper bound; the lower bound stays.
  fileprivate var withoutUpperBound: [Operation] {
    switch self {
    case .clip(let minimum, _):
      [.activation(minimum == 0 ? .relu : .clip(minimum: minimum, maximum: .infinity))]
    case .hardSigmoid(let alpha, let beta):
      [
        .arithmeticWithConstant(.multiply, Tensor([1], elements: [alpha]), constantFirst: false),
        .arithmeticWithConstant(.add, Tensor([1], elements: [beta]), constantFirst: false),
        .activation(.relu),
      ]
    default: []
    }
  }
}
