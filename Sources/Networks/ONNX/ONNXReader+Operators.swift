internal import Kernels
internal import ONNXMessages
internal import Tensors

extension ONNXReader {
  /// Adds what a node of the file stands for.
  mutating func map(_ node: ONNXNode) throws {
    guard !node.inputs.isEmpty else { throw Unsupported("it reads nothing") }
    for (index, output) in node.outputs.enumerated().dropFirst()
    where !output.isEmpty && !Self.makersOfSeveral.contains(node.type) {
      guard !read.contains(output) else { throw Unsupported("its output \(index) '\(output)' is used") }
    }
    switch node.type {
    case "Conv": try convolution(node)
    case "MaxPool":
      guard try node.integer("storage_order", default: 0) == 0 else { throw Unsupported("storage_order 1") }
      try pool(node) { .maxPooling($0) }
    case "AveragePool":
      let counts = try node.integer("count_include_pad", default: 0) != 0
      try pool(node) { .averagePooling($0, countsPadding: counts) }
    case "LpPool", "GlobalLpPool": try powerPool(node)
    case "GlobalAveragePool": try overChannels(node, .globalAveragePooling)
    case "GlobalMaxPool": try overChannels(node, .globalMaxPooling)
    case "LRN":
      let size = try node.integer("size", default: 0)
      guard (1...4096).contains(size) else { throw Unsupported("size \(size)") }
      let constants = LocalResponseNormalization(
        size: size, alpha: try node.float("alpha", default: 1e-4),
        beta: try node.float("beta", default: 0.75),
        bias: try node.float("bias", default: 1))
      try overChannels(node, .localResponseNormalization(constants), isElementwise: true)
    case "BatchNormalization": try batchNormalization(node)
    case "Gemm": try gemm(node)
    case "MatMul": try matrixProduct(node)
    case "Relu", "Sigmoid", "Tanh", "Exp", "Log", "Sqrt", "Abs", "Neg", "Reciprocal", "Erf", "HardSwish",
      "Softplus", "Gelu", "Swish":
      if node.string("approximate", default: "none") == "tanh" { return try approximateGelu(node) }
      guard try node.float("alpha", default: 1) == 1 else { throw Unsupported("alpha is not 1") }
      if let activation = Self.plainActivations[node.type] { try unary(node, .activation(activation)) }
    case "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh",
      "Sign", "Floor", "Ceil", "Round":
      if let activation = Self.furtherActivations[node.type] { try unary(node, .activation(activation)) }
    case "ThresholdedRelu":
      try unary(node, .activation(.thresholdedRelu(threshold: try node.float("alpha", default: 1))))
    case "Shrink":
      let (bias, threshold) = (try node.float("bias", default: 0), try node.float("lambd", default: 0.5))
      try unary(node, .activation(.shrink(bias: bias, threshold: threshold)))
    case "LeakyRelu": try unary(node, .activation(.leakyRelu(slope: try node.float("alpha", default: 0.01))))
    case "Elu": try unary(node, .activation(.elu(alpha: try node.float("alpha", default: 1))))
    case "HardSigmoid":
      let (alpha, beta) = (try node.float("alpha", default: 0.2), try node.float("beta", default: 0.5))
      try unary(node, .activation(.hardSigmoid(alpha: alpha, beta: beta)))
    case "Clip":
      let (minimum, maximum) = try bounds(node)
      try unary(node, .activation(.clip(minimum: minimum, maximum: maximum)))
    case "PRelu": try parametricRelu(node)
    case "Softmax", "LogSoftmax": try softmax(node)
    case "Concat": try join(node)
    case "Split": try split(node)
    case "Add", "Sub", "Mul", "Div", "Min", "Max", "Pow", "Sum", "Mean": try arithmetic(node)
    case "Pad": try pad(node)
    case "Slice":
      let extents = try shape(node, 0).inONNXOrder.dimensions
      let found = try node.slice(of: extents) { try known(node, $0)?.integers }
      // A slice to the end stays one for any number of images and any size of theirs.
      let stops = found.stops.enumerated().map {
        found.steps[$0.offset] > 0 && $0.element == extents[$0.offset] ? Int.max : $0.element
      }
      let order = Self.ourOrder(rank: extents.count)
      try unary(
        node,
        .slice(
          starts: order.map { found.starts[$0] }, stops: order.map { stops[$0] },
          steps: order.map { found.steps[$0] }))
    case "ReduceMean", "ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum":
      try reduce(node)
    case "ReduceMax", "ReduceMin", "ReduceLogSumExp", "ReduceProd": try reduceTogether(node)
    case "Gather": try gather(node)
    case "GatherElements": try gatherElements(node)
    case "GatherND": try gatherSlices(node)
    case "Compress": try compress(node)
    case "ScatterND": try scatterBlocks(node)
    case "Where": try choose(node)
    case "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal", "Not", "And", "Or", "Xor":
      try condition(node)
    case "NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss": try loss(node)
    case "Tile": try tile(node)
    case "Einsum": try einsum(node)
    case "Expand": try expand(node)
    case "LayerNormalization", "InstanceNormalization", "GroupNormalization", "LpNormalization":
      try normalization(node)
    case "DepthToSpace", "SpaceToDepth": try blocks(node)
    case "Resize", "Upsample": try resize(node)
    case "ConvTranspose": try convolutionTransposed(node)
    case "Selu", "Celu", "Softsign", "Mish": try composedActivation(node)
    case "Flatten", "Reshape", "Squeeze", "Unsqueeze":
      let shape = try shape(node, 0).inONNXOrder
      if node.type == "Reshape", try node.integer("allowzero", default: 0) != 0,
        try known(node, 1)?.integers?.contains(0) != false
      {
        throw Unsupported("its target has no elements")
      }
      let target = try reshaped(node, shape, try known(node, 1))
      if let axes = Self.axes(movingOneChannelOf: shape.dimensions, to: target) {
        return try unary(node, Self.transposition(axes))
      }
      try unary(node, .reshape(open(target, from: shape)))
    case "Transpose":
      let rank = try shape(node, 0).rank
      let axes = try node.integers("perm") ?? Array((0..<rank).reversed())
      guard axes.sorted() == Array(0..<rank) else { throw Unsupported("perm \(axes) for \(rank) axes") }
      try unary(node, Self.transposition(axes))
    case "Dropout":
      let ratio = try known(node, 1)?.floats.first ?? node.float("ratio", default: 0.5)
      guard try (known(node, 2)?.floats.first ?? 0) == 0 else {
        throw Unsupported.trainingMode
      }
      try unary(node, .dropout(ratio: ratio))
    case "Identity": try unary(node, .identity)
    case "Cast":
      let type = ONNXElement(rawValue: Int32(clamping: try node.integer("to", default: 1)))
      if type == .bool {
        try refuseOutput(node)
        return try chain(node, [Self.opposite, Self.opposite])
      }
      guard type?.format.isFloat == true else {
        throw Unsupported("pixels are cast to a type that is no float")
      }
      try unary(node, .identity)
    default: throw Unsupported("it does not follow from constants alone")
    }
  }

