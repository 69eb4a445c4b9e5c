internal import ArgumentParser
internal import Switchback

struct InvarianceCommand: ParsableCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "invariance",
    abstract: "Shows how far features move when a picture is shifted, scaled, turned or changed.",
    discussion: """
      For each change a curve a picture: the distance between the features of the changed and the original \
      picture at the chosen layers, and the probability of its class. A layer's area is the mean height of \
      its mean curve, so two networks compare by one number.

      EXAMPLE
        switchback invariance model.onnx pictures/ --out run --changes vertical,scale,rotation --limit 5
      """)

  @OptionGroup var study: StudyArguments

  @Option(help: .value("a,b", "Layers compared (default: the first and the last that holds features)."))
  var layers: String?

  @Option(
    help: .value(
      "a,b",
      "vertical, horizontal, scale, rotation, brightness, contrast, blur, noise, flip; each may have a range of its own, "
        + "as vertical=-20...20/5."))
  var changes = "vertical,scale,rotation"

  @Option(help: "What a shift or a turn uncovers: mean or reflect.")
  var border = Choice(MeasureInvariance.Border.mean)

  @Option(help: .value("n", "Pictures, the first of the data set.")) var limit: Int?
  @Option(help: .labels, completion: .file()) var labels: String?

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    _ = try MeasureInvariance.Range.list(changes)
    if let limit, limit < 1 { throw ValidationError("--limit must be 1 or more, not \(limit).") }
  }

  var model: String { study.model }

  func run() throws {
    let invariance = try MeasureInvariance(
      try preprocessing.subject(model, size: try reading.sides()), try .parse(study.pictures), layers: layers,
      changes: changes,
      border: border.value, limit: limit, labels: labels, seed: common.seed, strict: study.strict)
    common.note(invariance.note)
    try common.perform(invariance, in: study.out, json: \.result)
  }
}
