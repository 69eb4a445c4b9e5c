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
    var (inside, outside, within, known) = (0.0, 0.0, 0, 0)
    for item in dataset.items {
      guard let label = item.label, let object = dataset.regions(of: item.id).first?.box else { continue }
      let input = try dataset.picture(item.id).prepared(preprocessing).tensor
      let subject = Occlusion.Subject(
        input: input, cover: preprocessing.withPixels(of: input) { _ in 128 }, label: label)
      guard let map = try study.sweep([subject], size: size, stride: stride)?.first?.map,
        let base = map.base, base.label == label, let probability = map.probability
      else { continue }
      var (over, beside) = ([Double](), [Double]())
      var lowest = (value: Float.infinity, isInside: false)
      for (down, top) in map.rows.enumerated() {
        for (across, left) in map.columns.enumerated() {
          let (row, column) = (top + size / 2, left + size / 2)
          let isInside =
            (object.top..<object.bottom).contains(row) && (object.left..<object.right).contains(column)
          let drop = Double(base.probability - probability[down][across])
          if isInside { over.append(drop) } else { beside.append(drop) }
          if probability[down][across] < lowest.value { lowest = (probability[down][across], isInside) }
        }
      }
      guard !over.isEmpty, !beside.isEmpty else { continue }
      inside += over.reduce(0, +) / Double(over.count)
      outside += beside.reduce(0, +) / Double(beside.count)
      within += lowest.isInside ? 1 : 0
      known += 1
    }
    let count = Double(max(known, 1))
    print(
      "\(known) pictures labelled right: the true class falls by \(inside / count) where the square's middle is in the "
        + "object's box and by \(outside / count) elsewhere, \(inside / outside) times as much; the lowest lies in the box "
        + "in \(Double(within) / count * 100) %")
  }
}
