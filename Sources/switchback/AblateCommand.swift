internal import ArgumentParser
internal import Switchback

struct AblateCommand: StudyCommand {
  static let configuration = CommandConfiguration(
    commandName: "ablate",
    abstract: "Ablation: trains variants of a network to measure what each layer contributes (table 3).",
    discussion: """
      SPEC.yaml says what is trained; the names under data and recipe are the flags of `train`:
        base: zfnet
        input: 64
        width: 0.25
        data: {pictures: "scenes:count=6000", exclude: list.txt}
        recipe: {epochs: 5, batch: 32, schedule: cosine, init: he}
        seeds: [1, 2, 3]
        variants:
          - {name: whole, published: [33.1, 38.4, 16.5]}
          - {name: without 3 and 4, removing: [3, 4]}
          - {name: small 6 and 7, resizing: {6: 512, 7: 512}}
          - {name: coarse, base: alexnet, first-layer: {size: 11, stride: 4}}
      Each variant is trained once per seed, as a run of `train` under RUN/variants. A finished variant is \
      not trained again, and variants and seeds may be added later. You can interrupt it; running the same \
      command again resumes. The training error is that of the final network on centre crops of the \
      training images, not the running error of the last epoch.

      EXAMPLE
        switchback ablate Documentation/experiments/table3-small.yaml --out table3
      """)

  @Argument(help: "The experiment, a YAML file.", completion: .file(extensions: ["yaml", "yml"]))
  var spec: String

  @Option(help: .run, completion: .directory) var out: String?
  @Flag(help: "Checks the file and prints the cost of each variant, without training.") var dryRun = false

  @Option(
    help: .value(
      "n", "With --dry-run: the number of classes, so that the images are not needed."))
  var classes: Int?

  @OptionGroup var cluster: ClusterOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if out == nil, !dryRun { throw ValidationError("--out RUN says where the run goes, or --dry-run.") }
    if let classes, !dryRun || classes < 1 {
      throw ValidationError("--classes takes a number above zero, and goes with --dry-run.")
    }
    if common.seed != 0 { throw ValidationError("seeds stand in SPEC.yaml; leave --seed away.") }
  }

  func run() throws {
    let spec = try AblationSpec(reading: self.spec)
    if let classes { return try show(try spec.costs(classes: classes), of: spec.ablation) }
    let ablate = try Ablate(spec, threads: common.workersOfAllRanks, strict: common.strict)
    guard let out, !dryRun else { return try show(ablate.costs, of: spec.ablation) }
    try cluster.perform(ablate, in: out, common, json: \.result)
  }

  private func show(_ costs: [Ablation.Cost], of ablation: Ablation) throws {
    struct Line: Encodable {
      var variant: String
      var cost: Ablation.Cost
    }
    let lines = zip(ablation.variants, costs).map { Line(variant: $0.name, cost: $1) }
    if common.json { return try Terminal.print(json: lines) }
    for line in lines {
      try Terminal.print(
        "\(line.variant): \(line.cost.parameters.grouped) parameters, "
          + "\(line.cost.multiplyAccumulates.grouped) multiply-accumulates per image")
    }
  }
}
