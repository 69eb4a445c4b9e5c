internal import Kernels
internal import Networks
internal import Tensors

/// Finds the steps that spell out a function or a normalisation, from the last of them back.
struct Chain {
  private let steps: [Plan.Step]
  private let wanted: Set<String>
  private let shapes: [String: Shape]
  private let makers: [String: Int]
  private let readers: [String: Int]

  init(_ steps: [Plan.Step], keeping wanted: Set<String>, _ shapes: [String: Shape]) {
    (self.steps, self.wanted, self.shapes) = (steps, wanted, shapes)
    (makers, readers) = (steps.makers, steps.readers)
  }

  /// One step for all that end at this one; nil where it ends none.
  func whole(endingAt index: Int) -> Plan.Step? {
    let step = steps[index]
    if let (function, input) = selfGated(step) ?? gelu(step) {
      return Plan.Step(
        name: step.name, operation: .activation(function), inputs: [input], outputs: step.outputs)
    }
    if let (normalization, input) = normalization(step) {
      return Plan.Step(
        name: step.name, operation: .identity, way: .normalized(normalization), inputs: [input],
        outputs: step.outputs)
    }
    return nil
  }

  /// The step that makes a value which, so often read, nothing else reads.
  private func maker(of value: String, readBy count: Int = 1) -> Plan.Step? {
    guard let index = makers[value], readers[value] == count, !wanted.contains(value) else { return nil }
    return steps[index]
  }

  /// `x * sigmoid(x)` and its like.
  private func selfGated(_ step: Plan.Step) -> (Activation, input: String)? {
    guard case .arithmetic(.multiply) = step.operation else { return nil }
    for (gate, input) in [(step.inputs[0], step.inputs[1]), (step.inputs[1], step.inputs[0])] {
      guard let maker = maker(of: gate), maker.inputs == [input],
        case .activation(let function) = maker.operation
      else { continue }
      switch function {
      case .sigmoid: return (.swish, input)
      case .hardSigmoid(let alpha, let beta) where (alpha - 1 / 6).magnitude < 1e-6 && beta == 0.5:
        return (.hardSwish, input)
      default: continue
      }
    }
    return nil
  }

  /// `x * (erf(x / sqrt 2) + 1) * 0.5`.
  private func gelu(_ step: Plan.Step) -> (Activation, input: String)? {
    guard value(.multiply, of: step) == 0.5, let product = maker(of: step.inputs[0]),
      case .arithmetic(.multiply) = product.operation
    else { return nil }
    for (sum, input) in [(product.inputs[0], product.inputs[1]), (product.inputs[1], product.inputs[0])] {
      guard let sum = maker(of: sum), value(.add, of: sum) == 1, let error = maker(of: sum.inputs[0]),
        case .activation(.erf) = error.operation, let scaled = maker(of: error.inputs[0]),
        scaled.inputs == [input],
        let factor = value(.multiply, of: scaled) ?? value(.divide, of: scaled).map({ 1 / $0 }),
        (factor - Float(0.5).squareRoot()).magnitude < 1e-6
      else { continue }
      return (.gelu, input)
    }
    return nil
  }

  /// `(x - mean) / sqrt(mean((x - mean)^2) + epsilon)`, the means over the channels.
  private func normalization(_ step: Plan.Step) -> (LayerNormalization, input: String)? {
    guard case .arithmetic(.divide) = step.operation, let deviation = maker(of: step.inputs[1]),
      case .activation(.sqrt) = deviation.operation, let shifted = maker(of: deviation.inputs[0]),
      let epsilon = value(.add, of: shifted), let variance = maker(of: shifted.inputs[0]),
      isMeanOverChannels(variance), let square = maker(of: variance.inputs[0])
    else { return nil }
    let centred = step.inputs[0]
    let reads: Int
    if case .arithmetic(.multiply) = square.operation, square.inputs == [centred, centred] {
      reads = 3
    } else if value(.power, of: square) == 2, square.inputs == [centred] {
      reads = 2
    } else {
      return nil
    }
    guard let difference = maker(of: centred, readBy: reads),
      case .arithmetic(.subtract) = difference.operation,
      let mean = maker(of: difference.inputs[1]), isMeanOverChannels(mean),
      mean.inputs == [difference.inputs[0]],
      let channels = shapes[mean.inputs[0]]?.dimensions.last
    else { return nil }
    return (LayerNormalization(channels: channels, epsilon: epsilon), mean.inputs[0])
  }

  private func isMeanOverChannels(_ step: Plan.Step) -> Bool {
    guard case .average(let axes, keepsAxes: true) = step.operation, let rank = shapes[step.inputs[0]]?.rank
    else {
      return false
    }
    return axes == [rank - 1]
  }

  /// The one number that a step combines its input with, as the second operand or where that does not matter; it adds no
  /// axis.
  private func value(_ arithmetic: Arithmetic, of step: Plan.Step) -> Float? {
    guard case .arithmeticWithConstant(arithmetic, let constant, let isFirst) = step.operation,
      !isFirst || arithmetic == .add || arithmetic == .multiply, constant.shape.count == 1,
      constant.shape.rank <= shapes[step.inputs[0]]?.rank ?? 0
    else { return nil }
    return constant.elements[0]
  }
}

extension [Plan.Step] {
  /// The step that makes each value.
  var makers: [String: Int] {
    enumerated().reduce(into: [:]) { makers, step in
      for output in step.element.outputs { makers[output] = step.offset }
    }
  }
}
