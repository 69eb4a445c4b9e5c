internal import ArgumentParser
internal import Switchback

struct EvolveCommand: StudyCommand {
  static let configuration = CommandConfiguration(
    commandName: "evolve",
    abstract:
      "Evolution of features: how the strongest activations of a training run change over its epochs (figure 4).",
    discussion: """
      Takes random units of each layer. At each epoch that the training run saved, it finds the unit's \
      strongest activation over the training images and projects it back to pixels. It also measures how \
      many units' strongest image changed, and at which epoch projections settle. You can interrupt it; \
      running the same command again resumes.

      EXAMPLE
        switchback evolve run --units 6 --epochs 1,2,5,10
      """)

  @Argument(help: .value("run", "A training run's folder."), completion: .directory) var trained: String

  @Option(
    help: .value("folder", "The folder of the results (default: RUN/evolution)."),
    completion: .directory)
  var out: String?

  @Option(
    help: .value("images", "The images (default: those that the run was trained on)."),
    completion: .directory)
  var pictures: String?

  @Option(
    help: .value("a,b", "Epochs as 1,2,5 (default: eight of the saved epochs, more of the early ones)."))
  var epochs: String?

  @Option(help: .value("a,b", "Layers by name, comma-separated (default: every convolution)."))
  var layers: String?

  @Option(help: .value("n", "Number of random units per layer.")) var units = 6

  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var cluster: ClusterOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard units > 0 else { throw ValidationError("--units must be 1 or more, not \(units).") }
  }

  func run() throws {
    let evolve = try Evolve(
      run: trained, epochs: epochs, pictures: pictures, layers: layers, units: units, seed: common.seed,
      preprocessing: try preprocessing.overrides(), strict: common.strict)
    for subject in evolve.subjects { try common.tell(subject.notes, of: subject.model) }
    try cluster.perform(evolve, in: out ?? trained + "/evolution", common, json: \.result)
  }
}
