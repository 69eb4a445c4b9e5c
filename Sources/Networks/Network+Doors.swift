public import Kernels
public import Tensors

extension Network {
  /// A value as its file has it: channels before rows, and flattened features in that order too.
  ///
  /// - Parameters:
  ///   - tensor: The value in this package's order, for any number of images.
  ///   - value: Its name.
  ///   - shapes: The shape of every value, for any number of images.
  /// - Returns: The same values, reordered.
  /// - Throws: `KernelError` where the tensor has not the value's shape.
  public func inONNXOrder(
    _ tensor: Tensor, of value: String, shapes: [String: Shape]
  ) throws(KernelError) -> Tensor {
    if inputs.contains(where: { $0.name == value && $0.isChannelsLast }) { return tensor }
    if let order = fileOrders[value] { return try Device().permuted(tensor, order).inONNXOrder() }
    guard tensor.shape.rank == 2, let map = flattenedMap(of: value, shapes: shapes), map.rank == 4 else {
      return try tensor.inONNXOrder()
    }
    let images = tensor.shape[0]
    let maps = tensor.reshaped(to: [images, map.rows, map.columns, map.channels])
    return try maps.inONNXOrder().reshaped(to: tensor.shape)
  }

  /// An input as its file has it, in this package's order.
  ///
  /// - Parameters:
  ///   - tensor: In ONNX's order, or images x rows x columns x channels where the input ``Network/Input/isChannelsLast``.
  ///   - input: The input's name.
  /// - Returns: The same values, reordered.
  /// - Throws: `KernelError` where the tensor has not the input's axes.
  public func fromONNXOrder(_ tensor: Tensor, ofInput input: String) throws(KernelError) -> Tensor {
    inputs.contains { $0.name == input && $0.isChannelsLast } ? tensor : try tensor.fromONNXOrder()
  }

  /// The map whose elements a value of rank 2 lists, where only elementwise functions lie between.
  private func flattenedMap(of value: String, shapes: [String: Shape]) -> Shape? {
    var value = value
    for node in nodes.reversed() where node.outputs.contains(value) {
      switch node.operation {
      case .flatten: return shapes[node.inputs[0]]
      case .activation, .dropout, .identity: value = node.inputs[0]
      default: return nil
      }
    }
    return nil
  }
}

extension Tensor {
  /// A value as ONNX has it: images x channels x rows x columns where it has rank 4.
  public func inONNXOrder() throws(KernelError) -> Tensor {
    shape.rank == 4 ? try Device().permuted(self, [0, 3, 1, 2]) : self
  }

  /// The inverse of ``inONNXOrder()``.
  public func fromONNXOrder() throws(KernelError) -> Tensor {
    shape.rank == 4 ? try Device().permuted(self, [0, 2, 3, 1]) : self
  }
}
