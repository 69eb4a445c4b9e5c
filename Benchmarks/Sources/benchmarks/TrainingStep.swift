import ArgumentParser
import Switchback

/// One step of gradient descent: forward with dropout, the cost, backward, momentum; on random pictures.
struct TrainingStep: ParsableCommand {
  @Argument(help: "zfnet or alexnet, as the paper has them, or an ONNX file.") var network: String
  @Option(help: "Pictures a batch.") var batch = 64
  @Option(help: "Rows and columns of its input.") var input = 224
  @Option(help: "The share of maps and units that layers have.") var width = 1.0
  @Option(help: "Classes it tells apart.") var classes = 1000
  @OptionGroup var repeats: Repeats

  func run() throws {
    var generator = SeededGenerator(seed: 1)
    let learner = try Learner(try begun(using: &generator), threads: repeats.threads)
    let pictures = (0..<batch).map { _ in
      Tensor.random([1, input, input, 3], in: -2...2, using: &generator)
    }
    let labels = (0..<batch).map { _ in Int.random(in: 0..<classes, using: &generator) }
    let rates = MomentumStep(rate: 1e-2, momentum: 0.9, decay: 5e-4)
    var number = 0
    try repeats.measure(items: batch) {
      _ = try learner.learn(from: pictures, labels: .classes(labels), by: rates, number: number)
      number += 1
    }
  }

  private func begun(using generator: inout SeededGenerator) throws -> Network {
    if network.hasSuffix(".onnx") { return try Network(onnx: network) }
    var architecture = try Architecture.named(network).scaled(input: input, width: width)
    architecture.classes = classes
    return try architecture.network(.he(inputDeviation: 1), using: &generator)
  }
}
