import ArgumentParser
import Switchback

/// A batch of random pictures through a network to its outputs.
struct Forward: ParsableCommand {
  @Argument(help: "An ONNX file.") var model: String
  @Option(help: "Pictures a batch.") var batch = 32
  @OptionGroup var repeats: Repeats

  func run() throws {
    let network = try Network(onnx: model)
    let runner = try Runner(network, keeping: network.outputs, threads: repeats.threads)
    var generator = SeededGenerator(seed: 1)
    let pictures = Tensor.random(try network.inputShape(images: batch), using: &generator)
    try repeats.measure(items: batch) { _ = try runner.forward(pictures) }
  }
}
