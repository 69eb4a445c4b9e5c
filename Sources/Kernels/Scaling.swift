internal import CVector
public import Tensors

extension Device {
  /// Multiplies each channel by its scale and adds its shift; batch normalisation in inference is this.
  ///
  /// - Parameters:
  ///   - input: Any rank of 1 or more; the last axis is the channels.
  ///   - scale: A value a channel.
  ///   - shift: A value a channel, or none.
  /// - Returns: A tensor of the input's shape.
  /// - Throws: ``KernelError`` where there are not as many scales or shifts as channels.
  /// - Note: ONNX BatchNormalization, inference.
  public func scaling(_ input: Tensor, scale: Tensor, shift: Tensor?) throws(KernelError) -> Tensor {
    let channels = try lastExtent(of: input, for: "scaling")
    try require(scale, shaped: [channels], for: "scaling")
    if let shift { try require(shift, shaped: [channels], for: "the shift of scaling") }
    return unsafe Tensor(uninitialized: input.shape) { output in
      unsafe input.withUnsafeElements { source in
        unsafe scale.withUnsafeElements { scale in
          let count = rows(of: input, by: channels)
          guard let shift else {
            unsafe vector_scaling(
              source.baseAddress, scale.baseAddress, nil, output.baseAddress, count, channels)
            return
          }
          unsafe shift.withUnsafeElements { shift in
            unsafe vector_scaling(
              source.baseAddress, scale.baseAddress, shift.baseAddress, output.baseAddress, count, channels)
          }
        }
      }
    }
  }
}
