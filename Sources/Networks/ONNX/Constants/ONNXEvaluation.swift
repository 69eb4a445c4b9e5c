internal import Tensors

/// One node to be worked out whose inputs are all known.
///
/// Operators are found in one table, ``rules``: each is a few lines over ``ONNXNumbers``.
struct ONNXEvaluation {
  typealias Rule = @Sendable (ONNXEvaluation) throws -> [ONNXNumbers]
  typealias Unsupported = ONNXReader.Unsupported

  let node: ONNXNode
  /// Nil for an optional input that is left out.
  let inputs: [ONNXNumbers?]

  /// Every operator that is worked out over constants.
  static let rules: [String: Rule] = [elementwise, reductions, positions, shapes, products, normalizations]
    .reduce(into: [:]) { all, some in all.merge(some) { $1 } }

  /// What the node makes; nil where no rule knows its operator.
  func made() throws -> [ONNXNumbers]? {
    guard let rule = Self.rules[node.type] else { return nil }
    return try rule(self)
  }

  func input(_ index: Int) throws -> ONNXNumbers {
    guard let input = optional(index) else { throw Unsupported("input \(index) is left out") }
    return input
  }

  func optional(_ index: Int) -> ONNXNumbers? { index < inputs.count ? inputs[index] : nil }

  /// The only element of an input.
  func number(_ index: Int) throws -> Int {
    guard let number = try input(index).integers.first else { throw Unsupported("input \(index) is empty") }
    return number
  }

  /// An axis counted from the end where it is negative.
  static func axis(_ axis: Int, of rank: Int) throws(Unsupported) -> Int {
    let place = axis < 0 ? axis + rank : axis
    guard (0..<rank).contains(place) else { throw Unsupported("axis \(axis) of \(rank)") }
    return place
  }

  func axis(default value: Int, of rank: Int) throws -> Int {
    try Self.axis(try node.integer("axis", default: value), of: rank)
  }

  /// Numbers given by an attribute before an operator set, and by an input from it on.
  func integers(_ name: String, input index: Int, since version: Int) throws -> [Int]? {
    node.version < version ? try node.integers(name) : try optional(index)?.integers
  }

  /// A position of an axis, counted from its end where it is negative.
  static func position(_ index: Int, of extent: Int) throws(Unsupported) -> Int {
    let place = index < 0 ? index &+ extent : index
    guard (0..<extent).contains(place) else { throw Unsupported("index \(index) of \(extent)") }
    return place
  }
}
