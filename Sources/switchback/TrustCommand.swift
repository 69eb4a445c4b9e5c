internal import ArgumentParser
internal import Switchback

struct TrustCommand: ParsableCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "trust",
    abstract: "How far projections show their units: what is left of them under controls.",
    discussion: """
      Projects units' strongest activations, then again with another image's switches, for another unit at the same place, for the \
      unit's next image and with shuffled weights, and compares: cosine of values, correlation of magnitudes' ranks, with the \
      image's edges as a control. Writes RUN/trust.json and a figure, and says a sentence a layer. No number passes or fails.

      EXAMPLE
        switchback trust alexnet.onnx pictures/ --layers conv1,conv5 --out run
      """)

  @OptionGroup var study: StudyArguments

  @Option(help: .value("a,b", "Layers, comma-separated (default: those of `features`)."), completion: .layers)
  var layers: String?

  @Option(help: .value("n", "Units of each layer, drawn by chance from the active ones.")) var units = 8
  @Option(help: .value("n", "Strongest images of each unit.")) var images = 4

  @Option(help: "How signals pass ReLUs on their way back: deconvnet, gradient or guided.")
  var rule = Choice(Features.usualRule)

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  var model: String { study.model }

  func validate() throws {
    for (name, value, range) in [("--units", units, 1...10_000), ("--images", images, 2...100)] {
      guard range.contains(value) else {
        throw ValidationError(
          "\(name) must be between \(range.lowerBound) and \(range.upperBound), not \(value).")
      }
    }
  }

  func run() throws {
    let trust = try Trust(
      try preprocessing.subject(model, size: try reading.sides(), common), try .parse(study.pictures),
      layers: layers, units: units, images: images, rule: rule.value, seed: common.seed, strict: common.strict
    )
    try common.perform(trust, in: study.out, json: { $0.result })
  }
}
