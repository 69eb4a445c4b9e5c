internal import Kernels
internal import Tensors

extension ONNXReader {
  /// Works out a node whose inputs are known, as exporters write them around reshapes and weights; false where they
  /// are not, or where no rule knows the operator.
  mutating func fold(_ node: ONNXNode) throws -> Bool {
    guard var made = try constants(of: node) else { return false }
    let isSized =
      ["Shape", "Size"].contains(node.type) && node.input(0).map { shapes[$0] != nil } == true
      || node.inputs.contains { constants[$0]?.isSized == true }
    for index in made.indices {
      guard made[index].extents.count <= 8 else {
        throw Unsupported("it makes a constant of \(made[index].extents.count) axes")
      }
      made[index].isSized = isSized
      // What only shares the elements of its input takes no memory.
      made[index].isFolded = !Self.views.contains(node.type)
      if made[index].isFolded { folded += made[index].count }
    }
    guard folded <= 1 << 28 else {
      throw Unsupported("it makes \(folded) constants with those before, more than fits in memory")
    }
    for (output, constant) in zip(node.outputs, made) where !output.isEmpty { constants[output] = constant }
    if !isSized { release(node.inputs) }
    return true
  }

  /// Lets go of constants whose readers are all worked out, once and for every number and size of pictures.
  private mutating func release(_ inputs: [String]) {
    for input in inputs where !input.isEmpty {
      uses[input, default: 0] -= 1
      guard uses[input] == 0, let constant = constants.removeValue(forKey: input) else { continue }
      if constant.isFolded { folded -= constant.count }
      released.insert(input)
    }
  }

  private static let views: Set = ["Identity", "Dropout", "Reshape", "Flatten", "Squeeze", "Unsqueeze"]

  private func constants(of node: ONNXNode) throws -> [ONNXConstant]? {
    switch node.type {
    case "Constant": return [try value(of: node)]
    case "Shape": return try shape(node).map { [$0] }
    case "Size":
      guard let extents = node.input(0).flatMap({ constants[$0]?.extents ?? shapes[$0]?.dimensions }) else {
        return nil
      }
      return [ONNXConstant(.int64, extents: [], elements: .integers([extents.reduce(1, *)]))]
    default: break
    }
    let known = node.inputs.map { constants[$0] }
    guard node.inputs.count <= 1 << 12, zip(node.inputs, known).allSatisfy({ $0.isEmpty || $1 != nil }),
      let first = known.first ?? nil
    else { return nil }
    switch node.type {
    case "Identity": return [first]
    case "Dropout" where node.outputs.dropFirst().allSatisfy(\.isEmpty):
      guard known.count < 3 || known[2]?.integers?.first == 0 else {
        throw Unsupported.trainingMode
      }
      return [first]
    case "Cast" where try node.integer("to", default: 1) == Int(first.type.rawValue): return [first]
    case "Squeeze", "Unsqueeze", "Reshape", "Flatten":
      let given = known.count > 1 ? known[1] : nil
      var view = first
      if try node.integer("allowzero", default: 0) != 0, let target = given?.integers, target.contains(0) {
        guard first.count == 0, target.allSatisfy({ $0 >= 0 }) else {
          throw Unsupported("a constant of \(first.extents) does not reshape to \(target)")
        }
        view.extents = target
      } else {
        view.extents = try reshaped(node, Shape(first.extents), given)
      }
      if case .turned = first.elements {
        view.elements = .floats(try first.tensor.reshaped(to: Shape(view.extents)))
      }
      if case .floats(let tensor) = first.elements {
        view.elements = .floats(tensor.reshaped(to: Shape(view.extents)))
      }
      return [view]
    // Large weights are only filled and moved, as floats.
    case "ConstantOfShape":
      guard let extents = first.integers else { throw Unsupported("its shape is no whole numbers") }
      try ONNXNumbers.fit(extents)
      let filler = try node.constant("value") ?? ONNXConstant(Tensor([]))
      guard filler.count == 1 else { throw Unsupported("its value has \(filler.count) elements") }
      guard filler.isFloats else {
        return [ONNXConstant(try filler.numbers.shaped([]).expanded(to: extents))]
      }
      let whole = Tensor(Shape(extents), repeating: try filler.floats[0])
      return [ONNXConstant(filler.type, extents: extents, elements: .floats(whole))]
    case "Concat" where known.allSatisfy({ $0?.isFloats == true && $0?.type == first.type }):
      let parts = try known.compactMap { try $0?.tensor }
      let place = try axis(try node.integer("axis", default: 0), first.extents.count)
      let extents = try ONNXNumbers.joined(parts.map(\.shape.dimensions), along: place)
      let whole = try Device().concatenation(parts, axis: place)
      return [ONNXConstant(first.type, extents: extents, elements: .floats(whole))]
    // Single precision gives the same as double precision rounded.
    case "Add", "Sub", "Mul", "Div":
      guard known.count == 2, let second = known[1], first.isFloats, second.isFloats, first.type == .float,
        second.type == .float, let arithmetic = Self.arithmetic[node.type]
      else { return try evaluated(node, known) }
      _ = try ONNXNumbers.together([first.extents, second.extents])
      return [ONNXConstant(try Device().combining(try first.tensor, try second.tensor, by: arithmetic))]
    case "Transpose" where first.isFloats:
      let axes = try node.integers("perm") ?? Array(first.extents.indices.reversed())
      guard axes.sorted() == Array(first.extents.indices) else {
        throw Unsupported("perm \(axes) for a value of \(first.extents)")
      }
      let turned = try Device().permuted(try first.tensor, axes)
      return [ONNXConstant(first.type, extents: turned.shape.dimensions, elements: .floats(turned))]
    default: return try evaluated(node, known)
    }
  }

