internal import CVector
public import Tensors

/// The constants of normalisation across neighbouring channels: `x / (bias + alpha / size * sum(x^2))^beta`.
///
/// The sum runs over `size` channels: floor((size - 1) / 2) before the channel, ceil((size - 1) / 2) after it,
/// and zeros beyond the ends.
///
/// - Note: ONNX LRN.
public struct LocalResponseNormalization: Hashable, Sendable {
  public var size: Int
  public var alpha: Float
  public var beta: Float
  public var bias: Float

  /// The constants of the type's formula (ONNX `LRN`); the window is `size` channels.
  public init(size: Int, alpha: Float = 1e-4, beta: Float = 0.75, bias: Float = 1) {
    precondition(size > 0, "normalisation over \(size) channels")
    self.size = size
    self.alpha = alpha
    self.beta = beta
    self.bias = bias
  }

  fileprivate var constants: VectorNormalization {
    VectorNormalization(size: size, alpha: alpha, beta: beta, bias: bias)
  }
}

extension Device {
  /// Divides each value by a power of the energy of its neighbouring channels.
  ///
  /// - Parameters:
  ///   - input: Any rank of 1 or more; the last axis is the channels.
  ///   - constants: Size, alpha, beta and bias.
  /// - Returns: A tensor of the input's shape.
  /// - Throws: ``KernelError`` where the input is a scalar.
  /// - Note: ONNX LRN.
  public func localResponseNormalization(
    _ input: Tensor, _ constants: LocalResponseNormalization
  ) throws(KernelError) -> Tensor {
    let channels = try checkedChannels(of: input, constants)
    var scratch = Tensor([channels + constants.size])
    return unsafe Tensor(uninitialized: input.shape) { output in
      unsafe scratch.withUnsafeMutableElements { scratch in
        unsafe input.withUnsafeElements { source in
          unsafe vector_normalization(
            source.baseAddress, output.baseAddress, scratch.baseAddress, rows(of: input, by: channels),
            channels, constants.constants)
        }
      }
    }
  }

  /// The gradient of local response normalisation.
  ///
  /// - Parameters:
  ///   - signal: The gradient at the output, of the input's shape.
  ///   - input: What was normalised.
  ///   - constants: As in the forward pass.
  /// - Returns: The gradient at the input.
  /// - Throws: ``KernelError`` where the shapes disagree.
  public func localResponseNormalizationBackward(
    _ signal: Tensor, input: Tensor, _ constants: LocalResponseNormalization
  ) throws(KernelError) -> Tensor {
    let channels = try checkedChannels(of: input, constants)
    try require(signal, shaped: input.shape, for: "the gradient of local response normalisation")
    var scratch = Tensor([2 * (channels + constants.size)])
    return unsafe Tensor(uninitialized: input.shape) { output in
      unsafe scratch.withUnsafeMutableElements { scratch in
        unsafe input.withUnsafeElements { source in
          unsafe signal.withUnsafeElements { signal in
            unsafe vector_normalization_backward(
              signal.baseAddress, source.baseAddress, output.baseAddress, scratch.baseAddress,
              rows(of: input, by: channels), channels, constants.constants)
          }
        }
      }
    }
  }
}

private func checkedChannels(
  of input: Tensor, _ constants: LocalResponseNormalization
) throws(KernelError) -> Int {
  guard constants.size > 0 else {
    throw .shapes(
      operation: "local response normalisation", expected: "a size of 1 or more", found: "\(constants.size)")
  }
  return try lastExtent(of: input, for: "local response normalisation")
}

/// The extent of the last axis, which a scalar does not have.
func lastExtent(of tensor: Tensor, for operation: String) throws(KernelError) -> Int {
  guard let extent = tensor.shape.dimensions.last else {
    throw .shapes(operation: operation, expected: "an axis of channels", found: "\(tensor.shape)")
  }
  return extent
}

/// How many rows of `extent` the elements make; none where they are empty.
func rows(of tensor: Tensor, by extent: Int) -> Int {
  extent == 0 ? 0 : tensor.shape.count / extent
}