  private static let furtherActivations: [String: Activation] = [
    "Sin": .sin, "Cos": .cos, "Tan": .tan, "Asin": .asin, "Acos": .acos, "Atan": .atan, "Sinh": .sinh,
    "Cosh": .cosh, "Asinh": .asinh, "Acosh": .acosh, "Atanh": .atanh, "Sign": .sign, "Floor": .floor,
    "Ceil": .ceil, "Round": .round,
  ]

  /// Operators of which more than the first output is made.
  private static let makersOfSeveral: Set = ["Split", "LayerNormalization", "SoftmaxCrossEntropyLoss"]

  /// Every operator that is read or worked out, in some form or other.
  static let operators: Set = [
    "Abs", "Acos", "Acosh", "Add", "Asin", "Asinh", "Atan", "Atanh", "AveragePool", "BatchNormalization",
    "Cast", "Ceil", "Celu", "Clip", "Compress", "Concat", "Constant", "ConstantOfShape", "Conv",
    "ConvTranspose", "Cos", "Cosh", "DepthToSpace", "Div", "Dropout", "Einsum", "Elu", "Equal", "Erf", "Exp",
    "Expand", "Flatten", "Floor", "Gather", "GatherElements", "GatherND", "Gelu", "Gemm", "GlobalAveragePool",
    "GlobalLpPool", "GlobalMaxPool", "GroupNormalization", "HardSigmoid", "HardSwish", "Identity", "If",
    "InstanceNormalization", "LRN", "LayerNormalization", "LeakyRelu", "Log", "LogSoftmax", "LpNormalization",
    "LpPool", "MatMul", "Max", "MaxPool", "Mean", "Min", "Mish", "Mul", "Neg", "NegativeLogLikelihoodLoss",
    "PRelu", "Pad", "Pow", "Range", "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp",
    "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "ReduceSumSquare", "Relu", "Reshape", "Resize",
    "Round", "ScatterND", "Selu", "Shape", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Size", "Slice",
    "Softmax",
    "SoftmaxCrossEntropyLoss", "Softplus", "Softsign", "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Sub",
    "Sum", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Tile", "Transpose", "Unsqueeze", "Upsample", "Where",
  ]

