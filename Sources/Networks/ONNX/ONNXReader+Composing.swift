internal import Kernels
internal import Tensors

/// Operators that are others in sequence: nothing but the reader knows them.
extension ONNXReader {
  /// Adds a node's parts one after another; the last makes the node's output and bears its name.
  mutating func chain(_ node: ONNXNode, _ parts: [Operation], from input: String? = nil) throws {
    var current = input ?? node.inputs[0]
    for (index, part) in parts.enumerated() {
      let isLast = index == parts.count - 1
      let suffix = isLast ? "" : ".\(index)"
      try add(node.name.isEmpty ? "" : node.name + suffix, part, [current], [node.outputs[0] + suffix])
      current = node.outputs[0] + suffix
    }
  }

  /// Adds one part that reads values of its own; gives the value it makes.
  mutating func part(
    _ suffix: String, of node: ONNXNode, _ operation: Operation, _ inputs: [String]
  ) throws -> String {
    let output = node.outputs[0] + "." + suffix
    try add(node.name.isEmpty ? "" : node.name + "." + suffix, operation, inputs, [output])
    return output
  }

  private func times(_ factor: Float) -> Operation {
    .arithmeticWithConstant(.multiply, Tensor([1], repeating: factor), constantFirst: false)
  }

  private func plus(_ addend: Float) -> Operation {
    .arithmeticWithConstant(.add, Tensor([1], repeating: addend), constantFirst: false)
  }

  // MARK: Functions of each element

  mutating func composedActivation(_ node: ONNXNode) throws {
    _ = try shape(node, 0)
    let input = node.inputs[0]
    switch node.type {
    case "Selu":
      let alpha = try node.float("alpha", default: 1.673_263_2)
      try chain(node, [.activation(.elu(alpha: alpha)), times(try node.float("gamma", default: 1.050_701))])
    case "Celu":
      let alpha = try node.float("alpha", default: 1)
      guard alpha != 0 else { throw Unsupported("alpha is 0") }
      try chain(node, [times(1 / alpha), .activation(.elu(alpha: 1)), times(alpha)])
    case "Softsign":
      let size = try part("size", of: node, .activation(.abs), [input])
      let below = try part("below", of: node, plus(1), [size])
      try add(node.name, .arithmetic(.divide), [input, below], [node.outputs[0]])
    default:
      let soft = try part("soft", of: node, .activation(.softplus), [input])
      let gate = try part("gate", of: node, .activation(.tanh), [soft])
      try add(node.name, .arithmetic(.multiply), [input, gate], [node.outputs[0]])
    }
  }

  /// Gelu by its approximation: x times the sigmoid of 2 sqrt(2/pi) (x + 0.044715 x^3).
  mutating func approximateGelu(_ node: ONNXNode) throws {
    _ = try shape(node, 0)
    let input = node.inputs[0]
    let factor = 2 * (2 / Float.pi).squareRoot()
    let square = try part("square", of: node, .arithmetic(.multiply), [input, input])
    let scaled = try part("scaled", of: node, times(0.044_715 * factor), [square])
    let shifted = try part("shifted", of: node, plus(factor), [scaled])
    let inner = try part("inner", of: node, .arithmetic(.multiply), [input, shifted])
    let gate = try part("gate", of: node, .activation(.sigmoid), [inner])
    try add(node.name, .arithmetic(.multiply), [input, gate], [node.outputs[0]])
  }

  // MARK: Reductions

  /// The axes over which a node reduces, in ONNX's order.
  private func reducedAxes(_ node: ONNXNode, rank: Int) throws -> [Int] {
    let isInput = node.version >= (node.type == "ReduceSum" ? 13 : 18)
    let given = try isInput ? known(node, 1)?.integers : node.integers("axes")
    guard let given, !given.isEmpty else {
      return try isInput && node.integer("noop_with_empty_axes", default: 0) != 0 ? [] : Array(0..<rank)
    }
    return Set(try given.map { try axis($0, rank) }).sorted()
  }

