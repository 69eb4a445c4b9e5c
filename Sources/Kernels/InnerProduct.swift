internal import COneDNN
public import Tensors

/// Everything that a matrix product's primitive depends on.
struct ProductGeometry: Hashable, CustomStringConvertible {
  var batch = 1
  var rows: Int
  var inner: Int
  var columns: Int
  /// Whether the left side is stored inner x rows.
  var isLeftTransposed = false
  /// Whether the right side is stored columns x inner.
  var isRightTransposed = false
  /// Whether the right side is weights.
  var packsRight = true
  var hasBias = false
  var isRectified = false

  var description: String { "a product of \(batch) x \(rows)x\(inner) and \(inner)x\(columns)" }

  /// The same for C.
  var plain: onednn_product {
    onednn_product(
      batch: Int64(batch), rows: Int64(rows), inner: Int64(inner), columns: Int64(columns),
      left_transposed: isLeftTransposed ? 1 : 0, right_transposed: isRightTransposed ? 1 : 0,
      packs_right: packsRight ? 1 : 0, has_bias: hasBias ? 1 : 0,
      rectified: isRectified ? 1 : 0)
  }
}

extension Device {
  /// A fully connected layer.
  ///
  /// - Parameters:
  ///   - input: Images x inputs.
  ///   - weights: Outputs x inputs.
  ///   - bias: One an output; none means zero.
  ///   - activation: What is applied to every sum.
  ///   - changing: Whether the weights change from call to call, so that reordering them does not pay.
  /// - Returns: Images x outputs.
  /// - Throws: ``KernelError`` where shapes disagree.
  /// - Note: ONNX Gemm with transB.
  public mutating func innerProduct(
    _ input: Tensor, weights: Tensor, bias: Tensor?, followedBy activation: Activation? = nil,
    changing: Bool = false
  ) throws(KernelError) -> Tensor {
    guard input.shape.rank == 2, weights.shape.rank == 2, input.shape[1] == weights.shape[1],
      (bias?.shape.count ?? weights.shape[0]) == weights.shape[0]
    else {
      throw .shapes(
        operation: "a fully connected layer", expected: "images x inputs and weights of outputs x inputs",
        found: "\(input.shape) and \(weights.shape) with \(bias?.shape.count ?? 0) biases")
    }
    let (rows, inner, columns) = (input.shape[0], input.shape[1], weights.shape[0])
    if rows == 0 { return Tensor([rows, columns]) }
    if changing {
      let geometry = ProductGeometry(
        rows: rows, inner: inner, columns: columns, isRightTransposed: true, packsRight: false,
        hasBias: bias != nil, isRectified: activation == .relu)
      let sums = try product(geometry, input, weights, bias: bias)
      return activation.map { $0 == .relu ? sums : activated(sums, by: $0) } ?? sums
    }
    // A convolution of a row of pixels, one an image, by filters of one pixel.
    return try convolution(
      input.reshaped(to: [1, 1, rows, inner]), filters: weights.reshaped(to: [columns, 1, 1, inner]),
      bias: bias,
      over: Sliding(window: 1), followedBy: activation
    ).reshaped(to: [rows, columns])
  }

  /// A fully connected layer of every position, added to a tensor where that stands if nothing else holds it.
  ///
  /// - Parameters:
  ///   - sum: Leading axes x outputs.
  ///   - input: The same leading axes x inputs.
  ///   - weights: Outputs x inputs.
  ///   - bias: One an output; none means zero.
  ///   - activation: What is applied to every sum.
  /// - Throws: ``KernelError`` where shapes disagree.
  /// - Note: ONNX MatMul and Add.
  public mutating func addInnerProduct(
    to sum: inout Tensor, _ input: Tensor, weights: Tensor, bias: Tensor?,
    followedBy activation: Activation? = nil
  ) throws(KernelError) {
    let shape = sum.shape
    guard weights.shape.rank == 2, let inner = input.shape.dimensions.last, inner == weights.shape[1],
      shape.dimensions == Array(input.shape.dimensions.dropLast()) + [weights.shape[0]]
    else {
      throw .shapes(
        operation: "a fully connected layer added to a tensor",
        expected: "positions x inputs, weights of outputs x inputs, and as many sums",
        found: "\(input.shape), \(weights.shape) and \(shape)")
    }
    let (rows, columns) = (shape.dimensions.dropLast().reduce(1, *), weights.shape[0])
    // Held once, it is added to where it stands.
    var flat = sum.reshaped(to: [1, 1, rows, columns])
    sum = Tensor([0])
    try addConvolution(
      to: &flat, input.reshaped(to: [1, 1, rows, inner]),
      filters: weights.reshaped(to: [columns, 1, 1, inner]),
      bias: bias, over: Sliding(window: 1), followedBy: activation)
    sum = flat.reshaped(to: shape)
  }

