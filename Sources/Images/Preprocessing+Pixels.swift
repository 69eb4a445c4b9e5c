public import Tensors

extension Preprocessing {
  /// A prepared input with each of its pixels changed, as levels of 0...255 that stay within them.
  ///
  /// - Parameters:
  ///   - input: 1 x rows x columns x channels, in the network's channel order.
  ///   - change: What a level becomes.
  /// - Returns: An input of the same shape.
  public func withPixels(of input: Tensor, _ change: (Float) -> Float) -> Tensor {
    let channels = input.shape.channels
    var changed = input
    changed.withMutableSpan { elements in
      for index in 0..<elements.count {
        let channel = min(index % channels, mean.count - 1)
        let level = (elements[index] * std[channel] + mean[channel]) / scale
        elements[index] = value(ofLevel: min(max(change(level), 0), 255), channel: channel)
      }
    }
    return changed
  }

  /// What a level of 0...255 in every channel becomes.
  public func value(ofLevel level: Float, channel: Int) -> Float {
    (level * scale - mean[channel]) / std[channel]
  }
}
