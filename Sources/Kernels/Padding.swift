public import Tensors

/// What stands in the positions that padding adds.
public enum PaddingMode: Hashable, Sendable {
  case constant(Float)
  /// The positions mirrored at the outermost one, which is not repeated.
  case reflect
  /// The outermost position, repeated.
  case edge
}

extension Device {
  /// Adds positions around a tensor, or crops it where a count is negative.
  ///
  /// - Parameters:
  ///   - tensor: Any rank.
  ///   - before: For each axis, the positions added before the first.
  ///   - after: For each axis, the positions added after the last.
  ///   - mode: What stands in them.
  /// - Returns: The padded tensor.
  /// - Throws: ``KernelError`` where there is not a count for each axis, cropping exceeds an extent, or an axis is
  ///   too short to be mirrored or repeated.
  /// - Note: ONNX Pad.
  public func padded(
    _ tensor: Tensor, before: [Int], after: [Int], mode: PaddingMode
  ) throws(KernelError) -> Tensor {
    let gathering = try paddingOf(tensor.shape, before: before, after: after, mode: mode)
    guard case .constant(let filler) = mode else { return gathering.gather(tensor, filler: 0) }
    return gathering.gather(tensor, filler: filler)
  }

  /// The transpose of padding: what reached an added position goes back to the position that it repeats.
  ///
  /// - Parameters:
  ///   - signal: Of the padded shape.
  ///   - before: As in the forward pass.
  ///   - after: As in the forward pass.
  ///   - mode: As in the forward pass; what reached a constant is dropped.
  ///   - shape: The shape that was padded.
  /// - Returns: A signal shaped `shape`.
  /// - Throws: ``KernelError`` where the shapes disagree, and as ``padded(_:before:after:mode:)``.
  public func paddedTransposed(
    _ signal: Tensor, before: [Int], after: [Int], mode: PaddingMode, onto shape: Shape
  ) throws(KernelError) -> Tensor {
    let gathering = try paddingOf(shape, before: before, after: after, mode: mode)
    try require(signal, shaped: gathering.shape, for: "transposed padding")
    return gathering.scatter(signal, onto: shape)
  }
}

private func paddingOf(
  _ shape: Shape, before: [Int], after: [Int], mode: PaddingMode
) throws(KernelError) -> Gathering {
  guard before.count == shape.rank, after.count == shape.rank else {
    throw .shapes(
      operation: "padding \(shape)", expected: "\(shape.rank) counts before and after",
      found: "\(before.count) and \(after.count)")
  }
  var sources: [[Int?]] = []
  for axis in 0..<shape.rank {
    let extent = shape[axis]
    let range = (-before[axis], extent + after[axis])
    guard range.0 <= range.1 else {
      throw .shapes(
        operation: "padding axis \(axis)", expected: "to crop at most its \(extent) positions",
        found: "\(before[axis]) and \(after[axis])")
    }
    var axisSources: [Int?] = []
    for position in range.0..<range.1 {
      if (0..<extent).contains(position) {
        axisSources.append(position)
        continue
      }
      switch mode {
      case .constant: axisSources.append(nil)
      case .edge:
        guard extent > 0 else { throw tooShort(axis, extent, 1) }
        axisSources.append(position < 0 ? 0 : extent - 1)
      case .reflect:
        let mirrored = position < 0 ? -position : 2 * (extent - 1) - position
        guard (0..<extent).contains(mirrored) else {
          throw tooShort(axis, extent, max(before[axis], after[axis]) + 1)
        }
        axisSources.append(mirrored)
      }
    }
    sources.append(axisSources)
  }
  return Gathering(sources: sources)
}

private func tooShort(_ axis: Int, _ extent: Int, _ needed: Int) -> KernelError {
  .shapes(
    operation: "padding axis \(axis) from its own positions", expected: "\(needed) of them",
    found: "\(extent)")
}
