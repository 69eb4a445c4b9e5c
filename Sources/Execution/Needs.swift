package import Networks
package import Kernels

/// What a node's part of a walk back asks of the forward pass.
package struct Needs {
  package var inputs = false
  package var outputs = false
  package var switches = false
}

extension Network.Node {
  package func needs(under rule: RectifierRule) -> Needs {
    switch operation {
    case .maxPooling, .globalMaxPooling:
      return Needs(switches: true)
    case .activation(.relu):
      return Needs(outputs: rule != .deconvnet)
    case .activation(let activation):
      let isFree = activation.isRectifier && rule == .deconvnet
      return Needs(inputs: !isFree, outputs: !isFree)
    case .parametricRelu, .localResponseNormalization:
      return Needs(inputs: rule != .deconvnet)
    case .softmax, .logSoftmax:
      return Needs(outputs: true)
    case .matrixProduct:
      return Needs(inputs: true)
    case .arithmetic(let arithmetic):
      switch arithmetic {
      case .add, .subtract: return Needs()
      case .multiply, .divide, .minimum, .maximum, .power: return Needs(inputs: true)
      }
    case .arithmeticWithConstant(let arithmetic, _, let isFirst):
      switch arithmetic {
      case .add, .subtract, .multiply: return Needs()
      case .divide: return Needs(inputs: isFirst)
      case .minimum, .maximum, .power: return Needs(inputs: true)
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