  /// The axes of ONNX's order as this package orders them.
  static func ourOrder(rank: Int) -> [Int] { rank == 4 ? [0, 2, 3, 1] : Array(0..<rank) }

  /// A transposition whose axes are in ONNX's order.
  static func transposition(_ axes: [Int]) -> Operation {
    .transposition(ourOrder(rank: axes.count).map { ours(axes[$0], rank: axes.count) })
  }

  /// The shape of a computed input.
  func shape(_ node: ONNXNode, _ index: Int) throws -> Shape {
    guard let name = node.input(index) else { throw Unsupported("input \(index) is left out") }
    guard let shape = shapes[name] else { throw Unsupported("its input '\(name)' is a constant") }
    return shape
  }

  /// An input that has to be known while the file is read; nil where it is left out.
  func known(_ node: ONNXNode, _ index: Int) throws -> ONNXConstant? {
    guard let name = node.input(index) else { return nil }
    guard let constant = constants[name] else {
      throw Unsupported("its input '\(name)' is computed, not constant")
    }
    return constant
  }

  /// Constant weights of a given rank.
  func weights(_ node: ONNXNode, _ index: Int, rank: Int? = nil) throws -> ONNXConstant {
    guard let name = node.input(index) else { throw Unsupported("input \(index) is left out") }
    guard let constant = constants[name] else {
      throw Unsupported("its weights '\(name)' are computed, not constant")
    }
    if let rank, constant.extents.count != rank {
      throw Unsupported("its weights '\(name)' have the shape \(constant.extents), not \(rank) axes")
    }
    return constant
  }

  /// Notes that a node makes one value of several images: where their number is open, the network is one for each alone.
  mutating func mixImages() { mixesImages = true }

  mutating func unary(_ node: ONNXNode, _ operation: Operation) throws {
    _ = try shape(node, 0)
    try add(node.name, operation, [node.inputs[0]], [node.outputs[0]])
  }

  private mutating func batchNormalization(_ node: ONNXNode) throws {
    guard try node.integer("training_mode", default: 0) == 0 else {
      throw Unsupported.trainingMode
    }
    let all = try (1...4).map { try weights(node, $0, rank: 1).tensor }
    guard Set(all.map(\.shape)).count == 1 else { throw Unsupported("its four statistics differ in number") }
    let normalization = BatchNormalization(
      scale: all[0], shift: all[1], mean: all[2], variance: all[3],
      epsilon: try node.float("epsilon", default: 1e-5))
    guard try shape(node, 0).rank != 2 else { return try unary(node, .batchNormalization(normalization)) }
    try overChannels(node, .batchNormalization(normalization), isElementwise: true)
  }