  /// Largest and smallest values, products, and the logarithm of a sum of exponentials, which none may overflow.
  ///
  /// What is reduced stands together at the end, as the rows of maps of one column.
  mutating func reduceTogether(_ node: ONNXNode) throws {
    let shape = try shape(node, 0)
    let extents = shape.inONNXOrder.dimensions
    let axes = try reducedAxes(node, rank: shape.rank)
    guard !axes.isEmpty else { return try unary(node, .identity) }
    if axes.contains(0) { mixImages() }
    let keepsAxes = try node.integer("keepdims", default: 1) != 0
    let isLogSum = node.type == "ReduceLogSumExp"
    let isProduct = node.type == "ReduceProd"
    if axes == [2, 3], shape.rank == 4, !isLogSum, !isProduct {
      let parts: [Operation] = [.globalMaxPooling] + (keepsAxes ? [] : [.reshape([0, 0])])
      return try chain(node, node.type == "ReduceMin" ? Self.negated(parts) : parts)
    }
    let kept = extents.indices.filter { !axes.contains($0) }
    let order = kept + axes
    let others = kept.filter { $0 > 0 }.reduce(1) { $0 * extents[$1] }
    var parts: [Operation] = order == Array(extents.indices) ? [] : [Self.transposition(order)]
    parts.append(.reshape([axes.contains(0) ? 1 : 0, others, axes.reduce(1) { $0 * extents[$1] }, 1]))
    let made =
      keepsAxes ? extents.indices.map { axes.contains($0) ? 1 : extents[$0] } : kept.map { extents[$0] }
    let restored = Operation.reshape(axes.contains(0) ? made : [0] + made.dropFirst())
    if isProduct {
      return try multiply(node, parts, axes.map { extents[$0] }.reduce(1, *), restored)
    }
    guard isLogSum else {
      parts += [.globalMaxPooling, restored]
      return try chain(node, node.type == "ReduceMin" ? Self.negated(parts) : parts)
    }
    // Every value less its log-softmax is the logarithm of the sum; the largest one's is exact.
    var rows = node.inputs[0]
    for (index, operation) in parts.enumerated() {
      rows = try part("rows\(index)", of: node, operation, [rows])
    }
    let soft = try part("soft", of: node, .logSoftmax(axis: 1), [rows])
    let largest = try part("largest", of: node, .globalMaxPooling, [rows])
    let softest = try part("softest", of: node, .globalMaxPooling, [soft])
    let sums = try part("sums", of: node, .arithmetic(.subtract), [largest, softest])
    try chain(node, [restored], from: sums)
  }

  /// The product over the rows of maps: half of them times the other half, until one is left.
  private mutating func multiply(
    _ node: ONNXNode, _ parts: [Operation], _ count: Int, _ restored: Operation
  ) throws {
    var rows = node.inputs[0]
    for (index, operation) in parts.enumerated() {
      rows = try part("rows\(index)", of: node, operation, [rows])
    }
    var left = count
    while left > 1 {
      let half = (left + 1) / 2
      if left % 2 == 1 {
        rows = try part(
          "even\(left)", of: node,
          .padding(before: [0, 0, 0, 0], after: [0, 1, 0, 0], mode: .constant(1)), [rows])
      }
      let halves = ["first", "second"].map { "\(node.outputs[0]).\($0)\(left)" }
      try add("\(node.name).halves\(left)", .split(axis: 1, sizes: [half, half]), [rows], halves)
      rows = try part("product\(left)", of: node, .arithmetic(.multiply), halves)
      left = half
    }
    try chain(node, [restored], from: rows)
  }

  private static func negated(_ parts: [Operation]) -> [Operation] {
    [.activation(.negate)] + parts + [.activation(.negate)]
  }

  /// Means and sums over axes, with a function before and after.
  mutating func reduce(_ node: ONNXNode) throws {
    let shape = try shape(node, 0)
    let axes = try reducedAxes(node, rank: shape.rank)
    let ours = axes.map { Self.ours($0, rank: shape.rank) }.sorted()
    var parts: [Operation] = []
    var input = node.inputs[0]
    switch node.type {
    case "ReduceL1": parts.append(.activation(.abs))
    case "ReduceL2", "ReduceSumSquare":
      input = try part("square", of: node, .arithmetic(.multiply), [input, input])
    default: break
    }
    if axes.contains(0) { mixImages() }
    if !ours.isEmpty {
      parts.append(.average(axes: ours, keepsAxes: true))
      if node.type != "ReduceMean" {
        parts.append(times(Float(ours.reduce(1) { $0 * shape[$1] })))
      }
    }
    switch node.type {
    case "ReduceL2": parts.append(.activation(.sqrt))
    case "ReduceLogSum": parts.append(.activation(.log))
    default: break
    }
    if try node.integer("keepdims", default: 1) == 0 {
      let all = shape.inONNXOrder
      let extents = all.dimensions.indices.filter { !axes.contains($0) }.map { all[$0] }
      parts.append(.reshape(axes.contains(0) ? extents : open(extents, from: all)))
    }
    try chain(node, parts.isEmpty ? [.identity] : parts, from: input)
  }

