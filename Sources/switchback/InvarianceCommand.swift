internal import ArgumentParser
internal import Switchback

struct InvarianceCommand: StudyCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "invariance",
    abstract:
      "Invariance: how much features change when an image is translated, scaled, rotated or altered (figure 5).",
    discussion: """
      For each transformation and each image it plots two curves: the distance between the features of the \
      transformed and of the original image at the chosen layers, and the probability of the image's class. \
      A layer's area is the mean height of its mean curve, a single number by which networks can be compared.

      EXAMPLE
        switchback invariance model.onnx pictures/ --out run --changes vertical,scale,rotation --limit 5
      """)

  @OptionGroup var study: StudyArguments

  @Option(
    help: .value("a,b", "Layers compared (default: the first and the last feature layer)."),
    completion: .layers)
  var layers: String?

  @Option(
    help: .value(
      "a,b",
      "vertical, horizontal, scale, rotation, brightness, contrast, blur, noise, flip; each may have a range of its own, "
        + "as vertical=-20...20/5."))
  var changes = "vertical,scale,rotation"

  @Option(help: "What fills the area that a translation or rotation uncovers: mean or reflect.")
  var border = Choice(MeasureInvariance.Border.mean)

  @Option(help: .value("n", "Number of images, taken from the start of the data set.")) var limit: Int?
  @Option(help: .labels, completion: .file()) var labels: String?

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var cluster: ClusterOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    _ = try MeasureInvariance.Range.list(changes)
    if let limit, limit < 1 { throw ValidationError("--limit must be 1 or more, not \(limit).") }
  }

  var model: String { study.model }

  func run() throws {
    let invariance = try MeasureInvariance(
      try preprocessing.subject(model, size: try reading.sides(), common), try .parse(study.pictures),
      layers: layers, changes: changes,
      border: border.value, limit: limit, labels: labels, seed: common.seed, strict: common.strict)
    common.note(invariance.note)
    try cluster.perform(invariance, in: study.out, common, json: \.result)
  }
}
