internal import ArgumentParser
internal import Datasets
internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Studies
internal import Tensors

struct OccludeCommand: ParsableCommand, StudyCommand {
  static let configuration = CommandConfiguration(
    commandName: "occlude",
    abstract: "Hides each part of a picture in turn and shows what the network makes of the rest.",
    discussion: """
      One sweep of a square gives, by its position: the total activation of the strongest feature map, the \
      probability of a class, the most probable label, and all class scores as an array. Stopped at any \
      moment, the same command goes on where it was.

      EXAMPLE
        switchback occlude squeezenet1.1.onnx pictures/ --out run --size 50 --stride 16 --class true
      """)

  @OptionGroup var study: StudyArguments

  @Option(
    help: ArgumentHelp(
      "The square's side in pixels of the network's input; several as 32,50.", valueName: "a,b"))
  var size = "50"

  @Option(help: ArgumentHelp("Pixels between neighbouring positions.", valueName: "pixels"))
  var stride = 8

  @Option(help: "What the square shows: gray, mean, black, noise or blur.")
  var fill = OccluderFill.gray

  @Option(
    help: ArgumentHelp(
      "Layers whose strongest map is watched (default: the last convolution).", valueName: "a,b"))
  var layer: String?

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp("The class watched: auto, true, an index or a name.", valueName: "class"))
  var label = "auto"

  @Option(help: "True classes: file name, tab, class index.", completion: .file())
  var labels: String?

  @Option(
    help: ArgumentHelp("A features run to take the map's other strongest pictures from.", valueName: "run"),
    completion: .directory)
  var from: String?

  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    _ = try sizes()
    guard stride > 0 else { throw ValidationError("--stride must be 1 or more, not \(stride).") }
  }

  func sizes() throws -> [Int] {
    let numbers = size.split(separator: ",").map { Int($0.trimmingCharacters(in: .whitespaces)) ?? 0 }
    guard !numbers.isEmpty, numbers.allSatisfy({ $0 > 0 }), Set(numbers).count == numbers.count else {
      throw ValidationError("--size takes pixels such as 50, or several as 32,50; not '\(size)'.")
    }
    return numbers
  }

  func run() throws {
    let subject = try StudySubject(
      model: model, dataset: try .parse(pictures), pictures: pictures, labels: labels, layers: layer,
      preprocessing: preprocessing, strict: strict, common: common, usual: { $0.featureLayers().suffix(1) })
    try check(subject)
    let run = try RunFolder.open(at: out, kind: "occlude", configuration: try configuration(subject))
    try OccludeJob(command: self, subject: subject, run: run).perform()
  }

  /// Whether squares fit and every picture has a class to watch, before a run is begun.
  private func check(_ subject: StudySubject) throws {
    let input = try subject.network.inputShape(images: 1)
    for size in try sizes() { _ = try Occlusion.positions(size: size, stride: stride, over: input) }
    if label == "auto" { return }
    guard subject.scores != nil else {
      throw ArgumentError(
        "\(model) does not end in one score a class, so no class can be watched. Leave --class out: "
          + "feature maps are watched all the same.")
    }
    for item in subject.source.dataset.items { _ = try subject.label(label, of: item.id) }
  }

  private struct Configuration: Encodable {
    var study: StudyConfiguration
    var size: String
    var stride: Int
    var fill: String
    var label: String
    var labels: String?
    var from: String?
  }

  private func configuration(_ subject: StudySubject) throws -> Configuration {
    Configuration(
      study: try subject.configuration(), size: size, stride: stride, fill: fill.rawValue, label: label,
      labels: labels, from: from)
  }
}

/// What an occluder shows, as an argument.
enum OccluderFill: String, CaseIterable, ExpressibleByArgument {
  case gray, mean, black, noise, blur

  /// A whole input of it.
  func cover(of input: Tensor, _ preprocessing: Preprocessing, seed: UInt64) -> Tensor {
    func level(_ level: Float) -> Tensor { preprocessing.withPixels(of: input) { _ in level } }
    switch self {
    case .gray: return level(128)
    case .black: return level(0)
    // The mean colour is what preparation subtracts, so it is zero.
    case .mean: return Tensor(input.shape)
    case .blur: return input.blurred(deviation: Double(input.shape.rows) / 16)
    case .noise:
      var generator = SeededGenerator(seed: seed)
      return preprocessing.withPixels(of: input) { _ in Float.random(in: 0...255, using: &generator) }
    }
  }
}
