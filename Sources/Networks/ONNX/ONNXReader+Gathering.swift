internal import Kernels
internal import Tensors

/// Operators that take positions named by constants.
extension ONNXReader {
  mutating func gather(_ node: ONNXNode) throws {
    let shape = try shape(node, 0).inONNXOrder
    let place = try axis(try node.integer("axis", default: 0), shape.rank)
    guard let index = try known(node, 1), let given = index.integers else {
      throw Unsupported("its positions are not constant whole numbers")
    }
    let extent = shape[place]
    let positions = given.map { $0 < 0 ? $0 + extent : $0 }
    guard positions.allSatisfy((0..<extent).contains) else {
      throw Unsupported("positions \(given.prefix(8)) of \(extent)")
    }
    let takesAll = positions == Array(0..<extent)
    // All of them in their order are no choice, or the second reading tells that they are not all.
    if place == 0, !takesAll { mixImages() }
    let order = Self.ourOrder(rank: shape.rank)
    var parts: [Operation] = []
    if index.extents.isEmpty, place > 0 {
      // One position, as exporters write `x[:, 0]`.
      parts.append(
        .slice(
          starts: order.map { $0 == place ? positions[0] : 0 },
          stops: order.map { $0 == place ? positions[0] + 1 : Int.max }, steps: order.map { _ in 1 }))
    } else if !takesAll {
      parts.append(.gathering(axis: Self.ours(place, rank: shape.rank), positions: positions))
    }
    let kept = shape.dimensions.indices.map { Operation.copy(of: $0) }
    if index.extents.count != 1 {
      parts.append(.reshape(kept[..<place] + index.extents + kept[(place + 1)...]))
    }
    try chain(node, parts.isEmpty ? [.identity] : parts)
  }

  /// Elements named one by one, taken from all images at once.
  mutating func gatherElements(_ node: ONNXNode) throws {
    let shape = try shape(node, 0).inONNXOrder
    let place = try axis(try node.integer("axis", default: 0), shape.rank)
    guard let index = try known(node, 1), let given = index.integers,
      index.extents.count == shape.rank,
      zip(index.extents, shape.dimensions).enumerated().allSatisfy({
        $0.offset == place || $0.element.0 <= $0.element.1
      })
    else { throw Unsupported("its positions are not constant, one for each element") }
    mixImages()
    let steps = Self.steps(of: shape.dimensions)
    let taken = Self.steps(of: index.extents)
    let positions = try given.enumerated().map { element, position in
      let along = try axis(position, shape[place])
      return shape.dimensions.indices.reduce(0) { sum, axis in
        sum + steps[axis] * (axis == place ? along : element / taken[axis] % index.extents[axis])
      }
    }
    try take(positions, into: index.extents, node)
  }

  /// Elements or slices named by their first indices, likewise.
  mutating func gatherSlices(_ node: ONNXNode) throws {
    let shape = try shape(node, 0).inONNXOrder
    guard let index = try known(node, 1), let given = index.integers,
      try node.integer("batch_dims", default: 0) == 0, let depth = index.extents.last,
      (1...shape.rank).contains(depth)
    else { throw Unsupported("its positions are not constant, or batch_dims is not 0") }
    mixImages()
    let steps = Self.steps(of: shape.dimensions)
    let size = steps[depth - 1]
    guard given.count / depth <= Self.mostPositions / max(size, 1) else {
      throw Unsupported("it takes \(given.count / depth) slices of \(size) elements")
    }
    let positions = try stride(from: 0, to: given.count, by: depth).flatMap { first in
      let start = try (0..<depth).reduce(0) { $0 + steps[$1] * (try axis(given[first + $1], shape[$1])) }
      return start..<start + size
    }
    try take(positions, into: index.extents.dropLast() + shape.dimensions[depth...], node)
  }

  /// Takes elements of the whole value by their places in it.
  private mutating func take(_ positions: [Int], into extents: [Int], _ node: ONNXNode) throws {
    try chain(node, [.reshape([1, -1]), .gathering(axis: 1, positions: positions), .reshape(extents)])
  }

  /// Tables of positions are no longer than this: what they name is computed for every image.
  static let mostPositions = 1 << 24

  static func steps(of extents: [Int]) -> [Int] {
    var steps = [Int](repeating: 1, count: extents.count)
    for axis in extents.indices.dropLast().reversed() { steps[axis] = steps[axis + 1] * extents[axis + 1] }
    return steps
  }

  /// The positions of an axis, or the elements of the whole value, that a constant marks.
  mutating func compress(_ node: ONNXNode) throws {
    let shape = try shape(node, 0).inONNXOrder
    guard let marks = try known(node, 1)?.integers else { throw Unsupported("its marks are not constant") }
    let positions = marks.indices.filter { marks[$0] != 0 }
    guard node.has("axis") else {
      mixImages()
      return try take(positions, into: [positions.count], node)
    }
    let place = try axis(try node.integer("axis", default: 0), shape.rank)
    if place == 0 { mixImages() }
    try unary(node, .gathering(axis: Self.ours(place, rank: shape.rank), positions: positions))
  }

  /// A value repeated whole along its axes.
  mutating func tile(_ node: ONNXNode) throws {
    let shape = try shape(node, 0).inONNXOrder
    guard let counts = try known(node, 1)?.integers, counts.count == shape.rank,
      zip(counts, shape.dimensions).allSatisfy({ (1...1 << 16).contains($0) && $0 * $1 <= 1 << 24 })
    else { throw Unsupported("its repeats are not constant, one an axis") }
    if counts.first ?? 1 > 1 { mixImages() }
    let parts = counts.indices.filter { counts[$0] > 1 }.map { axis in
      Operation.gathering(
        axis: Self.ours(axis, rank: shape.rank),
        positions: (0..<counts[axis]).flatMap { _ in 0..<shape[axis] })
    }
    try chain(node, parts.isEmpty ? [.identity] : parts)
  }
}
