internal import CVector
public import Tensors

/// An operation of two operands, element by element.
public enum Arithmetic: String, Sendable, CaseIterable {
  case add
  case subtract
  case multiply
  case divide
  case minimum
  case maximum
  case power
  /// The left side where the right one is not 0, else 0: what is not taken may be infinite or NaN.
  case select
  /// 1 where the left side is greater than the right one, else 0, as where either is NaN.
  case greater
  /// 1 where the left side is greater than the right one or equal to it, else 0.
  case greaterOrEqual
  /// 1 where both sides are equal, else 0.
  case equal

  fileprivate var code: VectorArithmetic {
    switch self {
    case .add: VectorAdd
    case .subtract: VectorSubtract
    case .multiply: VectorMultiply
    case .divide: VectorDivide
    case .minimum: VectorMinimum
    case .maximum: VectorMaximum
    case .power: VectorPower
    case .select: VectorSelect
    case .greater: VectorGreater
    case .greaterOrEqual: VectorGreaterOrEqual
    case .equal: VectorEqual
    }
  }
}

extension Device {
  /// Combines two tensors whose shapes broadcast.
  ///
  /// - Parameters:
  ///   - left: The first operand.
  ///   - right: The second; shapes align at the right, and an extent of 1 repeats.
  ///   - arithmetic: The operation; a NaN in either operand of minimum and maximum comes out.
  /// - Returns: A tensor of the broadcast shape.
  /// - Throws: ``KernelError`` where the shapes do not broadcast.
  /// - Note: ONNX Add, Sub, Mul, Div, Min, Max, Pow, Where, Greater, GreaterOrEqual, Equal; NumPy broadcasting.
  public func combining(
    _ left: Tensor, _ right: Tensor, by arithmetic: Arithmetic
  ) throws(KernelError) -> Tensor {
    guard let walk = Broadcast(left.shape, right.shape) else {
      throw .shapes(
        operation: "the operation \(arithmetic.rawValue)", expected: "shapes that broadcast",
        found: "\(left.shape) and \(right.shape)")
    }
    let inner = walk.innermost
    let (rows, count) = (walk.extents[inner - 1], walk.extents[inner])
    return unsafe Tensor(uninitialized: walk.shape) { output in
      unsafe left.withUnsafeElements { left in
        unsafe right.withUnsafeElements { right in
          guard let leftBase = left.baseAddress, let rightBase = right.baseAddress,
            let target = output.baseAddress
          else { return }
          walk.forEachBlock { block, leftOffset, rightOffset in
            let one = unsafe VectorOperand(
              elements: leftBase + leftOffset, row_step: walk.leftSteps[inner - 1],
              step: walk.leftSteps[inner])
            let other = unsafe VectorOperand(
              elements: rightBase + rightOffset, row_step: walk.rightSteps[inner - 1],
              step: walk.rightSteps[inner])
            unsafe vector_combining(one, other, target + block * rows * count, rows, count, arithmetic.code)
          }
        }
      }
    }
  }

  /// Adds up a tensor to a shape that broadcasts to its own: the transpose of broadcasting.
  ///
  /// - Parameters:
  ///   - tensor: What to add up.
  ///   - shape: The shape to leave; axes it lacks or has one of are summed over.
  /// - Returns: A tensor shaped `shape`.
  /// - Throws: ``KernelError`` where `shape` does not broadcast to the tensor's.
  public func summed(_ tensor: Tensor, to shape: Shape) throws(KernelError) -> Tensor {
    if tensor.shape == shape { return tensor }
    guard let walk = Broadcast(tensor.shape, shape), walk.shape == tensor.shape else {
      throw .shapes(
        operation: "summing", expected: "a shape that broadcasts to \(tensor.shape)", found: "\(shape)")
    }
    let inner = walk.innermost
    let (rows, count) = (walk.extents[inner - 1], walk.extents[inner])
    var sums = Tensor(shape)
    unsafe sums.withUnsafeMutableElements { sums in
      unsafe tensor.withUnsafeElements { source in
        guard let from = source.baseAddress, let to = sums.baseAddress else { return }
        walk.forEachBlock { block, _, offset in
          unsafe vector_summing(
            from + block * rows * count, to + offset, rows, count, walk.rightSteps[inner - 1],
            walk.rightSteps[inner])
        }
      }
    }
    return sums
  }

  /// The mean over some axes.
  ///
  /// - Parameters:
  ///   - tensor: Any rank.
  ///   - axes: The axes averaged over, each once.
  ///   - keepingAxes: Whether they stay, with an extent of 1.
  /// - Returns: The means.
  /// - Throws: ``KernelError`` where an axis does not exist or holds nothing.
  /// - Note: ONNX ReduceMean.
  public func averaged(_ tensor: Tensor, over axes: [Int], keepingAxes: Bool) throws(KernelError) -> Tensor {
    for axis in axes { try require(axis: axis, of: tensor, for: "averaging") }
    let reduced = Set(axes)
    let count = reduced.reduce(1) { $0 * tensor.shape[$1] }
    guard count > 0 else {
      throw .shapes(
        operation: "averaging", expected: "an element or more to average", found: "\(tensor.shape)")
    }
    let kept = tensor.shape.dimensions.indices.map { reduced.contains($0) ? 1 : tensor.shape[$0] }
    var means = try summed(tensor, to: Shape(kept))
    unsafe means.withUnsafeMutableElements {
      unsafe vector_scaling_by(1 / Float(count), $0.baseAddress, $0.count)
    }
    if keepingAxes { return means }
    return means.reshaped(
      to: Shape(tensor.shape.dimensions.indices.filter { !reduced.contains($0) }.map { tensor.shape[$0] }))
  }
}
