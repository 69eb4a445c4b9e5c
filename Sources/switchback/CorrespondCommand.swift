internal import ArgumentParser
internal import Switchback

struct CorrespondCommand: ParsableCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "correspond",
    abstract: "Tests whether a network relates the same part of different pictures.",
    discussion: """
      Masks each part in every picture and compares the signs of the changes that makes to the features, \
      between pictures; random boxes as large are the measure. PARTS is a JSON file,
        {"pictures":["a.jpg","b.jpg"],"parts":{"nose":[[top,left,bottom,right],[...]]}}
      with a box a picture in its own pixels, or a data set that knows its parts, such as scenes:.

      EXAMPLE
        switchback correspond model.onnx --parts faces.json --out run --layers conv5,fc7
      """)

  @Argument(help: .network, completion: .onnx) var model: String

  @Option(
    help: "The parts: a JSON file, or a data set such as scenes:.", completion: .file(extensions: ["json"]))
  var parts: String

  @Option(help: .run, completion: .directory) var out: String

  @Option(help: .value("a,b", "Layers compared (default: every convolution and fully connected layer)."))
  var layers: String?

  @Option(help: "What a mask shows: gray, mean or black.") var fill = Choice(OccluderFill.gray)
  @Option(help: .value("n", "Sets of random masks that each part is held against.")) var draws = 199
  @Option(help: .value("n", "Pictures taken from a data set.")) var limit = 8

  @Option(
    name: .customLong("class"),
    help: .value("name", "The class taken from a data set (default: the first picture's)."))
  var className: String?

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var preprocessing: PreprocessingOptions
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
      try preprocessing.subject(model, size: try reading.sides()), list, title: parts, layers: layers,
      fill: fill.value,
      draws: draws,
      seed: common.seed)
    try common.perform(correspond, in: out, json: \.result)
  }
}
