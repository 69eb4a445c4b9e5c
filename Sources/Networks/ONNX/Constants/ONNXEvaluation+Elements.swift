internal import Foundation
internal import Tensors

/// Functions of each element.
extension ONNXEvaluation {
  static let elementwise: [String: Rule] = [
    "Abs": unary({ abs($0) }, { $0 == .min ? $0 : abs($0) }), "Neg": unary({ -$0 }, { 0 &- $0 }),
    "Sign": unary({ $0.isNaN ? $0 : $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }, { $0.signum() }),
    "Relu": unary({ $0 < 0 ? 0 : $0 }, { Swift.max($0, 0) }),
    "Sqrt": unary { $0.squareRoot() }, "Reciprocal": unary { 1 / $0 },
    "Exp": unary(exp), "Log": unary(log), "Erf": unary(erf),
    "Ceil": unary { $0.rounded(.up) }, "Floor": unary { $0.rounded(.down) },
    "Round": unary { $0.rounded(.toNearestOrEven) },
    "Sin": unary(sin), "Cos": unary(cos), "Tan": unary(tan),
    "Asin": unary(asin), "Acos": unary(acos), "Atan": unary(atan),
    "Sinh": unary(sinh), "Cosh": unary(cosh), "Tanh": unary(tanh),
    "Asinh": unary(asinh), "Acosh": unary(acosh), "Atanh": unary(atanh),
    "Sigmoid": unary(sigmoid), "Softplus": unary(softplus), "Softsign": unary { $0 / (1 + abs($0)) },
    "Mish": unary { $0 * tanh(softplus($0)) }, "HardSwish": unary { $0 * clamp($0 / 6 + 0.5, 0, 1) },
    "LeakyRelu": parametric("alpha", 0.01) { $1 < 0 ? $0 * $1 : $1 },
    "Elu": parametric("alpha", 1) { $1 < 0 ? $0 * expm1($1) : $1 },
    "Celu": parametric("alpha", 1) { Swift.max($1, 0) + Swift.min(0, $0 * expm1($1 / $0)) },
    "ThresholdedRelu": parametric("alpha", 1) { $1 > $0 ? $1 : 0 },
    "Swish": parametric("alpha", 1) { $1 * sigmoid($0 * $1) },
    "Selu": { each in
      let alpha = Double(try each.node.float("alpha", default: 1.673_263_2))
      let gamma = Double(try each.node.float("gamma", default: 1.050_701))
      return try each.floats { gamma * ($0 > 0 ? $0 : alpha * expm1($0)) }
    },
    "HardSigmoid": { each in
      let alpha = Double(try each.node.float("alpha", default: 0.2))
      let beta = Double(try each.node.float("beta", default: 0.5))
      return try each.floats { clamp(alpha * $0 + beta, 0, 1) }
    },
    "Shrink": { each in
      let (limit, bias) = (
        Double(try each.node.float("lambd", default: 0.5)), Double(try each.node.float("bias", default: 0))
      )
      return try each.floats { $0 < -limit ? $0 + bias : $0 > limit ? $0 - bias : 0 }
    },
    "Gelu": { each in
      if each.node.string("approximate", default: "none") == "tanh" {
        return try each.floats {
          0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044_715 * $0 * $0 * $0)))
        }
      }
      return try each.floats { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) }
    },
    "Not": unary({ $0 == 0 ? 1 : 0 }, { $0 == 0 ? 1 : 0 }),
    "BitwiseNot": {
      [ONNXNumbers(try $0.input(0).type, try $0.input(0).extents, integers: try $0.input(0).integers.map(~))]
    },
    "IsNaN": { [ONNXNumbers(try $0.input(0).extents, booleans: try $0.input(0).reals.map(\.isNaN))] },
    "IsInf": { each in
      let isHigh = try each.node.integer("detect_positive", default: 1) != 0
      let isLow = try each.node.integer("detect_negative", default: 1) != 0
      let input = try each.input(0)
      return [
        ONNXNumbers(input.extents, booleans: input.reals.map { $0.isInfinite && ($0 > 0 ? isHigh : isLow) })
      ]
    },
    "Add": folding({ $0 + $1 }, { $0 &+ $1 }), "Sum": folding({ $0 + $1 }, { $0 &+ $1 }),
    "Sub": folding({ $0 - $1 }, { $0 &- $1 }), "Mul": folding({ $0 * $1 }, { $0 &* $1 }),
    "Div": folding({ $0 / $1 }, quotient),
    "Min": folding({ $0.isNaN || $1.isNaN ? .nan : Swift.min($0, $1) }, { Swift.min($0, $1) }),
    "Max": folding({ $0.isNaN || $1.isNaN ? .nan : Swift.max($0, $1) }, { Swift.max($0, $1) }),
    "And": folding({ $0 * $1 }, { $0 & $1 }), "Or": folding({ $0 + $1 }, { $0 | $1 }),
    "Xor": folding({ $0 + $1 }, { $0 ^ $1 }), "BitwiseAnd": folding({ $0 * $1 }, { $0 & $1 }),
    "BitwiseOr": folding({ $0 + $1 }, { $0 | $1 }), "BitwiseXor": folding({ $0 + $1 }, { $0 ^ $1 }),
    "PRelu": folding({ $0 < 0 ? $0 * $1 : $0 }, { $0 < 0 ? $0 &* $1 : $0 }),
    "Mod": { each in
      let isC = try each.node.integer("fmod", default: 0) != 0
      return try folding(
        { one, other in
          let rest = one.truncatingRemainder(dividingBy: other)
          return isC || rest == 0 || (rest < 0) == (other < 0) ? rest : rest + other
        },
        { one, other throws(Unsupported) in
          guard other != 0 else { throw Unsupported("it divides by zero") }
          let rest = other == -1 ? 0 : one % other
          return isC || rest == 0 || (rest < 0) == (other < 0) ? rest : rest + other
        })(each)
    },
    "Pow": power, "BitShift": shift, "Mean": mean,
    "Equal": comparing({ $0 == $1 }, { $0 == $1 }), "Less": comparing({ $0 < $1 }, { $0 < $1 }),
    "Greater": comparing({ $0 > $1 }, { $0 > $1 }), "LessOrEqual": comparing({ $0 <= $1 }, { $0 <= $1 }),
    "GreaterOrEqual": comparing({ $0 >= $1 }, { $0 >= $1 }),
    "Where": choose, "Clip": clip, "Cast": cast, "CastLike": cast,
    "DequantizeLinear": dequantize, "QuantizeLinear": quantize,
  ]

  private static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
  private static func softplus(_ x: Double) -> Double { Swift.max(x, 0) + log1p(exp(-abs(x))) }
  private static func clamp(_ x: Double, _ low: Double, _ high: Double) -> Double {
    Swift.min(Swift.max(x, low), high)
  }

  @Sendable private static func quotient(_ one: Int, _ other: Int) throws(Unsupported) -> Int {
    guard other != 0 else { throw Unsupported("it divides by zero") }
    return other == -1 ? 0 &- one : one / other
  }

  private func floats(_ function: (Double) -> Double) throws -> [ONNXNumbers] {
    let input = try input(0)
    guard case .reals(let reals) = input.elements else { throw Unsupported("floats are needed") }
    return [ONNXNumbers(input.type, input.extents, reals: reals.map(function))]
  }

  private static func unary(
    _ real: @escaping @Sendable (Double) -> Double, _ integer: (@Sendable (Int) -> Int)? = nil
  ) -> Rule {
    { each in
      let input = try each.input(0)
      guard case .integers(let integers) = input.elements else { return try each.floats(real) }
      guard let integer else { throw Unsupported("floats are needed") }
      return [ONNXNumbers(input.type, input.extents, integers: integers.map(integer))]
    }
  }

  private static func parametric(
    _ name: String, _ value: Float, _ function: @escaping @Sendable (Double, Double) -> Double
  ) -> Rule {
    { each in
      let parameter = Double(try each.node.float(name, default: value))
      return try each.floats { function(parameter, $0) }
    }
  }

  /// Any number of inputs of one type, two at a time from the left.
  private static func folding(
    _ reals: @escaping @Sendable (Double, Double) -> Double,
    _ integers: @escaping @Sendable (Int, Int) throws(Unsupported) -> Int
  ) -> Rule {
    { each in
      var whole = try each.input(0)
      for index in each.inputs.indices.dropFirst() {
        let other = try each.input(index)
        let extents = try ONNXNumbers.together([whole.extents, other.extents])
        let count = extents.reduce(1, *)
        switch (whole.elements, other.elements) {
        case (.integers(let lefts), .integers(let rights)):
          var result: [Int] = []
          result.reserveCapacity(count)
          try ONNXNumbers.pair(whole.extents, other.extents, over: extents) {
            one, other throws(Unsupported) in result.append(try integers(lefts[one], rights[other]))
          }
          whole = ONNXNumbers(whole.type, extents, integers: result)
        case (.reals(let lefts), .reals(let rights)):
          var result: [Double] = []
          result.reserveCapacity(count)
          try ONNXNumbers.pair(whole.extents, other.extents, over: extents) {
            result.append(reals(lefts[$0], rights[$1]))
          }
          whole = ONNXNumbers(whole.type, extents, reals: result)
        default: throw Unsupported("its inputs are of two types")
        }
      }
      return [whole]
    }
  }

  private static func comparing(
    _ reals: @escaping @Sendable (Double, Double) -> Bool, _ integers: @escaping @Sendable (Int, Int) -> Bool
  ) -> Rule {
    { each in
      let (left, right) = (try each.input(0), try each.input(1))
      let extents = try ONNXNumbers.together([left.extents, right.extents])
      switch (try left.expanded(to: extents).elements, try right.expanded(to: extents).elements) {
      case (.integers(let one), .integers(let other)):
        return [ONNXNumbers(extents, booleans: zip(one, other).map { integers($0, $1) })]
      case (.reals(let one), .reals(let other)):
        return [ONNXNumbers(extents, booleans: zip(one, other).map { reals($0, $1) })]
      default: throw Unsupported("its inputs are of two types")
      }
    }
  }

  /// Base and exponent may differ in type; the result has the base's.
  private static func power(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let (base, exponent) = (try each.input(0), try each.input(1))
    let extents = try ONNXNumbers.together([base.extents, exponent.extents])
    let (bases, exponents) = (try base.expanded(to: extents), try exponent.expanded(to: extents))
    guard case .integers(let integers) = bases.elements else {
      return [ONNXNumbers(base.type, extents, reals: zip(bases.reals, exponents.reals).map { pow($0, $1) })]
    }
    guard case .integers(let times) = exponents.elements else {
      let powers = zip(integers, exponents.reals).map { Int(clamping: pow(Double($0), $1)) }
      return [ONNXNumbers(base.type, extents, integers: powers)]
    }
    let powers = zip(integers, times).map { base, times in
      guard times >= 0 else { return Int(clamping: pow(Double(base), Double(times))) }
      var (result, square, rest) = (1, base, times)
      while rest > 0 {
        if rest & 1 == 1 { result = result &* square }
        square = square &* square
        rest >>= 1
      }
      return result
    }
    return [ONNXNumbers(base.type, extents, integers: powers)]
  }

  private static func shift(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let isLeft = each.node.string("direction", default: "") == "LEFT"
    return try folding({ one, _ in one }, { isLeft ? $0 << $1 : $0 >> $1 })(each)
  }

  private static func mean(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let sum = try folding({ $0 + $1 }, { $0 &+ $1 })(each)[0]
    return [ONNXNumbers(sum.type, sum.extents, reals: sum.reals.map { $0 / Double(each.inputs.count) })]
  }

  private static func choose(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let all = try (0..<3).map { try each.input($0) }
    let extents = try ONNXNumbers.together(all.map(\.extents))
    let isFirst = try all[0].expanded(to: extents).integers
    let places = isFirst.indices.filter { isFirst[$0] != 0 }
    let chosen = try all[1].expanded(to: extents)
    return [try all[2].expanded(to: extents).placing(chosen.picking(places, [places.count]), at: places)]
  }

  private static func clip(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let isOld = each.node.version < 11
    switch input.elements {
    case .integers(let all):
      let low = try each.optional(1)?.integers.first ?? .min
      let high = try each.optional(2)?.integers.first ?? .max
      return [
        ONNXNumbers(input.type, input.extents, integers: all.map { Swift.min(Swift.max($0, low), high) })
      ]
    case .reals(let all):
      let limit = Float.greatestFiniteMagnitude
      let low = isOld ? Double(try each.node.float("min", default: -limit)) : each.optional(1)?.reals.first
      let high = isOld ? Double(try each.node.float("max", default: limit)) : each.optional(2)?.reals.first
      return [
        ONNXNumbers(
          input.type, input.extents, reals: all.map { clamp($0, low ?? -.infinity, high ?? .infinity) })
      ]
    }
  }

  // MARK: Types

  private static func cast(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let number = Int32(clamping: try each.node.integer("to", default: 1))
    guard let type = try each.node.type == "CastLike" ? each.input(1).type : ONNXElement(rawValue: number)
    else {
      throw Unsupported("a cast to type \(number)")
    }
    return [try each.input(0).cast(to: type)]
  }

  /// Scale and zero point for every element, one for all or one for each position of an axis.
  private func levels(of input: ONNXNumbers) throws -> (scales: ONNXNumbers, zeros: [Int]) {
    func spread(_ levels: ONNXNumbers) throws -> ONNXNumbers {
      if levels.count == 1 { return try levels.shaped([]).expanded(to: input.extents) }
      let place = try axis(default: 1, of: input.rank)
      guard levels.extents == [input.extents[place]] else {
        throw Unsupported("scales of \(levels.extents) for \(input.extents)")
      }
      let extents = input.extents.indices.map { $0 == place ? levels.count : 1 }
      return try levels.shaped(extents).expanded(to: input.extents)
    }
    let zeros = try optional(2).map { try spread($0).integers }
    return (try spread(try self.input(1)), zeros ?? Array(repeating: 0, count: input.count))
  }

  private static func dequantize(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let (scales, zeros) = try each.levels(of: input)
    let integers = try input.integers
    let reals = scales.reals
    return [
      ONNXNumbers(
        scales.type, input.extents,
        reals: integers.indices.map { Double(integers[$0] &- zeros[$0]) * reals[$0] })
    ]
  }

  private static func quantize(_ each: ONNXEvaluation) throws -> [ONNXNumbers] {
    let input = try each.input(0)
    let (scales, zeros) = try each.levels(of: input)
    let type = each.optional(2)?.type ?? .uint8
    guard type.bits <= 32 else { throw Unsupported("levels of \(type.bits) bits") }
    let (reals, all) = (scales.reals, input.reals)
    let bound = 1 << (type.bits - 1)
    let range = type.isSigned ? -bound...(bound - 1) : 0...(2 * bound - 1)
    let levels = all.indices.map { index in
      let level = input.type.rounded(all[index] / reals[index]).rounded(.toNearestOrEven)
      return Swift.min(
        Swift.max(Int(clamping: level + Double(zeros[index])), range.lowerBound), range.upperBound)
    }
    return [ONNXNumbers(type, input.extents, integers: levels)]
  }
}

extension ONNXNumbers {
  func cast(to type: ONNXElement) -> ONNXNumbers {
    switch elements {
    case .integers(let integers) where !type.format.isFloat: ONNXNumbers(type, extents, integers: integers)
    case .integers: ONNXNumbers(type, extents, reals: reals)
    case .reals(let reals) where type.format.isFloat: ONNXNumbers(type, extents, reals: reals)
    case .reals(let reals) where type == .bool: ONNXNumbers(extents, booleans: reals.map { $0 != 0 })
    case .reals(let reals): ONNXNumbers(type, extents, integers: reals.map { Int(clamping: $0) })
    }
  }
}

extension ONNXElement {
  var isSigned: Bool {
    switch self {
    case .int8, .int16, .int32, .int64, .float, .float16, .bfloat16, .double: true
    case .uint8, .uint16, .uint32, .uint64, .bool: false
    }
  }
}
