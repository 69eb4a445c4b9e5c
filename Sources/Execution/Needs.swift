package import Networks
internal import Kernels

/// What a node's part of a walk back asks of the forward pass.
package struct Needs {
  package var inputs = false
  package var outputs = false
  package var switches = false
}

extension Network.Node {
  package func needs(under rule: Rule) -> Needs {
    switch rule {
    case .pass, .deconvnet: return Needs()
    case .gradient, .guided: return needsOfDerivative
    case .rescale:
      let needs = needsOfDerivative
      guard needs.inputs || needs.outputs || needs.switches else { return needs }
      return Needs(inputs: true, outputs: true, switches: needs.switches)
    // A sum's transpose itself needs nothing.
    case .epsilon: return Needs(inputs: true, outputs: true)
    case .signs, .gamma, .box: return Needs(inputs: true)
    // Whatever the input is.
    case .flat: return Needs()
    }
  }

  private var needsOfDerivative: Needs {
    switch operation {
    case .maxPooling, .globalMaxPooling:
      return Needs(switches: true)
    case .activation(.relu), .softmax, .logSoftmax:
      return Needs(outputs: true)
    case .activation:
      return Needs(inputs: true, outputs: true)
    case .parametricRelu, .localResponseNormalization, .matrixProduct:
      return Needs(inputs: true)
    case .arithmetic(let arithmetic):
      switch arithmetic {
      case .add, .subtract, .greater, .greaterOrEqual, .equal: return Needs()
      case .multiply, .divide, .minimum, .maximum, .power, .select: return Needs(inputs: true)
      }
    case .arithmeticWithConstant(let arithmetic, _, let isFirst):
      switch arithmetic {
      case .add, .subtract, .multiply, .greater, .greaterOrEqual, .equal: return Needs()
      case .divide: return Needs(inputs: isFirst)
      case .minimum, .maximum, .power, .select: return Needs(inputs: true)
      }
    case .convolution, .averagePooling, .globalAveragePooling, .batchNormalization, .innerProduct,
      .concatenation, .split, .padding, .slice, .gathering, .resampling, .average, .flatten, .reshape,
      .transposition, .dropout, .identity:
      return Needs()
    }
  }
}
