internal import Tensors

/// Sums of products, and normalisations by what they read.
extension ONNXEvaluation {
  static let products: [String: Rule] = [
    "MatMul": matrixProduct, "Gemm": gemm, "Einsum": einsum, "Conv": convolution,
  ]

  static let normalizations: [String: Rule] = [
    "BatchNormalization": batchNormalization, "InstanceNormalization": instanceNormalization,
    "LayerNormalization": layerNormalization, "MeanVarianceNormalization": meanVarianceNormalization,
  ]

  /// Sums over all indices that the result lacks, each operand's axes named by a letter.
  private static func contract(
    _ operands: [ONNXNumbers], _ names: [[Character]], to result: [Character]
  ) throws -> ONNXNumbers {
    var extent: [Character: Int] = [:]
    for (operand, names) in zip(operands, names) {
      guard operand.rank == names.count else {
        throw Unsupported("\(names.count) names for \(operand.extents)")
      }
      for (name, size) in zip(names, operand.extents) where extent[name] ?? 1 == 1 || size != 1 {
        guard extent[name] ?? 1 == 1 || extent[name] == size else {
          throw Unsupported("its inputs of \(operands.map(\.extents)) do not fit")
        }
        extent[name] = size
      }
    }
    let summed = Set(names.joined()).subtracting(result).sorted()
    let all = result + summed
    guard Set(result).count == result.count, result.allSatisfy({ extent[$0] != nil }), all.count <= 26 else {
      throw Unsupported("a product to \(String(result))")
    }
    let extents = all.map { extent[$0] ?? 1 }
    guard extents.reduce(1.0, { $0 * Double($1) }) <= 0x1p30 else {
      throw Unsupported("a product of \(extents) terms, too many for constants")
    }
    func places(_ operand: ONNXNumbers, _ names: [Character], _ axes: [Character]) throws -> [Int] {
      let steps = ONNXNumbers.steps(operand.extents)
      return try ONNXNumbers.places(
        axes.map { extent[$0] ?? 1 },
        steps: axes.map { axis in
          names.indices.reduce(0) { $0 + (names[$1] == axis && operand.extents[$1] > 1 ? steps[$1] : 0) }
        })
    }
    let outer = try zip(operands, names).map { try places($0, $1, result) }
    let inner = try zip(operands, names).map { try places($0, $1, summed) }
    let target = result.map { extent[$0] ?? 1 }
    let (count, terms) = (target.reduce(1, *), summed.reduce(1) { $0 * (extent[$1] ?? 1) })
    if operands.allSatisfy({ !$0.type.format.isFloat }) {
      let values = try operands.map { try $0.integers }
      let sums = (0..<count).map { place in
        (0..<terms).reduce(0) { sum, term in
          sum &+ values.indices.reduce(1) { $0 &* values[$1][outer[$1][place] + inner[$1][term]] }
        }
      }
      return ONNXNumbers(operands[0].type, target, integers: sums)
    }
    let values = operands.map(\.reals)
    var sums = [Double](repeating: 0, count: count)
    for place in 0..<count {
      for term in 0..<terms {
        var product = 1.0
        for index in values.indices { product *= values[index][outer[index][place] + inner[index][term]] }
        sums[place] += product
      }
    }
    return ONNXNumbers(operands[0].type, target, reals: sums)
  }

  private static func matrixProduct(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let (left, right) = (try each.input(0), try each.input(1))
    guard left.rank > 0, right.rank > 0 else { throw Unsupported("a product with a single number") }
    // Leading axes are paired from the last on.
    let letters = Array("abcdefgh")
    func leading(_ rank: Int) -> [Character] { letters.suffix(Swift.max(rank - 2, 0)) }
    let ours = leading(left.rank) + (left.rank > 1 ? ["x", "s"] : ["s"])
    let theirs = leading(right.rank) + (right.rank > 1 ? ["s", "y"] : ["s"])
    let result = leading(Swift.max(left.rank, right.rank)) + (left.rank > 1 ? ["x"] : [])
    return [try contract([left, right], [ours, theirs], to: result + (right.rank > 1 ? ["y"] : []))]
  }

