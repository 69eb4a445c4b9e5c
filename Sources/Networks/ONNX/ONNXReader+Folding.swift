internal import Kernels
internal import Tensors

extension ONNXReader {
  /// Works out a node whose inputs are known, as exporters write them around reshapes; false where they are not.
  mutating func fold(_ node: ONNXNode) throws -> Bool {
    guard let output = node.outputs.first else { return false }
    guard let constant = try constant(node) else { return false }
    folded += constant.count
    try Self.fit(folded / 2)
    constants[output] = constant
    return true
  }

  /// Refuses to make more constants than the largest known layers have weights.
  private static func fit(_ count: Int) throws {
    guard count <= 1 << 27 else { throw Unsupported("it makes \(count) constants, more than fits in memory") }
  }

  private func constant(_ node: ONNXNode) throws -> ONNXConstant? {
    switch node.type {
    case "Constant": return try value(of: node)
    case "Shape": return try shape(node)
    case "Size":
      guard let extents = try shape(node)?.integers else { return nil }
      let isKnown = extents.allSatisfy { $0 > ONNXConstant.unknown }
      return ONNXConstant(
        extents: [], elements: .integers([isKnown ? extents.reduce(1, *) : ONNXConstant.unknown]))
    default: break
    }
    let known = node.inputs.map { constants[$0] }
    guard node.inputs.count <= 1 << 12, !node.inputs.isEmpty,
      zip(node.inputs, known).allSatisfy({ $0.isEmpty || $1 != nil }),
      let first = known[0]
    else { return nil }
    switch node.type {
    case "Identity", "Dropout": return first
    case "Cast":
      guard let type = ONNXElement(rawValue: Int32(clamping: try node.integer("to", default: 1))) else {
        throw Unsupported("a cast to type \(try node.integer("to", default: 1))")
      }
      if type.format.isFloat {
        guard first.isKnown else {
          throw Unsupported(Self.batchInFloats)
        }
        return ONNXConstant(try first.tensor)
      }
      if first.integers != nil { return first }
      return ONNXConstant(
        extents: first.extents,
        elements: .integers(try first.floats.map { $0.isFinite ? Int($0.clamped) : 0 }))
    case "Gather": return try gathered(node, first, known.count > 1 ? known[1] : nil)
    case "Concat": return try joined(node, known.compactMap { $0 })
    case "Slice": return try sliced(node, first, known)
    case "Squeeze", "Unsqueeze", "Reshape", "Flatten":
      let extents = try reshaped(node, Shape(first.extents), known.count > 1 ? known[1] : nil)
      return ONNXConstant(extents: extents, elements: first.elements)
    case "ConstantOfShape":
      guard let extents = first.integers, extents.count <= 8, extents.allSatisfy({ $0 >= 0 }) else {
        throw Unsupported("it makes a constant of shape \(first.integers ?? [])")
      }
      let shape = Shape(extents)
      try Self.fit(shape.isHoldable ? shape.count : Int.max)
      let count = shape.count
      let filler = try node.tensor("value").map { message in
        do { return try ONNXConstant(message, folder: nil) } catch { throw Unsupported("\(error)") }
      }
      if let value = filler?.integers?.first {
        return ONNXConstant(extents: extents, elements: .integers(Array(repeating: value, count: count)))
      }
      return ONNXConstant(
        extents: extents, floats: Array(repeating: try filler?.floats.first ?? 0, count: count))
    case "Range":
      guard known.count == 3, let start = first.integers?.first, let limit = known[1]?.integers?.first,
        let delta = known[2]?.integers?.first, delta != 0, start > ONNXConstant.unknown,
        limit > ONNXConstant.unknown, start.magnitude < 1 << 24, limit.magnitude < 1 << 24,
        delta.magnitude < 1 << 24
      else { throw Unsupported("a range of these bounds") }
      return ONNXConstant(integers: Array(stride(from: start, to: limit, by: delta)))
    case "Transpose":
      let rank = first.extents.count
      let axes = try node.integers("perm") ?? Array((0..<rank).reversed())
      guard axes.sorted() == Array(0..<rank) else {
        throw Unsupported("perm \(axes) for a value of \(first.extents)")
      }
      let steps = Self.steps(first.extents)
      return try first.picking(
        Self.places(axes.map { (Array(0..<first.extents[$0]), steps[$0]) }),
        extents: axes.map { first.extents[$0] })
    case "Add", "Sub", "Mul", "Div", "Min", "Max", "Pow":
      guard known.count == 2, let second = known[1], let arithmetic = Self.arithmetic[node.type] else {
        return nil
      }
      return try combined(first, second, arithmetic)
    case "Equal":
      guard let lefts = first.integers, known.count == 2, let rights = known[1]?.integers,
        lefts.count == rights.count || rights.count == 1
      else { throw Unsupported("a comparison of these constants") }
      return ONNXConstant(
        extents: first.extents,
        elements: .integers(lefts.indices.map { lefts[$0] == rights[rights.count == 1 ? 0 : $0] ? 1 : 0 }))
    case "Where":
      guard let choices = first.integers, known.count == 3, let lefts = known[1]?.integers,
        let rights = known[2]?.integers, lefts.count == choices.count, rights.count == choices.count
      else { throw Unsupported("a choice between these constants") }
      return ONNXConstant(
        extents: first.extents,
        elements: .integers(choices.indices.map { choices[$0] != 0 ? lefts[$0] : rights[$0] }))
    case "Expand":
      guard known.count == 2, let extents = known[1]?.integers, extents.count <= 8,
        extents.allSatisfy({ $0 >= 0 }), Shape(extents).isHoldable
      else { throw Unsupported("it repeats a constant along axes that are not constant") }
      try Self.fit(Shape(extents).count)
      let zeros = [Int](repeating: 0, count: Shape(extents).count)
      return try combined(first, ONNXConstant(extents: extents, elements: .integers(zeros)), .add)
    case "Sqrt", "Exp", "Log", "Abs", "Neg", "Reciprocal", "Sigmoid", "Tanh", "Relu", "Erf":
      guard let activation = Self.plainActivations[node.type] else { return nil }
      guard first.isKnown else { throw Unsupported(Self.batchInFloats) }
      return ONNXConstant(Device().activated(try first.tensor, by: activation))
    default:
      return nil
    }
  }

