import Attribution
import Execution
import Kernels
import NetworkFixtures
import Networks
import Tensors
import TestSupport
import Testing

/// The rules that look at weights against sums over all pairs of input and output, written for obviousness, in `Double`.
@Suite struct RelevanceRules {
  /// Every pair of an input and an output of a node with one input: the input's place, the output's, and the weight between.
  private struct Pairs {
    var pairs: [(input: Int, output: Int, weight: Double)] = []
    var bias: [Double]
    let outputs: Int

    init(_ node: Operation, input: Shape, output: Shape) {
      outputs = output.count
      bias = [Double](repeating: 0, count: output.count)
      switch node {
      case .convolution(let convolution):
        let weights = convolution.filters
        let (high, wide, depth) = (weights.shape[1], weights.shape[2], weights.shape[3])
        let sliding = convolution.rule.resolved(over: input)
        let each = output.channels / convolution.groups
        for row in 0..<output.rows {
          for column in 0..<output.columns {
            for unit in 0..<output.channels {
              let place = (row * output.columns + column) * output.channels + unit
              bias[place] = Double(convolution.bias?.elements[unit] ?? 0)
              for (down, across) in (0..<high).flatMap({ down in (0..<wide).map { (down, $0) } }) {
                let y = row * sliding.rows.stride - sliding.rows.before + down * sliding.rows.dilation
                let x =
                  column * sliding.columns.stride - sliding.columns.before + across
                  * sliding.columns.dilation
                guard (0..<input.rows).contains(y), (0..<input.columns).contains(x) else { continue }
                for channel in 0..<depth {
                  let source = (y * input.columns + x) * input.channels + unit / each * depth + channel
                  let weight = weights.elements[((unit * high + down) * wide + across) * depth + channel]
                  pairs.append((source, place, Double(weight)))
                }
              }
            }
          }
        }
      case .innerProduct(let product):
        let features = product.weights.shape[1]
        for unit in 0..<output.count {
          bias[unit] = Double(product.bias?.elements[unit] ?? 0)
          for feature in 0..<features {
            pairs.append((feature, unit, Double(product.weights.elements[unit * features + feature])))
          }
        }
      default: break
      }
    }

    /// Relevance of the inputs, where each pair adds something to its output, and a bias something more.
    func shares(
      _ relevance: [Double], inputs: Int, adds: (_ input: Int, _ output: Int, _ weight: Double) -> Double,
      bias constant: (Int) -> Double
    ) -> [Double] {
      var sums = (0..<outputs).map(constant)
      for pair in pairs { sums[pair.output] += adds(pair.input, pair.output, pair.weight) }
      var shared = [Double](repeating: 0, count: inputs)
      for pair in pairs {
        let sum = sums[pair.output]
        let stable = sum < 0 ? sum - 1e-6 : sum + 1e-6
        shared[pair.input] += adds(pair.input, pair.output, pair.weight) / stable * relevance[pair.output]
      }
      return shared
    }
  }

  private static func relevance(
    _ rule: Rule, _ operation: Operation, _ x: [Double], _ relevance: [Double], _ input: Shape,
    _ output: Shape
  ) -> [Double] {
    let pairs = Pairs(operation, input: input, output: output)
    func plus(_ value: Double) -> Double { max(value, 0) }
    func minus(_ value: Double) -> Double { min(value, 0) }
    switch rule {
    case .signs(let alpha, let beta):
      let above = pairs.shares(
        relevance, inputs: x.count, adds: { plus(x[$0] * $2) + 0 * Double($1) },
        bias: { plus(pairs.bias[$0]) })
      let below = pairs.shares(
        relevance, inputs: x.count, adds: { minus(x[$0] * $2) + 0 * Double($1) },
        bias: { minus(pairs.bias[$0]) })
      return zip(above, below).map { Double(alpha) * $0 - Double(beta) * $1 }
    case .gamma(let gamma):
      var outputs = pairs.bias
      for pair in pairs.pairs { outputs[pair.output] += x[pair.input] * pair.weight }
      // What has the output's sign counts more.
      func favoured(_ value: Double, _ output: Int) -> Double {
        value + Double(gamma) * (outputs[output] > 0 ? plus(value) : minus(value))
      }
      return pairs.shares(
        relevance, inputs: x.count, adds: { favoured(x[$0] * $2, $1) }, bias: { favoured(pairs.bias[$0], $0) }
      )
    case .flat:
      return pairs.shares(relevance, inputs: x.count, adds: { _, _, _ in 1 }, bias: { _ in 0 })
    case .box(let low, let high):
      return pairs.shares(
        relevance, inputs: x.count,
        adds: { place, _, weight in
          let channel = place % input.channels
          return x[place] * weight - Double(low[channel]) * plus(weight) - Double(high[channel])
            * minus(weight)
        }, bias: { _ in 0 })
    default: return []
    }
  }

