import ArgumentParser
import Switchback

/// The nine strongest pictures of every unit of every convolution, from JPEG files to the table.
struct Search: ParsableCommand {
  @Argument(help: "An ONNX file.") var model: String
  @Argument(help: "A folder of pictures.") var pictures: String
  @OptionGroup var repeats: Repeats

  func run() throws {
    let search = try StrongestPictures(model: model, pictures: pictures, threads: repeats.threads)
    try repeats.measure(items: search.subject.count) { _ = try search.run() }
  }
}

/// A network and a folder's pictures as it sees them, decoded when they are asked for.
struct PreparedFolder {
  let network: Network
  let count: Int
  let input: @Sendable (Int) throws -> Tensor?

  init(model: String, pictures: String) throws {
    network = try Network(onnx: model)
    let preprocessing = network.preprocessing ?? .imageNet
    let folder = try PictureFolder(pictures)
    count = folder.files.count
    input = { try Picture(decoding: folder.fullPath(of: folder.files[$0])).prepared(preprocessing).tensor }
  }
}

/// The search as both `search` and `gallery` need it.
struct StrongestPictures {
  let subject: PreparedFolder
  private let layers: [Layer]
  private let threads: Int

  init(model: String, pictures: String, threads: Int) throws {
    subject = try PreparedFolder(model: model, pictures: pictures)
    layers = subject.network.featureLayers()
    self.threads = threads
  }

  func run() throws -> PeakTable {
    let network = subject.network
    let input = try network.inputShape(images: 1)
    let shapes = try network.shapes(inputs: [network.inputs[0].name: input])
    let units = layers.map { ($0.featureMaps, shapes[$0.featureMaps]?.channels ?? 0) }
    let search = try PeakSearch(network, values: layers.map(\.featureMaps), threads: threads)
    let start = PeakSearch.State(peaks: PeakTable(units: units, keeping: 9))
    return try search.run(from: start, count: subject.count, input: subject.input) { _ in true }.peaks
  }
}