  private func value(of node: ONNXNode) throws -> ONNXConstant {
    if let message = node.tensor("value") {
      let constant: ONNXConstant
      do {
        constant = try ONNXConstant(message, folder: nil)
      } catch let error as ONNXConstant.Malformed {
        throw Unsupported("its \(error.reason)")
      }
      guard constant.isFinite else { throw notFinite(node.outputs[0]) }
      return constant
    }
    if node.has("value_float") {
      return ONNXConstant(extents: [], floats: [try node.float("value_float", default: 0)])
    }
    if node.has("value_int") {
      return ONNXConstant(extents: [], elements: .integers([try node.integer("value_int", default: 0)]))
    }
    if let floats = node.floats("value_floats"), !floats.isEmpty {
      guard floats.allSatisfy(\.isFinite) else { throw notFinite(node.outputs[0]) }
      return ONNXConstant(extents: [floats.count], floats: floats)
    }
    if let integers = try node.integers("value_ints") { return ONNXConstant(integers: integers) }
    throw Unsupported("it holds no tensor and no number")
  }

  /// The shape of a value; the number of images stays open where the file leaves it open.
  private func shape(_ node: ONNXNode) throws -> ONNXConstant? {
    guard let input = node.input(0) else { return nil }
    var extents: [Int]
    if let constant = constants[input] {
      extents = constant.extents
    } else if let shape = shapes[input] {
      extents = shape.inONNXOrder.dimensions
      if fixedBatch == nil, !extents.isEmpty { extents[0] = ONNXConstant.batch }
    } else {
      return nil
    }
    let start = try bound(try node.integer("start", default: 0), extents.count)
    let end = try bound(try node.integer("end", default: extents.count), extents.count)
    return ONNXConstant(integers: start < end ? Array(extents[start..<end]) : [])
  }

  private func bound(_ index: Int, _ count: Int) throws -> Int {
    min(max(index < 0 ? index + count : index, 0), count)
  }

  private func gathered(_ node: ONNXNode, _ data: ONNXConstant, _ indices: ONNXConstant?) throws
    -> ONNXConstant
  {
    let rank = data.extents.count
    let along = try axis(try node.integer("axis", default: 0), rank)
    guard let indices, let positions = indices.integers else {
      throw Unsupported("its indices are computed")
    }
    let inside = try positions.map { position in
      let place = position < 0 ? position + data.extents[along] : position
      guard (0..<data.extents[along]).contains(place) else {
        throw Unsupported("index \(position) of \(data.extents[along])")
      }
      return place
    }
    let extents = Array(data.extents[..<along]) + indices.extents + data.extents[(along + 1)...]
    guard extents.count <= 8, Shape(extents).isHoldable else {
      throw Unsupported("it gathers to a shape of \(extents)")
    }
    try Self.fit(Shape(extents).count)
    let steps = Self.steps(data.extents)
    let axes = (0..<rank).map { ($0 == along ? inside : Array(0..<data.extents[$0]), steps[$0]) }
    return try data.picking(Self.places(axes), extents: extents)
  }