  private static func gemm(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let ours = try each.node.integer("transA", default: 0) != 0 ? "sx" : "xs"
    let theirs = try each.node.integer("transB", default: 0) != 0 ? "ys" : "sy"
    let alpha = Double(try each.node.float("alpha", default: 1))
    let beta = Double(try each.node.float("beta", default: 1))
    let product = try contract(
      [try each.input(0), try each.input(1)], [Array(ours), Array(theirs)], to: ["x", "y"])
    var sums = product.reals.map { alpha * $0 }
    if let addend = try each.optional(2)?.expanded(to: product.extents).reals {
      for index in sums.indices { sums[index] += beta * addend[index] }
    }
    guard product.type.format.isFloat else {
      return [ONNXNumbers(product.type, product.extents, integers: sums.map { Int(clamping: $0) })]
    }
    return [ONNXNumbers(product.type, product.extents, reals: sums)]
  }

  private static func einsum(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let equation = each.node.string("equation", default: "").filter { $0 != " " }
    let sides = equation.replacing("->", with: ">").split(separator: ">", omittingEmptySubsequences: false)
    let operands = try each.inputs.indices.map { try each.input($0) }
    let terms = (sides.first ?? "").split(separator: ",", omittingEmptySubsequences: false)
    guard terms.count == operands.count, sides.count <= 2 else {
      throw Unsupported("the equation '\(equation)'")
    }
    // What dots stand for is named by digits, from the last axis on.
    func spread(_ term: Substring, _ missing: Int) throws -> [Character] {
      guard term.contains(".") else { return Array(term) }
      guard (0...8).contains(missing) else { throw Unsupported("the equation '\(equation)'") }
      return Array(term.replacing("...", with: String("01234567".suffix(missing))))
    }
    let missing = zip(terms, operands).map { term, operand in
      term.contains(".") ? operand.rank - term.count { $0 != "." } : 0
    }
    let names = try zip(terms, missing).map { try spread($0, $1) }
    let result: [Character]
    if sides.count == 2 {
      result = try spread(sides[1], missing.max() ?? 0)
    } else {
      let all = names.joined().filter(\.isLetter)
      let once = Set(all).filter { name in all.count { $0 == name } == 1 }.sorted()
      result = "01234567".suffix(missing.max() ?? 0) + once
    }
    return [try contract(operands, names, to: result)]
  }

  /// A convolution of any number of axes, as positional encodings are mapped to channels.
  private static func convolution(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let (input, filters) = (try each.input(0), try each.input(1))
    let axes = input.rank - 2
    let groups = try each.node.integer("group", default: 1)
    guard axes > 0, filters.rank == input.rank, groups > 0, input.extents[1] == filters.extents[1] * groups,
      filters.extents[0] % groups == 0
    else { throw Unsupported("filters of \(filters.extents) over \(input.extents)") }
    let ones = [Int](repeating: 1, count: axes)
    let strides = try each.node.integers("strides") ?? ones
    let dilations = try each.node.integers("dilations") ?? ones
    let pads = try each.node.integers("pads") ?? [Int](repeating: 0, count: 2 * axes)
    guard ["NOTSET", "", "VALID"].contains(each.node.string("auto_pad", default: "NOTSET")),
      pads.count == 2 * axes,
      strides.count == axes, dilations.count == axes,
      (strides + dilations).allSatisfy((1...1 << 20).contains),
      pads.allSatisfy((0...1 << 20).contains)
    else { throw Unsupported("its pads and strides are not those of \(axes) axes") }
    // All positions under every place of the window, then one product over channels and window.
    let windows = (0..<axes).map { axis -> [Int] in
      let (extent, window) = (input.extents[2 + axis], filters.extents[2 + axis])
      let reach = (window - 1) * dilations[axis] + 1
      let count = Swift.max(0, (extent + pads[axis] + pads[axes + axis] - reach) / strides[axis] + 1)
      return (0..<count * window).map { index in
        let position = index / window * strides[axis] - pads[axis] + index % window * dilations[axis]
        return (0..<extent).contains(position) ? position : -1
      }
    }
    let whole = input.extents.prefix(2).map { Array(0..<$0) }
    let under = try input.boxed(whole + windows)
    let (places, inner) = (Array("abcdefgh".prefix(axes)), Array("ijklmnop".prefix(axes)))
    var shape = [input.extents[0], groups, filters.extents[1]]
    var names: [Character] = ["N", "G", "C"]
    for axis in 0..<axes {
      let window = filters.extents[2 + axis]
      shape += [windows[axis].count / window, window]
      names += [places[axis], inner[axis]]
    }
    let outputs = filters.extents[0]
    let product = try contract(
      [under.shaped(shape), filters.shaped([groups, outputs / groups] + filters.extents.dropFirst())],
      [names, ["G", "O", "C"] + inner],
      to: ["N", "G", "O"] + places)
    let extents = [input.extents[0], outputs] + product.extents.dropFirst(3)
    guard let bias = each.optional(2) else { return [product.shaped(extents)] }
    let spread = try bias.shaped([outputs] + ones).expanded(to: extents).reals
    return [ONNXNumbers(input.type, extents, reals: zip(product.reals, spread).map { $0 + $1 })]
  }

