internal import CVector
public import Tensors

/// A function of each element alone.
///
/// NaN comes out as NaN.
///
/// - Note: The ONNX operators of these names; `swish` is x times its sigmoid (SiLU), `gelu` the exact one.
public enum Activation: Hashable, Sendable {
  case relu
  case leakyRelu(slope: Float)
  case clip(minimum: Float, maximum: Float)
  case sigmoid
  /// `alpha * x + beta`, kept within 0...1.
  case hardSigmoid(alpha: Float, beta: Float)
  case hardSwish
  case swish
  case tanh
  case elu(alpha: Float)
  case softplus
  case gelu
  case exp
  case log
  case sqrt
  case abs
  case negate
  case reciprocal
  case erf
  case sin, cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh
  /// Steps, whose slope is 0; halves are rounded to the even neighbour.
  case sign, floor, ceil, round
  /// The value where it is above the threshold, else 0.
  case thresholdedRelu(threshold: Float)
  /// Zero within the threshold on both sides, and `bias` nearer to zero beyond it.
  case shrink(bias: Float, threshold: Float)

  var code: (kind: VectorActivation, first: Float, second: Float) {
    switch self {
    case .relu: (VectorRelu, 0, 0)
    case .leakyRelu(let slope): (VectorLeakyRelu, slope, 0)
    case .clip(let minimum, let maximum): (VectorClip, minimum, maximum)
    case .sigmoid: (VectorSigmoid, 0, 0)
    case .hardSigmoid(let alpha, let beta): (VectorHardSigmoid, alpha, beta)
    case .hardSwish: (VectorHardSwish, 0, 0)
    case .swish: (VectorSwish, 0, 0)
    case .tanh: (VectorTanh, 0, 0)
    case .elu(let alpha): (VectorElu, alpha, 0)
    case .softplus: (VectorSoftplus, 0, 0)
    case .gelu: (VectorGelu, 0, 0)
    case .exp: (VectorExp, 0, 0)
    case .log: (VectorLog, 0, 0)
    case .sqrt: (VectorSqrt, 0, 0)
    case .abs: (VectorAbs, 0, 0)
    case .negate: (VectorNegate, 0, 0)
    case .reciprocal: (VectorReciprocal, 0, 0)
    case .erf: (VectorErf, 0, 0)
    case .sin: (VectorSin, 0, 0)
    case .cos: (VectorCos, 0, 0)
    case .tan: (VectorTan, 0, 0)
    case .asin: (VectorAsin, 0, 0)
    case .acos: (VectorAcos, 0, 0)
    case .atan: (VectorAtan, 0, 0)
    case .sinh: (VectorSinh, 0, 0)
    case .cosh: (VectorCosh, 0, 0)
    case .asinh: (VectorAsinh, 0, 0)
    case .acosh: (VectorAcosh, 0, 0)
    case .atanh: (VectorAtanh, 0, 0)
    case .sign: (VectorSign, 0, 0)
    case .floor: (VectorFloor, 0, 0)
    case .ceil: (VectorCeil, 0, 0)
    case .round: (VectorRound, 0, 0)
    case .thresholdedRelu(let threshold): (VectorThresholdedRelu, threshold, 0)
    case .shrink(let bias, let threshold): (VectorShrink, bias, threshold)
    }
  }
}

extension Device {
  /// Applies an activation to every element.
  public func activated(_ input: Tensor, by activation: Activation) -> Tensor {
    let code = activation.code
    return unsafe Tensor(uninitialized: input.shape) { output in
      unsafe input.withUnsafeElements { source in
        unsafe vector_activation(
          source.baseAddress, output.baseAddress, source.count, code.kind, code.first, code.second)
      }
    }
  }

  /// The ordinary gradient: the signal times the activation's derivative.
  ///
  /// At a kink the derivative is that of the flat or lower side: 0 for `relu`, `clip` and `abs`, the slope for
  /// `leakyRelu`.
  ///
  /// - Parameters:
  ///   - signal: The gradient at the output.
  ///   - input: What the activation was given.
  ///   - output: What it gave.
  ///   - activation: The activation.
  /// - Returns: The gradient at the input.
  /// - Throws: ``KernelError`` where the shapes disagree.
  public func activationBackward(
    _ signal: Tensor, input: Tensor, output: Tensor, by activation: Activation
  ) throws(KernelError) -> Tensor {
    try require(signal, shaped: input.shape, for: "the gradient of an activation")
    try require(output, shaped: input.shape, for: "the gradient of an activation")
    let code = activation.code
    return unsafe Tensor(uninitialized: input.shape) { result in
      unsafe signal.withUnsafeElements { signal in
        unsafe input.withUnsafeElements { input in
          unsafe output.withUnsafeElements { output in
            unsafe vector_activation_backward(
              signal.baseAddress, input.baseAddress, output.baseAddress, result.baseAddress, signal.count,
              code.kind, code.first, code.second)
          }
        }
      }
    }
  }
}
