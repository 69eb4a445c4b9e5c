import ArgumentParser
import Switchback

/// Pictures from JPEG files to a network's input, one after the other.
struct Decode: ParsableCommand {
  @Argument(help: "An ONNX file, for its preprocessing.") var model: String
  @Argument(help: "A folder of pictures.") var pictures: String
  @OptionGroup var repeats: Repeats

  func run() throws {
    let search = try StrongestPictures(model: model, pictures: pictures, threads: 1)
    try repeats.measure(items: search.count) {
      for id in 0..<search.count { _ = try search.input(id) }
    }
  }
}