  /// The transpose of ``innerProduct(_:weights:bias:followedBy:changing:)`` without its bias.
  ///
  /// - Parameters:
  ///   - signal: Images x outputs.
  ///   - weights: Outputs x inputs.
  ///   - changing: Whether the weights change from call to call, so that reordering them does not pay.
  /// - Returns: Images x inputs.
  /// - Throws: ``KernelError`` where shapes disagree.
  public mutating func innerProductTransposed(
    _ signal: Tensor, weights: Tensor, changing: Bool = false
  ) throws(KernelError) -> Tensor {
    guard signal.shape.rank == 2, weights.shape.rank == 2, signal.shape[1] == weights.shape[0] else {
      throw .shapes(
        operation: "a transposed fully connected layer",
        expected: "images x outputs and weights of outputs x inputs",
        found: "\(signal.shape) and \(weights.shape)")
    }
    let geometry = ProductGeometry(
      rows: signal.shape[0], inner: signal.shape[1], columns: weights.shape[1], packsRight: !changing)
    return try product(geometry, signal, weights, bias: nil)
  }

  /// The gradient of a fully connected layer's weights: the signal transposed, times the input.
  ///
  /// - Parameters:
  ///   - signal: Images x outputs.
  ///   - input: Images x inputs.
  /// - Returns: Outputs x inputs, summed over the images.
  /// - Throws: ``KernelError`` where shapes disagree.
  public mutating func innerProductGradient(_ signal: Tensor, input: Tensor) throws(KernelError) -> Tensor {
    guard signal.shape.rank == 2, input.shape.rank == 2, signal.shape[0] == input.shape[0] else {
      throw .shapes(
        operation: "the gradient of a fully connected layer",
        expected: "images x outputs and as many images x inputs",
        found: "\(signal.shape) and \(input.shape)")
    }
    let geometry = ProductGeometry(
      rows: signal.shape[1], inner: signal.shape[0], columns: input.shape[1], isLeftTransposed: true,
      packsRight: false)
    return try product(geometry, signal, input, bias: nil)
  }

  private mutating func product(
    _ geometry: ProductGeometry, _ left: Tensor, _ right: Tensor, bias: Tensor?
  ) throws(KernelError) -> Tensor {
    let output: Shape = [geometry.rows, geometry.columns]
    if output.count == 0 || geometry.inner == 0 {
      return try sumsOfNothing(output, bias: bias, rectified: geometry.isRectified)
    }
    let primitive = try primitive(for: .product(geometry))
    let weights = geometry.packsRight ? try packed(right, for: primitive) : right
    return try execute(
      primitive, "multiply", source: left, weights: weights, bias: bias, output: output)
  }

  /// The product of two computed matrices, or of stacks of them whose leading axes broadcast.
  ///
  /// - Parameters:
  ///   - left: Leading axes x rows x inner.
  ///   - right: Leading axes x inner x columns.
  /// - Returns: Leading axes x rows x columns.
  /// - Throws: ``KernelError`` where shapes disagree.
  /// - Note: ONNX MatMul, for ranks of 2 and more.
  public mutating func matrixProduct(_ left: Tensor, _ right: Tensor) throws(KernelError) -> Tensor {
    let (rank, other) = (left.shape.rank, right.shape.rank)
    guard rank >= 2, other >= 2, left.shape[rank - 1] == right.shape[other - 2] else {
      throw .shapes(
        operation: "a matrix product", expected: "rows x inner and inner x columns",
        found: "\(left.shape) and \(right.shape)")
    }
    let leading = max(rank, other) - 2
    func stacked(_ tensor: Tensor) -> Tensor {
      let ones = [Int](repeating: 1, count: leading + 2 - tensor.shape.rank)
      return tensor.reshaped(to: Shape(ones + tensor.shape.dimensions))
    }
    let (first, second) = (stacked(left), stacked(right))
    let extents = (0..<leading).map { first.shape[$0] == 1 ? second.shape[$0] : first.shape[$0] }
    func broadcast(_ tensor: Tensor) throws(KernelError) -> Tensor {
      let shape = Shape(extents + tensor.shape.dimensions.suffix(2))
      return tensor.shape == shape ? tensor : try combining(tensor, Tensor(shape), by: .add)
    }
    let (lefts, rights) = (try broadcast(first), try broadcast(second))
    let geometry = ProductGeometry(
      batch: extents.reduce(1, *), rows: left.shape[rank - 2], inner: left.shape[rank - 1],
      columns: right.shape[other - 1], packsRight: false)
    let output = Shape(extents + [geometry.rows, geometry.columns])
    if output.count == 0 || geometry.inner == 0 { return Tensor(output) }
    let primitive = try primitive(for: .product(geometry))
    return try execute(
      primitive, "multiply", source: lefts, weights: rights, bias: nil, output: output)
  }
}
