internal import ArgumentParser
internal import Switchback

struct FeaturesCommand: StudyCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "features",
    abstract: "Top-9 images of each feature map, projected back to pixels: a gallery (figure 2).",
    discussion: """
      One forward pass of every image finds the largest activations of each unit; the gallery shows the image \
      patches that caused them beside their projections. You can interrupt it: the same command resumes. Other \
      layers, units and rules for the same --out reuse the search, and add to the gallery.

      EXAMPLE
        switchback features alexnet.onnx pictures/ --out run --layers conv1,conv5 --units 0..<32
        switchback features squeezenet1.1.onnx pictures/ --out run --by relevance --class tabby
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

  @Flag(help: "Say on each layer's sheet how far its projections show their units; see switchback trust.")
  var controls = false

  @Flag(
    inversion: .prefixedNo,
    help: "Keep projections as arrays, in RUN/projections (default: up to 1 GB, unless --units is all).")
  var arrays: Bool?

  @Option(
    help:
      "What ranks images: activation, or relevance as well: where each unit added most to a class's score, in a run of its own below RUN."
  )
  var by = Choice(Ranking.activation)

  @Option(
    name: .customLong("class"),
    help: .value(
      "class", "With --by relevance: auto (each image's most probable class), true, an index or a name."))
  var label: String?

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var cluster: ClusterOptions
  @OptionGroup var common: CommonOptions

  enum Ranking: String, CaseIterable, Sendable { case activation, relevance }

  func validate() throws {
    guard label == nil || by.value == .relevance else {
      throw ValidationError("--class goes with --by relevance.")
    }
    guard by.value == .activation || !searchOnly else {
      throw ValidationError("--by relevance needs a whole run: leave --search-only out.")
    }
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
      onlySearching: searchOnly, arrays: arrays, controls: controls, strict: common.strict)
    var first = common
    // One document is printed: that of what was asked for.
    if by.value == .relevance, common.json { (first.json, first.quiet) = (false, true) }
    try cluster.perform(
      features, in: study.out, first,
      json: { outcome in
        RunReport(
          run: study.out, layers: outcome.result.layers.map(\.layer),
          pictures: dataset.count(without: outcome.skipped), skipped: outcome.skipped)
      }, last: searchOnly ? { $0.run.path(of: "features.json") } : nil)
    guard by.value == .relevance else { return }
    let label = label ?? "auto"
    let relevance = try RelevantPictures(
      ofRun: study.out, label: label, seed: common.seed, strict: common.strict)
    common.note(relevance.note)
    let out = study.out + "/relevance-" + label.map { $0.isLetter || $0.isNumber ? String($0) : "_" }.joined()
    try cluster.perform(relevance, in: out, common, json: \.result)
  }
}
