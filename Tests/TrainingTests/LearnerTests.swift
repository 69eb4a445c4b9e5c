import Datasets
import Execution
import Kernels
import NetworkFixtures
import Networks
import Tensors
import Testing
import Training

@Suite struct Learning {
  static let rates = MomentumStep(rate: 0.01, momentum: 0.9, decay: 5e-4)

  private func pictures(_ count: Int, for network: Network, seed: UInt64 = 5) throws -> [Tensor] {
    var generator = SeededGenerator(seed: seed)
    let shape = try network.inputShape(images: 1)
    return (0..<count).map { _ in Tensor.random(shape, using: &generator) }
  }

  /// A network for maps that mix what a path can hold: a parametric rectifier, a constant, a split, a resizing, a
  /// dropout.
  private static func mixed() throws -> Network {
    var build = TinyNetworks.Builder(seed: 8)
    build.add(
      "shift", .arithmeticWithConstant(.subtract, build.random([1, 12, 10, 3]), constantFirst: false))
    build.convolution("conv1", 8, of: 3, window: 3, padding: 1)
    let slopes = build.random([8], in: 0.1...0.4)
    build.add("prelu", .parametricRelu(slope: slopes))
    build.nodes.append(
      .init(
        name: "split", operation: .split(axis: 3, sizes: [3, 5]), inputs: [build.last],
        outputs: ["left", "right"]))
    build.add("join", .concatenation(axis: 3), from: ["right", "left"])
    build.add(
      "pool",
      .averagePooling(
        SlidingRule(
          window: [3, 3], strides: [2, 2], padding: .explicit(top: 1, left: 1, bottom: 1, right: 1)),
        countsPadding: false))
    build.add("gather", .gathering(axis: 3, positions: [7, 0, 1, 2, 2, 3, 4, 6]))
    build.add(
      "resize",
      .resampling(
        ResamplingRule(method: .linear, coordinates: .halfPixel, rows: .scale(1.5), columns: .size(4))))
    build.add("drop", .dropout(ratio: 0.3))
    build.add("flat", .flatten)
    build.add(
      "fc", .innerProduct(InnerProduct(weights: build.random([6, 8 * 9 * 4]), bias: build.random([6]))))
    return try build.network(rows: 12, columns: 10)
  }

  static func network(_ name: String) throws -> Network {
    let network = name == "mixed" ? try mixed() : try TinyNetworks.named(name)
    // Random weights of -1...1 would give scores in the hundreds, and a softmax without slope.
    return network.replacingOperations { node in
      var operation = node.operation
      operation.withParameter(.weights) { weights in
        let inputs = Float(weights.shape.count / weights.shape[0])
        weights = Tensor(weights.shape, elements: weights.elements.map { $0 * (3 / inputs).squareRoot() })
      }
      return operation
    }
  }

  @Test(arguments: ["plain", "residual", "branches", "classifier", "mixed"])
  func `the gradient is the slope of the loss, whatever a path holds`(name: String) throws {
    try expectSlope(try Self.network(name), .classes([2, 0, 1]))
  }

  @Test func `so it is where each class is learned alone`() throws {
    let network = try Self.alone("mixed", classes: 4)
    try expectSlope(network, .classes([2, 0, 1]))
    try expectSlope(
      network,
      .presences([
        [.present, .absent, .present, .ignored], [.absent, .absent, .absent, .absent],
        [.ignored, .present, .absent, .present],
      ]))
    try expectSlope(try Self.alone("mixed", classes: 1), .classes([1, 0, 1]))
  }

  /// A network whose scores a sigmoid makes probabilities.
  private static func alone(_ name: String, classes: Int) throws -> Network {
    var generator = SeededGenerator(seed: 4)
    return try network(name).classifying(
      (0..<classes).map { "\($0)" }, ending: .sigmoid, using: &generator)
  }

