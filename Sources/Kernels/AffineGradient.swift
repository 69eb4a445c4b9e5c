public import Tensors

extension Device {
  /// The gradients of ``scaling(_:scale:shift:)`` with respect to its scale and shift.
  ///
  /// - Parameters:
  ///   - signal: The gradient at the output.
  ///   - input: What was scaled, of the signal's shape; the last axis is the channels.
  /// - Returns: One of each a channel.
  /// - Throws: ``KernelError`` where the shapes disagree.
  public func scalingGradient(
    _ signal: Tensor, input: Tensor
  ) throws(KernelError) -> (scale: Tensor, shift: Tensor) {
    let channels = try lastExtent(of: input, for: "the gradient of scaling")
    try require(signal, shaped: input.shape, for: "the gradient of scaling")
    let products = try combining(signal, input, by: .multiply)
    return (try summed(products, to: [channels]), try summed(signal, to: [channels]))
  }

  /// The gradient of ``parametricRelu(_:slope:)`` with respect to its slope.
  ///
  /// - Parameters:
  ///   - signal: The gradient at the output.
  ///   - input: What the rectifier was given.
  ///   - slope: The slope's shape: one value, or one a channel.
  /// - Returns: A gradient shaped `slope`.
  /// - Throws: ``KernelError`` where the shapes disagree.
  public func parametricReluSlopeGradient(
    _ signal: Tensor, input: Tensor, slope: Shape
  ) throws(KernelError) -> Tensor {
    let channels = try lastExtent(of: input, for: "a parametric rectifier")
    try require(signal, shaped: input.shape, for: "the gradient of a parametric rectifier")
    guard slope.count == 1 || slope.count == channels else {
      throw .shapes(
        operation: "a parametric rectifier", expected: "1 or \(channels) slopes", found: "\(slope)")
    }
    let negative = try combining(input, Tensor([1]), by: .minimum)
    let products = try combining(signal, negative, by: .multiply)
    return try summed(products, to: slope.count == 1 ? [1] : [channels]).reshaped(to: slope)
  }
}
