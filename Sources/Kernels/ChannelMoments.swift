internal import CVector
public import Tensors

/// The mean and variance of each channel over all positions of some pictures, in double precision.
public struct ChannelMoments: Sendable, Codable {
  /// Positions of all pictures.
  public private(set) var count = 0
  private var sums: [Double]
  private var squares: [Double]

  /// Of a tensor of any rank of 1 or more; the last axis is the channels.
  public init(of tensor: Tensor) {
    let channels = tensor.shape.dimensions.last ?? 0
    sums = [Double](repeating: 0, count: channels)
    squares = sums
    count = channels == 0 ? 0 : tensor.shape.count / channels
    unsafe tensor.withUnsafeElements { source in
      unsafe sums.withUnsafeMutableBufferPointer { sums in
        unsafe squares.withUnsafeMutableBufferPointer { squares in
          unsafe vector_moments(
            source.baseAddress, sums.baseAddress, squares.baseAddress, count, channels)
        }
      }
    }
  }

  /// Takes in the moments of other pictures, of as many channels.
  public mutating func add(_ other: ChannelMoments) {
    count += other.count
    for channel in sums.indices {
      sums[channel] += other.sums[channel]
      squares[channel] += other.squares[channel]
    }
  }

  public var means: [Double] { sums.map { $0 / Double(max(count, 1)) } }

  /// Mean squares about the means, not less than zero.
  public var variances: [Double] {
    zip(squares, means).map { max($0 / Double(max(count, 1)) - $1 * $1, 0) }
  }
}
