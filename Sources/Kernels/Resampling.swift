internal import CVector
public import Tensors

extension Device {
  /// Applies one linear map to the rows of each feature map and another to its columns.
  ///
  /// - Parameters:
  ///   - maps: Images x rows x columns x channels.
  ///   - rows: The map along rows.
  ///   - columns: The map along columns.
  /// - Returns: Images x the places of `rows` x the places of `columns` x channels.
  /// - Throws: ``KernelError`` where the maps are not of rank 4, or an axis has another length than its map reads.
  /// - Note: ONNX Resize in all of its modes.
  public func resampled(_ maps: Tensor, rows: AxisMap, columns: AxisMap) throws(KernelError) -> Tensor {
    try requireMaps(maps, for: "resampling")
    try require(
      maps,
      shaped: Shape(
        images: maps.shape.images, rows: rows.length, columns: columns.length, channels: maps.shape.channels),
      for: "resampling")
    return applied(columns, to: applied(rows, to: maps, axis: 1), axis: 2)
  }

  /// Carries each value back to the positions that it is a sum of, by the same weights: the transpose of resampling.
  ///
  /// - Parameters:
  ///   - signal: Images x the places of `rows` x the places of `columns` x channels.
  ///   - rows: As in the forward pass.
  ///   - columns: As in the forward pass.
  /// - Returns: A signal shaped like the maps that were resampled.
  /// - Throws: ``KernelError`` where the shapes disagree.
  public func resampledTransposed(
    _ signal: Tensor, rows: AxisMap, columns: AxisMap
  ) throws(KernelError) -> Tensor {
    try requireMaps(signal, for: "transposed resampling")
    try require(
      signal,
      shaped: Shape(
        images: signal.shape.images, rows: rows.places.count, columns: columns.places.count,
        channels: signal.shape.channels),
      for: "transposed resampling")
    return applied(
      rows, to: applied(columns, to: signal, axis: 2, transposed: true), axis: 1, transposed: true)
  }

  private func applied(
    _ map: AxisMap, to tensor: Tensor, axis: Int, transposed isTransposed: Bool = false
  ) -> Tensor {
    if map.isIdentity { return tensor }
    let extents = tensor.shape.dimensions
    let made = isTransposed ? map.length : map.places.count
    var result = Tensor(Shape(extents[..<axis] + [made] + extents[(axis + 1)...]))
    let (outer, inner) = (extents[..<axis].reduce(1, *), extents[(axis + 1)...].reduce(1, *))
    for (place, terms) in map.places.enumerated() {
      for term in terms {
        let (from, to) = isTransposed ? (place, term.position) : (term.position, place)
        unsafe result.withUnsafeMutableElements { target in
          unsafe tensor.withUnsafeElements { source in
            guard let source = source.baseAddress, let target = target.baseAddress else { return }
            unsafe vector_adding_multiple(
              term.weight, source + from * inner, extents[axis] * inner, target + to * inner, made * inner,
              outer, inner)
          }
        }
      }
    }
    return result
  }
}