  private func expectSlope(_ network: Network, _ labels: Labels) throws {
    let pictures = try pictures(3, for: network)
    let (_, gradients) = try Learner(network, seed: 3).gradients(of: pictures, labels: labels, number: 7)
    var generator = SeededGenerator(seed: 6)
    for node in network.nodes {
      for role in node.operation.parameterRoles {
        let gradient = try #require(gradients["\(node.name).\(role.rawValue)"])
        let direction = Tensor.random(gradient.shape, using: &generator).elements
        // Small enough to cross few kinks, large enough for float32.
        let size = (zip(direction, direction).reduce(0) { $0 + $1.0 * $1.1 }).squareRoot()
        let step = 5e-3 / size
        func loss(_ sign: Float) throws -> Double {
          let moved = network.replacingOperations { other in
            var operation = other.operation
            if other.name == node.name {
              operation.withParameter(role) { tensor in
                let elements = zip(tensor.elements, direction).map { $0 + sign * step * $1 }
                tensor = Tensor(tensor.shape, elements: elements)
              }
            }
            return operation
          }
          return try Learner(moved, seed: 3).gradients(of: pictures, labels: labels, number: 7).outcome.loss
            / 3
        }
        let measured = (try loss(1) - loss(-1)) / Double(2 * step)
        let analytic = zip(gradient.elements, direction).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        let scale =
          (zip(gradient.elements, gradient.elements).reduce(0) { $0 + $1.0 * $1.1 }).squareRoot() * size
        #expect(
          abs(measured - analytic) <= 0.02 * abs(analytic) + 2e-3 * Double(scale) + 2e-4,
          "\(node.name).\(role.rawValue): measured \(measured), gradient \(analytic)")
      }
    }
  }

  @Test func `the cost and its gradient, by hand`() throws {
    // Softmax of 0 and ln 3 is a quarter and three quarters.
    let scores = Tensor([2, 2], elements: [0, 1.0986123, 5, 5])
    let cost = try Cost(.crossEntropy, of: scores, labels: .classes([0, 1]), on: Device())
    #expect(abs(cost.loss - 1.3862944 - 0.6931472) < 1e-5)
    #expect(cost.ranks == [1, 1])
    for (found, expected) in zip(cost.signal.elements, [-0.375, 0.375, 0.25, -0.25]) {
      #expect(abs(Double(found) - expected) < 1e-6)
    }
  }

  @Test func `the cost of each class alone and its gradient, by hand`() throws {
    // The sigmoid of ln 3 is three quarters, of 0 a half.
    let scores = Tensor([2, 3], elements: [1.0986123, 0, 7, 0, 1.0986123, 0])
    let labels = Labels.presences([[.present, .absent, .ignored], [.absent, .absent, .present]])
    let cost = try Cost(.binaryCrossEntropy, of: scores, labels: labels, on: Device())
    // -ln 3/4 and -ln 1/2 of three; -ln 1/2, -ln 1/4 and -ln 1/2 of three.
    #expect(abs(cost.loss - (0.2876821 + 0.6931472) / 3 - (0.6931472 + 1.3862944 + 0.6931472) / 3) < 1e-6)
    #expect(cost.ranks.isEmpty)
    for (found, expected) in zip(cost.signal.elements, [-0.25, 0.5, 0, 0.5, 0.75, -0.5]) {
      #expect(abs(Double(found) - expected / 6) < 1e-6)
    }
    // One class a picture is that class there, and the others not.
    let one = try Cost(.binaryCrossEntropy, of: scores, labels: .classes([2, 0]), on: Device())
    let spelled = try Cost(
      .binaryCrossEntropy, of: scores,
      labels: .presences([[.absent, .absent, .present], [.present, .absent, .absent]]), on: Device())
    #expect(one.loss == spelled.loss && one.signal.elements == spelled.signal.elements)
    #expect(one.ranks == [0, 1])
  }

  /// The sigmoid of a score is the softmax of zero and that score.
  @Test func `one score for two classes costs what two scores do whose first is zero`() throws {
    let scores: [Float] = [2, -3, 0, 0]
    let labels = Labels.classes([1, 1, 0, 1])
    let one = try Cost(
      .binaryCrossEntropy, of: Tensor([4, 1], elements: scores), labels: labels, on: Device())
    let two = try Cost(
      .crossEntropy, of: Tensor([4, 2], elements: scores.flatMap { [0, $0] }), labels: labels, on: Device())
    #expect(abs(one.loss - two.loss) < 1e-6)
    #expect(one.ranks == [0, 1, 0, 1] && one.ranks == two.ranks)
    for picture in 0..<4 {
      #expect(abs(one.signal.elements[picture] - two.signal.elements[2 * picture + 1]) < 1e-7)
    }
  }

  @Test func `labels that a loss cannot tell are refused`() throws {
    for (loss, width, labels) in [
      (.crossEntropy, 2, .presences([[.present, .absent]])), (.crossEntropy, 1, .classes([1])),
      (.binaryCrossEntropy, 3, .presences([[.present, .absent]])), (.binaryCrossEntropy, 1, .classes([2])),
      (.binaryCrossEntropy, 2, .classes([2])), (.binaryCrossEntropy, 2, .classes([0, 1])),
    ] as [(Loss, Int, Labels)] {
      #expect(throws: KernelError.self) {
        try Cost(loss, of: Tensor([1, width]), labels: labels, on: Device())
      }
    }
  }

  @Test func `scores of any size give a finite cost`() throws {
    let cost = try Cost(
      .crossEntropy, of: Tensor([1, 3], elements: [1e4, -1e4, 0]), labels: .classes([1]), on: Device())
    #expect(cost.loss == 2e4)
    #expect(cost.signal.elements == [1, -1, 0])
    let alone = try Cost(
      .binaryCrossEntropy, of: Tensor([1, 2], elements: [1e4, -1e4]),
      labels: .presences([[.absent, .present]]),
      on: Device())
    #expect(alone.loss == 1e4 && alone.signal.elements == [0.5, -0.5])
    #expect(throws: KernelError.self) {
      try Cost(.crossEntropy, of: Tensor([1, 3]), labels: .classes([3]), on: Device())
    }
  }

  @Test(arguments: ["classifier", "mixed", "plain"])
  func `threads change sums in their last places only`(name: String) throws {
    let network = try Self.network(name)
    let pictures = try pictures(5, for: network)
    let labels = [0, 1, 2, 1, 0]
    let one = try Learner(network, seed: 1, threads: 1).gradients(of: pictures, labels: .classes(labels))
      .gradients
    let three = try Learner(network, seed: 1, threads: 3).gradients(of: pictures, labels: .classes(labels))
      .gradients
    #expect(one.count == three.count)
    for (name, gradient) in one {
      let other = try #require(three[name]).elements
      let largest = gradient.elements.map(abs).max() ?? 0
      #expect(zip(gradient.elements, other).allSatisfy { abs($0 - $1) <= 1e-4 * largest + 1e-7 }, "\(name)")
    }
  }

  @Test func `a layer of fewer units than threads learns`() throws {
    let network = try Self.alone("classifier", classes: 1)
    let pictures = try pictures(3, for: network)
    func gradients(threads: Int) throws -> [Float] {
      let learner = try Learner(network, threads: threads)
      return try #require(
        try learner.gradients(of: pictures, labels: .classes([0, 1, 1])).gradients["fc2.weights"]
      ).elements
    }
    for (one, four) in zip(try gradients(threads: 1), try gradients(threads: 4)) {
      #expect(abs(one - four) <= 1e-5)
    }
  }

  @Test func `the same seed and threads give the same bytes, another seed's dropout does not`() throws {
    let network = try Self.network("mixed")
    let pictures = try pictures(6, for: network)
    func trained(seed: UInt64) throws -> [String: Tensor] {
      let learner = try Learner(network, seed: seed, threads: 2)
      for step in 0..<3 {
        _ = try learner.learn(
          from: pictures, labels: .classes([0, 1, 2, 3, 4, 5]), by: Self.rates, number: step)
      }
      return try learner.velocities
    }
    let (first, again, other) = (try trained(seed: 1), try trained(seed: 1), try trained(seed: 2))
    #expect(first.mapValues(\.elements) == again.mapValues(\.elements))
    #expect(first.mapValues(\.elements) != other.mapValues(\.elements))
  }

  @Test func `finding gradients and scores moves nothing`() throws {
    let network = try Self.network("classifier")
    let pictures = try pictures(4, for: network)
    let learner = try Learner(network)
    let before = try learner.scores(of: pictures).elements
    _ = try learner.gradients(of: pictures, labels: .classes([0, 1, 2, 3]))
    #expect(try learner.scores(of: pictures).elements == before)
    let kept = try learner.network
    for (node, original) in zip(kept.nodes, network.nodes) {
      for role in original.operation.parameterRoles {
        #expect(node.operation.parameter(role)?.elements == original.operation.parameter(role)?.elements)
      }
    }
  }

  @Test func `what has learned scores as the network it gives does`() throws {
    let network = try Self.network("mixed")
    let pictures = try pictures(4, for: network)
    let learner = try Learner(network, threads: 2)
    let labels = [0, 1, 2, 3]
    let first = try learner.learn(from: pictures, labels: .classes(labels), by: Self.rates, number: 0).loss
    var last = first
    for step in 1..<30 {
      last = try learner.learn(from: pictures, labels: .classes(labels), by: Self.rates, number: step).loss
    }
    #expect(last < 0.7 * first)
    let runner = try Runner(try learner.network, keeping: ["fc.out"], threads: 1)
    let expected = try #require(try runner.forward(Tensor.stacking(pictures))["fc.out"]).elements
    for (found, value) in zip(try learner.scores(of: pictures).elements, expected) {
      #expect(abs(found - value) <= 1e-4 * max(1, abs(value)))
    }
  }

  @Test func `filters stay under their limit`() throws {
    let network = try Self.network("plain")
    let learner = try Learner(network, filterLimit: 0.1)
    _ = try learner.learn(
      from: pictures(2, for: network), labels: .classes([0, 1]), by: Self.rates, number: 0)
    var seen = 0
    for node in try learner.network.nodes {
      guard case .convolution(let convolution) = node.operation else { continue }
      let size = convolution.filters.shape.count / convolution.filters.shape[0]
      for filter in 0..<convolution.filters.shape[0] {
        let elements = convolution.filters.slices(filter..<filter + 1).elements
        #expect((elements.reduce(0) { $0 + $1 * $1 } / Float(size)).squareRoot() <= 0.1001)
        seen += 1
      }
    }
    #expect(seen == 30)
  }

  @Test func `a weight that is no number is seen`() throws {
    let network = try Self.network("classifier")
    let learner = try Learner(network)
    let isFinite = try learner.isFinite
    #expect(isFinite)
    let spoiled = try Learner(
      network.replacingOperations { node in
        var operation = node.operation
        if node.name == "fc2" { operation.withParameter(.weights) { $0 = Tensor($0.shape, repeating: .nan) } }
        return operation
      })
    let isSpoiledFinite = try spoiled.isFinite
    #expect(!isSpoiledFinite)
    let outcome = try spoiled.learn(
      from: pictures(2, for: network), labels: .classes([0, 1]), by: Self.rates, number: 0)
    #expect(!outcome.loss.isFinite)
  }

  @Test func `a network without weights, and velocities of another network, are refused`() throws {
    var build = TinyNetworks.Builder(seed: 1)
    build.relu("relu")
    let bare = try build.network(rows: 2, columns: 2)
    #expect(throws: TrainingError.network(reason: "it has no weights to learn.")) { try Learner(bare) }
    #expect(throws: TrainingError.self) {
      try Learner(try Self.network("classifier"), velocities: ["fc1.weights": Tensor([2, 2])])
    }
    #expect(throws: TrainingError.self) {
      try Learner(try Self.network("classifier"), velocities: ["other.weights": Tensor([2, 2])])
    }
  }
}
