internal import Kernels
internal import Tensors

/// Operators that bring several values together, constants among them.
extension ONNXReader {
  /// Values joined along an axis; room is made for constants, and what stands in it is added.
  mutating func join(_ node: ONNXNode) throws {
    guard let first = node.inputs.compactMap({ shapes[$0] }).first else {
      throw Unsupported("it joins constants only")
    }
    let rank = first.rank
    let place = try axis(try node.integer("axis", default: 1), rank)
    if place == 0 { mixImages() }
    let along = Self.ours(place, rank: rank)
    let join = Operation.concatenation(axis: along)
    if node.inputs.allSatisfy({ shapes[$0] != nil }) {
      return try add(node.name, join, node.inputs, [node.outputs[0]])
    }
    let constants = try node.inputs.indices.map { index -> Tensor? in
      guard shapes[node.inputs[index]] == nil else { return nil }
      let tensor = try constant(node.inputs[index], beside: first.inONNXOrder)
      guard tensor.shape.rank == rank else {
        throw Unsupported("it joins a constant of \(tensor.shape) to a value of \(first.inONNXOrder)")
      }
      // One that repeats itself for each picture is given once.
      let isOnce = tensor.shape.dimensions.first == 1
      for axis in 0..<rank
      where axis != place && tensor.shape[axis] != first.inONNXOrder[axis] && !(axis == 0 && isOnce) {
        throw Unsupported("it joins a constant of \(tensor.shape) to a value of \(first.inONNXOrder)")
      }
      return try tensor.fromONNXOrder()
    }
    guard place > 0 else { throw Unsupported("it joins images to constants") }
    let extents = node.inputs.indices.map {
      constants[$0]?.shape[along] ?? shapes[node.inputs[$0]]?[along] ?? 0
    }
    guard first.count / max(first[along], 1) * extents.reduce(0, +) <= 1 << 28 else {
      throw Unsupported("it joins constants to more than fits in memory")
    }
    var current: String?
    var room = 0
    func padded(_ value: String, before: Int, after: Int, _ index: Int) throws -> String {
      guard before + after > 0 else { return value }
      var counts = (before: [Int](repeating: 0, count: rank), after: [Int](repeating: 0, count: rank))
      counts.before[along] = before
      counts.after[along] = after
      return try part(
        "room\(index)", of: node,
        .padding(before: counts.before, after: counts.after, mode: .constant(0)), [value])
    }
    for (index, name) in node.inputs.enumerated() {
      if constants[index] != nil {
        room += extents[index]
      } else if let known = current {
        let joined = try padded(known, before: 0, after: room, index)
        current = try part("join\(index)", of: node, join, [joined, name])
        room = 0
      } else {
        current = try padded(name, before: room, after: 0, index)
        room = 0
      }
    }
    guard let current else { return }
    let whole = try padded(current, before: 0, after: room, node.inputs.count)
    var shape = first.dimensions
    let images = Set(constants.compactMap { $0?.shape[0] })
    guard images.count == 1, let each = images.first else {
      throw Unsupported("it joins images to constants")
    }
    shape[0] = each
    let filler = try Device().concatenation(
      node.inputs.indices.map { index in
        shape[along] = extents[index]
        return constants[index] ?? Tensor(Shape(shape))
      }, axis: along)
    try add(
      node.name, .arithmeticWithConstant(.add, filler, constantFirst: false), [whole], [node.outputs[0]])
  }
}
