internal import Kernels
internal import Networks
internal import Tensors

extension [Plan.Step] {
  /// The steps with fewer passes over memory: batch normalisation and constants folded into the convolution before them,
  /// functions applied to its sums, additions to where the other side stands, concatenations written part by part.
  ///
  /// - Parameters:
  ///   - wanted: Values that must be there at the end.
  ///   - shapes: Those of one picture's values, as far as they are known.
  /// - Returns: The steps in an order in which each comes after what it reads.
  func joined(keeping wanted: Set<String>, _ shapes: [String: Shape]) -> [Plan.Step] {
    selfGated(keeping: wanted)
      .joined(keeping: wanted) { $0.joined(with: $1) }
      .summed(keeping: wanted, shapes)
      .joined(keeping: wanted) { $0.joined(with: $1) }
      .concatenated(keeping: wanted, shapes)
      .normalized(keeping: wanted)
  }

  /// The step that makes each value.
  fileprivate var makers: [String: Int] {
    enumerated().reduce(into: [:]) { makers, step in
      for output in step.element.outputs { makers[output] = step.offset }
    }
  }

  /// `x * sigmoid(x)` as one function.
  private func selfGated(keeping wanted: Set<String>) -> [Plan.Step] {
    let (makers, readers) = (makers, readers)
    var steps = self
    var gates: Set<Int> = []
    for (index, step) in enumerated() {
      guard case .arithmetic(.multiply) = step.operation else { continue }
      for (gate, input) in [(step.inputs[0], step.inputs[1]), (step.inputs[1], step.inputs[0])] {
        guard let maker = makers[gate], readers[gate] == 1, !wanted.contains(gate),
          self[maker].inputs == [input], case .activation(let function) = self[maker].operation,
          let whole = function.timesItsInput
        else { continue }
        steps[index].operation = .activation(whole)
        steps[index].inputs = [input]
        gates.insert(maker)
        break
      }
    }
    return steps.indices.filter { !gates.contains($0) }.map { steps[$0] }
  }

  /// A convolution and the addition that alone reads it, as a convolution added to the other side.
  ///
  /// It takes the addition's place, where the other side is there. Of two convolutions the later is added.
  private func summed(keeping wanted: Set<String>, _ shapes: [String: Shape]) -> [Plan.Step] {
    let (makers, readers) = (makers, readers)
    var steps: [Plan.Step?] = self
    for (index, step) in enumerated() {
      guard case .arithmetic(.add) = step.operation, let shape = shapes[step.inputs[0]],
        shape == shapes[step.inputs[1]]
      else { continue }
      let sides = [(step.inputs[0], step.inputs[1]), (step.inputs[1], step.inputs[0])]
      let fitting = sides.compactMap { sums, other -> (maker: Int, other: String)? in
        guard let maker = makers[sums], readers[sums] == 1, !wanted.contains(sums),
          case .convolution? = steps[maker]?.operation, steps[maker]?.activation == nil,
          steps[maker]?.isAdded == false
        else { return nil }
        return (maker, other)
      }
      guard let (maker, other) = fitting.max(by: { $0.maker < $1.maker }), var joined = steps[maker] else {
        continue
      }
      joined.isAdded = true
      joined.inputs.append(other)
      joined.outputs = step.outputs
      steps[maker] = nil
      steps[index] = joined
    }
    return steps.compactMap(\.self)
  }

