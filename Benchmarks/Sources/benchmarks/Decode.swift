import ArgumentParser
import Switchback

/// Pictures from JPEG files to a network's input, one after the other.
struct Decode: ParsableCommand {
  @Argument(help: "An ONNX file, for its preprocessing.") var model: String
  @Argument(help: "A folder of pictures.") var pictures: String
  @OptionGroup var repeats: Repeats

  func run() throws {
    let folder = try PreparedFolder(model: model, pictures: pictures)
    try repeats.measure(items: folder.count) {
      for id in 0..<folder.count { _ = try folder.input(id) }
    }
  }
}
