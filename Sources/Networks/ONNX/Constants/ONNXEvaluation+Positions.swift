/// Elements taken from and put at positions.
extension ONNXEvaluation {
  static let positions: [String: Rule] = [
    "Gather": gather, "GatherElements": gatherElements, "GatherND": gatherBlocks,
    "ScatterElements": scatterElements, "Scatter": scatterElements, "ScatterND": scatterBlocks,
    "NonZero": nonZero, "OneHot": oneHot, "Compress": compress, "Trilu": triangle,
  ]

  private static func gather(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let (data, indices) = (try each.input(0), try each.input(1))
    let place = try each.axis(default: 0, of: data.rank)
    let taken = try indices.integers.map { try position($0, of: data.extents[place]) }
    let before = Array(data.extents[..<place])
    let after = Array(data.extents[(place + 1)...])
    let extents = before + indices.extents + after
    try ONNXNumbers.fit(extents)
    let block = after.reduce(1, *)
    let places = (0..<before.reduce(1, *)).flatMap { outer in
      taken.flatMap { index in
        let start = (outer * data.extents[place] + index) * block
        return start..<start + block
      }
    }
    return [data.picking(places, extents)]
  }

  /// For each index the place whose position along an axis it gives, the others being its own.
  private func elementPlaces(_ data: ONNXNumbers, _ indices: ONNXNumbers) throws -> [Int] {
    let place = try axis(default: 0, of: data.rank)
    guard indices.rank == data.rank,
      indices.extents.indices.allSatisfy({ $0 == place || indices.extents[$0] <= data.extents[$0] })
    else { throw Unsupported("indices of \(indices.extents) into \(data.extents)") }
    var steps = ONNXNumbers.steps(data.extents)
    let step = steps[place]
    steps[place] = 0
    let starts = try ONNXNumbers.places(indices.extents, steps: steps)
    return try zip(starts, try indices.integers).map {
      $0 + step * (try Self.position($1, of: data.extents[place]))
    }
  }

  private static func gatherElements(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let (data, indices) = (try each.input(0), try each.input(1))
    return [data.picking(try each.elementPlaces(data, indices), indices.extents)]
  }

  private func combination() throws -> ONNXCombination? {
    switch node.string("reduction", default: "none") {
    case "none": nil
    case "add": ONNXCombination({ $0 + $1 }, { $0 &+ $1 })
    case "mul": ONNXCombination({ $0 * $1 }, { $0 &* $1 })
    case "min": ONNXCombination({ Swift.min($0, $1) }, { Swift.min($0, $1) })
    case "max": ONNXCombination({ Swift.max($0, $1) }, { Swift.max($0, $1) })
    case let other: throw Unsupported("reduction \(other)")
    }
  }

  private static func scatterElements(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let (data, indices, updates) = (try each.input(0), try each.input(1), try each.input(2))
    guard updates.extents == indices.extents else { throw Unsupported("updates of \(updates.extents)") }
    return [
      try data.placing(updates, at: try each.elementPlaces(data, indices), by: try each.combination())
    ]
  }

  /// Where the blocks begin that rows of indices name, and the extents of one.
  private static func blocks(
    _ data: ONNXNumbers, _ indices: ONNXNumbers, batch: Int
  ) throws -> (starts: [Int], block: [Int]) {
    guard let depth = indices.extents.last, batch >= 0, batch < indices.rank, batch + depth <= data.rank,
      depth > 0,
      indices.extents[..<batch] == data.extents[..<batch]
    else { throw Unsupported("indices of \(indices.extents) into \(data.extents)") }
    let steps = ONNXNumbers.steps(data.extents)
    let all = try indices.integers
    let batches = try ONNXNumbers.places(Array(data.extents[..<batch]), steps: Array(steps[..<batch]))
    let rows = all.count / depth
    let starts = try (0..<rows).map { row in
      try (0..<depth).reduce(batches[row / (rows / batches.count)]) { sum, index in
        sum + steps[batch + index] * (try position(all[row * depth + index], of: data.extents[batch + index]))
      }
    }
    return (starts, Array(data.extents[(batch + depth)...]))
  }

