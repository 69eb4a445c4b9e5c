import ArgumentParser
import Switchback

/// One step of gradient descent: forward with dropout, the cost, backward, momentum; on random pictures.
struct TrainingStep: ParsableCommand {
  @Argument(help: "zfnet, or alexnet, as the paper has them.") var network: String
  @Option(help: "Pictures a batch.") var batch = 64
  @OptionGroup var repeats: Repeats

  func run() throws {
    let network = try built()
    let classes = 1000
    let learner = try Learner(network, threads: repeats.threads)
    var generator = SeededGenerator(seed: 1)
    let pictures = (0..<batch).map { _ in
      Tensor.random([1, 224, 224, 3], in: -2...2, using: &generator)
    }
    let labels = (0..<batch).map { _ in Int.random(in: 0..<classes, using: &generator) }
    let rates = MomentumStep(rate: 1e-2, momentum: 0.9, decay: 5e-4)
    var number = 0
    try repeats.measure(items: batch) {
      _ = try learner.learn(from: pictures, labels: labels, by: rates, number: number)
      number += 1
    }
  }

  private func built() throws -> Network {
    var nodes: [Network.Node] = []
    var last = "input"
    var channels = 3
    var side = 224
    var generator = SeededGenerator(seed: 2)
    func add(_ operation: Switchback.Operation) {
      let name = "\(nodes.count)"
      nodes.append(.init(name: name, operation: operation, inputs: [last], outputs: [name]))
      last = name
    }
    func convolution(_ maps: Int, _ window: Int, stride: Int = 1, padding: Int = 0) {
      let limit = (6 / Float(window * window * channels)).squareRoot()
      add(
        .convolution(
          Convolution(
            filters: drawn([maps, window, window, channels], limit, &generator),
            bias: Tensor([maps]),
            rule: SlidingRule(
              window: [window, window], strides: [stride, stride],
              padding: .explicit(top: padding, left: padding, bottom: padding, right: padding)))))
      add(.activation(.relu))
      channels = maps
      side = (side + 2 * padding - window) / stride + 1
    }
    func pool(roundsUp: Bool = false) {
      add(.maxPooling(SlidingRule(window: [3, 3], strides: [2, 2], roundsUp: roundsUp)))
      side = (side - 3 + (roundsUp ? 1 : 0)) / 2 + 1
    }
    func connected(_ units: Int, from inputs: Int) {
      let limit = (6 / Float(inputs)).squareRoot()
      add(
        .innerProduct(
          InnerProduct(
            weights: drawn([units, inputs], limit, &generator), bias: Tensor([units]))))
    }
    let normalization = Switchback.Operation.localResponseNormalization(
      LocalResponseNormalization(size: 5, alpha: 1e-4, beta: 0.75, bias: 2))
    let isZFNet = self.network == "zfnet"
    func poolAndNormalize() {
      if !isZFNet { add(normalization) }
      pool(roundsUp: isZFNet)
      if isZFNet { add(normalization) }
    }
    convolution(96, isZFNet ? 7 : 11, stride: isZFNet ? 2 : 4, padding: isZFNet ? 1 : 2)
    poolAndNormalize()
    convolution(256, 5, stride: isZFNet ? 2 : 1, padding: isZFNet ? 0 : 2)
    poolAndNormalize()
    convolution(384, 3, padding: 1)
    convolution(384, 3, padding: 1)
    convolution(256, 3, padding: 1)
    pool()
    add(.flatten)
    for inputs in [side * side * 256, 4096] {
      connected(4096, from: inputs)
      add(.activation(.relu))
      add(.dropout(ratio: 0.5))
    }
    connected(1000, from: 4096)
    return try Network(
      name: self.network, inputs: [.init(name: "input", extents: [nil, 3, 224, 224])], nodes: nodes,
      outputs: [last])
  }

  /// Evenly drawn, as quickly as 62 million numbers ask for.
  private func drawn(_ shape: Shape, _ limit: Float, _ generator: inout SeededGenerator) -> Tensor {
    Tensor(shape) { elements in
      for index in 0..<shape.count {
        elements[index] = (Float(generator.next() >> 40) / Float(1 << 23) - 1) * limit
      }
    }
  }
}
