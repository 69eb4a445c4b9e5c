internal import CVector
public import Tensors

extension Device {
  /// A rectifier whose negative side has a slope of its own in each channel.
  ///
  /// - Parameters:
  ///   - input: Any rank of 1 or more; the last axis is the channels.
  ///   - slope: One value, or one a channel; extents of 1 around them do no harm.
  /// - Returns: A tensor of the input's shape.
  /// - Throws: ``KernelError`` where the slopes are neither one nor as many as the channels.
  /// - Note: ONNX PRelu.
  public func parametricRelu(_ input: Tensor, slope: Tensor) throws(KernelError) -> Tensor {
    let channels = try lastExtent(of: input, for: "a parametric rectifier")
    let slopes = try spreadSlope(slope, over: channels)
    return unsafe Tensor(uninitialized: input.shape) { output in
      unsafe input.withUnsafeElements { source in
        unsafe slopes.withUnsafeElements { slopes in
          unsafe vector_parametric_relu(
            source.baseAddress, slopes.baseAddress, output.baseAddress, rows(of: input, by: channels),
            channels)
        }
      }
    }
  }

  /// The gradient of ``parametricRelu(_:slope:)`` with respect to its input.
  ///
  /// - Parameters:
  ///   - signal: The gradient at the output.
  ///   - input: What the rectifier was given.
  ///   - slope: As in the forward pass.
  /// - Returns: The gradient at the input; at 0 the slope counts.
  /// - Throws: ``KernelError`` where the shapes disagree.
  public func parametricReluBackward(
    _ signal: Tensor, input: Tensor, slope: Tensor
  ) throws(KernelError) -> Tensor {
    let channels = try lastExtent(of: input, for: "a parametric rectifier")
    try require(signal, shaped: input.shape, for: "the gradient of a parametric rectifier")
    let slopes = try spreadSlope(slope, over: channels)
    return unsafe Tensor(uninitialized: input.shape) { output in
      unsafe signal.withUnsafeElements { signal in
        unsafe input.withUnsafeElements { source in
          unsafe slopes.withUnsafeElements { slopes in
            unsafe vector_parametric_relu_backward(
              signal.baseAddress, source.baseAddress, slopes.baseAddress, output.baseAddress,
              rows(of: input, by: channels), channels)
          }
        }
      }
    }
  }
}

private func spreadSlope(_ slope: Tensor, over channels: Int) throws(KernelError) -> Tensor {
  if slope.shape.count == 1 { return Tensor([channels], repeating: slope.elements[0]) }
  guard slope.shape.count == channels, slope.shape.dimensions.last == channels else {
    throw .shapes(
      operation: "a parametric rectifier", expected: "1 or \(channels) slopes", found: "\(slope.shape)")
  }
  return slope
}
