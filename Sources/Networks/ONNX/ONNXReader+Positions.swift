internal import Kernels
internal import Tensors

/// Operators that move and repeat positions, made of others in sequence.
extension ONNXReader {
  /// Channels to blocks of positions, and back.
  mutating func blocks(_ node: ONNXNode) throws {
    let shape = try shape(node, 0).inONNXOrder
    let size = try node.integer("blocksize", default: 0)
    guard shape.rank == 4, (1...1024).contains(size) else {
      throw Unsupported("blocks of \(size) in \(shape)")
    }
    let (channels, rows, columns) = (shape[1], shape[2], shape[3])
    if node.type == "SpaceToDepth" {
      guard rows % size == 0, columns % size == 0 else { throw Unsupported("blocks of \(size) in \(shape)") }
      return try chain(
        node,
        [
          .reshape([0, 0, -1, size, Operation.copy(of: 3)]), .reshape([0, 0, 0, 0, -1, size]),
          .transposition([0, 3, 5, 1, 2, 4]),
          .reshape([0, channels * size * size, Operation.copy(of: 4), Operation.copy(of: 5)]),
        ])
    }
    guard channels % (size * size) == 0 else { throw Unsupported("blocks of \(size) in \(shape)") }
    let maps = channels / (size * size)
    let isColumnFirst = node.string("mode", default: "DCR") == "DCR"
    try chain(
      node,
      [
        .reshape(
          (isColumnFirst ? [0, size, size, maps] : [0, maps, size, size])
            + [Operation.copy(of: 2), Operation.copy(of: 3)]),
        .transposition(isColumnFirst ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3]),
        .reshape(rowsJoined), .reshape(columnsJoined),
      ])
  }

  /// Maps with room behind each row and each column: images x channels x rows x 1 x columns x 1.
  private var spaced: [Int] { [0, 0, 0, 1, Operation.copy(of: 3), 1] }
  /// What fills that room joined to its rows, then to its columns, for maps of any size.
  private var rowsJoined: [Int] { [0, 0, -1, Operation.copy(of: 4), Operation.copy(of: 5)] }
  private var columnsJoined: [Int] { [0, 0, 0, -1] }

  /// A value repeated along axes where it has one position.
  mutating func expand(_ node: ONNXNode) throws {
    let shape = try shape(node, 0)
    let rank = shape.rank
    guard let target = try known(node, 1)?.integers, target.count <= rank,
      target.count < rank || target[0] == 1 || target[0] == shape[0]
    else { throw Unsupported("it repeats a value of \(shape) along new axes or a number of images") }
    let ones = [Int](repeating: 1, count: rank - target.count)
    let extents = (ones + target).enumerated().map { $0.offset == 0 ? 1 : $0.element }
    guard extents.allSatisfy({ $0 > 0 }), Shape(extents).isHoldable, Shape(extents).count <= 1 << 24 else {
      throw Unsupported("it repeats a value of \(shape) to \(target)")
    }
    let filler = try Tensor(Shape(extents), repeating: 1).fromONNXOrder()
    try unary(node, .arithmeticWithConstant(.multiply, filler, constantFirst: false))
  }

  /// A transposed convolution is a convolution of the map with zeros between its positions, its filters turned round.
  mutating func convolutionTransposed(_ node: ONNXNode) throws {
    let shape = try shape(node, 0).inONNXOrder
    let axes = shape.rank - 2
    guard (1...3).contains(axes) else {
      throw Unsupported("its input has \(shape.rank) axes; three to five are supported")
    }
    var given = try weights(node, 1, rank: shape.rank).tensor
    let groups = try node.integer("group", default: 1)
    guard groups > 0, given.shape[0] == shape[1], shape[1] % groups == 0, given.shape.count > 0 else {
      throw Unsupported("\(groups) groups of filters \(given.shape) for \(shape)")
    }
    // One axis is the rows of maps of one column.
    if axes == 1 { given = given.reshaped(to: Shape(given.shape.dimensions + [1])) }
    let last = axes == 1 ? [1] : []
    let strides = try node.numbers("strides", axes, default: 1, in: 1...64) + last
    let dilations = try node.numbers("dilations", axes, default: 1, in: 1...1024) + last
    let window = Array(given.shape.dimensions[2...])
    let extents = Array(shape.dimensions[2...]) + last
    let sides = Array(extents.indices)
    let reaches = sides.map { (window[$0] - 1) * dilations[$0] }
    let ends = try sides.map { axis in
      axis < axes
        ? try transposedEnds(node, axis, of: axes, extents[axis], strides[axis], reaches[axis])
        : (before: 0, made: 1)
    }
    let (inputs, outputs) = (given.shape[0] / groups, given.shape[1])
    let turned = try Device().sliced(
      given, starts: [0, 0] + window.map { $0 - 1 },
      stops: [given.shape[0], outputs] + window.map { _ in -1 },
      steps: [1, 1] + window.map { _ in -1 })
    let bias = node.input(2) == nil ? nil : try weights(node, 2).tensor
    let before = sides.map { reaches[$0] - ends[$0].before }
    let after = sides.map { ends[$0].made + reaches[$0] - extents[$0] * strides[$0] - before[$0] }
    let grouped = turned.reshaped(to: Shape([groups, inputs, outputs] + window))
    guard axes < 3 else {
      let filters = try Device().permuted(grouped, [0, 2, 1, 3, 4, 5]).reshaped(
        to: Shape([groups * outputs, inputs] + window))
      let padded = sides.map { extents[$0] * strides[$0] + before[$0] + after[$0] }
      func rule(_ places: [Int]) -> SlidingRule {
        let one = places.count == 1 ? [1] : []
        return SlidingRule(
          window: places.map { window[$0] } + one, dilations: places.map { dilations[$0] } + one)
      }
      return try chain(
        node,
        [
          .reshape([0, 0, extents[0], 1, extents[1], 1, extents[2], 1]),
          .padding(
            before: [Int](repeating: 0, count: 8), after: [0, 0] + sides.flatMap { [0, strides[$0] - 1] },
            mode: .constant(0)),
          .reshape([0, 0] + sides.map { extents[$0] * strides[$0] }),
          .padding(before: [0, 0] + before, after: [0, 0] + after, mode: .constant(0)),
        ]
          + volumes(
            [shape[0], shape[1]] + padded, filters, bias: bias, depth: rule([0]), plane: rule([1, 2]),
            groups: groups))
    }
    let filters = try Device().permuted(grouped, [0, 2, 3, 4, 1])
    var parts: [Operation] = axes == 1 ? [.reshape([0, 0, 0, 1])] : []
    if strides != [1, 1] {
      parts += [
        .reshape(spaced),
        .padding(
          before: [0, 0, 0, 0, 0, 0], after: [0, 0, 0, strides[0] - 1, 0, strides[1] - 1], mode: .constant(0)),
        .reshape(rowsJoined), .reshape(columnsJoined),
      ]
    }
    parts.append(.padding(before: [0] + before + [0], after: [0] + after + [0], mode: .constant(0)))
    parts.append(
      .convolution(
        Convolution(
          filters: filters.reshaped(to: [groups * outputs, window[0], window[1], inputs]),
          bias: bias.map { $0.reshaped(to: [$0.shape.count]) },
          rule: SlidingRule(window: window, dilations: dilations), groups: groups)))
    if axes == 1 { parts.append(.reshape([0, 0, -1])) }
    try chain(node, parts)
  }

  /// What a transposed convolution cuts off before one axis of its result, and the positions that it leaves.
  private func transposedEnds(
    _ node: ONNXNode, _ axis: Int, of axes: Int, _ extent: Int, _ stride: Int, _ reach: Int
  ) throws -> (before: Int, made: Int) {
    let extra = try node.numbers("output_padding", axes, default: 0, in: 0...1024)[axis]
    let whole = (extent - 1) * stride + reach + 1 + extra
    let padding = node.string("auto_pad", default: "NOTSET")
    guard ["NOTSET", "", "VALID", "SAME_UPPER", "SAME_LOWER"].contains(padding) else {
      throw Unsupported("auto_pad \(padding)")
    }
    let isSame = padding.hasPrefix("SAME")
    let shape = try node.integers("output_shape")
    guard shape == nil || shape?.count == axes || shape?.count == axes + 2 else {
      throw Unsupported("output_shape \(shape ?? [])")
    }
    if let made = shape?.suffix(axes)[axis + (shape?.count ?? 0) - axes] ?? (isSame ? extent * stride : nil) {
      guard (1...1 << 20).contains(made) else { throw Unsupported("output_shape \(shape ?? [])") }
      let cut = max(0, whole - made)
      let before = padding == "SAME_UPPER" ? cut / 2 : cut - cut / 2
      return (before, shape == nil ? whole - cut : made)
    }
    let pads = try node.integers("pads") ?? [Int](repeating: 0, count: 2 * axes)
    guard pads.count == 2 * axes, pads.allSatisfy((0...1 << 20).contains) else {
      throw Unsupported("pads \(pads)")
    }
    return (pads[axis], whole - pads[axis] - pads[axes + axis])
  }
}
