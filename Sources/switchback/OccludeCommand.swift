internal import ArgumentParser
internal import Switchback

struct OccludeCommand: ParsableCommand, ModelCommand {
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

  @Option(help: .value("a,b", "The square's side in pixels of the network's input; several as 32,50."))
  var size = "50"

  @Option(help: .value("pixels", "Pixels between neighbouring positions.")) var stride = 8

  @Option(help: "What the square shows: gray, mean, black, noise or blur.")
  var fill = Choice(OccluderFill.gray)

  @Option(help: .value("a,b", "Layers whose strongest map is watched (default: the last convolution)."))
  var layer: String?

  @Option(
    name: .customLong("class"), help: .value("class", "The class watched: auto, true, an index or a name."))
  var label = "auto"

  @Option(help: .labels, completion: .file()) var labels: String?

  @Option(
    help: .value("run", "A features run to take the map's other strongest pictures from."),
    completion: .directory)
  var from: String?

  @Option(
    help: .value("ROWSxCOLUMNS", "The size of pictures for a network of open rows and columns, as 48x320."))
  var inputSize: String?

  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    _ = try sizes()
    _ = try pictureSize(inputSize, "--input-size")
    guard stride > 0 else { throw ValidationError("--stride must be 1 or more, not \(stride).") }
  }

  private func sizes() throws -> [Int] {
    guard let numbers = wholeNumbers(size), Set(numbers).count == numbers.count else {
      throw ValidationError("--size takes pixels such as 50, or several as 32,50; not '\(size)'.")
    }
    return numbers
  }

  var model: String { study.model }

  func run() throws {
    let occlude = try Occlude(
      try preprocessing.subject(model, size: try pictureSize(inputSize, "--input-size")),
      try .parse(study.pictures), layers: layer, sizes: try sizes(),
      stride: stride, fill: fill.value, label: label, labels: labels, neighbours: from, seed: common.seed,
      strict: study.strict)
    common.note(occlude.note)
    try common.perform(occlude, in: study.out) {
      RunReport(run: study.out, pictures: $0.result.pictures, skipped: $0.skipped)
    }
  }
}
