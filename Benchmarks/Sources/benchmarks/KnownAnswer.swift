import ArgumentParser
import Foundation
import Switchback

/// Whether occlusion finds what is known: on scenes, hiding the object against hiding as large a square elsewhere.
struct KnownAnswer: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "known-answer")

  @Argument(help: "A network trained on scenes:, an ONNX file.") var model: String
  @Option(help: "The scenes.") var pictures = "scenes:split=validation,count=200"
  @Option(help: "The square's side.") var size = 20
  @Option(help: "Pixels between positions.") var stride = 4

  func run() throws {
    let network = try Network(onnx: model)
    let preprocessing = network.preprocessing ?? .imageNet
    let dataset = try Dataset.parse(pictures)
    let study = try Occlusion(network, layers: [], threads: 2)
    var effects: [OcclusionMap.ObjectEffect] = []
    for item in dataset.items {
      guard let label = item.label, let object = dataset.regions(of: item.id).first?.box else { continue }
      let input = try dataset.picture(item.id).prepared(preprocessing).tensor
      let subject = Occlusion.Subject(
        input: input, cover: preprocessing.withPixels(of: input) { _ in 128 }, label: label)
      guard let map = try study.sweep([subject], size: size, stride: stride).first?.map,
        map.base?.label == label, let effect = map.effect(ofHiding: object)
      else { continue }
      effects.append(effect)
    }
    let count = Double(max(effects.count, 1))
    let (inside, outside) = (effects.map(\.inside).reduce(0, +), effects.map(\.outside).reduce(0, +))
    let within = Double(effects.filter(\.isLowestInside).count)
    print(
      "\(effects.count) pictures labelled right: the true class falls by \(inside / count) where the square's middle is in the "
        + "object's box and by \(outside / count) elsewhere, \(inside / outside) times as much; the lowest lies in the box "
        + "in \(within / count * 100) %")
  }
}
