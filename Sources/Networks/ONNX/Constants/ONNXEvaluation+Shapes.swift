/// Constants made, joined, cut and put in another order.
extension ONNXEvaluation {
  static let shapes: [String: Rule] = [
    "Range": range, "EyeLike": eye, "Concat": join, "Split": split, "Slice": slice,
    "Transpose": transpose, "Expand": expand, "Tile": tile, "Pad": pad,
    "DepthToSpace": depthToSpace, "SpaceToDepth": spaceToDepth,
  ]

  private static func range(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let all = try (0..<3).map { try each.input($0) }
    guard all.allSatisfy({ $0.count == 1 }), all[2].reals[0] != 0 else { throw Unsupported("a step of 0") }
    let (start, limit, delta) = (all[0].reals[0], all[1].reals[0], all[2].reals[0])
    let count = Swift.max(0, Int(clamping: ((limit - start) / delta).rounded(.up)))
    try ONNXNumbers.fit([count])
    guard case .integers(let first) = all[0].elements else {
      return [ONNXNumbers(all[0].type, [count], reals: (0..<count).map { start + Double($0) * delta })]
    }
    let step = try all[2].integers[0]
    return [ONNXNumbers(all[0].type, [count], integers: (0..<count).map { first[0] &+ $0 &* step })]
  }

  private static func eye(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let like = try each.input(0)
    guard like.rank == 2 else { throw Unsupported("an input of \(like.rank) axes") }
    let offset = try each.node.integer("k", default: 0)
    let number = Int32(clamping: try each.node.integer("dtype", default: Int(like.type.rawValue)))
    guard let type = ONNXElement(rawValue: number) else { throw Unsupported("elements of type \(number)") }
    let ones = (0..<like.count).map { $0 % like.extents[1] - $0 / like.extents[1] == offset ? 1 : 0 }
    return [ONNXNumbers(.int64, like.extents, integers: ones).cast(to: type)]
  }

  private static func join(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let parts = try each.inputs.indices.map { try each.input($0) }
    let place = try each.axis(default: each.node.version < 4 ? 1 : 0, of: parts[0].rank)
    guard parts.allSatisfy({ $0.type == parts[0].type }) else {
      throw Unsupported("its inputs are of two types")
    }
    let extents = try ONNXNumbers.joined(parts.map(\.extents), along: place)
    // A row of all parts, then the blocks of each in turn.
    let outer = extents[..<place].reduce(1, *)
    var places = [Int](repeating: 0, count: extents.reduce(1, *))
    let width = outer == 0 ? 0 : places.count / outer
    var (start, offset) = (0, 0)
    for part in parts {
      let block = outer == 0 ? 0 : part.count / outer
      for index in 0..<part.count { places[index / block * width + offset + index % block] = start + index }
      (start, offset) = (start + part.count, offset + block)
    }
    switch parts[0].elements {
    case .integers:
      let row = ONNXNumbers(parts[0].type, [start], integers: try parts.flatMap { try $0.integers })
      return [row.picking(places, extents)]
    case .reals:
      return [ONNXNumbers(parts[0].type, [start], reals: parts.flatMap(\.reals)).picking(places, extents)]
    }
  }

  private static func split(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let place = try each.axis(default: 0, of: input.rank)
    let (extent, count) = (input.extents[place], each.node.outputs.count)
    let size = (extent + count - 1) / count
    let sizes =
      try each.integers("split", input: 1, since: 13)
      ?? (0..<count).map { Swift.min(size, Swift.max(0, extent - $0 * size)) }
    guard sizes.count == count, sizes.allSatisfy({ (0...extent).contains($0) }), sizes.reduce(0, +) == extent
    else {
      throw Unsupported("sizes \(sizes) for \(count) outputs of \(input.extents)")
    }
    var first = 0
    return try sizes.map { size in
      defer { first += size }
      return try input.taking(Array(first..<first + size), along: place)
    }
  }

