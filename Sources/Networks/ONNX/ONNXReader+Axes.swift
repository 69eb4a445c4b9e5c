internal import Kernels
internal import Tensors

/// Operators over one spatial axis, or three, as operations on maps of rows and columns.
extension ONNXReader {
  /// Adds an operation on each channel's positions, which only maps have: any other value is made one and back.
  ///
  /// An elementwise one keeps the positions' order and number; any other leaves one of each channel.
  mutating func overChannels(_ node: ONNXNode, _ operation: Operation, isElementwise: Bool = false) throws {
    let extents = try shape(node, 0).inONNXOrder.dimensions
    guard extents.count >= 3 else { throw Unsupported("its input has \(extents.count) axes") }
    if extents.count == 4 { return try unary(node, operation) }
    let restored = isElementwise ? [-1] + extents.dropFirst(3) : extents.dropFirst(2).map { _ in 1 }
    try chain(node, [.reshape([0, 0, -1, 1]), operation, .reshape([0, 0] + restored)])
  }

  mutating func pool(_ node: ONNXNode, _ operation: (SlidingRule) -> Operation) throws {
    try chain(node, try pools(node, operation))
  }

  /// A pool: over one axis as over rows alone, over three as over the last two and then over the first.
  private func pools(_ node: ONNXNode, _ operation: (SlidingRule) -> Operation) throws -> [Operation] {
    let extents = try shape(node, 0).inONNXOrder.dimensions
    let rules = try rules(node, window: nil, axes: extents.count - 2)
    switch extents.count {
    case 3: return [.reshape([0, 0, 0, 1]), operation(rules[0]), .reshape([0, 0, -1])]
    case 4: return [operation(rules[0])]
    default: break
    }
    let (channels, depth) = (extents[1], extents[2])
    let deep = Shape(images: 1, rows: extents[3], columns: extents[4], channels: channels * depth)
    let still = SlidingRule(window: [1, 1])
    guard rules[1] != still else {
      return [
        .reshape([0, 0, 0, -1]), operation(rules[0]), .reshape([0, channels, -1, extents[3], extents[4]]),
      ]
    }
    let flat = try rules[1].resolved(over: deep).output(over: deep)
    guard rules[0] != still else {
      return [
        .reshape([0, channels * depth, extents[3], extents[4]]), operation(rules[1]),
        .reshape([0, channels, depth, flat.rows, flat.columns]),
      ]
    }
    return [
      .reshape([0, channels * depth, extents[3], extents[4]]), operation(rules[1]),
      .reshape([0, channels, depth, flat.rows * flat.columns]), operation(rules[0]),
      .reshape([0, 0, -1, flat.rows, flat.columns]),
    ]
  }

  /// How a window slides: over rows and columns; over one axis as rows; of three, over the first as rows, and over the
  /// others.
  func rules(_ node: ONNXNode, window: [Int]?, axes: Int) throws -> [SlidingRule] {
    guard (1...3).contains(axes), let kernel = try node.integers("kernel_shape") ?? window,
      kernel.count == axes
    else {
      throw Unsupported("only windows over one, two or three axes are supported, one number for each")
    }
    guard kernel.allSatisfy((1...(1 << 15)).contains), window == nil || window == kernel else {
      throw Unsupported("kernel_shape \(kernel) does not match its weights")
    }
    let strides = try node.numbers("strides", axes, default: 1)
    let dilations = try node.numbers("dilations", axes, default: 1, in: 1...(1 << 15))
    let roundsUp = try node.integer("ceil_mode", default: 0) != 0
    let pads = try node.integers("pads") ?? [Int](repeating: 0, count: 2 * axes)
    let padding = node.string("auto_pad", default: "NOTSET")
    guard ["NOTSET", "", "VALID", "SAME_UPPER", "SAME_LOWER"].contains(padding) else {
      throw Unsupported("auto_pad \(padding)")
    }
    guard pads.count == 2 * axes, pads.allSatisfy((0...(1 << 20)).contains) else {
      throw Unsupported("pads \(pads)")
    }
    func rule(_ places: [Int]) -> SlidingRule {
      func pair(_ numbers: [Int]) -> [Int] { places.map { numbers[$0] } + (places.count == 1 ? [1] : []) }
      var rule = SlidingRule(
        window: pair(kernel), strides: pair(strides), dilations: pair(dilations), roundsUp: roundsUp)
      switch padding {
      case "SAME_UPPER": rule.padding = .sameUpper
      case "SAME_LOWER": rule.padding = .sameLower
      case "VALID": break
      default:
        let (first, last) = (places[0], places.count == 1 ? nil : places[1])
        rule.padding = .explicit(
          top: pads[first], left: last.map { pads[$0] } ?? 0, bottom: pads[axes + first],
          right: last.map { pads[axes + $0] } ?? 0)
      }
      return rule
    }
    return axes == 3 ? [rule([0]), rule([1, 2])] : [rule(Array(0..<axes))]
  }

