internal import Foundation
internal import Tensors

/// The elements of a constant while operators are worked out over them, in row-major order.
///
/// Every result is the exact one rounded to the element type, so that shapes and weights are what ONNX defines:
/// integers wrap at the width of their type, and floats are worked out in double precision.
struct ONNXNumbers {
  enum Elements {
    case integers([Int])
    case reals([Double])
  }

  let type: ONNXElement
  let extents: [Int]
  let elements: Elements

  var count: Int { extents.reduce(1, *) }
  var rank: Int { extents.count }

  init(_ type: ONNXElement, _ extents: [Int], integers: [Int]) {
    self.init(type, extents, .integers(type.bits == 64 ? integers : integers.map(type.wrapped)))
  }

  init(_ type: ONNXElement, _ extents: [Int], reals: [Double]) {
    self.init(type, extents, .reals(type == .double ? reals : reals.map(type.rounded)))
  }

  init(_ extents: [Int], booleans: [Bool]) {
    self.init(.bool, extents, .integers(booleans.map { $0 ? 1 : 0 }))
  }

  private init(_ type: ONNXElement, _ extents: [Int], _ elements: Elements) {
    (self.type, self.extents, self.elements) = (type, extents, elements)
  }

  /// The elements as doubles, whatever their type.
  var reals: [Double] {
    switch elements {
    case .integers(let integers): integers.map { Double($0) }
    case .reals(let reals): reals
    }
  }

  /// The elements of an integer or boolean type.
  var integers: [Int] {
    get throws(ONNXReader.Unsupported) {
      guard case .integers(let integers) = elements else {
        throw .init("whole numbers are needed, not floats")
      }
      return integers
    }
  }

  func shaped(_ extents: [Int]) -> ONNXNumbers { ONNXNumbers(type, extents, elements) }

  /// The elements at places in row-major order; a place of -1 has `filler`.
  func picking(_ places: [Int], _ extents: [Int], filler: Double = 0) -> ONNXNumbers {
    switch elements {
    case .integers(let all):
      let filler = type.wrapped(Int(clamping: filler))
      return ONNXNumbers(type, extents, .integers(places.map { $0 < 0 ? filler : all[$0] }))
    case .reals(let all):
      let filler = type.rounded(filler)
      return ONNXNumbers(type, extents, .reals(places.map { $0 < 0 ? filler : all[$0] }))
    }
  }

  /// Some elements replaced by those of another of the same type, or combined with them.
  func placing(
    _ updates: ONNXNumbers, at places: [Int], by combination: ONNXCombination? = nil
  ) throws(ONNXReader.Unsupported) -> ONNXNumbers {
    switch (elements, updates.elements) {
    case (.integers(var all), .integers(let new)):
      for (place, value) in zip(places, new) {
        all[place] = try combination?.integers(all[place], value) ?? value
      }
      return ONNXNumbers(type, extents, integers: all)
    case (.reals(var all), .reals(let new)):
      for (place, value) in zip(places, new) { all[place] = combination?.reals(all[place], value) ?? value }
      return ONNXNumbers(type, extents, reals: all)
    default: throw .init("updates of another type than the data")
    }
  }

  /// Repeated along axes of one position, as NumPy broadcasts.
  func expanded(to target: [Int]) throws(ONNXReader.Unsupported) -> ONNXNumbers {
    if extents == target { return self }
    try Self.fit(target)
    if count == 1, rank <= target.count {
      let times = target.reduce(1, *)
      switch elements {
      case .integers(let all):
        return ONNXNumbers(type, target, .integers(Array(repeating: all[0], count: times)))
      case .reals(let all): return ONNXNumbers(type, target, .reals(Array(repeating: all[0], count: times)))
      }
    }
    let missing = target.count - rank
    guard missing >= 0,
      extents.indices.allSatisfy({ extents[$0] == 1 || extents[$0] == target[missing + $0] })
    else { throw .init("constants of \(extents) and \(target) do not broadcast") }
    let steps = Self.steps(extents)
    let spread = target.indices.map { $0 < missing || extents[$0 - missing] == 1 ? 0 : steps[$0 - missing] }
    return picking(try Self.places(target, steps: spread), target)
  }

  /// Calls a function with the places of two operands' elements, for each element of what they broadcast to.
  static func pair<Failure: Error>(
    _ left: [Int], _ right: [Int], over target: [Int], _ each: (Int, Int) throws(Failure) -> Void
  ) throws {
    let operands = [left, right].map { [Int](repeating: 1, count: target.count - $0.count) + $0 }
    // The last axes, as far as each operand has all or none of them, are one run.
    var outer = target.count
    var isWhole = [true, true]
    var isSingle = [true, true]
    while outer > 0 {
      let whole = operands.indices.map { isWhole[$0] && operands[$0][outer - 1] == target[outer - 1] }
      let single = operands.indices.map { isSingle[$0] && operands[$0][outer - 1] == 1 }
      guard operands.indices.allSatisfy({ whole[$0] || single[$0] }) else { break }
      (isWhole, isSingle, outer) = (whole, single, outer - 1)
    }
    let starts = try operands.map { operand in
      let steps = steps(operand)
      let spread = (0..<outer).map { operand[$0] == 1 ? 0 : steps[$0] }
      return try places(Array(target[..<outer]), steps: spread)
    }
    let run = target[outer...].reduce(1, *)
    let (mine, theirs) = (isSingle[0] ? 0 : 1, isSingle[1] ? 0 : 1)
    for index in starts[0].indices {
      let (first, second) = (starts[0][index], starts[1][index])
      for place in 0..<run { try each(first + mine * place, second + theirs * place) }
    }
  }