  private static func slice(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let (starts, stops, steps) = try each.node.slice(of: input.extents) { try each.optional($0)?.integers }
    return [
      try input.boxed(
        input.extents.indices.map { Array(stride(from: starts[$0], to: stops[$0], by: steps[$0])) })
    ]
  }

  private static func transpose(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let axes = try each.node.integers("perm") ?? Array((0..<input.rank).reversed())
    guard axes.sorted() == Array(0..<input.rank) else {
      throw Unsupported("perm \(axes) for a value of \(input.extents)")
    }
    return [try input.transposed(axes)]
  }

  private static func expand(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let target = try each.input(1).integers
    try ONNXNumbers.fit(target)
    return [try input.expanded(to: try ONNXNumbers.together([input.extents, target]))]
  }

  private static func tile(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let times = try each.input(1).integers
    guard times.count == input.rank, times.allSatisfy({ (0...1 << 31).contains($0) }) else {
      throw Unsupported("repeats \(times) of \(input.extents)")
    }
    try ONNXNumbers.fit(zip(input.extents, times).map { $0 * $1 })
    return [
      try input.boxed(
        zip(input.extents, times).map { extent, times in (0..<extent * times).map { $0 % extent } })
    ]
  }

  private static func pad(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let pads = try each.integers("pads", input: 1, since: 11) ?? []
    let given = each.node.version < 18 ? nil : try each.optional(3)?.integers
    let axes = try given?.map { try axis($0, of: input.rank) } ?? Array(0..<input.rank)
    guard pads.count == 2 * axes.count, pads.allSatisfy({ $0.magnitude <= 1 << 27 }) else {
      throw Unsupported("pads \(pads)")
    }
    let value =
      each.node.version < 11
      ? Double(try each.node.float("value", default: 0)) : each.optional(2)?.reals.first ?? 0
    let mode = each.node.string("mode", default: "constant")
    var positions = input.extents.map { Array(0..<$0) }
    for (index, place) in axes.enumerated() {
      let extent = input.extents[place]
      let span = -pads[index]..<Swift.max(-pads[index], extent + pads[index + axes.count])
      try ONNXNumbers.fit([span.count])
      guard mode == "constant" || extent > 0 else { throw Unsupported("it pads nothing") }
      positions[place] = try span.map { position in
        switch mode {
        case _ where (0..<extent).contains(position): return position
        case "constant": return -1
        case "edge": return position < 0 ? 0 : extent - 1
        case "wrap": return (position % extent + extent) % extent
        case "reflect":
          let period = Swift.max(2 * (extent - 1), 1)
          let rest = (position % period + period) % period
          return rest < extent ? rest : period - rest
        default: throw Unsupported("mode \(mode)")
        }
      }
    }
    return [try input.boxed(positions, filler: value)]
  }

  private static func depthToSpace(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let size = try each.node.integer("blocksize", default: 0)
    guard input.rank == 4, size > 0, input.extents[1] % (size * size) == 0 else {
      throw Unsupported("blocks of \(size) in \(input.extents)")
    }
    let (images, maps) = (input.extents[0], input.extents[1] / (size * size))
    let (rows, columns) = (input.extents[2], input.extents[3])
    let isDepthFirst = each.node.string("mode", default: "DCR") == "DCR"
    let apart = isDepthFirst ? [images, size, size, maps] : [images, maps, size, size]
    return [
      try input.shaped(apart + [rows, columns])
        .transposed(isDepthFirst ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3])
        .shaped([images, maps, rows * size, columns * size])
    ]
  }

  private static func spaceToDepth(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let size = try each.node.integer("blocksize", default: 0)
    guard input.rank == 4, size > 0, input.extents[2] % size == 0, input.extents[3] % size == 0 else {
      throw Unsupported("blocks of \(size) in \(input.extents)")
    }
    let (images, maps) = (input.extents[0], input.extents[1])
    let (rows, columns) = (input.extents[2] / size, input.extents[3] / size)
    return [
      try input.shaped([images, maps, rows, size, columns, size]).transposed([0, 3, 5, 1, 2, 4])
        .shaped([images, maps * size * size, rows, columns])
    ]
  }
}
