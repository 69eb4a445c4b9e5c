import Datasets
import Files
import Foundation
import Kernels
import Networks
import Tensors
import Testing
import Training

/// Against PyTorch's numbers (`Goldens/make_goldens.py`).
@Suite struct ParityWithPyTorch {
  /// The script's draws: the seed's sequence as 24-bit fractions, stretched to `-scale...scale`.
  private static func drawn(_ seed: UInt64, _ shape: Shape, _ scale: Double) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return Tensor(
      shape,
      elements: (0..<shape.count).map { _ in
        Float((Double(generator.next() >> 40) / Double(1 << 24) * 2 - 1) * scale)
      })
  }

  /// Outputs x inputs after a flattened map, from the map's ONNX order to this package's.
  private static func turned(_ weights: Tensor, map: Shape) throws -> Tensor {
    try weights.reshaped(to: [weights.shape[0], map.channels, map.rows, map.columns]).fromONNXOrder()
      .reshaped(to: weights.shape)
  }

  /// A chain whose learned layers draw their weights from seeds in their order.
  private struct Chain {
    private var nodes: [Network.Node] = []
    private var learned: UInt64 = 0

    private var last: String { nodes.last?.outputs[0] ?? "input" }

    mutating func add(_ name: String, _ operation: Networks.Operation) {
      nodes.append(Network.Node(name: name, operation: operation, inputs: [last], outputs: [name + ".out"]))
    }

    private mutating func drawnNext(_ shape: Shape, _ scale: Double) -> (weights: Tensor, bias: Tensor) {
      defer { learned += 1 }
      return (drawn(100 + learned, shape, scale), drawn(200 + learned, [shape[0]], 0.05))
    }

    mutating func convolution(_ name: String, _ outputs: Int, _ inputs: Int, _ window: Int, _ stride: Int)
      throws
    {
      let scale = (6 / Double(inputs * window * window)).squareRoot()
      let (weights, bias) = drawnNext([outputs, inputs, window, window], scale)
      add(
        name,
        .convolution(
          Convolution(
            filters: try weights.fromONNXOrder(), bias: bias,
            rule: SlidingRule(
              window: [window, window], strides: [stride, stride],
              padding: .explicit(top: 1, left: 1, bottom: 1, right: 1)))))
    }

    mutating func product(_ name: String, _ outputs: Int, _ inputs: Int, map: Shape? = nil) throws {
      let (weights, bias) = drawnNext([outputs, inputs], (6 / Double(inputs)).squareRoot())
      let turned = try map.map { try ParityWithPyTorch.turned(weights, map: $0) } ?? weights
      add(name, .innerProduct(InnerProduct(weights: turned, bias: bias)))
    }

    mutating func batchNormalization(_ name: String, _ channels: Int) {
      let (gains, shift) = drawnNext([channels], 0.5)
      add(
        name,
        .batchNormalization(
          BatchNormalization(
            scale: Tensor([channels], elements: gains.elements.map { 1 + $0 }), shift: shift,
            mean: Tensor([channels]), variance: Tensor([channels], repeating: 1), epsilon: 1e-5)))
    }

    mutating func relu(_ name: String) { add(name, .activation(.relu)) }

    mutating func pool(_ name: String, roundsUp: Bool = false) {
      add(name, .maxPooling(SlidingRule(window: [3, 3], strides: [2, 2], roundsUp: roundsUp)))
    }

    func network(size: Int) throws -> Network {
      try Network(
        name: "small", inputs: [.init(name: "input", extents: [nil, 3, size, size])], nodes: nodes,
        outputs: [last])
    }
  }

  private static func network() throws -> Network {
    let norm = Networks.Operation.localResponseNormalization(
      LocalResponseNormalization(size: 5, alpha: 1e-1, beta: 0.75, bias: 2))
    var chain = Chain()
    try chain.convolution("conv1", 12, 3, 5, 2)
    chain.relu("relu1")
    chain.pool("pool1", roundsUp: true)
    chain.add("norm1", norm)
    try chain.convolution("conv2", 20, 12, 3, 1)
    chain.relu("relu2")
    chain.pool("pool2")
    chain.add("norm2", norm)
    try chain.convolution("conv3", 16, 20, 3, 1)
    chain.relu("relu3")
    chain.pool("pool3")
    chain.add("flat", .flatten)
    try chain.product("fc1", 24, 64, map: Shape(images: 1, rows: 2, columns: 2, channels: 16))
    chain.relu("relu4")
    try chain.product("fc2", 5, 24)
    return try chain.network(size: 47)
  }

  /// Batch normalisation of maps and of features.
  private static func normalized() throws -> Network {
    var chain = Chain()
    try chain.convolution("conv1", 8, 3, 3, 2)
    chain.batchNormalization("bn1", 8)
    chain.relu("relu1")
    try chain.convolution("conv2", 12, 8, 3, 1)
    chain.batchNormalization("bn2", 12)
    chain.relu("relu2")
    chain.add("average", .globalAveragePooling)
    chain.add("flat", .flatten)
    try chain.product("fc1", 16, 12)
    chain.batchNormalization("bn3", 16)
    chain.relu("relu3")
    try chain.product("fc2", 5, 16)
    return try chain.network(size: 15)
  }

  /// Scores that a sigmoid makes probabilities, each class alone.
  private static func sigmoid(_ outputs: Int) throws -> Network {
    var chain = Chain()
    try chain.convolution("conv1", 8, 3, 3, 2)
    chain.relu("relu1")
    chain.pool("pool1")
    try chain.convolution("conv2", 12, 8, 3, 1)
    chain.relu("relu2")
    chain.add("average", .globalAveragePooling)
    chain.add("flat", .flatten)
    try chain.product("fc1", 16, 12)
    chain.relu("relu3")
    try chain.product("fc2", outputs, 16)
    chain.add("sigmoid", .activation(.sigmoid))
    return try chain.network(size: 15)
  }

  /// Labels of the script's draws: five classes each alone, some neither present nor absent, or one of two classes.
  private static func labels(_ batch: Int, scores: Int) -> Labels {
    if scores == 1 { return .classes(drawn(400 + UInt64(batch), [8], 1).elements.map { $0 > 0 ? 1 : 0 }) }
    let drawn = zip(
      drawn(500 + UInt64(batch), [8, scores], 1).elements,
      drawn(600 + UInt64(batch), [8, scores], 1).elements)
    let presences = drawn.map { $1 < 0.5 ? $0 > 0 ? .present : .absent : Dataset.Presence.ignored }
    return .presences((0..<8).map { Array(presences[$0 * scores..<($0 + 1) * scores]) })
  }

  private static func batch(_ index: Int, size: Int = 47) throws -> (pictures: [Tensor], labels: [Int]) {
    let pictures = try drawn(300 + UInt64(index), [8, 3, size, size], 1).fromONNXOrder()
    let labels = drawn(400 + UInt64(index), [8], 1).elements.map { min(max(Int(($0 + 1) * 2.5), 0), 4) }
    return ((0..<8).map { pictures.slices($0..<$0 + 1) }, labels)
  }

  private static func goldens(_ name: String = "small_alexnet") throws -> [String: Tensor] {
    let path = try #require(
      Bundle.module.path(forResource: name, ofType: "safetensors", inDirectory: "Goldens"))
    return try SafeTensors(reading: path).tensors
  }

  @Test(arguments: [1, 2, 3])
  func `fifty losses of gradient descent agree within a thousandth`(threads: Int) throws {
    let expected = try #require(try Self.goldens()["losses"]).elements
    let learner = try Learner(try Self.network(), threads: threads)
    #expect(expected.count == 50)
    for (step, loss) in expected.enumerated() {
      let (pictures, labels) = try Self.batch(step % 5)
      let outcome = try learner.learn(
        from: pictures, labels: .classes(labels), by: MomentumStep(rate: 0.02, momentum: 0.9, decay: 5e-4),
        number: step
      )
      #expect(abs(outcome.loss / 8 - Double(loss)) <= 1e-3 * Double(loss), "step \(step)")
    }
  }

  @Test(arguments: [1, 2])
  func `every layer's first gradient agrees within a ten-thousandth of its largest value`(threads: Int) throws
  {
    let goldens = try Self.goldens()
    let learner = try Learner(try Self.network(), threads: threads)
    let (pictures, labels) = try Self.batch(0)
    let found = try learner.gradients(of: pictures, labels: .classes(labels)).gradients
    #expect(found.count == 10)
    for (name, gradient) in found {
      var expected = try #require(goldens[name])
      if expected.shape.rank == 4 { expected = try expected.fromONNXOrder() }
      if name == "fc1.weights" {
        expected = try Self.turned(expected, map: Shape(images: 1, rows: 2, columns: 2, channels: 16))
      }
      #expect(gradient.shape == expected.shape)
      let largest = expected.elements.map(abs).max() ?? 0
      let difference = zip(gradient.elements, expected.elements).map { abs($0 - $1) }.max() ?? .infinity
      #expect(difference <= 1e-4 * largest, "\(name): \(difference) of \(largest)")
    }
  }

  @Test(arguments: [1, 2, 3])
  func `batch normalisation learns by the batch's statistics and keeps their running mean`(threads: Int)
    throws
  {
    let goldens = try Self.goldens("small_normalized")
    let losses = try #require(goldens["losses"]).elements
    #expect(losses.count == 50)
    let learner = try Learner(try Self.normalized(), threads: threads)
    let (pictures, labels) = try Self.batch(0, size: 15)
    for (name, gradient) in try learner.gradients(of: pictures, labels: .classes(labels)).gradients {
      var expected = try #require(goldens[name])
      if expected.shape.rank == 4 { expected = try expected.fromONNXOrder() }
      // A bias before a batch normalisation has no effect: its gradient is rounding alone.
      let largest = max(expected.elements.map(abs).max() ?? 0, 0.02)
      let difference = zip(gradient.elements, expected.elements).map { abs($0 - $1) }.max() ?? .infinity
      #expect(difference <= 1e-4 * largest, "\(name): \(difference) of \(largest)")
    }
    for (step, loss) in losses.enumerated() {
      let (pictures, labels) = try Self.batch(step % 5, size: 15)
      let outcome = try learner.learn(
        from: pictures, labels: .classes(labels), by: MomentumStep(rate: 0.02, momentum: 0.9, decay: 5e-4),
        number: step
      )
      #expect(abs(outcome.loss / 8 - Double(loss)) <= 1e-3 * Double(loss), "step \(step)")
    }
    for node in try learner.network.nodes {
      guard case .batchNormalization(let normalization) = node.operation else { continue }
      for (kept, name) in [(normalization.mean, "mean"), (normalization.variance, "variance")] {
        let expected = try #require(goldens["\(node.name).\(name)"]).elements
        for (found, expected) in zip(kept.elements, expected) {
          #expect(abs(found - expected) <= 1e-3 * max(abs(expected), 0.1), "\(node.name).\(name)")
        }
      }
    }
  }

  @Test(arguments: [(5, "small_multilabel"), (1, "small_binary")], [1, 2])
  func `each class alone is learned as by the mean binary cross-entropy`(
    golden: (scores: Int, file: String), threads: Int
  ) throws {
    let goldens = try Self.goldens(golden.file)
    let losses = try #require(goldens["losses"]).elements
    #expect(losses.count == 50)
    let learner = try Learner(try Self.sigmoid(golden.scores), threads: threads)
    let (pictures, _) = try Self.batch(0, size: 15)
    let found = try learner.gradients(of: pictures, labels: Self.labels(0, scores: golden.scores)).gradients
    #expect(found.count == 8)
    for (name, gradient) in found {
      var expected = try #require(goldens[name])
      if expected.shape.rank == 4 { expected = try expected.fromONNXOrder() }
      let largest = expected.elements.map(abs).max() ?? 0
      let difference = zip(gradient.elements, expected.elements).map { abs($0 - $1) }.max() ?? .infinity
      #expect(difference <= 1e-4 * largest, "\(name): \(difference) of \(largest)")
    }
    for (step, loss) in losses.enumerated() {
      let (pictures, _) = try Self.batch(step % 5, size: 15)
      let outcome = try learner.learn(
        from: pictures, labels: Self.labels(step % 5, scores: golden.scores),
        by: MomentumStep(rate: 0.02, momentum: 0.9, decay: 5e-4), number: step)
      #expect(abs(outcome.loss / 8 - Double(loss)) <= 1e-3 * Double(loss), "step \(step)")
    }
  }
}
