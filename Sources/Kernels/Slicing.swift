public import Tensors

extension Device {
  /// Takes positions at even distances along each axis.
  ///
  /// - Parameters:
  ///   - tensor: Any rank.
  ///   - starts: For each axis, the first position taken.
  ///   - stops: For each axis, the first position no longer taken; -1 with a negative step goes through position 0.
  ///   - steps: For each axis, the distance between positions taken; negative to go backwards, never 0.
  /// - Returns: The positions taken; none of an axis whose start is not before its stop.
  /// - Throws: ``KernelError`` where there is not a value for each axis, a step is 0, or a position is outside.
  /// - Note: ONNX Slice, with negative indices already made positive.
  public func sliced(
    _ tensor: Tensor, starts: [Int], stops: [Int], steps: [Int]
  ) throws(KernelError) -> Tensor {
    try slicingOf(tensor.shape, starts: starts, stops: stops, steps: steps).gather(tensor, filler: 0)
  }

  /// The transpose of slicing: what was taken goes back to its position, all else is zero.
  ///
  /// - Parameters:
  ///   - signal: Of the sliced shape.
  ///   - starts: As in the forward pass.
  ///   - stops: As in the forward pass.
  ///   - steps: As in the forward pass.
  ///   - shape: The shape that was sliced.
  /// - Returns: A signal shaped `shape`.
  /// - Throws: ``KernelError`` where the shapes disagree, and as ``sliced(_:starts:stops:steps:)``.
  public func slicedTransposed(
    _ signal: Tensor, starts: [Int], stops: [Int], steps: [Int], onto shape: Shape
  ) throws(KernelError) -> Tensor {
    let gathering = try slicingOf(shape, starts: starts, stops: stops, steps: steps)
    try require(signal, shaped: gathering.shape, for: "transposed slicing")
    return gathering.scatter(signal, onto: shape)
  }
}

extension Device {
  /// Takes positions of one axis, in any order and any number of times.
  ///
  /// - Parameters:
  ///   - tensor: Any rank.
  ///   - axis: The axis that they are positions of.
  ///   - positions: For each position of the result, the one it takes.
  /// - Returns: The tensor with as many positions along the axis as are taken.
  /// - Throws: ``KernelError`` where there is no such axis, or a position is outside it.
  /// - Note: ONNX Gather.
  public func gathered(_ tensor: Tensor, axis: Int, positions: [Int]) throws(KernelError) -> Tensor {
    try gatheringOf(tensor.shape, axis: axis, positions: positions).gather(tensor, filler: 0)
  }

  /// The transpose of gathering: what was taken goes back to its position, and adds up where it was taken twice.
  ///
  /// - Parameters:
  ///   - signal: Of the gathered shape.
  ///   - axis: As in the forward pass.
  ///   - positions: As in the forward pass.
  ///   - shape: The shape that was gathered from.
  /// - Returns: A signal shaped `shape`.
  /// - Throws: ``KernelError`` where the shapes disagree, and as ``gathered(_:axis:positions:)``.
  public func gatheredTransposed(
    _ signal: Tensor, axis: Int, positions: [Int], onto shape: Shape
  ) throws(KernelError) -> Tensor {
    let gathering = try gatheringOf(shape, axis: axis, positions: positions)
    try require(signal, shaped: gathering.shape, for: "transposed gathering")
    return gathering.scatter(signal, onto: shape)
  }
}

private func gatheringOf(_ shape: Shape, axis: Int, positions: [Int]) throws(KernelError) -> Gathering {
  guard (0..<shape.rank).contains(axis), positions.allSatisfy((0..<shape[axis]).contains) else {
    throw .shapes(
      operation: "gathering along axis \(axis)", expected: "positions of \(shape)", found: "\(positions)")
  }
  return Gathering(
    sources: shape.dimensions.enumerated().map { $0.offset == axis ? positions : Array(0..<$0.element) })
}

private func slicingOf(
  _ shape: Shape, starts: [Int], stops: [Int], steps: [Int]
) throws(KernelError) -> Gathering {
  guard starts.count == shape.rank, stops.count == shape.rank, steps.count == shape.rank, !steps.contains(0)
  else {
    throw .shapes(
      operation: "slicing \(shape)", expected: "a start, a stop and a step other than 0 for each axis",
      found: "\(starts), \(stops), \(steps)")
  }
  var sources: [[Int?]] = []
  for axis in 0..<shape.rank {
    let positions = stride(from: starts[axis], to: stops[axis], by: steps[axis])
    var taken: [Int?] = []
    for position in positions {
      guard (0..<shape[axis]).contains(position) else {
        throw .shapes(
          operation: "slicing axis \(axis)", expected: "positions below \(shape[axis])", found: "\(position)")
      }
      taken.append(position)
    }
    sources.append(taken)
  }
  return Gathering(sources: sources)
}
