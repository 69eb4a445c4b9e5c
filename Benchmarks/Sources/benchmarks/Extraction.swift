import ArgumentParser
import Switchback

/// AlexNet's features as `transfer` takes them: averaged conv3 and conv5 and the whole of pool5, from JPEG files.
struct Extraction: ParsableCommand {
  @Argument(help: "An ONNX file.") var model: String
  @Argument(help: "A folder of pictures.") var pictures: String
  @OptionGroup var repeats: Repeats

  func run() throws {
    let subject = try PreparedFolder(model: model, pictures: pictures)
    let network = subject.network
    let shapes = try network.shapes(inputs: [network.inputs[0].name: try network.inputShape(images: 1)])
    let selections = try [("conv3", FeaturePooling.average), ("conv5", .average), ("pool5", .none)].map {
      let value = try network.layer(named: $0).featureMaps
      return FeatureExtraction.Selection(
        layer: $0, value: value, pooling: $1, count: $1.count(of: shapes[value] ?? []))
    }
    let extraction = try FeatureExtraction(network, selections: selections, threads: repeats.threads)
    try repeats.measure(items: subject.count) {
      for start in stride(from: 0, to: subject.count, by: 128) {
        _ = try extraction.features(
          of: start..<min(start + 128, subject.count), names: { "\($0)" }, input: subject.input)
      }
    }
  }
}
