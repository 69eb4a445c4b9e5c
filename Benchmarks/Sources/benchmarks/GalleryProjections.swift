import ArgumentParser
import Switchback

/// The deconvnet projections of every peak of a layer, its pictures decoded beforehand.
struct GalleryProjections: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "gallery")

  @Argument(help: "An ONNX file.") var model: String
  @Argument(help: "A folder of pictures.") var pictures: String
  @Option(help: "The layer.") var layer = "conv5"
  @OptionGroup var repeats: Repeats

  func run() throws {
    let search = try StrongestPictures(model: model, pictures: pictures, threads: repeats.threads)
    let value = try search.subject.network.layer(named: layer).featureMaps
    let places = (try search.run().layers[value]?.units ?? []).enumerated().flatMap { unit, peaks in
      peaks.enumerated().map { Gallery.Place(unit: unit, rank: $0.offset, peak: $0.element) }
    }
    let images = Set(places.map(\.peak.image))
    let prepared = try images.reduce(into: [Int: Tensor]()) { $0[$1] = try search.subject.input($1) }
    try repeats.measure(items: places.count) {
      let gallery = try Gallery(
        search.subject.network, value: value, rule: .deconvnet, threads: repeats.threads)
      try gallery.project(places, input: { prepared[$0] }, receive: { _ in })
    }
  }
}
