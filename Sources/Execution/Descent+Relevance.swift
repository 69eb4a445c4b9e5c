internal import Kernels
internal import Networks
internal import Tensors

/// Rules of relevance that look at weights: each is a few products of a part of the input and a part of the weights.
///
/// A term's share of an output's relevance is its part of what the terms add up to. So every rule is: what the terms add up to,
/// relevance over that, carried back by each term's weights, times each term's input. All of it is computed directly: a sum that is
/// exactly zero shares nothing, and one that is nearly zero would share too much.
extension Descent {
  /// A part of the input, and the node's operation with a part of its weights.
  private typealias Term = (input: Tensor, operation: Operation)

  /// What keeps quotients finite.
  private static var stabilizer: Float { 1e-6 }

  /// The input's relevance by a rule that looks at weights.
  ///
  /// - Throws: `KernelError` for a node that is neither a convolution nor, where the rule is of these too, fully connected; or
  ///   where signals lie on windows.
  func shared(_ relevance: Tensor, _ worker: Worker) throws(KernelError) -> Tensor {
    guard windows == nil else { throw misfit("whole maps") }
    switch rule {
    case .signs(let positive, let negative):
      let parts = try signs()
      let result = try among(
        try terms(parts, .positive, .negative), scaled(relevance, by: positive), worker)
      guard negative != 0 else { return result }
      let others = try among(try terms(parts, .negative, .positive), scaled(relevance, by: -negative), worker)
      return try worker.device.combining(result, others, by: .add)
    case .gamma(let gamma):
      let parts = try signs()
      let output = try worker.outputs(of: node.operation, named: node.name, [try input()], .by(.direct))[0]
        .elements
      func side(_ isPositive: Bool) throws(KernelError) -> Tensor {
        let some = zip(relevance.elements, output).map { (isPositive ? $1 > 0 : $1 < 0) ? $0 : 0 }
        return try among(
          try terms(parts, .favoured(gamma, isPositive), .favoured(gamma, !isPositive)),
          Tensor(relevance.shape, elements: some), worker)
      }
      return try worker.device.combining(try side(true), try side(false), by: .add)
    case .flat:
      guard case .convolution = node.operation else { throw misfit("a convolution") }
      let ones = Tensor(inputs[0], repeating: 1)
      return try among([(ones, try part(withBias: false, .ones))], relevance, worker)
    case .box(let low, let high):
      guard case .convolution = node.operation else { throw misfit("a convolution") }
      let values = try input()
      let channels = inputs[0].channels
      guard low.count == channels, high.count == channels else {
        throw misfit("a range for each of \(channels) channels")
      }
      func filled(_ levels: [Float]) -> Tensor {
        Tensor(inputs[0], elements: (0..<inputs[0].count).map { -levels[$0 % channels] })
      }
      return try among(
        [
          (values, try part(withBias: false, .all)), (filled(low), try part(withBias: false, .positive)),
          (filled(high), try part(withBias: false, .negative)),
        ], relevance, worker)
    case .gradient, .pass, .deconvnet, .guided, .epsilon, .rescale:
      throw misfit("a rule that looks at weights")
    }
  }

  private func misfit(_ expected: String) -> KernelError {
    .shapes(operation: node.name, expected: expected, found: "\(rule)")
  }

  /// The input's positive part and, where it has one, its negative part.
  private func signs() throws(KernelError) -> (above: Tensor, below: Tensor?) {
    let values = try input()
    guard values.elements.contains(where: { $0 < 0 }) else { return (values, nil) }
    return (
      Tensor(values.shape, elements: values.elements.map { max($0, 0) }),
      Tensor(values.shape, elements: values.elements.map { min($0, 0) })
    )
  }

  /// The terms of the input's parts, with weights of each changed; the bias goes with the positive part.
  private func terms(
    _ parts: (above: Tensor, below: Tensor?), _ above: WeightPart, _ below: WeightPart
  ) throws(KernelError) -> [Term] {
    var terms = [(input: parts.above, operation: try part(above))]
    if let negative = parts.below { terms.append((negative, try part(withBias: false, below))) }
    return terms
  }

  /// The operation with weights, and a bias where it keeps one, each changed.
  private func part(
    withBias: Bool = true, _ part: WeightPart
  ) throws(KernelError) -> Operation {
    switch node.operation {
    case .convolution(var convolution):
      convolution.filters = part.of(convolution.filters)
      convolution.bias = withBias ? convolution.bias.map(part.of) : nil
      return .convolution(convolution)
    case .innerProduct(var product):
      product.weights = part.of(product.weights)
      product.bias = withBias ? product.bias.map(part.of) : nil
      return .innerProduct(product)
    default:
      throw misfit("a convolution, or a fully connected layer")
    }
  }

  /// Relevance shared among terms: each gets what it adds to the output, over what all add.
  private func among(
    _ terms: [Term], _ relevance: Tensor, _ worker: Worker
  ) throws(KernelError) -> Tensor {
    var sum: Tensor?
    for term in terms {
      let made = try worker.outputs(of: term.operation, named: node.name, [term.input], .by(.direct))[0]
      if let before = sum { sum = try worker.device.combining(before, made, by: .add) } else { sum = made }
    }
    guard let sum else { return Tensor(inputs[0]) }
    let quotient = stabilizedQuotient(relevance.reshaped(to: sum.shape), sum, Self.stabilizer)
    var result = Tensor(inputs[0])
    for term in terms {
      var node = node
      node.operation = term.operation
      let way = Descent(node: node, rule: .gradient, memory: memory, inputs: inputs, isGroup: isGroup)
      let carried = try way.derivative([quotient], worker)[0].reshaped(to: inputs[0])
      let share = try worker.device.combining(term.input.reshaped(to: inputs[0]), carried, by: .multiply)
      result = try worker.device.combining(result, share, by: .add)
    }
    return result
  }

  private func scaled(_ tensor: Tensor, by factor: Float) -> Tensor {
    factor == 1 ? tensor : Tensor(tensor.shape, elements: tensor.elements.map { factor * $0 })
  }
}

/// Which part of its weights a rule of relevance multiplies with.
private enum WeightPart {
  case all, positive, negative
  /// All weights, those of one sign larger by a factor of 1 + gamma.
  case favoured(Float, _ isPositive: Bool)
  /// One in place of each.
  case ones

  /// The part of some weights; made once, and kept as long as they are.
  func of(_ weights: Tensor) -> Tensor {
    switch self {
    case .all: weights
    case .positive: made(weights, "positive") { max($0, 0) }
    case .negative: made(weights, "negative") { min($0, 0) }
    case .favoured(let gamma, true):
      made(weights, "positive favoured", [gamma]) { $0 + gamma * max($0, 0) }
    case .favoured(let gamma, false):
      made(weights, "negative favoured", [gamma]) { $0 + gamma * min($0, 0) }
    case .ones: made(weights, "ones") { _ in 1 }
    }
  }

  private func made(
    _ weights: Tensor, _ kind: String, _ numbers: [Float] = [], _ change: (Float) -> Float
  ) -> Tensor {
    weights.prepared(as: kind + " part", numbers.map { Int64($0.bitPattern) }) {
      Tensor(weights.shape, elements: weights.elements.map(change))
    }
  }
}
