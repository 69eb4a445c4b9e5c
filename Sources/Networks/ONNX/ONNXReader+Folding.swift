internal import Kernels
internal import Tensors

extension ONNXReader {
  /// Works out a node whose inputs are known, as exporters write them around reshapes; false where they are not.
  mutating func fold(_ node: ONNXNode) throws -> Bool {
    guard let output = node.outputs.first else { return false }
    if let constant = try constant(node) {
      guard constant.count < 1 << 28 else { throw Unsupported("it makes \(constant.count) constants") }
      constants[output] = constant
      return true
    }
    return false
  }

  private func constant(_ node: ONNXNode) throws -> ONNXConstant? {
    switch node.type {
    case "Constant": return try value(of: node)
    case "Shape": return try shape(node)
    default: break
    }
    let known = node.inputs.map { constants[$0] }
    guard !node.inputs.isEmpty, zip(node.inputs, known).allSatisfy({ $0.isEmpty || $1 != nil }),
      let first = known[0]
    else { return nil }
    switch node.type {
    case "Identity", "Dropout": return first
    case "Cast":
      guard let type = ONNXElement(rawValue: Int32(clamping: try node.integer("to", default: 1))) else {
        throw Unsupported("a cast to type \(try node.integer("to", default: 1))")
      }
      if type.isFloat {
        guard first.integers?.contains(where: { $0 <= ONNXConstant.unknown }) != true else {
          throw Unsupported("it computes with the number of images in floats")
        }
        return ONNXConstant(extents: first.extents, elements: .floats(first.floats))
      }
      if first.integers != nil { return first }
      return ONNXConstant(
        extents: first.extents, elements: .integers(first.floats.map { $0.isFinite ? Int($0.clamped) : 0 }))
    case "Gather": return try gathered(node, first, known[1])
    case "Concat": return try joined(node, known.compactMap { $0 })
    case "Slice": return try sliced(node, first, known)
    case "Squeeze", "Unsqueeze", "Reshape", "Flatten":
      let extents = try reshaped(node, Shape(first.extents), known.count > 1 ? known[1] : nil)
      return ONNXConstant(extents: extents, elements: first.elements)
    case "ConstantOfShape":
      guard let extents = first.integers, let count = Self.product(extents), count < 1 << 28 else {
        throw Unsupported("it makes a constant of shape \(first.integers ?? [])")
      }
      let filler = try node.tensor("value").map { message in
        do { return try ONNXConstant(message, folder: nil) } catch { throw Unsupported("\(error)") }
      }
      if let value = filler?.integers?.first {
        return ONNXConstant(extents: extents, elements: .integers(Array(repeating: value, count: count)))
      }
      return ONNXConstant(
        extents: extents, elements: .floats(Array(repeating: filler?.floats.first ?? 0, count: count)))
    case "Range":
      guard let start = first.integers?.first, let limit = known[1]?.integers?.first,
        let delta = known[2]?.integers?.first, delta != 0, start > ONNXConstant.unknown,
        limit > ONNXConstant.unknown,
        abs(limit - start) < 1 << 24
      else { throw Unsupported("a range of these bounds") }
      return ONNXConstant(integers: Array(stride(from: start, to: limit, by: delta)))
    case "Transpose":
      let rank = first.extents.count
      let axes = try node.integers("perm") ?? Array((0..<rank).reversed())
      guard axes.sorted() == Array(0..<rank) else {
        throw Unsupported("perm \(axes) for a value of \(first.extents)")
      }
      guard case .floats = first.elements else { throw Unsupported("a transposition of integers") }
      return ONNXConstant(try permuted(first.tensor, axes))
    case "Add", "Sub", "Mul", "Div", "Min", "Max", "Pow":
      guard known.count == 2, let second = known[1], let arithmetic = Self.arithmetic[node.type] else {
        return nil
      }
      return try combined(first, second, arithmetic)
    case "Sqrt", "Exp", "Log", "Abs", "Neg", "Reciprocal", "Sigmoid", "Tanh", "Relu", "Erf":
      guard let activation = Self.plainActivations[node.type] else { return nil }
      return ONNXConstant(activated(first.tensor, by: activation))
    default:
      return nil
    }
  }

