internal import Kernels
internal import ONNXMessages
internal import Tensors

/// Operators that take each element from one of two values, and the conditions that say from which.
extension ONNXReader {
  /// A truth value as a number, 1 or 0, whose slope is 0 everywhere.
  mutating func condition(_ node: ONNXNode) throws {
    try refuseOutput(node)
    guard node.inputs.count == (node.type == "Not" ? 1 : 2), !node.inputs.contains("") else {
      throw Unsupported("it reads \(node.inputs.count) values")
    }
    if node.type == "Not" { return try chain(node, [Self.opposite]) }
    let (left, right) = (node.inputs[0], node.inputs[1])
    func combine(_ arithmetic: Arithmetic, _ left: String, _ right: String) throws {
      try self.combine(node.name, arithmetic, left, right, node.outputs[0])
    }
    switch node.type {
    case "Greater": try combine(.greater, left, right)
    case "GreaterOrEqual": try combine(.greaterOrEqual, left, right)
    case "Less": try combine(.greater, right, left)
    case "LessOrEqual": try combine(.greaterOrEqual, right, left)
    case "Equal": try combine(.equal, left, right)
    case "And": try combine(.multiply, left, right)
    case "Or": try combine(.maximum, left, right)
    default:
      let difference = node.outputs[0] + ".difference"
      try self.combine(node.name + ".difference", .subtract, left, right, difference)
      try chain(node, [.activation(.abs)], from: difference)
    }
  }

  /// 1 where a condition is 0, else 0.
  static let opposite = Operation.arithmeticWithConstant(.equal, Tensor([1]), constantFirst: false)

  /// Truth values go into other nodes only: as outputs they would be taken for scores.
  func refuseOutput(_ node: ONNXNode) throws {
    guard !model.graph.output.contains(where: { $0.name == node.outputs[0] }) else {
      throw Unsupported("truth values are no output of a network")
    }
  }

  mutating func choose(_ node: ONNXNode) throws {
    guard node.inputs.count == 3, !node.inputs.contains("") else { throw Unsupported("an input is left out") }
    let all = try node.inputs.map { name -> [Int] in
      guard let extents = shapes[name]?.inONNXOrder.dimensions ?? constants[name]?.extents else {
        throw Unsupported("its input '\(name)' is unknown")
      }
      return extents
    }
    guard
      let whole = all.dropFirst().reduce(Shape(all[0]) as Shape?, { $0?.broadcast(with: Shape($1)) }),
      whole.isHoldable, !whole.dimensions.contains(0)
    else { throw Unsupported("values of \(all) do not broadcast") }
    let ours = whole.fromONNXOrder
    let branches = node.inputs.dropFirst()
    let values = try branches.enumerated().map { index, name -> String? in
      shapes[name] == nil ? nil : try spread(name, over: ours, "branch\(index)", of: node)
    }
    let fillers = try branches.map { name in
      shapes[name] == nil ? try aligned(try constant(name, beside: ours), to: ours) : nil
    }
    guard shapes[node.inputs[0]] == nil else {
      let condition = try spread(node.inputs[0], over: ours, "condition", of: node)
      return try choose(node, by: condition, values, fillers)
    }
    guard whole.count <= Self.mostPositions else {
      throw Unsupported("it chooses among \(whole.count) elements")
    }
    let marks = try aligned(try constant(node.inputs[0], beside: ours), to: ours)
    let filled = Tensor(Shape([1] + ours.dimensions.dropFirst()))
    let expanded = try Device().combining(marks, filled, by: .add)
    let varying = marks.shape.dimensions.indices.filter { marks.shape[$0] > 1 }
    // The axis of the choice, or every element of a picture, or of all of them.
    if marks.shape.rank == ours.rank, varying.count == 1, varying[0] > 0 {
      let marked = marks.elements.map { $0 != 0 }
      return try take(node, values, fillers, marked, expanded, along: varying[0], of: ours, flat: nil)
    }
    let isEach = expanded.shape[0] == 1
    if !isEach { mixImages() }
    let marked = try expanded.inONNXOrder().elements.map { $0 != 0 }
    try take(node, values, fillers, marked, expanded, along: 1, of: ours, flat: isEach ? 0 : 1)
  }

