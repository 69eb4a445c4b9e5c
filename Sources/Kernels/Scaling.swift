internal import CVector
public import Tensors

extension Device {
  /// Multiplies each channel by its scale and adds its shift; batch normalisation in inference is this.
  ///
  /// - Parameters:
  ///   - input: Any rank of 1 or more; the last axis is the channels.
  ///   - scale: A value a channel.
  ///   - shift: A value a channel, or none.
  /// - Returns: A tensor of the input's shape.
  /// - Throws: ``KernelError`` where there are not as many scales or shifts as channels.
  /// - Note: ONNX BatchNormalization, inference.
  public func scaling(_ input: Tensor, scale: Tensor, shift: Tensor?) throws(KernelError) -> Tensor {
    try scaling(joining: [input], scale: scale, shift: shift)
  }

  /// Scales what joins tensors along their channels, in one pass.
  ///
  /// - Parameters:
  ///   - parts: At least one, of any rank of 1 or more; their extents agree but for the last, the channels.
  ///   - scale: A value a channel of all parts.
  ///   - shift: A value a channel, or none.
  ///   - rectified: Whether what is negative becomes zero.
  /// - Returns: The parts joined, scaled.
  /// - Throws: ``KernelError`` where shapes disagree.
  /// - Note: ONNX Concat, BatchNormalization in inference, Relu.
  public func scaling(
    joining parts: [Tensor], scale: Tensor, shift: Tensor?, rectified: Bool = false
  ) throws(KernelError) -> Tensor {
    guard let first = parts.first else {
      throw .shapes(operation: "scaling", expected: "a tensor or more", found: "none")
    }
    var extents = first.shape.dimensions
    var sum = 0
    for part in parts {
      sum += try lastExtent(of: part, for: "scaling")
      guard part.shape.dimensions.dropLast() == extents.dropLast() else {
        throw .shapes(
          operation: "scaling", expected: "\(first.shape) but for the channels", found: "\(part.shape)")
      }
    }
    let channels = sum
    extents[extents.count - 1] = channels
    try require(scale, shaped: [channels], for: "scaling")
    if let shift { try require(shift, shaped: [channels], for: "the shift of scaling") }
    let hasShift = shift != nil
    let shift = shift ?? Tensor([0])
    return unsafe Tensor(uninitialized: Shape(extents)) { output in
      unsafe scale.withUnsafeElements { scale in
        unsafe shift.withUnsafeElements { shift in
          guard let scales = scale.baseAddress, let target = output.baseAddress else { return }
          let shifts = hasShift ? shift.baseAddress : nil
          var channel = 0
          for part in parts {
            let count = part.shape.dimensions.last ?? 0
            unsafe part.withUnsafeElements { source in
              let lent = unsafe Lent(
                source: source.baseAddress, filters: scales + channel,
                bias: shifts.map { unsafe $0 + channel },
                target: target + channel)
              divide(rows(of: part, by: count), elements: part.shape.count) { rows in
                unsafe vector_scaling(
                  lent.source.map { unsafe $0 + rows.lowerBound * count }, lent.filters, lent.bias,
                  lent.target.map { unsafe $0 + rows.lowerBound * channels }, rows.count, count, channels,
                  rectified ? 1 : 0)
              }
            }
            channel += count
          }
        }
      }
    }
  }

  /// Multiplies a tensor by another, where it stands if nothing else holds it.
  ///
  /// - Parameters:
  ///   - tensor: Any shape; it keeps it.
  ///   - factors: A tensor whose shape broadcasts to it.
  /// - Throws: ``KernelError`` where the shapes disagree.
  /// - Note: ONNX Mul.
  public func multiply(_ tensor: inout Tensor, by factors: Tensor) throws(KernelError) {
    guard let walk = Broadcast(tensor.shape, factors.shape), walk.shape == tensor.shape else {
      throw .shapes(
        operation: "multiplying in place", expected: "a shape that broadcasts to \(tensor.shape)",
        found: "\(factors.shape)")
    }
    let inner = walk.innermost
    let (rows, count) = (walk.extents[inner - 1], walk.extents[inner])
    unsafe tensor.withUnsafeMutableElements { elements in
      unsafe factors.withUnsafeElements { factors in
        guard let base = elements.baseAddress, let factorBase = factors.baseAddress else { return }
        walk.forEachBlock { block, _, offset in
          let other = unsafe VectorOperand(
            elements: factorBase + offset, row_step: walk.rightSteps[inner - 1], step: walk.rightSteps[inner])
          unsafe vector_multiplying(base + block * rows * count, other, rows, count)
        }
      }
    }
  }
}
