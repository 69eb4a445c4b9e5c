internal import ArgumentParser
internal import Switchback

struct DiagnoseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diagnose",
    abstract: "Says what is wrong with networks' features, side by side, and what to try.",
    discussion: """
      Reads every convolution over the pictures: units that are dead or that few pictures own, filters that \
      dominate, decayed or repeat each other; the spectrum of the first layer against its stride, and \
      aliasing in projections of the second. Each number has a verdict, and each fault a remedy.

      EXAMPLE
        switchback diagnose alexnet.onnx zfnet.onnx pictures/ --out run
      """)

  @Argument(
    help: .value("model ... pictures", "Networks, ONNX files, and last the pictures."), completion: .file())
  var arguments: [String]

  @Option(help: .run, completion: .directory) var out: String
  @Flag(help: .strict) var strict = false

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var preprocessing: PreprocessingOptions
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
      try models.map { try preprocessing.subject($0, size: try reading.sides()) }, dataset, strict: strict)
    try common.perform(diagnose, in: out, json: \.result)
  }
}