  /// Blocks of a value whose elements are given by another, at constant places.
  mutating func scatterBlocks(_ node: ONNXNode) throws {
    guard node.inputs.count == 3, node.string("reduction", default: "none") == "none" else {
      throw Unsupported("only reduction none is supported")
    }
    guard let index = try known(node, 1), let given = index.integers, let depth = index.extents.last,
      depth > 0
    else { throw Unsupported("its positions are not constant whole numbers") }
    let extents = shapes[node.inputs[0]]?.inONNXOrder.dimensions ?? constants[node.inputs[0]]?.extents ?? []
    let updates = shapes[node.inputs[2]]?.inONNXOrder.dimensions ?? constants[node.inputs[2]]?.extents ?? []
    guard depth <= extents.count, updates == index.extents.dropLast() + extents[depth...],
      Shape(extents).isHoldable, Shape(extents).count <= Self.mostPositions
    else { throw Unsupported("updates of \(updates) for positions of \(index.extents) in \(extents)") }
    mixImages()
    let steps = Self.steps(of: extents)
    let (count, size) = (extents.reduce(1, *), steps[depth - 1])
    var positions = Array(0..<count)
    for (block, first) in stride(from: 0, to: given.count, by: depth).enumerated() {
      let start = try (0..<depth).reduce(0) { $0 + steps[$1] * (try axis(given[first + $1], extents[$1])) }
      for place in 0..<size { positions[start + place] = count + block * size + place }
    }
    let isNew = positions.map { $0 >= count }
    func filler(_ index: Int, where isTaken: (Bool) -> Bool) throws -> Tensor? {
      guard shapes[node.inputs[index]] == nil else { return nil }
      let given = try weights(node, index).tensor.elements
      let elements = positions.indices.map { place in
        isTaken(isNew[place]) ? given[positions[place] - (index == 0 ? 0 : count)] : 0
      }
      return try Tensor(Shape(extents), elements: elements).fromONNXOrder()
    }
    let kept = try filler(0) { !$0 }
    let new = try filler(2) { $0 }
    var current: String
    if kept == nil, new == nil {
      let values = try [0, 2].map {
        try part("flat\($0)", of: node, .reshape([1, -1]), [node.inputs[$0]])
      }
      current = try part("both", of: node, .concatenation(axis: 1), values)
    } else {
      let computed = kept == nil ? 0 : 2
      let flat = try part("flat", of: node, .reshape([1, -1]), [node.inputs[computed]])
      current = try followedByZero(flat, along: 1, of: 2, in: node)
      let zero = kept == nil ? count : updates.reduce(1, *)
      positions = positions.indices.map { place in
        isNew[place] == (computed == 2) ? positions[place] - (computed == 2 ? count : 0) : zero
      }
    }
    try chain(
      node,
      [.gathering(axis: 1, positions: positions), .reshape(extents)]
        + [kept ?? new].compactMap { $0 }.map { .arithmeticWithConstant(.add, $0, constantFirst: false) },
      from: current)
  }

  /// A value broadcast to a shape.
  private mutating func spread(
    _ name: String, over shape: Shape, _ suffix: String, of node: ONNXNode
  ) throws -> String {
    guard var found = shapes[name] else { throw Unsupported("its input '\(name)' is a constant") }
    var value = name
    if found.rank < shape.rank {
      mixImages()
      let ones = [Int](repeating: 1, count: shape.rank - found.rank)
      value = try part(suffix + ".raised", of: node, .reshape(ones + found.inONNXOrder.dimensions), [value])
      found = shapes[value] ?? found
    }
    guard found != shape else { return value }
    let images = found[0] == shape[0] ? 1 : shape[0]
    let ones = Tensor(Shape([images] + shape.dimensions.dropFirst()), repeating: 1)
    return try part(
      suffix + ".spread", of: node, .arithmeticWithConstant(.multiply, ones, constantFirst: false), [value])
  }

  /// A value and after it, along an axis of so many, a zero that stands for what a constant gives.
  private mutating func followedByZero(
    _ value: String, along axis: Int, of rank: Int, in node: ONNXNode
  ) throws -> String {
    let none = [Int](repeating: 0, count: rank)
    var after = none
    after[axis] = 1
    return try part("both", of: node, .padding(before: none, after: after, mode: .constant(0)), [value])
  }

  /// Each element from the first of two values where it is marked, else from the second; a constant is added where it
  /// is taken.
  private mutating func take(
    _ node: ONNXNode, _ values: [String?], _ fillers: [Tensor?], _ marked: [Bool], _ marks: Tensor,
    along axis: Int, of shape: Shape, flat images: Int?
  ) throws {
    let flattened = try values.enumerated().map { index, value in
      guard let value, let images else { return value }
      return try part("flat\(index)", of: node, .reshape([images, -1]), [value])
    }
    let current: String
    let positions: [Int]
    let count = marked.count
    if let one = flattened[0], let other = flattened[1] {
      current = try part("both", of: node, .concatenation(axis: axis), [one, other])
      positions = marked.indices.map { marked[$0] ? $0 : count + $0 }
    } else if let value = flattened[0] ?? flattened[1] {
      current = try followedByZero(value, along: axis, of: images == nil ? shape.rank : 2, in: node)
      let isFirst = flattened[0] != nil
      positions = marked.indices.map { marked[$0] == isFirst ? $0 : count }
    } else {
      throw Unsupported("it chooses from constants only")
    }
    var parts: [Operation] = [.gathering(axis: axis, positions: positions)]
    if let images {
      let extents = shape.inONNXOrder.dimensions
      parts.append(.reshape(images == 0 ? [0] + extents.dropFirst() : extents))
    }
    if let filler = fillers[0] ?? fillers[1] {
      let isFirst = fillers[0] != nil
      let taken = Tensor(marks.shape, elements: marks.elements.map { ($0 != 0) == isFirst ? 1 : 0 })
      let added = try Device().combining(filler, taken, by: .select)
      if added.elements.contains(where: { $0 != 0 }) {
        parts.append(.arithmeticWithConstant(.add, added, constantFirst: false))
      }
    }
    try chain(node, parts, from: current)
  }

  /// Each element from the first of two values where a computed condition is not 0, else from the second.
  private mutating func choose(
    _ node: ONNXNode, by condition: String, _ values: [String?], _ fillers: [Tensor?]
  ) throws {
    var branches: [String] = []
    for index in 0..<2 {
      var holds = condition
      if index == 1 {
        holds = try part("opposite", of: node, Self.opposite, [condition])
      }
      if let value = values[index] {
        branches.append(try part("taken\(index)", of: node, .arithmetic(.select), [value, holds]))
      } else if let filler = fillers[index] {
        branches.append(
          try part(
            "taken\(index)", of: node, .arithmeticWithConstant(.select, filler, constantFirst: true),
            [holds]))
      }
    }
    try add(node.name, .arithmetic(.add), branches, [node.outputs[0]])
  }
}
