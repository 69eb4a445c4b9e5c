internal import Kernels
internal import Tensors

/// Operators that move and repeat positions, made of others in sequence.
extension ONNXReader {
  /// One position of an axis, as exporters write `x[:, 0]`.
  mutating func gather(_ node: ONNXNode) throws {
    let shape = try shape(node, 0).inONNXOrder
    let place = try axis(try node.integer("axis", default: 0), shape.rank)
    guard let name = node.input(1), let index = constants[name], index.extents.isEmpty,
      let position = index.integers?.first, place > 0
    else { throw Unsupported("only one position of an axis other than the first is gathered") }
    let extent = shape[place]
    let start = position < 0 ? position + extent : position
    guard (0..<extent).contains(start) else { throw Unsupported("position \(position) of \(extent)") }
    let order = Self.ourOrder(rank: shape.rank)
    let ends = shape.dimensions.indices.map { $0 == place ? start + 1 : Int.max }
    var kept = shape.dimensions.indices.map { Operation.copy(of: $0) }
    kept.remove(at: place)
    try chain(
      node,
      [
        .slice(
          starts: order.map { $0 == place ? start : 0 }, stops: order.map { ends[$0] },
          steps: order.map { _ in 1 }),
        .reshape(kept),
      ])
  }

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

  /// Nearest neighbours, each position repeated a whole number of times.
  mutating func repeated(_ node: ONNXNode) throws {
    let shape = try shape(node, 0).inONNXOrder
    guard shape.rank == 4, node.string("mode", default: "nearest") == "nearest" else {
      throw Unsupported("only the nearest neighbour of rows and columns is supported")
    }
    if node.type == "Resize", node.version >= 11 {
      let rounding = node.string("nearest_mode", default: "round_prefer_floor")
      switch node.string("coordinate_transformation_mode", default: "half_pixel") {
      case "asymmetric" where rounding == "floor": break
      case "half_pixel" where rounding.hasPrefix("round"),
        "half_pixel_symmetric" where rounding.hasPrefix("round"):
        break
      case let mode: throw Unsupported("\(mode) with \(rounding)")
      }
    }
    let place = node.type == "Upsample" || node.version < 11 ? 1 : 2
    var factors = [0, 0]
    let scales = try node.has("scales") ? node.floats("scales") : known(node, place)?.floats
    if let scales, scales.count == 4 {
      guard scales[0] == 1, scales[1] == 1,
        scales[2...].allSatisfy({ $0 >= 1 && $0 <= 64 && $0 == $0.rounded() })
      else { throw Unsupported("scales \(scales); only whole ones of rows and columns are supported") }
      factors = scales[2...].map { Int($0) }
    } else if let sizes = try known(node, 3)?.integers, sizes.count == 4, !node.has("axes") {
      factors = try zip(sizes[2...], shape.dimensions[2...]).map { size, extent in
        guard extent > 0, size > 0, size % extent == 0, size / extent <= 64 else {
          throw Unsupported("sizes \(sizes) from \(shape); only whole multiples are supported")
        }
        return size / extent
      }
    }
    guard !factors.contains(0) else { throw Unsupported("its scales are not constant") }
    let ones = Tensor([1, 1, 1, factors[0], 1, factors[1]], repeating: 1)
    try chain(
      node,
      [
        .reshape(spaced), .arithmeticWithConstant(.multiply, ones, constantFirst: false),
        .reshape(rowsJoined),
        .reshape(columnsJoined),
      ])
  }

  /// A transposed convolution is a convolution of the map with zeros between its positions, its filters turned round.
  mutating func convolutionTransposed(_ node: ONNXNode) throws {
    let shape = try shape(node, 0).inONNXOrder
    guard shape.rank == 4 else {
      throw Unsupported("its input has \(shape.rank) axes; only pictures of rows and columns are supported")
    }
    let given = try weights(node, 1, rank: 4).tensor
    let groups = try node.integer("group", default: 1)
    guard groups > 0, given.shape[0] == shape[1], shape[1] % groups == 0, given.shape.count > 0 else {
      throw Unsupported("\(groups) groups of filters \(given.shape) for \(shape)")
    }
    let strides = try node.pair("strides", default: 1, in: 1...64)
    let dilations = try node.pair("dilations", default: 1, in: 1...1024)
    let extra = try node.pair("output_padding", default: 0, in: 0...1024)
    let pads = try node.integers("pads") ?? [0, 0, 0, 0]
    guard ["NOTSET", "", "VALID"].contains(node.string("auto_pad", default: "NOTSET")),
      !node.has("output_shape"),
      pads.count == 4, pads.allSatisfy((0...1 << 20).contains)
    else { throw Unsupported("only explicit pads are supported") }
    let window = [given.shape[2], given.shape[3]]
    let (inputs, outputs) = (given.shape[0] / groups, given.shape[1])
    let turned = try Device().sliced(
      given, starts: [0, 0, window[0] - 1, window[1] - 1], stops: [given.shape[0], outputs, -1, -1],
      steps: [1, 1, -1, -1])
    let filters = try Device().permuted(
      turned.reshaped(to: [groups, inputs, outputs, window[0], window[1]]), [0, 2, 3, 4, 1])
    var parts: [Operation] = []
    if strides != [1, 1] {
      parts = [
        .reshape(spaced),
        .padding(
          before: [0, 0, 0, 0, 0, 0], after: [0, 0, 0, strides[0] - 1, 0, strides[1] - 1], mode: .constant(0)),
        .reshape(rowsJoined), .reshape(columnsJoined),
      ]
    }
    let reaches = (0...1).map { (window[$0] - 1) * dilations[$0] }
    parts.append(
      .padding(
        before: [0, reaches[0] - pads[0], reaches[1] - pads[1], 0],
        after: [0] + (0...1).map { reaches[$0] - pads[2 + $0] + extra[$0] - strides[$0] + 1 } + [0],
        mode: .constant(0)))
    let bias = node.input(2) == nil ? nil : try weights(node, 2).tensor
    parts.append(
      .convolution(
        Convolution(
          filters: filters.reshaped(to: [groups * outputs, window[0], window[1], inputs]),
          bias: bias.map { $0.reshaped(to: [$0.shape.count]) },
          rule: SlidingRule(window: window, dilations: dilations), groups: groups)))
    try chain(node, parts)
  }
}
