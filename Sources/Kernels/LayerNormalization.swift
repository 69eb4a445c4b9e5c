internal import CVector
public import Tensors

/// Every position's channels less their mean, over their deviation; then scaled and shifted.
///
/// - Note: Ba, Kiros & Hinton 2016, "Layer normalization"; ONNX LayerNormalization over the last axis.
public struct LayerNormalization: Sendable {
  /// Added to each variance, so that none is zero.
  public var epsilon: Float
  /// One a channel.
  public private(set) var scale: Tensor
  /// One a channel.
  public private(set) var shift: Tensor

  /// One that scales by 1 and shifts by nothing.
  public init(channels: Int, epsilon: Float) {
    self.epsilon = epsilon
    scale = Tensor([channels], repeating: 1)
    shift = Tensor([channels])
  }

  public var channels: Int { scale.shape.count }

  /// The same followed by a product and a sum for each channel.
  public func scaled(by factors: [Float], shiftedBy sums: [Float]) -> LayerNormalization {
    var scaled = self
    scaled.scale = Tensor(scale.shape, elements: zip(scale.elements, factors).map(*))
    scaled.shift = Tensor(
      shift.shape, elements: zip(zip(shift.elements, factors).map(*), sums).map(+))
    return scaled
  }
}

extension Device {
  /// Normalises the channels of each position.
  ///
  /// - Parameters:
  ///   - input: Any rank of 1 or more; the last axis is the channels.
  ///   - normalization: For as many channels.
  /// - Returns: A tensor of the input's shape.
  /// - Throws: ``KernelError`` where the channels are not as many.
  /// - Note: ONNX LayerNormalization.
  public func layerNormalization(
    _ input: Tensor, _ normalization: LayerNormalization
  ) throws(KernelError) -> Tensor {
    let channels = try lastExtent(of: input, for: "layer normalization")
    try require(normalization.scale, shaped: [channels], for: "layer normalization")
    return unsafe Tensor(uninitialized: input.shape) { output in
      unsafe input.withUnsafeElements { source in
        unsafe normalization.scale.withUnsafeElements { scale in
          unsafe normalization.shift.withUnsafeElements { shift in
            unsafe vector_layer_normalization(
              source.baseAddress, scale.baseAddress, shift.baseAddress, output.baseAddress,
              rows(of: input, by: channels), channels, normalization.epsilon)
          }
        }
      }
    }
  }
}
