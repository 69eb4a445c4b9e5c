internal import CVector
public import Tensors

extension Device {
  /// Reorders the axes of a tensor.
  ///
  /// - Parameters:
  ///   - tensor: Any rank.
  ///   - axes: For each axis of the result, the axis of `tensor` it was: `[0, 3, 1, 2]` puts channels second.
  /// - Returns: The reordered tensor; it shares its elements where their order in memory stays.
  /// - Throws: ``KernelError`` where `axes` is not each axis once.
  /// - Note: ONNX Transpose.
  public func permuted(_ tensor: Tensor, _ axes: [Int]) throws(KernelError) -> Tensor {
    guard axes.sorted() == Array(0..<tensor.shape.rank) else {
      throw .shapes(
        operation: "permuting", expected: "each axis of \(tensor.shape) once", found: "\(axes)")
    }
    let shape = Shape(axes.map { tensor.shape[$0] })
    let steps = rowMajorSteps(tensor.shape.dimensions)
    // The result's axes, outermost first, with what a step along each moves in the source; neighbours that stay
    // neighbours are one axis.
    var (extents, moves): ([Int], [Int]) = ([], [])
    for axis in axes where tensor.shape[axis] != 1 {
      if let outer = moves.last, outer == steps[axis] * tensor.shape[axis] {
        extents[extents.count - 1] *= tensor.shape[axis]
        moves[moves.count - 1] = steps[axis]
      } else {
        extents.append(tensor.shape[axis])
        moves.append(steps[axis])
      }
    }
    if extents.count <= 1 || shape.count == 0 { return tensor.reshaped(to: shape) }
    return unsafe Tensor(uninitialized: shape) { target in
      unsafe tensor.withUnsafeElements { source in
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        unsafe reorder(from, to, extents: extents, moves: moves)
      }
    }
  }
}

private func reorder(
  _ from: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>, extents: [Int], moves: [Int]
) {
  let targetSteps = rowMajorSteps(extents)
  let last = extents.count - 1
  if moves[last] == 1 {
    forEachOffset(
      extents: Array(extents[..<last]), first: Array(moves[..<last]), second: Array(targetSteps[..<last])
    ) { _, source, target in
      unsafe (to + target).update(from: from + source, count: extents[last])
    }
    return
  }
  // The source's innermost axis stands further out in the result: a matrix transposed for each place of the rest.
  guard let inner = moves.firstIndex(of: 1) else { return }
  let rest = extents.indices.filter { $0 != inner && $0 != last }
  forEachOffset(
    extents: rest.map { extents[$0] }, first: rest.map { moves[$0] }, second: rest.map { targetSteps[$0] }
  ) { _, source, target in
    unsafe vector_transposing(
      from + source, moves[last], to + target, targetSteps[inner], extents[last], extents[inner])
  }
}