  /// The axes in another order.
  func transposed(_ axes: [Int]) throws(ONNXReader.Unsupported) -> ONNXNumbers {
    let steps = Self.steps(extents)
    let target = axes.map { extents[$0] }
    return picking(try Self.places(target, steps: axes.map { steps[$0] }), target)
  }

  /// The distance between neighbours of each axis in row-major order.
  static func steps(_ extents: [Int]) -> [Int] {
    var steps = [Int](repeating: 1, count: extents.count)
    for axis in extents.indices.dropLast().reversed() { steps[axis] = steps[axis + 1] * extents[axis + 1] }
    return steps
  }

  /// Where the elements of a box lie whose axes step so far each, the last axis fastest.
  static func places(
    _ extents: [Int], steps: [Int], start: Int = 0
  ) throws(ONNXReader.Unsupported) -> [Int] {
    try fit(extents)
    var places = [start]
    for (extent, step) in zip(extents, steps) {
      var next: [Int] = []
      next.reserveCapacity(places.count * extent)
      for place in places {
        for position in 0..<extent { next.append(place + position * step) }
      }
      places = next
    }
    return places
  }

  /// Refuses to make more constants than the largest known layers have weights.
  static func fit(_ extents: [Int]) throws(ONNXReader.Unsupported) {
    guard extents.count <= 26, extents.allSatisfy({ $0 >= 0 }), Shape(extents).isHoldable,
      Shape(extents).count <= 1 << 27
    else {
      throw .init("it makes constants of the shape \(extents), more than fits in memory")
    }
  }

  /// The extents of values joined along an axis.
  static func joined(_ parts: [[Int]], along axis: Int) throws(ONNXReader.Unsupported) -> [Int] {
    var joined = parts[0]
    joined[axis] = 0
    for part in parts {
      guard part.count == joined.count, part.indices.allSatisfy({ $0 == axis || part[$0] == joined[$0] })
      else {
        throw .init("it joins constants of \(parts)")
      }
      joined[axis] += part[axis]
    }
    try fit(joined)
    return joined
  }

  /// The shape that some shapes broadcast to.
  static func together(_ shapes: [[Int]]) throws(ONNXReader.Unsupported) -> [Int] {
    var whole = Shape([])
    for shape in shapes {
      guard let next = whole.broadcast(with: Shape(shape)) else {
        throw .init("constants of \(whole.dimensions) and \(shape) do not broadcast")
      }
      whole = next
    }
    try fit(whole.dimensions)
    return whole.dimensions
  }
}

/// How two elements of one type become one.
struct ONNXCombination {
  let reals: (Double, Double) -> Double
  let integers: (Int, Int) throws(ONNXReader.Unsupported) -> Int

  init(
    _ reals: @escaping (Double, Double) -> Double,
    _ integers: @escaping (Int, Int) throws(ONNXReader.Unsupported) -> Int
  ) {
    (self.reals, self.integers) = (reals, integers)
  }
}

extension Int {
  /// The nearest whole number towards zero that there is room for; 0 for NaN.
  init(clamping real: Double) {
    if real.isNaN { self = 0 } else { self = Int(Swift.min(Swift.max(real, -0x1p63), 0x1p63.nextDown)) }
  }
}

extension ONNXElement {
  /// How wide an integer of the type is.
  var bits: Int {
    switch self {
    case .bool: 1
    default: 8 * format.size
    }
  }

  /// A whole number as the type holds it: wrapped at its width, a boolean 0 or 1.
  func wrapped(_ integer: Int) -> Int {
    switch self {
    case .bool: integer == 0 ? 0 : 1
    case .uint8: Int(UInt8(truncatingIfNeeded: integer))
    case .int8: Int(Int8(truncatingIfNeeded: integer))
    case .uint16: Int(UInt16(truncatingIfNeeded: integer))
    case .int16: Int(Int16(truncatingIfNeeded: integer))
    case .uint32: Int(UInt32(truncatingIfNeeded: integer))
    case .int32: Int(Int32(truncatingIfNeeded: integer))
    case .int64, .uint64, .float, .double, .float16, .bfloat16: integer
    }
  }

  /// The nearest number of a float type, ties to even.
  func rounded(_ real: Double) -> Double {
    switch self {
    case .float: Double(Float(real))
    case .float16: Double(Float16(real))
    case .bfloat16: Self.brainFloat(real)
    default: real
    }
  }

  private static func brainFloat(_ real: Double) -> Double {
    guard real.isFinite else { return real }
    let bits = Float(real).bitPattern
    return Double(Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000))
  }
}
