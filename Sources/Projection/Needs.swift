internal import Kernels
internal import Networks

extension Projector {
  /// What a node's part of the walk must know of the forward pass.
  struct Needs {
    var values: [String] = []
    var switches = false
  }

  func needs(of node: Network.Node) -> Needs {
    switch node.operation {
    case .maxPooling, .globalMaxPooling:
      return Needs(switches: true)
    case .activation(let activation):
      if activation.isRectifier {
        return rule == .deconvnet ? Needs() : Needs(values: node.inputs + node.outputs)
      }
      return Needs(values: node.inputs + node.outputs)
    case .parametricRelu:
      return rule == .deconvnet ? Needs() : Needs(values: node.inputs)
    case .localResponseNormalization:
      return rule == .deconvnet ? Needs() : Needs(values: node.inputs)
    case .softmax, .logSoftmax:
      return Needs(values: node.outputs)
    case .matrixProduct:
      return Needs(values: node.inputs)
    case .arithmetic(let arithmetic):
      switch arithmetic {
      case .add, .subtract: return Needs()
      case .multiply, .divide, .minimum, .maximum, .power: return Needs(values: node.inputs)
      }
    case .arithmeticWithConstant(let arithmetic, _, let isFirst):
      switch arithmetic {
      case .add, .subtract, .multiply: return Needs()
      case .divide: return isFirst ? Needs(values: node.inputs) : Needs()
      case .minimum, .maximum, .power: return Needs(values: node.inputs)
      }
    case .convolution, .averagePooling, .globalAveragePooling, .batchNormalization, .innerProduct,
      .concatenation,
      .split, .padding, .slice, .average, .flatten, .reshape, .transposition, .dropout, .identity:
      return Needs()
    }
  }
}

extension Activation {
  /// Whether this is a rectifier, at which the three methods differ; every other function has its derivative.
  var isRectifier: Bool {
    switch self {
    case .relu, .leakyRelu, .elu: true
    case .clip(let minimum, _): minimum == 0
    case .sigmoid, .hardSigmoid, .hardSwish, .swish, .tanh, .softplus, .gelu, .exp, .log, .sqrt, .abs,
      .negate,
      .reciprocal, .erf:
      false
    }
  }
}