  /// The distance between neighbours of each axis in row-major order.
  private static func steps(_ extents: [Int]) -> [Int] {
    extents.indices.map { extents[($0 + 1)...].reduce(1, *) }
  }

  /// Where the elements at every combination of positions lie, the last axis fastest.
  private static func places(_ axes: [(positions: [Int], step: Int)]) -> [Int] {
    axes.reduce([0]) { places, axis in
      places.flatMap { place in axis.positions.map { place + $0 * axis.step } }
    }
  }

  private func joined(_ node: ONNXNode, _ parts: [ONNXConstant]) throws -> ONNXConstant {
    if parts.allSatisfy({ $0.extents.count == 1 && $0.integers != nil }) {
      try Self.fit(parts.reduce(0) { $0 + $1.count })
      return ONNXConstant(integers: parts.flatMap { $0.integers ?? [] })
    }
    try Self.fit(parts.reduce(0) { $0 + $1.count })
    guard parts.allSatisfy(\.isKnown) else { throw Unsupported(Self.batchInFloats) }
    let axis = try node.integer("axis", default: 0)
    let rank = parts[0].extents.count
    return ONNXConstant(
      try Device().concatenation(parts.map { try $0.tensor }, axis: axis < 0 ? axis + rank : axis))
  }

  private func sliced(_ node: ONNXNode, _ data: ONNXConstant, _ inputs: [ONNXConstant?]) throws
    -> ONNXConstant
  {
    let slice = try slice(node, extents: data.extents) { inputs.indices.contains($0) ? inputs[$0] : nil }
    let steps = Self.steps(data.extents)
    let axes = data.extents.indices.map { axis in
      (Array(stride(from: slice.starts[axis], to: slice.stops[axis], by: slice.steps[axis])), steps[axis])
    }
    return try data.picking(Self.places(axes), extents: axes.map(\.0.count))
  }

  private func combined(_ left: ONNXConstant, _ right: ONNXConstant, _ arithmetic: Arithmetic) throws
    -> ONNXConstant
  {
    guard let together = Shape(left.extents).broadcast(with: Shape(right.extents)), together.isHoldable else {
      throw Unsupported("constants of \(left.extents) and \(right.extents) do not broadcast")
    }
    try Self.fit(together.count)
    guard let lefts = left.integers, let rights = right.integers else {
      guard left.isKnown, right.isKnown else { throw Unsupported(Self.batchInFloats) }
      return ONNXConstant(try Device().combining(left.tensor, right.tensor, by: arithmetic))
    }
    guard lefts.count == together.count || lefts.count == 1,
      rights.count == together.count || rights.count == 1
    else {
      throw Unsupported("integers of \(left.extents) and \(right.extents)")
    }
    let results = (0..<together.count).map { index in
      let one = lefts[lefts.count == 1 ? 0 : index]
      let other = rights[rights.count == 1 ? 0 : index]
      // The number of images is known only as itself.
      guard one > ONNXConstant.unknown, other > ONNXConstant.unknown else {
        if arithmetic == .multiply || arithmetic == .divide, other == 1 { return one }
        if arithmetic == .add || arithmetic == .subtract, other == 0 { return one }
        if arithmetic == .multiply, one == 1 { return other }
        return ONNXConstant.unknown
      }
      return arithmetic.integer(one, other) ?? ONNXConstant.unknown
    }
    return ONNXConstant(extents: together.dimensions, elements: .integers(results))
  }

  static let batchInFloats = "it computes with the number of images in floats"

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

extension Arithmetic {
  /// The result for integers; nil where there is none, or it overflows.
  fileprivate func integer(_ one: Int, _ other: Int) -> Int? {
    let (result, overflows): (Int, Bool)
    switch self {
    case .add: (result, overflows) = one.addingReportingOverflow(other)
    case .subtract: (result, overflows) = one.subtractingReportingOverflow(other)
    case .multiply: (result, overflows) = one.multipliedReportingOverflow(by: other)
    case .divide: (result, overflows) = one.dividedReportingOverflow(by: other)
    case .minimum: return min(one, other)
    case .maximum: return max(one, other)
    case .power: return nil
    }
    return overflows ? nil : result
  }
}

extension Float {
  fileprivate var clamped: Float { min(max(self, -0x1p62), 0x1p62) }
}
