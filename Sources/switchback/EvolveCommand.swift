internal import ArgumentParser
internal import Switchback

struct EvolveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evolve",
    abstract: "Shows how a training run's features came to be.",
    discussion: """
      For units drawn by chance in each layer, at the epochs a training run saved: the strongest activation \
      over the training pictures, carried back to pixels. And in numbers: how many units' strongest picture \
      changed, and when projections settle. Stopped or killed, the same command goes on where it was.

      EXAMPLE
        switchback evolve run --units 6 --epochs 1,2,5,10
      """)

  @Argument(help: .value("run", "A training run's folder."), completion: .directory) var trained: String

  @Option(
    help: .value("folder", "The folder for what is found (default: evolution in the run's)."),
    completion: .directory)
  var out: String?

  @Option(
    help: .value("pictures", "The pictures (default: those the run was trained on)."), completion: .directory)
  var pictures: String?

  @Option(help: .value("a,b", "Epochs as 1,2,5 (default: eight of those saved, early ones denser)."))
  var epochs: String?

  @Option(help: .value("a,b", "Layers by name, comma-separated (default: every convolution)."))
  var layers: String?

  @Option(help: .value("n", "Units drawn and projected in each layer.")) var units = 6

  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard units > 0 else { throw ValidationError("--units must be 1 or more, not \(units).") }
  }

  func run() throws {
    let evolve = try Evolve(
      run: trained, epochs: epochs, pictures: pictures, layers: layers, units: units, seed: common.seed,
      preprocessing: try preprocessing.overrides(), strict: common.strict)
    for subject in evolve.subjects { try common.tell(subject.notes, of: subject.model) }
    try common.perform(evolve, in: out ?? trained + "/evolution", json: \.result)
  }
}
