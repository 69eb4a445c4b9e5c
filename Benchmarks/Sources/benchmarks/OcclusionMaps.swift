import ArgumentParser
import Switchback

/// The class's probability under a grey square of 32 pixels, every 8 pixels, for pictures of noise.
struct OcclusionMaps: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "occlusion")

  @Argument(help: "An ONNX file.") var model: String
  @Option(help: "Pictures swept together.") var pictures = 1
  @OptionGroup var repeats: Repeats

  func run() throws {
    let network = try Network(onnx: model)
    let shape = try network.inputShape(images: 1)
    var generator = SeededGenerator(seed: 1)
    let subjects = (0..<pictures).map { _ in
      Occlusion.Subject(input: .random(shape, using: &generator), cover: Tensor(shape), label: 1)
    }
    let study = try Occlusion(network, layers: [], threads: repeats.threads)
    let positions = try study.sweep([subjects[0]], size: 32, stride: 8).first.map {
      $0.map.rows.count * $0.map.columns.count
    }
    try repeats.measure(items: (positions ?? 0) * pictures) {
      _ = try study.sweep(subjects, size: 32, stride: 8)
    }
  }
}
