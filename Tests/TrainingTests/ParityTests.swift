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

  private static func network() throws -> Network {
    let names = ["conv1", "conv2", "conv3", "fc1", "fc2"]
    func scale(_ fan: Int) -> Double { (6 / Double(fan)).squareRoot() }
    func seed(_ name: String) -> UInt64 { UInt64(names.firstIndex(of: name) ?? 0) }
    func convolution(_ name: String, _ outputs: Int, _ inputs: Int, _ window: Int, _ stride: Int) throws
      -> Networks.Operation
    {
      let fan = inputs * window * window
      return .convolution(
        Convolution(
          filters: try drawn(100 + seed(name), [outputs, inputs, window, window], scale(fan)).fromONNXOrder(),
          bias: drawn(200 + seed(name), [outputs], 0.05),
          rule: SlidingRule(
            window: [window, window], strides: [stride, stride],
            padding: .explicit(top: 1, left: 1, bottom: 1, right: 1))))
    }
    func product(_ name: String, _ outputs: Int, _ inputs: Int, map: Shape? = nil) throws
      -> Networks.Operation
    {
      let weights = drawn(100 + seed(name), [outputs, inputs], scale(inputs))
      return .innerProduct(
        InnerProduct(
          weights: try map.map { try turned(weights, map: $0) } ?? weights,
          bias: drawn(200 + seed(name), [outputs], 0.05)))
    }
    func pool(roundsUp: Bool = false) -> Networks.Operation {
      .maxPooling(SlidingRule(window: [3, 3], strides: [2, 2], roundsUp: roundsUp))
    }
    let norm = Networks.Operation.localResponseNormalization(
      LocalResponseNormalization(size: 5, alpha: 1e-1, beta: 0.75, bias: 2))
    let operations: [(String, Networks.Operation)] = [
      ("conv1", try convolution("conv1", 12, 3, 5, 2)), ("relu1", .activation(.relu)),
      ("pool1", pool(roundsUp: true)), ("norm1", norm),
      ("conv2", try convolution("conv2", 20, 12, 3, 1)), ("relu2", .activation(.relu)), ("pool2", pool()),
      ("norm2", norm),
      ("conv3", try convolution("conv3", 16, 20, 3, 1)), ("relu3", .activation(.relu)), ("pool3", pool()),
      ("flat", .flatten),
      ("fc1", try product("fc1", 24, 64, map: Shape(images: 1, rows: 2, columns: 2, channels: 16))),
      ("relu4", .activation(.relu)), ("fc2", try product("fc2", 5, 24)),
    ]
    var last = "input"
    let nodes = operations.map { name, operation in
      let node = Network.Node(name: name, operation: operation, inputs: [last], outputs: [name + ".out"])
      last = name + ".out"
      return node
    }
    return try Network(
      name: "small", inputs: [.init(name: "input", extents: [nil, 3, 47, 47])], nodes: nodes, outputs: [last])
  }

  private static func batch(_ index: Int) throws -> (pictures: [Tensor], labels: [Int]) {
    let pictures = try drawn(300 + UInt64(index), [8, 3, 47, 47], 1).fromONNXOrder()
    let labels = drawn(400 + UInt64(index), [8], 1).elements.map { min(max(Int(($0 + 1) * 2.5), 0), 4) }
    return ((0..<8).map { pictures.slices($0..<$0 + 1) }, labels)
  }

  private static func goldens() throws -> [String: Tensor] {
    let path = try #require(
      Bundle.module.path(forResource: "small_alexnet", ofType: "safetensors", inDirectory: "Goldens"))
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
        from: pictures, labels: labels, by: MomentumStep(rate: 0.02, momentum: 0.9, decay: 5e-4), number: step
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
    let found = try learner.gradients(of: pictures, labels: labels).gradients
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
}
