internal import Kernels
internal import Networks
internal import Tensors

extension [Plan.Step] {
  /// The steps with fewer passes over memory: transpositions left out where they cancel; functions and normalisations that
  /// the file spells out as one step; constants and batch normalisation folded into the layer before them, functions
  /// applied to its sums, additions to where the other side stands; concatenations written part by part.
  ///
  /// - Parameters:
  ///   - wanted: Values that must be there at the end.
  ///   - shapes: Those of one picture's values; nil where they are not known.
  /// - Returns: The steps in an order in which each comes after what it reads.
  func joined(keeping wanted: Set<String>, _ shapes: [String: Shape]?) -> [Plan.Step] {
    let layout = Layout(self, keeping: wanted, shapes ?? [:])
    let shapes = layout.shapes
    return layout.steps.needed(for: wanted)
      .composed(keeping: wanted, shapes)
      .joined(keeping: wanted) { $0.joined(with: $1, shapes) }
      .summed(keeping: wanted, shapes)
      .joined(keeping: wanted) { $0.joined(with: $1, shapes) }
      .concatenated(keeping: wanted, shapes)
      .scaledTogether(keeping: wanted)
  }

  /// Functions and normalisations that several steps spell out, as the last of them.
  private func composed(keeping wanted: Set<String>, _ shapes: [String: Shape]) -> [Plan.Step] {
    let chain = Chain(self, keeping: wanted, shapes)
    return indices.map { chain.whole(endingAt: $0) ?? self[$0] }.needed(for: wanted)
  }

  /// A layer and the addition that alone reads it, as a layer added to the other side.
  ///
  /// It takes the addition's place, where the other side is there. Of two layers the later is added.
  private func summed(keeping wanted: Set<String>, _ shapes: [String: Shape]) -> [Plan.Step] {
    let (makers, readers) = (makers, readers)
    var steps: [Plan.Step?] = self
    for (index, step) in enumerated() {
      guard case .arithmetic(.add) = step.operation, let shape = shapes[step.inputs[0]],
        shape == shapes[step.inputs[1]]
      else { continue }
      let sides = [(step.inputs[0], step.inputs[1]), (step.inputs[1], step.inputs[0])]
      let fitting = sides.compactMap { sums, other -> (maker: Int, other: String)? in
        guard let maker = makers[sums], readers[sums] == 1, !wanted.contains(sums), let step = steps[maker],
          step.isLayer, step.activation == nil, case .plain = step.way
        else { return nil }
        return (maker, other)
      }
      guard let (maker, other) = fitting.max(by: { $0.maker < $1.maker }), var joined = steps[maker] else {
        continue
      }
      joined.way = .added
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
          case .convolution = self[maker].operation, case .plain = steps[maker][0].way
        else { return nil }
        return maker
      }
      guard step.inputs.contains(where: { makes($0) != nil }), step.inputs.allSatisfy({ shapes[$0] != nil })
      else { continue }
      var channel = 0
      var copies: [Plan.Step] = []
      for input in step.inputs {
        let part = Plan.Way.part(channel: channel, channels: whole.channels)
        channel += shapes[input]?.channels ?? 0
        if let maker = makes(input) {
          steps[maker][0].outputs = step.outputs
          steps[maker][0].way = part
        } else {
          copies.append(
            Plan.Step(
              name: step.name, operation: .identity, way: part, inputs: [input], outputs: step.outputs))
        }
      }
      steps[index] = copies
    }
    return steps.flatMap(\.self)
  }
}

extension [Plan.Step] {
  /// Batch normalisations worked out, each with the concatenation that it alone reads.
  fileprivate func scaledTogether(keeping wanted: Set<String>) -> [Plan.Step] {
    let (makers, readers) = (makers, readers)
    var steps: [Plan.Step?] = self
    for (index, step) in enumerated() {
      guard case .batchNormalization(let normalization) = step.operation else { continue }
      let (scale, shift) = normalization.affine
      steps[index]?.way = .scaled(scale: scale, shift: shift)
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
  /// Whether it is a product with weights.
  fileprivate var isLayer: Bool {
    switch operation {
    case .convolution, .innerProduct: true
    default: false
    }
  }

  /// This step and the next as one, where one call computes both.
  fileprivate func joined(with next: Plan.Step, _ shapes: [String: Shape]) -> Plan.Step? {
    guard activation == nil else { return nil }
    var joined = self
    joined.outputs = next.outputs
    if case .activation(let function) = next.operation {
      guard isLayer || (isBatchNormalization && function == .relu) else { return nil }
      joined.activation = function
      return joined
    }
    // A constant of more axes than the value has would give it more.
    let axes = shapes[outputs[0]]?.rank ?? fewestAxes
    guard let (scale, shift) = next.affine(units: units, axes: axes) else { return nil }
    switch (operation, way) {
    case (.convolution(let convolution), .plain):
      joined.operation = .convolution(convolution.scaled(by: scale, shiftedBy: shift))
    case (.innerProduct(let product), .plain):
      joined.operation = .innerProduct(product.scaled(by: scale, shiftedBy: shift))
    case (_, .normalized(let normalization)):
      joined.way = .normalized(normalization.scaled(by: scale, shiftedBy: shift))
    default:
      return nil
    }
    return joined
  }

  private var isBatchNormalization: Bool {
    if case .batchNormalization = operation { true } else { false }
  }

  /// How many axes its output has, whatever its shape is.
  private var fewestAxes: Int {
    if case .convolution = operation { 4 } else { 1 }
  }

  /// How many values a position has after a step that a product and a sum of each can go into.
  private var units: Int {
    switch (operation, way) {
    case (.convolution(let convolution), _): convolution.filters.shape[0]
    case (.innerProduct(let product), _): product.weights.shape[0]
    case (_, .normalized(let normalization)): normalization.channels
    default: 0
    }
  }

  /// A product and a sum of each unit that do what this step does; nil where it does more.
  private func affine(units: Int, axes: Int) -> (scale: [Float], shift: [Float])? {
    let (ones, zeros) = ([Float](repeating: 1, count: units), [Float](repeating: 0, count: units))
    switch operation {
    case .batchNormalization(let normalization) where units > 0:
      let (scale, shift) = normalization.affine
      return (scale.elements, shift.elements)
    case .arithmeticWithConstant(let arithmetic, let constant, let isFirst):
      guard units > 0, constant.shape.rank <= axes, let values = constant.perChannel(units) else {
        return nil
      }
      switch arithmetic {
      case .multiply: return (values, zeros)
      case .add: return (ones, values)
      case .divide where !isFirst: return (values.map { 1 / $0 }, zeros)
      case .subtract where !isFirst: return (ones, values.map { -$0 })
      default: return nil
      }
    default:
      return nil
    }
  }
}

extension Tensor {
  /// One value a channel, where the tensor has one for each or one for all, and no other extent.
  fileprivate func perChannel(_ channels: Int) -> [Float]? {
    let elements = elements
    if elements.count == 1 { return [Float](repeating: elements[0], count: channels) }
    return elements.count == channels && shape.dimensions.last == channels ? elements : nil
  }
}