  private mutating func gemm(_ node: ONNXNode) throws {
    let isTurned = try node.integer("transA", default: 0) != 0
    if isTurned { mixImages() }
    guard try shape(node, 0).rank == 2 else {
      throw Unsupported("its input has \(try shape(node, 0).rank) axes, not 2")
    }
    let (alpha, beta) = (try node.float("alpha", default: 1), try node.float("beta", default: 1))
    let given = try weights(node, 1, rank: 2)
    var matrix = try node.integer("transB", default: 0) != 0 ? given.tensor : given.tensor([1, 0])
    if alpha != 1 { matrix = try Device().combining(matrix, Tensor([1], repeating: alpha), by: .multiply) }
    var bias: Tensor?
    var behind: [Operation] = []
    if node.input(2) != nil {
      let addend = try Device().combining(
        try weights(node, 2).tensor, Tensor([1], repeating: beta), by: .multiply)
      let units = matrix.shape[0]
      if addend.shape.count == 1 || (addend.shape.count == units && addend.shape.dimensions.last == units) {
        bias = try Device().combining(
          Tensor([units]), addend.reshaped(to: [addend.shape.count]), by: .add)
      } else {
        mixImages()
        behind.append(.arithmeticWithConstant(.add, addend, constantFirst: false))
      }
    }
    let product = Operation.innerProduct(InnerProduct(weights: matrix, bias: bias))
    try chain(node, (isTurned ? [.transposition([1, 0])] : []) + [product] + behind)
  }

  private mutating func matrixProduct(_ node: ONNXNode) throws {
    let shape = try shape(node, 0)
    let (rank, extents) = (shape.rank, shape.inONNXOrder.dimensions)
    guard rank >= 2 else { throw Unsupported("it multiplies values of \(rank) axes") }
    if let name = node.input(1), constants[name] != nil {
      let matrix = try weights(node, 1, rank: 2).tensor([1, 0])
      let product = Operation.innerProduct(InnerProduct(weights: matrix, bias: nil))
      guard rank == 4 else { return try add(node.name, product, [node.inputs[0]], [node.outputs[0]]) }
      // The last axis in ONNX's order is the third in this package's, and has to be the last.
      return try chain(node, [.transposition([0, 3, 1, 2]), product, .transposition([0, 2, 3, 1])])
    }
    let right = try self.shape(node, 1)
    guard right.rank == rank else {
      throw Unsupported("it multiplies values of \(rank) and \(right.rank) axes")
    }
    guard rank == 4 else { return try add(node.name, .matrixProduct, node.inputs, [node.outputs[0]]) }
    let others = right.inONNXOrder.dimensions
    let one = try part("left", of: node, .reshape([0, 1] + extents.dropFirst()), [node.inputs[0]])
    let other = try part("right", of: node, .reshape([0, 1] + others.dropFirst()), [node.inputs[1]])
    let product = try part("product", of: node, .matrixProduct, [one, other])
    try chain(node, [.reshape([0, max(extents[1], others[1]), extents[2], others[3]])], from: product)
  }

  private func bounds(_ node: ONNXNode) throws -> (Float, Float) {
    func bound(_ index: Int, _ name: String, _ value: Float) throws -> Float {
      if node.version < 11 { return try node.float(name, default: value) }
      return try known(node, index)?.floats.first ?? value
    }
    let limit = Float.greatestFiniteMagnitude
    return (try bound(1, "min", -limit), try bound(2, "max", limit))
  }

  private mutating func parametricRelu(_ node: ONNXNode) throws {
    let slope = try weights(node, 1).tensor
    let shape = try shape(node, 0)
    let channels = shape.dimensions.last ?? 1
    let aligned = try aligned(slope, to: shape)
    guard
      slope.shape.count == 1 || (slope.shape.count == channels && aligned.shape.dimensions.last == channels)
    else {
      // A slope for each position: what is negative times it, and what is positive.
      let zero = Tensor([1])
      let negative = try part(
        "negative", of: node, .arithmeticWithConstant(.minimum, zero, constantFirst: false), [node.inputs[0]])
      let scaled = try part(
        "scaled", of: node, .arithmeticWithConstant(.multiply, aligned, constantFirst: false), [negative])
      let positive = try part("positive", of: node, .activation(.relu), [node.inputs[0]])
      return try add(node.name, .arithmetic(.add), [positive, scaled], [node.outputs[0]])
    }
    try add(
      node.name, .parametricRelu(slope: slope.reshaped(to: [slope.shape.count])), [node.inputs[0]],
      [node.outputs[0]])
  }

