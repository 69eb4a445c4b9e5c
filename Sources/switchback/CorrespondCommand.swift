internal import ArgumentParser
internal import Switchback

struct CorrespondCommand: StudyCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "correspond",
    abstract:
      "Correspondence: tests whether a network relates the same object part in different images (figure 8).",
    discussion: """
      Masks a part in every image and compares, between images, the signs of the changes in the features. \
      Masking random boxes of the same size is the baseline. PARTS is a JSON file,
        {"pictures":["a.jpg","b.jpg"],"parts":{"nose":[[top,left,bottom,right],[...]]}}
      with one box per image in the image's own pixels, or a data set that annotates parts, such as scenes:.

      EXAMPLE
        switchback correspond model.onnx --parts faces.json --out run --layers conv5,fc7
      """)

  @Argument(help: .network, completion: .onnx) var model: String

  @Option(
    help: "The parts: a JSON file, or a data set such as scenes:.", completion: .file(extensions: ["json"]))
  var parts: String

  @Option(help: .run, completion: .directory) var out: String

  @Option(
    help: .value("a,b", "Layers compared (default: every convolution and fully connected layer)."),
    completion: .layers)
  var layers: String?

  @Option(help: "What a mask is filled with: gray, mean or black.") var fill = Choice(OccluderFill.gray)
  @Option(help: .value("n", "Number of sets of random masks in the baseline.")) var draws = 199
  @Option(help: .value("n", "Number of images taken from a data set.")) var limit = 8

  @Option(
    name: .customLong("class"),
    help: .value("name", "The class taken from a data set (default: that of its first image)."))
  var className: String?

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var cluster: ClusterOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard draws > 0 else { throw ValidationError("--draws must be 1 or more, not \(draws).") }
    guard limit > 1 else { throw ValidationError("--limit must be 2 or more, not \(limit).") }
    guard fill.value != .noise, fill.value != .blur else {
      throw ValidationError("--fill is gray, mean or black here.")
    }
  }

  func run() throws {
    let list = try PartsList(parts, limit: limit, className: className)
    let correspond = try Correspond(
      try preprocessing.subject(model, size: try reading.sides(), common), list, title: parts, layers: layers,
      fill: fill.value,
      draws: draws,
      seed: common.seed)
    try cluster.perform(correspond, in: out, common, json: \.result)
  }
}