  private static let rules: [Rule] = [
    .signs(positive: 1, negative: 0), .signs(positive: 2, negative: 1), .gamma(0.25), .flat,
    .box(low: [-1, -1.5, -1, -2], high: [1, 2, 1, 1.5]),
  ]

  @Test(arguments: rules.indices, [true, false])
  func `a convolution's relevance is the sum over pairs`(rule: Int, isRectified: Bool) throws {
    var generator = SeededGenerator(seed: 9)
    let rule = Self.rules[rule]
    let convolution = Convolution(
      filters: .random([6, 3, 2, 2], using: &generator), bias: .random([6], using: &generator),
      rule: SlidingRule(
        window: [3, 2], strides: [2, 1], dilations: [1, 2],
        padding: .explicit(top: 1, left: 0, bottom: 1, right: 1)), groups: 2)
    try check(rule, .convolution(convolution), extents: [nil, 4, 7, 6], isRectified: isRectified)
  }

  @Test(arguments: 0..<3, [true, false])
  func `a fully connected layer's relevance is the sum over pairs`(rule: Int, isRectified: Bool) throws {
    var generator = SeededGenerator(seed: 10)
    let product = InnerProduct(
      weights: .random([5, 24], using: &generator), bias: .random([5], using: &generator))
    try check(Self.rules[rule], .innerProduct(product), extents: [nil, 4, 2, 3], isRectified: isRectified)
  }

  private func check(_ rule: Rule, _ operation: Operation, extents: [Int?], isRectified: Bool) throws {
    var generator = SeededGenerator(seed: 11)
    var nodes = [Network.Node(name: "node", operation: operation, inputs: ["input"], outputs: ["out"])]
    if case .innerProduct = operation {
      nodes = [
        Network.Node(name: "flat", operation: .flatten, inputs: ["input"], outputs: ["features"]),
        Network.Node(name: "node", operation: operation, inputs: ["features"], outputs: ["out"]),
      ]
    }
    let network = try Network(
      name: "one", inputs: [.init(name: "input", extents: extents)], nodes: nodes, outputs: ["out"])
    let shape = try network.inputShape(images: 1)
    let output = try #require(try network.shapes(inputs: ["input": shape])["out"])
    var picture = Tensor.random(shape, using: &generator)
    if isRectified { picture = Tensor(shape, elements: picture.elements.map { max($0, 0) }) }
    let signal = Tensor.random(output, using: &generator)
    let composite = Composite { $0.name == "node" ? rule : .gradient }
    let projector = Projector(
      try Walk(network, from: "out", by: composite, limitedToField: false), threads: 1)
    let trace = try Runner(
      network, keeping: projector.keptValues, recordingSwitches: true, threads: 1
    ).forward(picture)
    let found = try projector.project([try projector.walk.evidence(of: signal, in: trace)])[0]
    let expected = Self.relevance(
      rule, operation, picture.elements.map(Double.init), signal.elements.map(Double.init), shape, output)
    let largest = expected.map(abs).max() ?? 0
    #expect(
      largestDifference(found.pixels.elements, expected) <= 1e-4 * largest, "\(rule), largest \(largest)")
  }

  @Test func `a rule that looks at weights is refused on a window`() throws {
    let network = try TinyNetworks.plain()
    let windowed = Projector(try Walk(network, from: "conv2.out", by: .epsilonPlus(network)), threads: 1)
    let runner = try Runner(
      network, keeping: windowed.keptValues, recordingSwitches: true, threads: 1)
    var generator = SeededGenerator(seed: 1)
    let trace = try runner.forward(.random(try network.inputShape(images: 1), using: &generator))
    #expect(throws: KernelError.self) {
      try windowed.project([try windowed.evidence(of: .activation(unit: 0, row: 2, column: 2), in: trace)])
    }
  }
}
