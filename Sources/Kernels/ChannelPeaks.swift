internal import CVector
public import Tensors

/// The largest value of each channel of each image, and where it stands.
public struct ChannelPeaks: Sendable {
  public let images: Int
  public let channels: Int
  /// Images x channels values; a channel with a NaN has its first NaN.
  public let values: [Float]
  /// Images x channels positions, row * columns + column; the first in row-major order where several tie.
  public let positions: [Int32]

  /// Finds the peak of every channel of every image.
  ///
  /// - Parameter tensor: Images x rows x columns x channels; or images x channels, whose positions are all 0.
  /// - Throws: ``KernelError`` where the rank is neither 4 nor 2, or the maps have no position.
  public init(of tensor: Tensor) throws(KernelError) {
    let shape = tensor.shape
    guard shape.rank == 4 || shape.rank == 2 else {
      throw .shapes(
        operation: "the peaks of channels",
        expected: "images x rows x columns x channels or images x channels",
        found: "\(shape)")
    }
    images = shape[0]
    channels = shape[shape.rank - 1]
    let count = shape.rank == 4 ? shape.rows * shape.columns : 1
    guard count > 0 else {
      throw .shapes(operation: "the peaks of channels", expected: "a position or more", found: "\(shape)")
    }
    var positions = [Int32](repeating: 0, count: images * channels)
    let (images, channels) = (images, channels)
    values = unsafe [Float](unsafeUninitializedCapacity: images * channels) { values, filled in
      unsafe positions.withUnsafeMutableBufferPointer { positions in
        unsafe tensor.withUnsafeElements { source in
          unsafe vector_channel_peaks(
            source.baseAddress, values.baseAddress, positions.baseAddress, images, count, channels)
        }
      }
      filled = images * channels
    }
    self.positions = positions
  }
}