  private func evaluated(_ node: ONNXNode, _ known: [ONNXConstant?]) throws -> [ONNXConstant]? {
    guard ONNXEvaluation.rules[node.type] != nil else { return nil }
    return try ONNXEvaluation(node: node, inputs: try known.map { try $0?.numbers }).made()?.map(
      ONNXConstant.init)
  }

  private func value(of node: ONNXNode) throws -> ONNXConstant {
    if let constant = try node.constant("value") {
      guard constant.isFinite else { throw notFinite(node.outputs[0]) }
      return constant
    }
    if node.has("value_float") {
      return ONNXConstant(Tensor([], elements: [try node.float("value_float", default: 0)]))
    }
    if let integer = node.whole("value_int") {
      return ONNXConstant(.int64, extents: [], elements: .integers([integer]))
    }
    if let floats = node.floats("value_floats"), !floats.isEmpty {
      guard floats.allSatisfy(\.isFinite) else { throw notFinite(node.outputs[0]) }
      return ONNXConstant(Tensor([floats.count], elements: floats))
    }
    if let integers = try node.integers("value_ints") { return ONNXConstant(integers: integers) }
    if node.has("value_string") || node.has("value_strings") {
      return ONNXConstant(.int64, extents: [], elements: .text)
    }
    throw Unsupported("it holds no tensor and no number")
  }

  /// The shape of a value in this reading.
  private func shape(_ node: ONNXNode) throws -> ONNXConstant? {
    guard let input = node.input(0),
      let extents = constants[input]?.extents ?? shapes[input]?.inONNXOrder.dimensions
    else { return nil }
    func bound(_ name: String, _ value: Int) throws -> Int {
      let index = try node.integer(name, default: value)
      return min(max(index < 0 ? index + extents.count : index, 0), extents.count)
    }
    let (start, end) = (try bound("start", 0), try bound("end", extents.count))
    return ONNXConstant(integers: start < end ? Array(extents[start..<end]) : [])
  }

  static let arithmetic: [String: Arithmetic] = [
    "Add": .add, "Sub": .subtract, "Mul": .multiply, "Div": .divide, "Min": .minimum, "Max": .maximum,
    "Pow": .power,
    "Sum": .add, "Mean": .add,
  ]

  static let plainActivations: [String: Activation] = [
    "Relu": .relu, "Sigmoid": .sigmoid, "Tanh": .tanh, "Exp": .exp, "Log": .log, "Sqrt": .sqrt, "Abs": .abs,
    "Neg": .negate, "Reciprocal": .reciprocal, "Erf": .erf, "HardSwish": .hardSwish, "Softplus": .softplus,
    "Gelu": .gelu, "Swish": .swish,
  ]
}
