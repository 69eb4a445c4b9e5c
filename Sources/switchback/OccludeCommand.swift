internal import ArgumentParser
internal import Switchback

struct OccludeCommand: StudyCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "occlude",
    abstract:
      "Occlusion maps: covers each part of an image in turn and measures how the output changes (figure 7).",
    discussion: """
      Slides a square over each image. For every position it records the total activation of the strongest \
      feature map, the probability of a class, the most probable class, and all logits (as an array). \
      You can interrupt it; running the same command again resumes.

      EXAMPLE
        switchback occlude squeezenet1.1.onnx pictures/ --out run --size 50 --stride 16 --class true
      """)

  @OptionGroup var study: StudyArguments

  @Option(help: .value("a,b", "Side of the square in pixels of the network's input; several as 32,50."))
  var size = "50"

  @Option(help: .value("pixels", "Stride of the square in pixels.")) var stride = 8

  @Option(help: "What the square is filled with: gray, mean, black, noise or blur.")
  var fill = Choice(OccluderFill.gray)

  @Option(
    help: .value("a,b", "Layers whose strongest feature map is recorded (default: the last convolution)."),
    completion: .layers)
  var layer: String?

  @Option(
    name: .customLong("class"),
    help: .value(
      "class", "The class recorded: auto (the most probable one), true (the label), an index or a name."))
  var label = "auto"

  @Option(help: .labels, completion: .file()) var labels: String?

  @Option(
    help: .value(
      "run", "A run of `features`, whose other strongest images of the same feature map are shown."),
    completion: .directory)
  var from: String?

  @Option(
    help: .value("ROWSxCOLUMNS", "The input size of a network with open rows and columns, as 48x320."))
  var inputSize: String?

  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var cluster: ClusterOptions
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
      try preprocessing.subject(model, size: try pictureSize(inputSize, "--input-size"), common),
      try .parse(study.pictures), layers: layer, sizes: try sizes(),
      stride: stride, fill: fill.value, label: label, labels: labels, neighbours: from, seed: common.seed,
      strict: common.strict)
    common.note(occlude.note)
    try cluster.perform(occlude, in: study.out, common) {
      RunReport(run: study.out, pictures: $0.result.pictures, skipped: $0.skipped)
    }
  }
}
