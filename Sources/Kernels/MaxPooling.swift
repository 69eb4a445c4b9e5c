internal import CVector
public import Tensors

extension Device {
  /// The largest value of each window of each channel.
  ///
  /// Padding never wins; NaN does. A window that covers nothing but padding gives negative infinity.
  ///
  /// - Parameters:
  ///   - input: Images x rows x columns x channels.
  ///   - sliding: The windows.
  /// - Returns: Images x places down x places across x channels.
  /// - Throws: ``KernelError`` where the input is not of rank 4 or a window has no place.
  /// - Note: ONNX MaxPool.
  public func maxPooling(_ input: Tensor, over sliding: Sliding) throws(KernelError) -> Tensor {
    try requireMaps(input, for: "max pooling")
    let pooled = try sliding.output(over: input.shape)
    let geometry = VectorSliding(sliding, input: input.shape, output: pooled)
    return unsafe Tensor(uninitialized: pooled) { values in
      unsafe input.withUnsafeElements { source in
        guard input.shape.images == 1 else {
          unsafe vector_max_pooling(source.baseAddress, values.baseAddress, geometry)
          return
        }
        let lent = unsafe Lent(source: source.baseAddress, target: values.baseAddress)
        divide(pooled.rows, elements: input.shape.count) { rows in
          var part = geometry
          part.rows.before -= rows.lowerBound * part.rows.stride
          part.rows.places = rows.count
          let skipped = rows.lowerBound * pooled.columns * pooled.channels
          unsafe vector_max_pooling(lent.source, lent.target.map { unsafe $0 + skipped }, part)
        }
      }
    }
  }

  /// The largest value of each window, and where in the window it stood.
  ///
  /// A tie goes to the first position in row-major order; the first NaN wins over all else.
  ///
  /// - Parameters:
  ///   - input: Images x rows x columns x channels.
  ///   - sliding: The windows, of at most 65,536 positions.
  /// - Returns: The pooled values and the switches that lead them back.
  /// - Throws: ``KernelError`` where the input is not of rank 4, or a window has no place or too many positions.
  /// - Note: Zeiler & Fergus 2014 (arXiv 1311.2901), section 2.1, "Unpooling".
  public func maxPoolingWithSwitches(
    _ input: Tensor, over sliding: Sliding
  ) throws(KernelError) -> (values: Tensor, switches: Switches) {
    try requireMaps(input, for: "max pooling")
    guard sliding.count <= Int(UInt16.max) + 1 else {
      throw .shapes(
        operation: "max pooling with switches",
        expected: "a window of at most \(Int(UInt16.max) + 1) positions",
        found: "\(sliding.rows.window) x \(sliding.columns.window)")
    }
    let pooled = try sliding.output(over: input.shape)
    let geometry = VectorSliding(sliding, input: input.shape, output: pooled)
    var values = Tensor(pooled) { (_: inout MutableSpan<Float>) in }
    let winners = unsafe [UInt16](unsafeUninitializedCapacity: pooled.count) { winners, count in
      unsafe values.withUnsafeMutableElements { values in
        unsafe input.withUnsafeElements { source in
          unsafe vector_max_pooling_with_winners(
            source.baseAddress, values.baseAddress, winners.baseAddress, geometry)
        }
      }
      count = pooled.count
    }
    return (values, Switches(recorded: winners, pooled: pooled, input: input.shape, sliding: sliding))
  }

  /// The largest value of each channel of each image: a window as large as the map.
  ///
  /// - Parameter input: Images x rows x columns x channels.
  /// - Returns: Images x 1 x 1 x channels.
  /// - Throws: ``KernelError`` where the maps are empty or not of rank 4.
  /// - Note: ONNX GlobalMaxPool.
  public func globalMaxPooling(_ input: Tensor) throws(KernelError) -> Tensor {
    try requireMaps(input, for: "global max pooling")
    return try maxPooling(input, over: try wholeMap(input.shape, for: "global max pooling"))
  }

  /// The largest value of each channel of each image, and where it stood.
  ///
  /// - Parameter input: Images x rows x columns x channels, of at most 65,536 positions.
  /// - Returns: Images x 1 x 1 x channels, and the switches.
  /// - Throws: ``KernelError`` where the maps are empty, too large, or not of rank 4.
  /// - Note: ONNX GlobalMaxPool.
  public func globalMaxPoolingWithSwitches(
    _ input: Tensor
  ) throws(KernelError) -> (values: Tensor, switches: Switches) {
    try requireMaps(input, for: "global max pooling")
    return try maxPoolingWithSwitches(
      input, over: try wholeMap(input.shape, for: "global max pooling"))
  }
}
