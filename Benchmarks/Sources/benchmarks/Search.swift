import ArgumentParser
import Switchback

/// The nine strongest pictures of every unit of every convolution, from JPEG files to the table.
struct Search: ParsableCommand {
  @Argument(help: "An ONNX file.") var model: String
  @Argument(help: "A folder of pictures.") var pictures: String
  @OptionGroup var repeats: Repeats

  func run() throws {
    let search = try StrongestPictures(model: model, pictures: pictures, threads: repeats.threads)
    try repeats.measure(items: search.count) { _ = try search.run() }
  }
}

/// The search as both `search` and `gallery` need it.
struct StrongestPictures {
  let network: Network
  let layers: [Layer]
  let count: Int
  let input: @Sendable (Int) throws -> Tensor?
  private let threads: Int

  init(model: String, pictures: String, threads: Int) throws {
    network = try Network(onnx: model)
    layers = network.featureLayers()
    let preprocessing = network.preprocessing ?? .imageNet
    let folder = try PictureFolder(pictures)
    count = folder.files.count
    input = { try Picture(decoding: folder.fullPath(of: folder.files[$0])).prepared(preprocessing).tensor }
    self.threads = threads
  }

  func run() throws -> PeakTable {
    let input = try network.inputShape(images: 1)
    let shapes = try network.shapes(inputs: [network.inputs[0].name: input])
    let units = layers.map { ($0.featureMaps, shapes[$0.featureMaps]?.channels ?? 0) }
    let search = try PeakSearch(network, values: layers.map(\.featureMaps), threads: threads)
    let start = PeakSearch.State(peaks: PeakTable(units: units, keeping: 9))
    return try search.run(from: start, count: count, input: self.input) { _ in true }.peaks
  }
}
