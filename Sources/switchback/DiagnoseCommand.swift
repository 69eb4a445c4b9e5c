internal import ArgumentParser
internal import Switchback

struct DiagnoseCommand: StudyCommand {
  static let configuration = CommandConfiguration(
    commandName: "diagnose",
    abstract:
      "Diagnosis of architectures: dead, duplicate and aliased features of one network or several, with remedies.",
    discussion: """
      Runs every convolution over the images. Reports units that are never active or active for a few images \
      only; filters that dominate, have decayed or are near-duplicates; the spectrum of the first layer \
      compared with the limit that its stride sets; and aliasing in projections of the second layer. Each \
      number has a verdict, and each fault a remedy.

      EXAMPLE
        switchback diagnose alexnet.onnx zfnet.onnx pictures/ --out run
      """)

  @Argument(
    help: .value("model ... pictures", "One network or more (ONNX files), then the images."),
    completion: .file())
  var arguments: [String]

  @Option(help: .run, completion: .directory) var out: String

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var cluster: ClusterOptions
  @OptionGroup var common: CommonOptions

  var models: [String] { arguments.dropLast() }
  var pictures: String { arguments.last ?? "" }

  func validate() throws {
    guard arguments.count > 1 else {
      throw ValidationError(
        "diagnose takes one network or more, then pictures: diagnose a.onnx b.onnx pictures/")
    }
    guard Set(models).count == models.count else { throw ValidationError("a network is named twice.") }
  }

  func run() throws {
    let dataset = try Dataset.parse(pictures)
    let diagnose = try Diagnose(
      try models.map { try preprocessing.subject($0, size: try reading.sides(), common) }, dataset,
      strict: common.strict)
    try cluster.perform(diagnose, in: out, common, json: \.result)
  }
}
