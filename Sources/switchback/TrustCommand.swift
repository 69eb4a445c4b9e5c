internal import ArgumentParser
internal import Foundation
internal import Switchback

struct TrustCommand: StudyCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "trust",
    abstract: "How far projections and attributions can be believed: each beside its controls.",
    discussion: """
      Projects units' strongest activations, then again with another image's switches, for another unit at the same place, for the \
      unit's next image and with shuffled weights, and compares: cosine of values, correlation of magnitudes' ranks, with the \
      image's edges as a control. Writes RUN/trust.json and a figure, and says a sentence a layer. No number passes or fails.

      With --methods, methods of attribution are compared in place of projections (or beside them, with --layers): what the \
      class's probability does when positions are hidden in a map's order (deletion, insertion, SRG, ROAD), whether maps predict \
      what hiding squares does (infidelity), how they move under noise and with shuffled weights, and, where a data set knows it, \
      whether they lie on the object and on the part that matters most. Random, middle and edges stand beside them as controls.

      EXAMPLES
        switchback trust alexnet.onnx pictures/ --layers conv1,conv5 --out run
        switchback trust model.onnx scenes:split=validation --methods gradient,gradcam,lrp-epsilon-plus --out run
      """)

  @OptionGroup var study: StudyArguments

  @Option(help: .value("a,b", "Layers, comma-separated (default: those of `features`)."), completion: .layers)
  var layers: String?

  @Option(help: .value("n", "Units of each layer, drawn by chance from the active ones.")) var units = 8
  @Option(help: .value("n", "Strongest images of each unit.")) var images = 4

  @Option(help: "How signals pass ReLUs on their way back: deconvnet, gradient or guided.")
  var rule = Choice(Features.usualRule)

  @Option(
    help: .value("a,b", "Methods of attribution to compare, or all; see switchback explain --help."),
    transform: { try ExplainCommand.methods($0) })
  var methods: [Method] = []

  @Option(
    help: .value(
      "a,b",
      "What methods are compared by: curves (deletion and insertion), road, infidelity, sensitivity, classes, weights (default: all)."
    ), transform: { try Self.metrics($0) })
  var metrics = MapMetric.allCases

  @Option(help: .value("n", "Images that methods are compared on, drawn by chance.")) var sample = 16

  @Option(
    name: .customLong("class"),
    help: .value(
      "class", "The class explained by methods: auto (the most probable one), true, an index or a name."))
  var label: String?

  @Option(help: "What integrated gradients, DeepLIFT and RISE start from: gray, mean, black, noise or blur.")
  var baseline = Choice(OccluderFill.mean)

  @Option(help: .value("n", "Inputs that methods look at for each map (default: each method's own)."))
  var points: Int?

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var cluster: ClusterOptions
  @OptionGroup var common: CommonOptions

  var model: String { study.model }

  private static func metrics(_ text: String) throws -> [MapMetric] {
    let names = text.split(separator: ",")
    guard !names.isEmpty else { throw ValidationError("no metric is named.") }
    return try names.map { name in
      let name = name.trimmingCharacters(in: .whitespaces)
      guard let metric = MapMetric(rawValue: name) else {
        throw ValidationError(
          "there is no metric '\(name)'. There are \(MapMetric.allCases.map(\.rawValue).joined(separator: ", "))."
        )
      }
      return metric
    }
  }

  func validate() throws {
    for (name, value, range) in [
      ("--units", units, 1...10_000), ("--images", images, 2...100), ("--sample", sample, 1...100_000),
      ("--points", points ?? 1, 1...100_000),
    ] {
      guard range.contains(value) else {
        throw ValidationError(
          "\(name) must be between \(range.lowerBound) and \(range.upperBound), not \(value).")
      }
    }
    guard label == nil || !methods.isEmpty else {
      throw ValidationError("--class says what methods explain: name some with --methods.")
    }
  }

  func run() throws {
    let trust = try Trust(
      try preprocessing.subject(model, size: try reading.sides(), common), try .parse(study.pictures),
      layers: layers, units: units, images: images, rule: rule.value, methods: methods,
      metrics: metrics, label: label ?? "auto", baseline: baseline.value, points: points, sample: sample,
      seed: common.seed,
      strict: common.strict)
    common.note(trust.note)
    try cluster.perform(trust, in: study.out, common, json: { $0.result })
  }
}
