internal import ArgumentParser
internal import Switchback

struct FeaturesCommand: ParsableCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "features",
    abstract: "Top-9 images of each feature map, projected back to pixels: a gallery (figure 2).",
    discussion: """
      One forward pass of every image finds the largest activations of each unit; the gallery shows the image \
      patches that caused them beside their projections. You can interrupt it: the same command resumes. Other \
      layers, units and rules for the same --out reuse the search, and add to the gallery.

      EXAMPLE
        switchback features alexnet.onnx pictures/ --out run --layers conv1,conv5 --units 0..<32
      """)

  @OptionGroup var study: StudyArguments

  @Option(
    help: .value(
      "a,b",
      "Layers by name, comma-separated (default: every convolution, every activated product over channels and every "
        + "residual block's end, whose maps have more than one position)."), completion: .layers)
  var layers: String?

  @Option(
    help: .value(
      "range", "Units projected: 0..<64, 3...9, a list 1,5,8, or all (default: 0..<64)."),
    transform: { try UnitChoice($0) })
  var units = UnitChoice()

  @Option(help: .value("n", "Images per unit.")) var top = 9

  @Option(help: "How signals pass ReLUs on their way back: deconvnet, gradient or guided.")
  var rule = Choice(Features.usualRule)

  @Flag(help: "Read layers before their ReLU.") var preActivation = false
  @Flag(help: "Only activations whose receptive field lies inside the image.") var interior = false
  @Flag(help: "Only search: no projections, no gallery.") var searchOnly = false

  @Flag(
    inversion: .prefixedNo,
    help: "Keep projections as arrays, in RUN/projections (default: up to 1 GB, unless --units is all).")
  var arrays: Bool?

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard (1...1000).contains(top) else {
      throw ValidationError("--top must be between 1 and 1000, not \(top).")
    }
  }

  var model: String { study.model }

  func run() throws {
    let dataset = try Dataset.parse(study.pictures)
    let features = try Features(
      try preprocessing.subject(model, size: try reading.sides(), common), dataset, layers: layers,
      units: units, top: top, rule: rule.value, beforeRectifier: preActivation, interior: interior,
      onlySearching: searchOnly, arrays: arrays, strict: common.strict)
    try common.perform(
      features, in: study.out,
      json: { outcome in
        RunReport(
          run: study.out, layers: outcome.result.layers.map(\.layer),
          pictures: dataset.count(without: outcome.skipped), skipped: outcome.skipped)
      }, last: searchOnly ? { $0.run.path(of: "features.json") } : nil)
  }
}
