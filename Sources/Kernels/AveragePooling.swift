internal import CVector
public import Tensors

extension Device {
  /// The mean of each window of each channel.
  ///
  /// - Parameters:
  ///   - input: Images x rows x columns x channels.
  ///   - sliding: The windows.
  ///   - countsPadding: Whether padding counts as zeros in the mean, less the room that rounding up adds
  ///     (``Slide/room``); otherwise only the positions on the map count, and a window of none gives 0.
  /// - Returns: Images x places down x places across x channels.
  /// - Throws: ``KernelError`` where the input is not of rank 4 or a window has no place.
  /// - Note: ONNX AveragePool, `count_include_pad`.
  public func averagePooling(
    _ input: Tensor, over sliding: Sliding, countsPadding: Bool
  ) throws(KernelError) -> Tensor {
    try requireMaps(input, for: "average pooling")
    let pooled = try sliding.output(over: input.shape)
    let geometry = VectorSliding(sliding, input: input.shape, output: pooled)
    return unsafe Tensor(uninitialized: pooled) { values in
      unsafe input.withUnsafeElements { source in
        unsafe vector_average_pooling(
          source.baseAddress, values.baseAddress, geometry, countsPadding ? 1 : 0)
      }
    }
  }

  /// Spreads each pooled value evenly over its window: the transpose of average pooling.
  ///
  /// - Parameters:
  ///   - signal: Images x places down x places across x channels.
  ///   - sliding: The windows of the forward pass.
  ///   - countsPadding: As in the forward pass.
  ///   - shape: The shape of the maps that were pooled.
  /// - Returns: A signal shaped `shape`.
  /// - Throws: ``KernelError`` where the shapes disagree.
  public func averagePoolingTransposed(
    _ signal: Tensor, over sliding: Sliding, countsPadding: Bool, onto shape: Shape
  ) throws(KernelError) -> Tensor {
    var spread = Tensor(shape)
    try requireMaps(spread, for: "transposed average pooling")
    let pooled = try sliding.output(over: shape)
    try require(signal, shaped: pooled, for: "transposed average pooling")
    let geometry = VectorSliding(sliding, input: shape, output: pooled)
    unsafe spread.withUnsafeMutableElements { target in
      unsafe signal.withUnsafeElements { source in
        unsafe vector_average_pooling_transposed(
          source.baseAddress, target.baseAddress, geometry, countsPadding ? 1 : 0)
      }
    }
    return spread
  }

  /// The mean of each channel of each image.
  ///
  /// - Parameter input: Images x rows x columns x channels.
  /// - Returns: Images x 1 x 1 x channels.
  /// - Throws: ``KernelError`` where the maps are empty or not of rank 4.
  /// - Note: ONNX GlobalAveragePool.
  public func globalAveragePooling(_ input: Tensor) throws(KernelError) -> Tensor {
    try requireMaps(input, for: "global average pooling")
    return try averagePooling(
      input, over: try wholeMap(input.shape, for: "global average pooling"), countsPadding: true)
  }

  /// Spreads each value evenly over its map: the transpose of global average pooling.
  ///
  /// - Parameters:
  ///   - signal: Images x 1 x 1 x channels.
  ///   - shape: The shape of the maps that were pooled.
  /// - Returns: A signal shaped `shape`.
  /// - Throws: ``KernelError`` where the shapes disagree.
  public func globalAveragePoolingTransposed(
    _ signal: Tensor, onto shape: Shape
  ) throws(KernelError) -> Tensor {
    guard shape.rank == 4 else {
      throw .shapes(
        operation: "transposed global average pooling", expected: "maps of rank 4", found: "\(shape)")
    }
    return try averagePoolingTransposed(
      signal, over: try wholeMap(shape, for: "global average pooling"), countsPadding: true, onto: shape)
  }
}
