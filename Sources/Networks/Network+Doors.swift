public import Kernels
public import Tensors

extension Network {
  /// A value as ONNX has it: channels before rows, and flattened features in that order too.
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
    guard tensor.shape.rank == 2, let map = flattenedMap(of: value, shapes: shapes), map.rank == 4 else {
      return try tensor.inONNXOrder()
    }
    let images = tensor.shape[0]
    let maps = tensor.reshaped(to: [images, map.rows, map.columns, map.channels])
    return try maps.inONNXOrder().reshaped(to: tensor.shape)
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

  /// The value that holds class scores: what the last softmax reads, or the output itself.
  public var scores: String? {
    guard var value = outputs.first else { return nil }
    for node in nodes.reversed() where node.outputs.contains(value) {
      switch node.operation {
      case .softmax, .logSoftmax: return node.inputs[0]
      case .identity, .flatten, .reshape, .dropout: value = node.inputs[0]
      default: return outputs.first
      }
    }
    return outputs.first
  }

  /// The value that holds a score a class, where the network ends in one number a class; nil for one that ends in maps.
  ///
  /// - Returns: ``scores``, if one picture's value has no other extent than the classes, two or more.
  /// - Throws: ``NetworkError/shape(node:reason:)`` where shapes do not fit.
  public func classScores() throws(NetworkError) -> String? {
    guard let scores, let input = inputs.first else { return nil }
    let shape = try shapes(inputs: [input.name: inputShape(images: 1)])[scores] ?? []
    let extents = shape.dimensions.dropFirst().filter { $0 != 1 }
    return extents.count == 1 ? scores : nil
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

extension Network {
  /// A class's name, or its index where the model gives no names.
  public func name(ofClass index: Int) -> String {
    if let classes, classes.indices.contains(index) { return classes[index] }
    return "\(index)"
  }
}