  private func value(of node: ONNXNode) throws -> ONNXConstant {
    if let message = node.tensor("value") {
      do {
        return try ONNXConstant(message, folder: nil)
      } catch {
        throw Unsupported("its \(error.reason)")
      }
    }
    if node.has("value_float") {
      return ONNXConstant(extents: [], elements: .floats([try node.float("value_float", default: 0)]))
    }
    if node.has("value_int") {
      return ONNXConstant(extents: [], elements: .integers([try node.integer("value_int", default: 0)]))
    }
    if let floats = node.floats("value_floats"), node.has("value_floats") {
      return ONNXConstant(extents: [floats.count], elements: .floats(floats))
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
    let axis = try node.integer("axis", default: 0)
    guard axis == 0 || axis == -data.extents.count, let rows = data.extents.first, rows > 0,
      let places = indices?.integers, let shape = indices?.extents
    else { throw Unsupported("it gathers along axis \(axis)") }
    let size = data.count / rows
    let inside = try places.map { place in
      let place = place < 0 ? place + rows : place
      guard (0..<rows).contains(place) else { throw Unsupported("index \(place) of \(rows)") }
      return place
    }
    let extents = shape + data.extents.dropFirst()
    switch data.elements {
    case .integers(let all):
      return ONNXConstant(
        extents: extents, elements: .integers(inside.flatMap { all[$0 * size..<($0 + 1) * size] }))
    case .floats(let all):
      return ONNXConstant(
        extents: extents, elements: .floats(inside.flatMap { all[$0 * size..<($0 + 1) * size] }))
    }
  }

  private func joined(_ node: ONNXNode, _ parts: [ONNXConstant]) throws -> ONNXConstant {
    if parts.allSatisfy({ $0.extents.count == 1 && $0.integers != nil }) {
      return ONNXConstant(integers: parts.flatMap { $0.integers ?? [] })
    }
    let axis = try node.integer("axis", default: 0)
    let rank = parts[0].extents.count
    return ONNXConstant(try concatenation(parts.map(\.tensor), axis: axis < 0 ? axis + rank : axis))
  }

  private func sliced(_ node: ONNXNode, _ data: ONNXConstant, _ inputs: [ONNXConstant?]) throws
    -> ONNXConstant
  {
    guard data.extents.count == 1, let count = data.extents.first else {
      throw Unsupported("a slice of a constant of \(data.extents)")
    }
    let slice = try slice(node, extents: [count]) { index in
      inputs.indices.contains(index) ? inputs[index] : nil
    }
    let places = Array(stride(from: slice.starts[0], to: slice.stops[0], by: slice.steps[0]))
    switch data.elements {
    case .integers(let all): return ONNXConstant(integers: places.map { all[$0] })
    case .floats(let all):
      return ONNXConstant(extents: [places.count], elements: .floats(places.map { all[$0] }))
    }
  }

  private func combined(_ left: ONNXConstant, _ right: ONNXConstant, _ arithmetic: Arithmetic) throws
    -> ONNXConstant
  {
    guard let lefts = left.integers, let rights = right.integers else {
      return ONNXConstant(try combining(left.tensor, right.tensor, by: arithmetic))
    }
    guard lefts.count == rights.count || lefts.count == 1 || rights.count == 1 else {
      throw Unsupported("integers of \(left.extents) and \(right.extents)")
    }
    let results = (0..<max(lefts.count, rights.count)).map { index in
      let one = lefts[lefts.count == 1 ? 0 : index]
      let other = rights[rights.count == 1 ? 0 : index]
      // The number of images is known only as itself.
      guard one > ONNXConstant.unknown, other > ONNXConstant.unknown else {
        if arithmetic == .multiply || arithmetic == .divide, other == 1 { return one }
        if arithmetic == .multiply, one == 1 { return other }
        return ONNXConstant.unknown
      }
      return arithmetic.integer(one, other) ?? ONNXConstant.unknown
    }
    let extents =
      left.extents.count >= right.extents.count && lefts.count >= rights.count ? left.extents : right.extents
    return ONNXConstant(extents: extents, elements: .integers(results))
  }

  static func product(_ extents: [Int]) -> Int? {
    var count = 1
    for extent in extents {
      let (product, overflows) = count.multipliedReportingOverflow(by: extent)
      guard extent >= 0, !overflows else { return nil }
      count = product
    }
    return count
  }

  static let arithmetic: [String: Arithmetic] = [
    "Add": .add, "Sub": .subtract, "Mul": .multiply, "Div": .divide, "Min": .minimum, "Max": .maximum,
    "Pow": .power,
    "Sum": .add, "Mean": .add,
  ]

  static let plainActivations: [String: Activation] = [
    "Relu": .relu, "Sigmoid": .sigmoid, "Tanh": .tanh, "Exp": .exp, "Log": .log, "Sqrt": .sqrt, "Abs": .abs,
    "Neg": .negate, "Reciprocal": .reciprocal, "Erf": .erf, "HardSwish": .hardSwish, "Softplus": .softplus,
    "Gelu": .gelu,
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
