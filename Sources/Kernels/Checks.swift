internal import CVector
internal import Tensors

/// Refuses what is not images x rows x columns x channels.
func requireMaps(_ tensor: Tensor, for operation: String) throws(KernelError) {
  guard tensor.shape.rank == 4 else {
    throw .shapes(
      operation: operation, expected: "images x rows x columns x channels", found: "\(tensor.shape)")
  }
}

/// Refuses a tensor of another shape than the one expected.
func require(_ tensor: Tensor, shaped expected: Shape, for operation: String) throws(KernelError) {
  guard tensor.shape == expected else {
    throw .shapes(operation: operation, expected: "\(expected)", found: "\(tensor.shape)")
  }
}

/// Refuses an axis the tensor does not have.
func require(axis: Int, of tensor: Tensor, for operation: String) throws(KernelError) {
  guard (0..<tensor.shape.rank).contains(axis) else {
    throw .shapes(
      operation: operation, expected: "an axis from 0 up to \(tensor.shape.rank)", found: "axis \(axis)")
  }
}

/// The window as large as a map.
func wholeMap(_ shape: Shape, for operation: String) throws(KernelError) -> Sliding {
  guard shape.rows > 0, shape.columns > 0 else {
    throw .shapes(operation: operation, expected: "a position or more", found: "\(shape)")
  }
  return Sliding(rows: Slide(window: shape.rows), columns: Slide(window: shape.columns))
}

extension VectorSliding {
  /// The geometry as C has it, of maps shaped `input` that pool to `output`.
  init(_ sliding: Sliding, input: Shape, output: Shape) {
    self.init(
      images: input.images, channels: input.channels,
      rows: VectorSlide(sliding.rows, length: input.rows, places: output.rows),
      columns: VectorSlide(sliding.columns, length: input.columns, places: output.columns))
  }
}

extension VectorSlide {
  init(_ slide: Slide, length: Int, places: Int) {
    self.init(
      length: length, places: places, window: slide.window, stride: slide.stride,
      dilation: slide.dilation, before: slide.before, after: slide.after)
  }
}
