internal import ArgumentParser
internal import Switchback

struct ClassifyCommand: ParsableCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "classify",
    abstract: "Classifies images; prints the accuracy if their labels are known.",
    discussion: """
      Labels come from class folders, or from --labels: lines of an image's file name, a tab or comma and a class, by \
      its index or name. A folder belongs to the class of that name, WordNet id or index. If no folder's name \
      is that of a class and there are as many folders as classes, they are matched in order.

      EXAMPLE
        switchback classify squeezenet1.1.onnx pictures/ --top 5
        switchback classify a.onnx pictures/ --ensemble b.onnx c.onnx --ten-crop
      """)

  @Argument(help: .network, completion: .onnx) var model: String
  @Argument(help: "A folder of images, or one image.", completion: .directory) var pictures: String
  @Option(help: .value("n", "Number of classes printed per image.")) var top = 5
  @Option(help: .labels, completion: .file()) var labels: String?

  @Option(
    parsing: .upToNextOption,
    help: .value("model", "Further networks of the same classes; the probabilities are averaged."),
    completion: .onnx)
  var ensemble: [String] = []

  @Flag(help: "Average over ten crops per image: four corners and the centre, each also mirrored.")
  var tenCrop = false

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard top > 0 else { throw ValidationError("--top must be positive, not \(top).") }
  }

  func run() throws {
    let dataset = try Dataset.parse(pictures)
    let subjects = try ([model] + ensemble).map {
      try preprocessing.subject($0, size: try reading.sides(), common)
    }
    let (truth, note) = try subjects[0].trueClasses(of: dataset, labels: labels)
    common.note(note)
    let result = try Interrupts.heeded { cancellation in
      try Classification(
        subjects, at: tenCrop ? Placement.ten : [.center], top: top, threads: common.workers,
        cancellation: cancellation
      ).result(
        of: dataset, truth: truth, strict: common.strict,
        listener: Terminal.listener(quiet: common.quiet))
    }
    for skipped in result.skipped { common.note("skipped \(skipped)") }
    if common.json {
      return try Terminal.print(json: result, assumed: subjects.contains(where: \.assumesPreprocessing))
    }
    for entry in result.pictures {
      let labels = entry.top.map { "\($0.name.onOneLine) \(Double($0.probability).percent)" }.joined(
        separator: ", ")
      try Terminal.print("\(entry.image.onOneLine)\t\(labels)")
    }
    if let top1 = result.top1, let top5 = result.top5 {
      let labelled = result.pictures.count { $0.label != nil }
      try Terminal.print("top-1 \(top1.percent), top-5 \(top5.percent) of \(labelled) labelled images")
    }
  }
}