  private static func gatherBlocks(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let (data, indices) = (try each.input(0), try each.input(1))
    let (starts, block) = try blocks(data, indices, batch: try each.node.integer("batch_dims", default: 0))
    let extents = indices.extents.dropLast() + block
    try ONNXNumbers.fit(extents)
    let count = block.reduce(1, *)
    return [data.picking(starts.flatMap { $0..<$0 + count }, extents)]
  }

  private static func scatterBlocks(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let (data, indices, updates) = (try each.input(0), try each.input(1), try each.input(2))
    let (starts, block) = try blocks(data, indices, batch: 0)
    guard updates.extents == indices.extents.dropLast() + block else {
      throw Unsupported("updates of \(updates.extents)")
    }
    let count = block.reduce(1, *)
    return [try data.placing(updates, at: starts.flatMap { $0..<$0 + count }, by: try each.combination())]
  }

  private static func nonZero(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let found = input.reals.indices.filter { input.reals[$0] != 0 }
    let steps = ONNXNumbers.steps(input.extents)
    let positions = input.extents.indices.flatMap { axis in
      found.map { $0 / steps[axis] % input.extents[axis] }
    }
    return [ONNXNumbers(.int64, [input.rank, found.count], integers: positions)]
  }

  private static func oneHot(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let (indices, values) = (try each.input(0), try each.input(2))
    guard let depth = try each.input(1).reals.first.map({ Int(clamping: $0) }), depth > 0, values.count == 2
    else {
      throw Unsupported("its depth is not above 0")
    }
    let place = try each.axis(default: -1, of: indices.rank + 1)
    var extents = indices.extents
    extents.insert(depth, at: place)
    let lines = try groups(extents, over: [place]).places
    var chosen = [Int](repeating: 0, count: lines.count * depth)
    for (line, index) in zip(lines, indices.reals.map({ Int(clamping: $0) })) {
      if (-depth..<depth).contains(index) { chosen[line[index < 0 ? index + depth : index]] = 1 }
    }
    return [values.picking(chosen, extents)]
  }

  private static func compress(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    var data = try each.input(0)
    if !each.node.has("axis") { data = data.shaped([data.count]) }
    let place = try each.axis(default: 0, of: data.rank)
    let taken = try each.input(1).integers.enumerated().filter { $0.element != 0 }.map(\.offset)
    guard taken.allSatisfy({ $0 < data.extents[place] }) else {
      throw Unsupported("its condition is too long")
    }
    return [try data.taking(taken, along: place)]
  }

  private static func triangle(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let data = try each.input(0)
    guard data.rank >= 2 else { throw Unsupported("an input of \(data.rank) axes") }
    let offset = try each.optional(1) == nil ? 0 : each.number(1)
    let isUpper = try each.node.integer("upper", default: 1) != 0
    let (rows, columns) = (data.extents[data.rank - 2], data.extents[data.rank - 1])
    let places = (0..<data.count).map { place in
      let distance = place % columns - place / columns % rows
      return (isUpper ? distance >= offset : distance <= offset) ? place : -1
    }
    return [data.picking(places, data.extents)]
  }
}

extension ONNXNumbers {
  /// Some positions of an axis.
  func taking(_ positions: [Int], along axis: Int) throws(ONNXReader.Unsupported) -> ONNXNumbers {
    try boxed(extents.indices.map { $0 == axis ? positions : Array(0..<extents[$0]) })
  }

  /// The elements at every combination of positions of the axes; a position of -1 has `filler`.
  func boxed(_ axes: [[Int]], filler: Double = 0) throws(ONNXReader.Unsupported) -> ONNXNumbers {
    let target = axes.map(\.count)
    try Self.fit(target)
    let steps = Self.steps(extents)
    var places = [0]
    for (positions, step) in zip(axes, steps) {
      var next: [Int] = []
      next.reserveCapacity(places.count * positions.count)
      for place in places {
        for position in positions { next.append(place < 0 || position < 0 ? -1 : place + position * step) }
      }
      places = next
    }
    return picking(places, target, filler: filler)
  }
}