  private mutating func softmax(_ node: ONNXNode) throws {
    let shape = try shape(node, 0)
    let rank = shape.rank
    let along = try axis(try node.integer("axis", default: node.version < 13 ? 1 : -1), rank)
    let isLog = node.type == "LogSoftmax"
    func operation(_ axis: Int) -> Operation { isLog ? .logSoftmax(axis: axis) : .softmax(axis: axis) }
    if along == 0 { mixImages() }
    let extents = shape.inONNXOrder.dimensions
    if node.version >= 13 || extents[(along + 1)...].allSatisfy({ $0 == 1 }) {
      try add(node.name, operation(Self.ours(along, rank: rank)), [node.inputs[0]], [node.outputs[0]])
      return
    }
    // Before operator set 13 all axes from `axis` on share one sum.
    let (flat, sharp) = (node.outputs[0] + ".flat", node.outputs[0] + ".soft")
    let halves = [extents[..<along].reduce(1, *), extents[along...].reduce(1, *)]
    try add(node.name + ".flatten", .reshape(open(halves, from: shape.inONNXOrder)), [node.inputs[0]], [flat])
    try add(node.name, operation(1), [flat], [sharp])
    try add(node.name + ".restore", .reshape([-1] + extents.dropFirst()), [sharp], [node.outputs[0]])
  }

  private mutating func split(_ node: ONNXNode) throws {
    let shape = try shape(node, 0)
    let place = Self.ours(try axis(try node.integer("axis", default: 0), shape.rank), rank: shape.rank)
    let given =
      try node.version < 13 ? node.integers("split") : known(node, 1)?.integers
    let count = node.outputs.count
    let each = (shape[place] + count - 1) / count
    let sizes = given ?? (0..<count).map { min(each, max(0, shape[place] - $0 * each)) }
    guard sizes.count == count, sizes.allSatisfy({ $0 >= 0 && $0 <= shape[place] }),
      !node.outputs.contains("")
    else {
      throw Unsupported("sizes \(sizes) for \(count) outputs of a value of \(shape)")
    }
    try add(node.name, .split(axis: place, sizes: sizes), [node.inputs[0]], node.outputs)
  }

  /// A constant's axes aligned to a value's, in this package's order.
  func aligned(_ constant: Tensor, to shape: Shape) throws -> Tensor {
    guard constant.shape.rank <= shape.rank else {
      guard constant.shape.count == 1 else {
        throw Unsupported("a constant of \(constant.shape) beside a value of \(shape)")
      }
      return constant.reshaped(to: [1])
    }
    let ones = [Int](repeating: 1, count: shape.rank - constant.shape.rank)
    return try constant.reshaped(to: Shape(ones + constant.shape.dimensions)).fromONNXOrder()
  }

  private mutating func arithmetic(_ node: ONNXNode) throws {
    guard let arithmetic = Self.arithmetic[node.type], !node.inputs.contains("") else {
      throw Unsupported("an input is left out")
    }
    var current = node.inputs[0]
    if node.inputs.count == 1 { return try unary(node, .identity) }
    let isMean = node.type == "Mean"
    for (index, next) in node.inputs.dropFirst().enumerated() {
      let isLast = index == node.inputs.count - 2 && !isMean
      let output = isLast ? node.outputs[0] : "\(node.outputs[0]).\(index)"
      let name = isLast ? node.name : "\(node.name).\(index)"
      try combine(name, arithmetic, current, next, output)
      current = output
    }
    if isMean {
      let share = Tensor([1], repeating: 1 / Float(node.inputs.count))
      try add(
        node.name, .arithmeticWithConstant(.multiply, share, constantFirst: false), [current],
        [node.outputs[0]])
    }
  }

