internal import CVector
public import Tensors

extension Device {
  /// Returns each pooled value to the position that won its window.
  ///
  /// Positions that won nothing are zero. A position that won several overlapping windows receives their sum, as
  /// in the gradient of max pooling.
  ///
  /// - Parameters:
  ///   - signal: The pooled signal, shaped `switches.pooled`.
  ///   - switches: Recorded by the forward pass of the *same* pictures.
  /// - Returns: A signal shaped `switches.input`.
  /// - Throws: ``KernelError/shapes(operation:expected:found:)`` where the shapes disagree.
  /// - Note: Zeiler & Fergus 2014 (arXiv 1311.2901), section 2.1, "Unpooling".
  public func unpooling(_ signal: Tensor, through switches: Switches) throws(KernelError) -> Tensor {
    try require(signal, shaped: switches.pooled, for: "unpooling")
    try requireMaps(signal, for: "unpooling")
    guard switches.input.rank == 4, switches.input.images == switches.pooled.images,
      switches.input.channels == switches.pooled.channels
    else {
      throw .shapes(
        operation: "unpooling", expected: "maps of as many images and channels as \(switches.pooled)",
        found: "\(switches.input)")
    }
    let geometry = VectorSliding(switches.sliding, input: switches.input, output: switches.pooled)
    var restored = Tensor(switches.input)
    unsafe restored.withUnsafeMutableElements { target in
      unsafe signal.withUnsafeElements { source in
        unsafe switches.winners.withUnsafeBufferPointer { winners in
          unsafe vector_unpooling(source.baseAddress, winners.baseAddress, target.baseAddress, geometry)
        }
      }
    }
    return restored
  }
}
