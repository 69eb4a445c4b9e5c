internal import Foundation

/// Sums and their like over axes, and what is found along one.
extension ONNXEvaluation {
  static let reductions: [String: Rule] = [
    "ReduceSum": reducing { $0.reduce(0, +) }, "ReduceMean": reducing { $0.reduce(0, +) / Double($0.count) },
    "ReduceMax": reducing { $0.contains(where: \.isNaN) ? .nan : $0.max() ?? -.infinity },
    "ReduceMin": reducing { $0.contains(where: \.isNaN) ? .nan : $0.min() ?? .infinity },
    "ReduceProd": reducing { $0.reduce(1, *) }, "ReduceL1": reducing { $0.reduce(0) { $0 + abs($1) } },
    "ReduceL2": reducing { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() },
    "ReduceSumSquare": reducing { $0.reduce(0) { $0 + $1 * $1 } },
    "ReduceLogSum": reducing { log($0.reduce(0, +)) },
    "ReduceLogSumExp": reducing { all in
      let largest = all.max() ?? 0
      return largest.isFinite ? largest + log(all.reduce(0) { $0 + exp($1 - largest) }) : largest
    },
    "ArgMax": { try $0.extreme { $0 > $1 } }, "ArgMin": { try $0.extreme { $0 < $1 } },
    "TopK": strongest, "CumSum": cumulate, "Softmax": softmax, "LogSoftmax": softmax, "Hardmax": hardmax,
  ]

  /// The groups of places that share their position on every axis but some, and the extents without those.
  static func groups(
    _ extents: [Int], over axes: [Int]
  ) throws -> (places: [[Int]], kept: [Int]) {
    let steps = ONNXNumbers.steps(extents)
    let rest = extents.indices.filter { !axes.contains($0) }
    let inner = try ONNXNumbers.places(axes.map { extents[$0] }, steps: axes.map { steps[$0] })
    let outer = try ONNXNumbers.places(rest.map { extents[$0] }, steps: rest.map { steps[$0] })
    return (outer.map { start in inner.map { start + $0 } }, rest.map { extents[$0] })
  }

  private static func reducing(_ function: @escaping @Sendable ([Double]) -> Double) -> Rule {
    { each in
      let input = try each.input(0)
      let since = each.node.type == "ReduceSum" ? 13 : 18
      var given = try each.integers("axes", input: 1, since: since)
      if given?.isEmpty == true { given = nil }
      if given == nil, each.node.version >= since,
        try each.node.integer("noop_with_empty_axes", default: 0) != 0
      {
        return [input]
      }
      let axes = try Set((given ?? Array(0..<input.rank)).map { try axis($0, of: input.rank) }).sorted()
      let (places, kept) = try groups(input.extents, over: axes)
      let extents =
        try each.node.integer("keepdims", default: 1) != 0
        ? input.extents.indices.map { axes.contains($0) ? 1 : input.extents[$0] } : kept
      let all = input.reals
      let results = places.map { function($0.map { all[$0] }) }
      guard case .integers = input.elements else { return [ONNXNumbers(input.type, extents, reals: results)] }
      guard results.allSatisfy({ $0.magnitude < 0x1p53 }) else {
        throw Unsupported("a reduction of whole numbers beyond 2^53")
      }
      return [ONNXNumbers(input.type, extents, integers: results.map { Int(clamping: $0) })]
    }
  }

  private func extreme(_ isBetter: (Double, Double) -> Bool) throws -> [ONNXNumbers] {
    let input = try input(0)
    let place = try axis(default: 0, of: input.rank)
    let isLast = try node.integer("select_last_index", default: 0) != 0
    let all = input.reals
    let found = try Self.groups(input.extents, over: [place]).places.map { line in
      var best = 0
      for index in line.indices.dropFirst()
      where isBetter(all[line[index]], all[line[best]]) || (isLast && all[line[index]] == all[line[best]]) {
        best = index
      }
      return best
    }
    var extents = input.extents
    if try node.integer("keepdims", default: 1) != 0 { extents[place] = 1 } else { extents.remove(at: place) }
    return [ONNXNumbers(.int64, extents, integers: found)]
  }

  private static func strongest(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let place = try each.axis(default: -1, of: input.rank)
    let count = try each.node.version < 10 ? each.node.integer("k", default: 0) : each.number(1)
    guard (0...input.extents[place]).contains(count) else { throw Unsupported("k is \(count)") }
    let isLargest = try each.node.integer("largest", default: 1) != 0
    let all = input.reals
    let lines = try groups(input.extents, over: [place]).places
    var (places, indices): ([Int], [Int]) = ([], [])
    for line in lines {
      let order = line.indices.sorted {
        let (one, other) = (all[line[$0]], all[line[$1]])
        return one == other ? $0 < $1 : isLargest ? one > other : one < other
      }
      for index in order.prefix(count) {
        places.append(line[index])
        indices.append(index)
      }
    }
    // Lines stand one after another; their axis goes back to its place.
    var rest = input.extents
    rest.remove(at: place)
    var axes = Array(rest.indices)
    axes.insert(rest.count, at: place)
    return [
      try input.picking(places, rest + [count]).transposed(axes),
      try ONNXNumbers(.int64, rest + [count], integers: indices).transposed(axes),
    ]
  }

  private static func cumulate(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let place = try axis(try each.number(1), of: input.rank)
    let isExclusive = try each.node.integer("exclusive", default: 0) != 0
    let isReverse = try each.node.integer("reverse", default: 0) != 0
    let lines = try groups(input.extents, over: [place]).places.map { isReverse ? $0.reversed() : $0 }
    func sums<Number: AdditiveArithmetic>(_ all: [Number], _ add: (Number, Number) -> Number) -> [Number] {
      var result = all
      for line in lines {
        var sum = Number.zero
        for place in line {
          let next = add(sum, all[place])
          result[place] = isExclusive ? sum : next
          sum = next
        }
      }
      return result
    }
    switch input.elements {
    case .integers(let all): return [ONNXNumbers(input.type, input.extents, integers: sums(all, &+))]
    case .reals(let all): return [ONNXNumbers(input.type, input.extents, reals: sums(all, +))]
    }
  }

  /// The lines that one sum runs over: those of an axis, and before operator set 13 all axes from it on.
  private func lines(_ input: ONNXNumbers) throws -> [[Int]] {
    let place = try axis(default: node.version < 13 ? 1 : -1, of: input.rank)
    let axes = node.version < 13 ? Array(place..<input.rank) : [place]
    return try Self.groups(input.extents, over: axes).places
  }

  private static func softmax(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let isLog = each.node.type == "LogSoftmax"
    let all = input.reals
    var result = all
    for line in try each.lines(input) {
      let largest = line.map { all[$0] }.max() ?? 0
      let sum = line.reduce(0) { $0 + exp(all[$1] - largest) }
      for place in line {
        result[place] = isLog ? all[place] - largest - log(sum) : exp(all[place] - largest) / sum
      }
    }
    return [ONNXNumbers(input.type, input.extents, reals: result)]
  }

  private static func hardmax(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let all = input.reals
    var result = all.map { _ in 0.0 }
    for line in try each.lines(input) {
      guard var best = line.first else { continue }
      for place in line where all[place] > all[best] { best = place }
      result[best] = 1
    }
    return [ONNXNumbers(input.type, input.extents, reals: result)]
  }
}
