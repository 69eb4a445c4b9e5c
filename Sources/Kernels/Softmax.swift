internal import CVector
public import Tensors

extension Device {
  /// Exponentials that add up to 1 along an axis.
  ///
  /// - Parameters:
  ///   - input: Any rank.
  ///   - axis: The axis that sums to 1.
  /// - Returns: A tensor of the input's shape.
  /// - Throws: ``KernelError`` where there is no such axis.
  /// - Note: ONNX Softmax (opset 13 on).
  public func softmax(_ input: Tensor, axis: Int) throws(KernelError) -> Tensor {
    try alongRows([input], axis: axis, for: "softmax") { parts, rows, length in
      exponentials(parts[0], rows, length, logarithm: false)
    }
  }

  /// The logarithm of ``softmax(_:axis:)``, without its underflow.
  ///
  /// - Parameters:
  ///   - input: Any rank.
  ///   - axis: The axis whose exponentials sum to 1.
  /// - Returns: A tensor of the input's shape.
  /// - Throws: ``KernelError`` where there is no such axis.
  /// - Note: ONNX LogSoftmax (opset 13 on).
  public func logSoftmax(_ input: Tensor, axis: Int) throws(KernelError) -> Tensor {
    try alongRows([input], axis: axis, for: "log softmax") { parts, rows, length in
      exponentials(parts[0], rows, length, logarithm: true)
    }
  }

  /// The gradient of softmax.
  ///
  /// - Parameters:
  ///   - signal: The gradient at the output.
  ///   - output: What softmax gave.
  ///   - axis: As in the forward pass.
  /// - Returns: The gradient at the input.
  /// - Throws: ``KernelError`` where the shapes disagree or there is no such axis.
  public func softmaxBackward(_ signal: Tensor, output: Tensor, axis: Int) throws(KernelError) -> Tensor {
    try alongRows([signal, output], axis: axis, for: "the gradient of softmax") { parts, rows, length in
      exponentialsBackward(parts[0], parts[1], rows, length, logarithm: false)
    }
  }

  /// The gradient of log softmax.
  ///
  /// - Parameters:
  ///   - signal: The gradient at the output.
  ///   - output: What log softmax gave.
  ///   - axis: As in the forward pass.
  /// - Returns: The gradient at the input.
  /// - Throws: ``KernelError`` where the shapes disagree or there is no such axis.
  public func logSoftmaxBackward(_ signal: Tensor, output: Tensor, axis: Int) throws(KernelError) -> Tensor {
    try alongRows([signal, output], axis: axis, for: "the gradient of log softmax") { parts, rows, length in
      exponentialsBackward(parts[0], parts[1], rows, length, logarithm: true)
    }
  }

  /// Runs `body` over tensors of one shape with `axis` moved to the end, and moves it back.
  private func alongRows(
    _ parts: [Tensor], axis: Int, for operation: String, _ body: ([Tensor], Int, Int) -> Tensor
  ) throws(KernelError) -> Tensor {
    let first = parts[0]
    try require(axis: axis, of: first, for: operation)
    for part in parts { try require(part, shaped: first.shape, for: operation) }
    if first.shape.count == 0 { return first }
    let length = first.shape[axis]
    if axis == first.shape.rank - 1 { return body(parts, first.shape.count / length, length) }
    let order = (0..<first.shape.rank).filter { $0 != axis } + [axis]
    var moved: [Tensor] = []
    for part in parts { moved.append(try permuted(part, order)) }
    var back = order
    for (place, source) in order.enumerated() { back[source] = place }
    return try permuted(body(moved, first.shape.count / length, length), back)
  }
}

private func exponentials(_ input: Tensor, _ rows: Int, _ length: Int, logarithm: Bool) -> Tensor {
  unsafe Tensor(uninitialized: input.shape) { output in
    unsafe input.withUnsafeElements { input in
      unsafe vector_softmax(input.baseAddress, output.baseAddress, rows, length, logarithm ? 1 : 0)
    }
  }
}

private func exponentialsBackward(
  _ signal: Tensor, _ output: Tensor, _ rows: Int, _ length: Int, logarithm: Bool
) -> Tensor {
  unsafe Tensor(uninitialized: signal.shape) { result in
    unsafe signal.withUnsafeElements { signal in
      unsafe output.withUnsafeElements { output in
        unsafe vector_softmax_backward(
          signal.baseAddress, output.baseAddress, result.baseAddress, rows, length, logarithm ? 1 : 0)
      }
    }
  }
}