  // MARK: Normalisations

  /// Each group of places less its mean, over its deviation.
  private static func standardized(
    _ input: ONNXNumbers, over axes: [Int], epsilon: Double
  ) throws -> (values: [Double], means: [Double], variances: [Double]) {
    let all = input.reals
    var result = all
    var (means, variances): ([Double], [Double]) = ([], [])
    for places in try groups(input.extents, over: axes).places {
      let mean = places.reduce(0) { $0 + all[$1] } / Double(places.count)
      let variance = places.reduce(0) { $0 + (all[$1] - mean) * (all[$1] - mean) } / Double(places.count)
      for place in places { result[place] = (all[place] - mean) / (variance + epsilon).squareRoot() }
      means.append(mean)
      variances.append(variance)
    }
    return (result, means, variances)
  }

  /// One number a channel, for every element.
  private static func channels(_ numbers: ONNXNumbers, of input: ONNXNumbers) throws -> [Double] {
    guard input.rank >= 2, numbers.extents == [input.extents[1]] else {
      throw Unsupported("\(numbers.extents) for the channels of \(input.extents)")
    }
    let ones = [Int](repeating: 1, count: input.rank - 2)
    return try numbers.shaped(numbers.extents + ones).expanded(to: input.extents).reals
  }

  private static func batchNormalization(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let epsilon = Double(try each.node.float("epsilon", default: 1e-5))
    let scale = try channels(try each.input(1), of: input)
    let shift = try channels(try each.input(2), of: input)
    guard try each.node.integer("training_mode", default: 0) == 0 else {
      let (values, means, variances) = try standardized(
        input, over: input.extents.indices.filter { $0 != 1 }, epsilon: epsilon)
      let momentum = Double(try each.node.float("momentum", default: 0.9))
      func running(_ index: Int, _ new: [Double]) throws -> ONNXNumbers {
        let old = try each.input(index)
        let next = zip(old.reals, new).map { momentum * $0 + (1 - momentum) * $1 }
        return ONNXNumbers(old.type, old.extents, reals: next)
      }
      return [
        ONNXNumbers(
          input.type, input.extents, reals: values.indices.map { values[$0] * scale[$0] + shift[$0] }),
        try running(3, means), try running(4, variances),
      ]
    }
    let mean = try channels(try each.input(3), of: input)
    let variance = try channels(try each.input(4), of: input)
    let all = input.reals
    return [
      ONNXNumbers(
        input.type, input.extents,
        reals: all.indices.map {
          (all[$0] - mean[$0]) / (variance[$0] + epsilon).squareRoot() * scale[$0] + shift[$0]
        })
    ]
  }

  private static func instanceNormalization(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let (scale, shift) = (
      try channels(try each.input(1), of: input), try channels(try each.input(2), of: input)
    )
    let values = try standardized(
      input, over: Array(2..<Swift.max(input.rank, 2)),
      epsilon: Double(try each.node.float("epsilon", default: 1e-5))
    ).values
    return [
      ONNXNumbers(input.type, input.extents, reals: values.indices.map { values[$0] * scale[$0] + shift[$0] })
    ]
  }

  private static func layerNormalization(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    guard each.node.outputs.count == 1 else { throw Unsupported("its mean is used") }
    let first = try each.axis(default: -1, of: input.rank)
    let values = try standardized(
      input, over: Array(first..<input.rank), epsilon: Double(try each.node.float("epsilon", default: 1e-5))
    ).values
    let scale = try each.input(1).expanded(to: input.extents).reals
    let shift = try each.optional(2)?.expanded(to: input.extents).reals
    return [
      ONNXNumbers(
        input.type, input.extents, reals: values.indices.map { values[$0] * scale[$0] + (shift?[$0] ?? 0) })
    ]
  }

  private static func meanVarianceNormalization(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let axes = try (each.node.integers("axes") ?? [0, 2, 3]).map { try axis($0, of: input.rank) }
    return [
      ONNXNumbers(
        input.type, input.extents, reals: try standardized(input, over: axes, epsilon: 1e-9).values)
    ]
  }
}
