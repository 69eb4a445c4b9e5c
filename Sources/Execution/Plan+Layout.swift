internal import Kernels
internal import Networks
internal import Tensors

/// Transpositions that cancel each other are not computed: networks that normalise or multiply over channels turn their
/// maps around before and after, where ours have the channels last already.
///
/// A turned map keeps the memory of what it was made from, and what reads it works in that order, with its axes and
/// constants turned; only what needs the axes in their own order has them put so.
struct Layout {
  /// A value whose axes stand in memory in another order: axis `i` there is axis `order[i]` of the value.
  private struct Turned {
    var name: String
    var order: [Int]
  }

  /// Those of one picture's values, as they lie.
  private(set) var shapes: [String: Shape]
  private let wanted: Set<String>
  private var turned: [String: Turned] = [:]
  private var inOrder: Set<String> = []
  private(set) var steps: [Plan.Step] = []

  /// - Parameters:
  ///   - steps: Of a plan.
  ///   - wanted: Values that must be there at the end.
  ///   - shapes: Those of one picture's values.
  init(_ steps: [Plan.Step], keeping wanted: Set<String>, _ shapes: [String: Shape]) {
    self.shapes = shapes
    self.wanted = wanted
    for step in steps { take(step) }
  }

  private mutating func take(_ step: Plan.Step) {
    if case .transposition(let axes) = step.operation, axes.count == 4 {
      let source = turned[step.inputs[0]] ?? Turned(name: step.inputs[0], order: [0, 1, 2, 3])
      let places = Self.inverse(axes)
      note(step.outputs[0], Turned(name: source.name, order: source.order.map { places[$0] }))
      return
    }
    guard let order = step.inputs.compactMap({ turned[$0]?.order }).first,
      let operation = inOrder(step, order)
    else {
      var step = step
      for index in step.inputs.indices { step.inputs[index] = ordered(step.inputs[index]) }
      steps.append(step)
      return
    }
    var step = step
    step.operation = operation
    step.inputs = step.inputs.map { turned[$0]?.name ?? $0 }
    let output = step.outputs[0]
    step.outputs = [output + " as it lies"]
    steps.append(step)
    shapes[step.outputs[0]] = shapes[output].map { shape in Shape(order.map { shape[$0] }) }
    note(output, Turned(name: step.outputs[0], order: order))
  }

  private mutating func note(_ value: String, _ source: Turned) {
    turned[value] = source
    if wanted.contains(value) { _ = ordered(value) }
  }

  /// The operation that does the same to a value whose axes stand so; nil if it cannot work in that order.
  private func inOrder(_ step: Plan.Step, _ order: [Int]) -> Operation? {
    guard step.outputs.count == 1, shapes[step.outputs[0]]?.rank == 4,
      step.inputs.allSatisfy({ (turned[$0]?.order ?? [0, 1, 2, 3]) == order })
    else { return nil }
    switch step.operation {
    case .activation, .arithmetic:
      return step.inputs.allSatisfy { shapes[$0]?.rank == 4 } ? step.operation : nil
    case .arithmeticWithConstant(let arithmetic, let constant, let isFirst):
      guard constant.shape.rank <= 4 else { return nil }
      let ones = [Int](repeating: 1, count: 4 - constant.shape.rank)
      let whole = constant.reshaped(to: Shape(ones + constant.shape.dimensions))
      guard let turned = try? Device().permuted(whole, order) else { return nil }
      return .arithmeticWithConstant(arithmetic, turned, constantFirst: isFirst)
    case .average(let axes, keepsAxes: true):
      return .average(axes: axes.map { Self.inverse(order)[$0] }, keepsAxes: true)
    case .innerProduct:
      return order[3] == 3 ? step.operation : nil
    default:
      return nil
    }
  }

  /// The name under which a value's axes stand in their own order.
  private mutating func ordered(_ value: String) -> String {
    guard let source = turned[value] else { return value }
    let isInOrder = source.order == [0, 1, 2, 3]
    if isInOrder && !wanted.contains(value) { return source.name }
    if inOrder.insert(value).inserted {
      steps.append(
        Plan.Step(
          name: value, operation: isInOrder ? .identity : .transposition(Self.inverse(source.order)),
          inputs: [source.name], outputs: [value]))
    }
    return value
  }

  private static func inverse(_ axes: [Int]) -> [Int] {
    axes.indices.sorted { axes[$0] < axes[$1] }
  }
}