  /// Concatenations of channels, each part written where it belongs: by the convolution that makes it, if nothing else
  /// reads it, or copied.
  private func concatenated(keeping wanted: Set<String>, _ shapes: [String: Shape]) -> [Plan.Step] {
    let (makers, readers) = (makers, readers)
    var steps = map { [$0] }
    for (index, step) in enumerated() {
      guard case .concatenation(axis: 3) = step.operation, let whole = shapes[step.outputs[0]],
        whole.rank == 4
      else { continue }
      func makes(_ input: String) -> Int? {
        guard let maker = makers[input], readers[input] == 1, !wanted.contains(input),
          case .convolution = self[maker].operation, !self[maker].isAdded, self[maker].part == nil
        else { return nil }
        return maker
      }
      guard step.inputs.contains(where: { makes($0) != nil }), step.inputs.allSatisfy({ shapes[$0] != nil })
      else { continue }
      var channel = 0
      var copies: [Plan.Step] = []
      for input in step.inputs {
        let part = Plan.Part(channel: channel, channels: whole.channels)
        channel += shapes[input]?.channels ?? 0
        if let maker = makes(input) {
          steps[maker][0].outputs = step.outputs
          steps[maker][0].part = part
        } else {
          copies.append(
            Plan.Step(
              name: step.name, operation: .identity, part: part, inputs: [input], outputs: step.outputs))
        }
      }
      steps[index] = copies
    }
    return steps.flatMap(\.self)
  }
}

extension [Plan.Step] {
  /// Batch normalisations worked out, each with the concatenation that it alone reads.
  fileprivate func normalized(keeping wanted: Set<String>) -> [Plan.Step] {
    let (makers, readers) = (makers, readers)
    var steps: [Plan.Step?] = self
    for (index, step) in enumerated() {
      guard case .batchNormalization(let normalization) = step.operation else { continue }
      steps[index]?.affine = normalization.affine
      let input = step.inputs[0]
      guard let maker = makers[input], readers[input] == 1, !wanted.contains(input),
        case .concatenation(axis: 3)? = steps[maker]?.operation
      else { continue }
      steps[index]?.inputs = self[maker].inputs
      steps[maker] = nil
    }
    return steps.compactMap(\.self)
  }
}

extension Plan.Step {
  /// This step and the next as one, where one call computes both.
  fileprivate func joined(with next: Plan.Step) -> Plan.Step? {
    guard activation == nil else { return nil }
    var joined = self
    joined.outputs = next.outputs
    switch (operation, next.operation) {
    case (.convolution, .activation(let function)), (.innerProduct, .activation(let function)):
      joined.activation = function
    case (.batchNormalization, .activation(.relu)):
      joined.activation = .relu
    case (.convolution(let convolution), .batchNormalization(let normalization)) where !isAdded:
      let (scale, shift) = normalization.affine
      joined.operation = .convolution(convolution.scaled(by: scale.elements, shiftedBy: shift.elements))
    case (.convolution(let convolution), .arithmeticWithConstant(let arithmetic, let constant, let isFirst))
    where !isAdded:
      guard let values = constant.perChannel(convolution.filters.shape[0]) else { return nil }
      let ones = [Float](repeating: 1, count: values.count)
      let zeros = [Float](repeating: 0, count: values.count)
      switch arithmetic {
      case .multiply: joined.operation = .convolution(convolution.scaled(by: values, shiftedBy: zeros))
      case .add: joined.operation = .convolution(convolution.scaled(by: ones, shiftedBy: values))
      case .divide where !isFirst:
        joined.operation = .convolution(convolution.scaled(by: values.map { 1 / $0 }, shiftedBy: zeros))
      case .subtract where !isFirst:
        joined.operation = .convolution(convolution.scaled(by: ones, shiftedBy: values.map { -$0 }))
      default: return nil
      }
    default:
      return nil
    }
    return joined
  }
}

extension Activation {
  /// What its product with its own input is.
  fileprivate var timesItsInput: Activation? {
    switch self {
    case .sigmoid: .swish
    case .hardSigmoid(let alpha, let beta) where (alpha - 1 / 6).magnitude < 1e-6 && beta == 0.5: .hardSwish
    default: nil
    }
  }
}

extension Tensor {
  /// One value a channel, where the tensor has one for each or one for all, and no other extent.
  fileprivate func perChannel(_ channels: Int) -> [Float]? {
    let elements = elements
    if elements.count == 1 { return [Float](repeating: elements[0], count: channels) }
    return elements.count == channels && shape.dimensions.last == channels && shape.rank <= 4 ? elements : nil
  }
}