  mutating func combine(
    _ name: String, _ arithmetic: Arithmetic, _ left: String, _ right: String, _ output: String
  ) throws {
    switch (shapes[left], shapes[right]) {
    case (let first?, let second?):
      if first.rank == second.rank { return try add(name, .arithmetic(arithmetic), [left, right], [output]) }
      // The shorter one gains leading axes, as broadcasting has it.
      mixImages()
      let isLeftShort = first.rank < second.rank
      let short = isLeftShort ? left : right
      let shape = isLeftShort ? first.inONNXOrder : second.inONNXOrder
      let ones = [Int](repeating: 1, count: abs(first.rank - second.rank))
      let lifted = output + ".lifted"
      try add(name + ".lift", .reshape(ones + shape.dimensions), [short], [lifted])
      try add(name, .arithmetic(arithmetic), isLeftShort ? [lifted, right] : [left, lifted], [output])
    case (let shape?, nil):
      let (value, constant) = try raised(left, beside: try constant(right, beside: shape), name, output)
      try add(name, .arithmeticWithConstant(arithmetic, constant, constantFirst: false), [value], [output])
    case (nil, let shape?):
      let (value, constant) = try raised(right, beside: try constant(left, beside: shape), name, output)
      try add(name, .arithmeticWithConstant(arithmetic, constant, constantFirst: true), [value], [output])
    case (nil, nil):
      throw Unsupported("it computes with constants only")
    }
  }

  /// A value and a constant with their axes aligned; a value of fewer axes gains leading ones.
  private mutating func raised(
    _ value: String, beside constant: Tensor, _ name: String, _ output: String
  ) throws -> (String, Tensor) {
    guard let shape = shapes[value] else { throw Unsupported("it computes with constants only") }
    let ones = [Int](repeating: 1, count: max(constant.shape.rank - shape.rank, 0))
    guard !ones.isEmpty else { return (value, try aligned(constant, to: shape)) }
    mixImages()
    let raised = output + ".raised"
    try add(name + ".raise", .reshape(ones + shape.inONNXOrder.dimensions), [value], [raised])
    return (raised, try aligned(constant, to: shapes[raised] ?? shape))
  }

  /// A constant of the file; one that only repeats itself for each picture is given once.
  func constant(_ name: String, beside shape: Shape) throws -> Tensor {
    guard let constant = constants[name] else { throw Unsupported("its input '\(name)' is computed") }
    let tensor = try constant.tensor
    let images = tensor.shape.dimensions.first ?? 1
    guard constant.isSized, images > 1, tensor.shape.rank == shape.rank, shape[0] == images else {
      return tensor
    }
    let first = tensor.slices(0..<1)
    let isRepeated = (1..<images).allSatisfy { tensor.slices($0..<$0 + 1).bytes == first.bytes }
    return isRepeated ? first : tensor
  }

  private mutating func pad(_ node: ONNXNode) throws {
    let rank = try shape(node, 0).rank
    guard
      let pads = try node.version < 11
        ? node.integers("pads") : known(node, 1)?.integers
    else {
      throw Unsupported("its pads are not constant")
    }
    let given = node.version < 18 ? nil : try known(node, 3)?.integers
    let axes = try given?.map { try axis($0, rank) } ?? Array(0..<rank)
    guard pads.count == 2 * axes.count, pads.allSatisfy({ $0.magnitude < 1 << 20 }) else {
      throw Unsupported("pads \(pads)")
    }
    var (before, after) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
    for (index, place) in axes.enumerated() {
      before[Self.ours(place, rank: rank)] = pads[index]
      after[Self.ours(place, rank: rank)] = pads[index + axes.count]
    }
    let value =
      node.version < 11
      ? try node.float("value", default: 0) : try known(node, 2)?.floats.first ?? 0
    let mode: PaddingMode
    switch node.string("mode", default: "constant") {
    case "constant": mode = .constant(value)
    case "reflect": mode = .reflect
    case "edge": mode = .edge
    case let other: throw Unsupported("mode \(other)")
    }
    if case .reflect = mode {
      let shape = try shape(node, 0)
      guard shape.dimensions.indices.allSatisfy({ before[$0] < shape[$0] && after[$0] < shape[$0] }) else {
        throw Unsupported("it reflects more than the map holds")
      }
    }
    try unary(node, .padding(before: before, after: after, mode: mode))
  }
}
