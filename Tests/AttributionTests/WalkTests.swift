import Attribution
import Execution
import Kernels
import NetworkFixtures
import Networks
import Tensors
import TestSupport
import Testing

/// Where walks start and end, and what their rules promise.
@Suite struct Walks {
  static let composites: [(name: String, value: Composite)] = [
    ("gradient", .gradient), ("deconvnet", .deconvnet), ("guided", .guided), ("epsilon", .epsilon(0.1)),
  ]

  private func picture(for network: Network) throws -> Tensor {
    var generator = SeededGenerator(seed: 9)
    return Tensor.random(try network.inputShape(images: 1), using: &generator)
  }

  private func trace(of picture: Tensor, for walks: Walk...) throws -> Trace {
    let kept = Set(walks.flatMap(\.keptValues)).sorted()
    return try Runner(walks[0].network, keeping: kept, recordingSwitches: true, threads: 1).forward(picture)
  }

  /// The seed at the strongest activation of a value's maps.
  private func strongest(_ value: String, in trace: Trace) throws -> (seed: Seed, value: Float) {
    let map = try #require(trace[value])
    let elements = map.elements
    let index = try #require(elements.indices.max { elements[$0] < elements[$1] })
    let (units, columns) = (map.shape.channels, map.shape.columns)
    return (
      .activation(unit: index % units, row: index / units / columns, column: index / units % columns),
      elements[index]
    )
  }