  mutating func convolution(_ node: ONNXNode) throws {
    let extents = try shape(node, 0).inONNXOrder.dimensions
    guard (3...5).contains(extents.count) else {
      throw Unsupported("its input has \(extents.count) axes; three to five are supported")
    }
    let filters = try weights(node, 1, rank: extents.count)
    let bias = node.input(2) == nil ? nil : try weights(node, 2).tensor
    let groups = try node.integer("group", default: 1)
    guard groups > 0, filters.count > 0 else {
      throw Unsupported("\(groups) groups of filters \(filters.extents)")
    }
    let window = Array(filters.extents[2...])
    let rules = try rules(node, window: window, axes: window.count)
    func operation(_ filters: Tensor, _ rule: SlidingRule, copies: Int = 1) -> Operation {
      .convolution(Self.grouped(filters: filters, bias: bias, rule: rule, groups: groups, copies: copies))
    }
    switch extents.count {
    case 4:
      return try add(
        node.name, operation(try filters.tensor([0, 2, 3, 1]), rules[0]), [node.inputs[0]],
        [node.outputs[0]])
    case 3:
      let maps = try filters.tensor([0, 2, 1])
      let shape = Shape(maps.shape.dimensions[..<2] + [1, maps.shape[2]])
      return try chain(
        node,
        [.reshape([0, 0, 0, 1]), operation(maps.reshaped(to: shape), rules[0]), .reshape([0, 0, -1])])
    default: break
    }
    // Three axes, one of which the window does not cross: each of its positions is a group of channels of its own.
    let strides = try node.numbers("strides", 3, default: 1)
    let pads = try node.integers("pads") ?? [0, 0, 0, 0, 0, 0]
    guard
      let still = (0..<3).last(where: {
        window[$0] == 1 && strides[$0] == 1 && pads[$0] == 0 && pads[$0 + 3] == 0
      }), extents[2 + still] * filters.count <= 1 << 24
    else {
      return try chain(
        node,
        try volumes(
          extents, try filters.tensor, bias: bias, depth: rules[0], plane: rules[1], groups: groups))
    }
    let sides = [0, 1, 2].filter { $0 != still }
    let (positions, outputs) = (extents[2 + still], filters.extents[0])
    var rule = rules[1]
    if still > 0 {
      func pair(_ rows: Int, _ columns: Int) -> [Int] { [rows, columns] }
      let (depth, plane) = (rules[0], rules[1])
      let side = still == 2 ? 0 : 1
      rule.window = pair(depth.window[0], plane.window[side])
      rule.strides = pair(depth.strides[0], plane.strides[side])
      rule.dilations = pair(depth.dilations[0], plane.dilations[side])
      if case .explicit = plane.padding {
        rule.padding = .explicit(
          top: pads[sides[0]], left: pads[sides[1]], bottom: pads[3 + sides[0]], right: pads[3 + sides[1]])
      }
    }
    let map = Shape(
      images: 1, rows: extents[2 + sides[0]], columns: extents[2 + sides[1]], channels: 1)
    let made = try rule.resolved(over: map).output(over: map)
    let forward = [0, 2 + still, 1, 2 + sides[0], 2 + sides[1]]
    let back = (0..<5).compactMap { forward.firstIndex(of: $0) }
    let maps = try filters.tensor([0, 2 + sides[0], 2 + sides[1], 2 + still, 1])
    try chain(
      node,
      [
        .transposition(forward), .reshape([0, positions * extents[1], map.rows, map.columns]),
        operation(
          maps.reshaped(to: Shape(maps.shape.dimensions[..<3] + [maps.shape[4]])), rule, copies: positions),
        .reshape([0, positions, outputs, made.rows, made.columns]), .transposition(back),
      ])
  }

  /// The root of the sum of each window's powers: an average pool between two powers.
  mutating func powerPool(_ node: ONNXNode) throws {
    let power = Float(try node.integer("p", default: 2))
    guard power >= 1, try node.integer("ceil_mode", default: 0) == 0 else {
      throw Unsupported("p is \(power), or ceil_mode is set")
    }
    let extents = try shape(node, 0).inONNXOrder.dimensions
    func constant(_ arithmetic: Arithmetic, _ value: Float) -> Operation {
      .arithmeticWithConstant(arithmetic, Tensor([1], repeating: value), constantFirst: false)
    }
    let isGlobal = node.type == "GlobalLpPool"
    let pool: [Operation]
    let count: Int
    if isGlobal {
      guard extents.count >= 3 else { throw Unsupported("its input has \(extents.count) axes") }
      count = extents[2...].reduce(1, *)
      pool = [
        .reshape([0, 0, -1, 1]), .globalAveragePooling, .reshape([0, 0] + extents[2...].map { _ in 1 }),
      ]
    } else {
      // Extents that are too large are refused first.
      pool = try pools(node) { .averagePooling($0, countsPadding: true) }
      count = try node.integers("kernel_shape")?.reduce(1, *) ?? 1
    }
    try chain(
      node,
      [.activation(.abs), constant(.power, power)] + (isGlobal && extents.count == 4 ? [pool[1]] : pool) + [
        constant(.multiply, Float(count)), constant(.power, 1 / power),
      ])
  }

  /// The same convolution for each of several groups of channels, with weights of their own each.
  static func grouped(
    filters: Tensor, bias: Tensor?, rule: SlidingRule, groups: Int, copies: Int
  ) -> Convolution {
    func copied(_ tensor: Tensor) -> Tensor {
      copies == 1 ? tensor : Tensor.stacking(Array(repeating: tensor, count: copies))
    }
    return Convolution(
      filters: copied(filters), bias: bias.map { copied($0.reshaped(to: [$0.shape.count])) }, rule: rule,
      groups: groups * copies)
  }
}