  // MARK: Normalisation by a picture's own statistics

  mutating func normalization(_ node: ONNXNode) throws {
    let shape = try shape(node, 0)
    let (rank, extents) = (shape.rank, shape.inONNXOrder.dimensions)
    let input = node.inputs[0]
    if node.type == "LpNormalization" {
      let place = Self.ours(try axis(try node.integer("axis", default: -1), rank), rank: rank)
      guard try node.integer("p", default: 2) == 2 else { throw Unsupported("p is not 2") }
      if place == 0 { mixImages() }
      let square = try part("square", of: node, .arithmetic(.multiply), [input, input])
      let mean = try part("mean", of: node, .average(axes: [place], keepsAxes: true), [square])
      let sum = try part("sum", of: node, times(Float(shape[place])), [mean])
      let norm = try part("norm", of: node, .activation(.sqrt), [sum])
      return try add(node.name, .arithmetic(.divide), [input, norm], [node.outputs[0]])
    }
    let epsilon = try node.float("epsilon", default: 1e-5)
    let isLayer = node.type == "LayerNormalization"
    guard isLayer || rank >= 3 else { throw Unsupported("its input has \(rank) axes") }
    let scale = try weights(node, 1).tensor
    let shift = isLayer && node.input(2) == nil ? nil : try weights(node, 2).tensor
    let normalized: String
    if node.type == "GroupNormalization" {
      let groups = try node.integer("num_groups", default: 1)
      guard groups > 0, extents[1] % groups == 0 else {
        throw Unsupported("\(groups) groups of \(extents[1])")
      }
      guard scale.shape.count == extents[1] else { throw Unsupported("\(scale.shape.count) scales") }
      let grouped = try part("grouped", of: node, .reshape([0, groups, -1]), [input])
      let each = try standardized(grouped, over: [2], epsilon, node)
      normalized = try part("restored", of: node, .reshape([0] + extents.dropFirst()), [each])
    } else {
      let first = isLayer ? try axis(try node.integer("axis", default: -1), rank) : 2
      if first == 0 { mixImages() }
      let axes = (first..<rank).map { Self.ours($0, rank: rank) }.sorted()
      normalized = try standardized(input, over: axes, epsilon, node)
    }
    if isLayer {
      for (output, operation) in zip(
        node.outputs.dropFirst(), [Operation.identity, .activation(.reciprocal)])
      where !output.isEmpty {
        let isMean = output == node.outputs[1]
        try add(
          node.name + (isMean ? ".shared mean" : ".shared deviation"), operation,
          [node.outputs[0] + (isMean ? ".mean" : ".deviation")], [output])
      }
    }
    // Layers scale their last axes, the others their channels.
    func placed(_ weights: Tensor) throws -> Tensor {
      if isLayer { return try aligned(weights, to: shape) }
      let ones = [Int](repeating: 1, count: rank - 2)
      return try aligned(weights.reshaped(to: Shape([weights.shape.count] + ones)), to: shape)
    }
    let scaling = Operation.arithmeticWithConstant(.multiply, try placed(scale), constantFirst: false)
    guard let shift else { return try chain(node, [scaling], from: normalized) }
    let shifting = Operation.arithmeticWithConstant(.add, try placed(shift), constantFirst: false)
    try chain(node, [scaling, shifting], from: normalized)
  }

  /// A value less its mean, over its deviation.
  private mutating func standardized(
    _ input: String, over axes: [Int], _ epsilon: Float, _ node: ONNXNode
  ) throws -> String {
    let average = Operation.average(axes: axes, keepsAxes: true)
    let mean = try part("mean", of: node, average, [input])
    let centred = try part("centred", of: node, .arithmetic(.subtract), [input, mean])
    let square = try part("square", of: node, .arithmetic(.multiply), [centred, centred])
    let variance = try part("variance", of: node, average, [square])
    let shifted = try part("shifted", of: node, plus(epsilon), [variance])
    let deviation = try part("deviation", of: node, .activation(.sqrt), [shifted])
    return try part("normal", of: node, .arithmetic(.divide), [centred, deviation])
  }
}
