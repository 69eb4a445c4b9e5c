internal import CVector
public import Tensors

extension Device {
  /// A transposed convolution whose time is proportional to the non-zeros of the signal.
  ///
  /// Each non-zero adds its value times its filter to the output; what falls on padding is dropped. The result is
  /// that of the dense transposed convolution. After unpooling most of a signal is zero, see ``density(of:)``.
  ///
  /// - Parameters:
  ///   - signal: Images x places down x places across x outputs.
  ///   - filters: Outputs x rows x columns x inputs of a group.
  ///   - sliding: The windows of the forward convolution.
  ///   - groups: The groups of the forward convolution.
  ///   - input: The shape of the maps that were convolved.
  /// - Returns: A signal shaped `input`.
  /// - Throws: ``KernelError`` where the shapes disagree.
  /// - Note: Zeiler & Fergus 2014 (arXiv 1311.2901), section 2.1, "Filtering".
  public func sparseConvolutionTransposed(
    _ signal: Tensor, filters: Tensor, over sliding: Sliding, groups: Int, onto input: Shape
  ) throws(KernelError) -> Tensor {
    let operation = "a transposed convolution"
    guard input.rank == 4, filters.shape.rank == 4 else {
      throw .shapes(
        operation: operation, expected: "maps and filters of rank 4", found: "\(input) and \(filters.shape)")
    }
    let outputs = filters.shape[0]
    guard groups > 0, input.channels % groups == 0, outputs % groups == 0 else {
      throw .shapes(
        operation: operation, expected: "channels that \(groups) groups divide",
        found: "\(input.channels) inputs and \(outputs) outputs")
    }
    let expected: Shape = [outputs, sliding.rows.window, sliding.columns.window, input.channels / groups]
    try require(filters, shaped: expected, for: "the filters of \(operation)")
    let places = try sliding.output(over: input, channels: outputs)
    try require(signal, shaped: places, for: operation)
    let geometry = VectorSliding(sliding, input: input, output: places)
    var result = Tensor(input)
    unsafe result.withUnsafeMutableElements { result in
      unsafe signal.withUnsafeElements { signal in
        unsafe filters.withUnsafeElements { filters in
          unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: outputs + 1) { values in
            unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: outputs + 1) {
              rows in
              unsafe vector_sparse_convolution_transposed(
                signal.baseAddress, filters.baseAddress, result.baseAddress, geometry, outputs, groups,
                values.baseAddress, rows.baseAddress)
            }
          }
        }
      }
    }
    return result
  }

  /// The density below which ``sparseConvolutionTransposed(_:filters:over:groups:onto:)`` is the faster way.
  ///
  /// - Parameters:
  ///   - filters: Outputs x rows x columns x inputs of a group.
  ///   - groups: Into how many groups inputs and outputs are divided.
  /// - Returns: A share of non-zeros, measured on one core with AVX-512.
  public func densityWorthSparseness(filters: Shape, groups: Int) -> Double {
    // The dense way folds; a window's row shorter than a vector wastes the rest of it, but only the sparse way's.
    if isFolded(filters: filters, groups: groups) { return filters[2] * filters[3] < 16 ? 0.05 : 0.2 }
    return filters[3] < 16 ? 0.6 : 0.25
  }

  /// The share of elements that are not zero, 0...1; 0 where there are none.
  public func density(of tensor: Tensor) -> Double {
    guard tensor.shape.count > 0 else { return 0 }
    let nonzeros = unsafe tensor.withUnsafeElements { unsafe vector_nonzeros($0.baseAddress, $0.count) }
    return Double(nonzeros) / Double(tensor.shape.count)
  }
}
