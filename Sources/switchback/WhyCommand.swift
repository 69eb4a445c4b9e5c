internal import ArgumentParser
internal import Switchback

struct WhyCommand: StudyCommand {
  static let configuration = CommandConfiguration(
    commandName: "why",
    abstract: "Which units carry a decision, where in the image, and what each of them likes.",
    discussion: """
      Takes a finished run of `features` and images. Of each image a page shows, layer by layer, the units that add the most to \
      the class's score: where in the image their part comes from, and the patches that excite them most. What a unit adds is \
      found by carrying the score down to its layer; where, by carrying that unit's part alone on to the pixels, so that paths \
      around it are not counted as its own. Writes RUN/why/IMAGE.json and .safetensors and a figure for each image.

      EXAMPLE
        switchback features squeezenet1.1.onnx pictures/ --out run
        switchback why run dog.jpg --class auto --out why
      """)

  @Argument(help: "A finished run of features.", completion: .directory) var features: String
  @Argument(help: "The images: a folder, a file, or a data set.", completion: .file()) var pictures: String
  @Option(help: .run, completion: .directory) var out: String

  @Option(
    help: .value(
      "a,b", "Layers of the run, comma-separated (default: the last three whose units are not the classes)."))
  var layers: String?

  @Option(
    name: .customLong("class"),
    help: .value("class", "The class: auto (the most probable one), true (the label), an index or a name."))
  var label: String?

  @Option(help: .value("layer:unit", "A unit in place of a class, as conv5:17: its strongest activation."))
  var unit: String?

  @Option(help: .labels, completion: .file()) var labels: String?

  @Option(
    help:
      "How units share the score: relevance (LRP, epsilon-plus), conductance (integrated gradients of the layer) or deeplift."
  )
  var by = Choice(Why.Sharing.relevance)

  @Option(help: "What conductance and deeplift compare with: gray, mean, black, noise or blur.")
  var baseline = Choice(OccluderFill.mean)

  @Option(help: .value("n", "Units shown of each layer.")) var units = 4
  @Option(help: "Where the run's model is now.", completion: .onnx) var model: String?

  @Option(
    name: .customLong("feature-pictures"), help: "Where the run's images are now.", completion: .directory)
  var place: String?

  @OptionGroup var cluster: ClusterOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard (1...64).contains(units) else {
      throw ValidationError("--units must be between 1 and 64, not \(units).")
    }
    guard unit == nil || label == nil else {
      throw ValidationError("--class and --unit exclude each other: one thing is explained.")
    }
  }

  func run() throws {
    let why = try Why(
      ofRun: features, try .parse(pictures), layers: layers,
      goal: unit.map { .unit($0) } ?? .label(label ?? "auto", isProbability: false), labels: labels,
      sharing: by.value,
      baseline: baseline.value, units: units, model: model, pictures: place, seed: common.seed,
      strict: common.strict)
    common.note(why.note)
    try cluster.perform(why, in: out, common) {
      RunReport(run: out, pictures: $0.result.pictures, skipped: $0.skipped)
    }
  }
}