  @Test(
    arguments: [
      ("plain", "relu3.out", "pool1.out"), ("plain", "relu3.out", "conv2.out"),
      ("residual", "out.out", "sumRelu.out"), ("residual", "out.out", "out.out"),
      ("residual", "out.out", "input"), ("classifier", "fc2.out", "flat.out"),
    ], composites.indices)
  func `a walk that ends in the middle goes on to the same pixels`(
    _ place: (network: String, value: String, middle: String), composite: Int
  ) throws {
    // A gate multiplies two computed values, for which relevance has no rule.
    let isGated = place.network == "classifier"
    guard !isGated || Self.composites[composite].name != "epsilon" else { return }
    let network = try TinyNetworks.named(place.network)
    let picture = try picture(for: network)
    let rules = Self.composites[composite].value
    for isLimited in [false, true] {
      let direct = try Walk(network, from: place.value, by: rules, limitedToField: isLimited)
      let upper = try Walk(
        network, from: place.value, to: place.middle, by: rules, limitedToField: isLimited)
      let lower = try Walk(network, from: place.middle, by: rules, limitedToField: isLimited)
      let trace = try trace(of: picture, for: direct, upper, lower)
      let seed = isGated ? Seed.score(unit: 3) : try strongest(place.value, in: trace).seed
      func project(_ walk: Walk, _ evidence: Evidence) throws -> PixelProjection {
        try Projector(walk, threads: 1).project([evidence])[0]
      }
      let expected = try project(direct, try direct.evidence(of: seed, in: trace)).placed(in: picture.shape)
      let shape = try #require(try network.shapes(inputs: ["input": picture.shape])[place.middle])
      let signal = try project(upper, try upper.evidence(of: seed, in: trace)).placed(in: shape)
      let found = try project(lower, try lower.evidence(of: signal, in: trace)).placed(in: picture.shape)
      let largest = expected.elements.map(abs).max() ?? 0
      #expect(largest > 0)
      if isLimited {
        #expect(
          largestDifference(found.elements, expected.elements) <= Double(summationTolerance * largest))
      } else {
        #expect(found.elements == expected.elements)
      }
    }
  }

  /// Convolutions, pools and contrast normalisation, with other biases.
  private func plain(biases: (Tensor) -> Tensor?) throws -> Network {
    try TinyNetworks.plain().replacingOperations { node in
      guard case .convolution(var convolution) = node.operation else { return node.operation }
      convolution.bias = convolution.bias.flatMap(biases)
      return .convolution(convolution)
    }
  }

  @Test func `relevance without biases is conserved`() throws {
    let network = try plain { _ in nil }
    let walk = try Walk(network, from: "relu3.out", by: .epsilon(1e-7))
    let trace = try trace(of: try picture(for: network), for: walk)
    let (seed, score) = try strongest("relu3.out", in: trace)
    let pixels = try Projector(walk, threads: 1).project([try walk.evidence(of: seed, in: trace)])[0].pixels
    let size = pixels.elements.reduce(0) { $0 + abs(Double($1)) }
    let sum = pixels.elements.reduce(0) { $0 + Double($1) }
    #expect(score > 0 && size < 1e4 * Double(score))
    #expect(abs(sum - Double(score)) <= 1e-5 * size, "\(score) became \(sum)")
  }

  @Test(arguments: [Float(0.01), 0.5])
  func `relevance is what is left when biases and epsilon have absorbed theirs`(epsilon: Float) throws {
    let network = try plain { Tensor($0.shape, elements: $0.elements.map { 10 * $0 }) }
    let picture = try picture(for: network)
    let walk = try Walk(network, from: "relu3.out", by: .epsilon(epsilon))
    let trace = try trace(of: picture, for: walk)
    let (seed, score) = try strongest("relu3.out", in: trace)
    let pixels = try Projector(walk, threads: 1).project([try walk.evidence(of: seed, in: trace)])[0].pixels
    let signal = try #require(trace["relu3.out"]).elements.map { $0 == score ? Double($0) : 0 }
    let absorbed = try ReferenceWalk(network, input: picture.elements.map(Double.init)).relevance(
      signal, from: "relu3.out", epsilon: Double(epsilon)
    ).absorbed
    let size = pixels.elements.reduce(0) { $0 + abs(Double($1)) }
    let sum = pixels.elements.reduce(0) { $0 + Double($1) }
    #expect(abs(absorbed) > 1e-3 * size)
    #expect(abs(sum + absorbed - Double(score)) <= 1e-5 * size, "\(score) became \(sum) and \(absorbed)")
  }

  @Test func `a node without a rule is named, and so is a way that does not exist`() throws {
    let classifier = try TinyNetworks.classifier()
    #expect(throws: AttributionError.noRule(node: "softmax")) {
      try Walk(classifier, from: "softmax.out", by: .epsilon(0.1))
    }
    #expect(throws: AttributionError.noRule(node: "fc2")) {
      try Walk(classifier, from: "fc2.out", by: Composite { _ in .pass })
    }
    #expect(throws: AttributionError.noPath(from: "conv1.out", to: "fc1.out")) {
      try Walk(classifier, from: "conv1.out", to: "fc1.out", by: .gradient)
    }
    #expect(throws: NetworkError.self) { try Walk(classifier, from: "fc2.out", to: "none", by: .gradient) }
  }

  /// A global pool over 8 maps of 256 x 256, 2 MiB: their rectifier has its signal, what it gave and what it passes on
  /// twice, before and after that is cleared; by the gradient's rule also what the forward pass kept.
  @Test func `as many seeds share a batch as memory allows`() throws {
    var build = TinyNetworks.Builder(seed: 3)
    build.convolution("conv1", 8, of: 3, window: 3, padding: 1)
    build.relu("relu1")
    build.add("squeeze", .globalAveragePooling)
    let network = try build.network(rows: 256, columns: 256)
    func together(_ value: String, _ rule: RectifierRule, threads: Int) throws -> Int {
      try Projector(network, value: value, rule: rule, threads: threads).seedsTogether(isWindow: true)
    }
    #expect(try together("squeeze.out", .gradient, threads: 1) == 128 / 10)
    #expect(try together("squeeze.out", .gradient, threads: 2) == 64 / 10)
    #expect(try together("squeeze.out", .deconvnet, threads: 2) == 64 / 8)
    #expect(try together("squeeze.out", .deconvnet, threads: 1000) == 1)
    #expect(try together("relu1.out", .gradient, threads: 2) == 32)
  }
}
