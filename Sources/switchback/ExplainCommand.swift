internal import ArgumentParser
internal import Foundation
internal import Switchback

struct ExplainCommand: StudyCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "What in an image a class's score or a unit's activation rests on, by several methods.",
    discussion: """
      Writes for each image RUN/explanations/IMAGE.safetensors, an array a method: rows x columns x channels in the network's \
      input, or rows x columns for maps; signed, not scaled. IMAGE.json says the score, the points looked at and how far sums are \
      from it. A figure shows methods side by side. You can interrupt it; running the same command again resumes.

      METHODS
      \(Method.allCases.map { "  \($0.rawValue): \($0.meaning)" }.joined(separator: "\n"))

      Left out on purpose: Grad-CAM++ (practically Grad-CAM with positive gradients), ScoreCAM (a pass for every map), EigenCAM \
      (no class, and an arbitrary sign), guided Grad-CAM (fails tests of randomised weights), LIME and KernelSHAP (blind to the \
      network), ROAR (trains anew), PatternNet (needs the training set).

      EXAMPLE
        switchback explain squeezenet1.1.onnx images/ --method integrated-gradients,gradcam --class auto --out run
      """)

  @OptionGroup var study: StudyArguments

  @Option(
    help: .value("a,b", "Methods with commas between, or all."), transform: { try ExplainCommand.methods($0) }
  )
  var method: [Method] = [.integratedGradients, .hirescam]

  @Option(
    name: .customLong("class"),
    help: .value(
      "class", "The class explained: auto (the most probable one), true (the label), an index or a name."))
  var label: String?

  @Option(
    help: .value(
      "layer:unit", "A unit in place of a class, as conv5:17: its strongest activation in each image."))
  var unit: String?

  @Option(help: "What of the class: its score, or its probability.") var target = Choice(Aim.score)
  @Option(help: .labels, completion: .file()) var labels: String?

  @Option(help: "What integrated gradients, DeepLIFT and RISE start from: gray, mean, black, noise or blur.")
  var baseline = Choice(OccluderFill.mean)

  @Option(
    help: "The layer of class activation maps, read after its rectifier (default: the last maps).",
    completion: .layers)
  var layer: String?

  @Option(
    help: .value(
      "n",
      "Inputs looked at for each image (default: each method's own; integrated gradients double theirs until sums fit)."
    ))
  var points: Int?

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var cluster: ClusterOptions
  @OptionGroup var common: CommonOptions

  enum Aim: String, CaseIterable, Sendable { case score, probability }

  var model: String { study.model }

  static func methods(_ text: String) throws -> [Method] {
    if text == "all" { return Method.allCases }
    let names = text.split(separator: ",")
    guard !names.isEmpty else { throw ValidationError("no method is named.") }
    return try names.map { name in
      let name = name.trimmingCharacters(in: .whitespaces)
      guard let method = Method(rawValue: name) else {
        let near = nearNames(to: name, among: Method.allCases.map(\.rawValue)).first
        throw ValidationError(
          "there is no method '\(name)'.\(near.map { " Did you mean \($0)?" } ?? "") There are \(Method.allCases.map(\.rawValue).joined(separator: ", "))."
        )
      }
      return method
    }
  }

  func validate() throws {
    guard !method.isEmpty else { throw ValidationError("--method names no method.") }
    guard unit == nil || label == nil else {
      throw ValidationError("--class and --unit exclude each other: one thing is explained.")
    }
    guard unit == nil || target.value == .score else {
      throw ValidationError("--target probability goes with a class; a unit has no probability.")
    }
    if let points, !(1...100_000).contains(points) {
      throw ValidationError("--points must be between 1 and 100000, not \(points).")
    }
  }

  func run() throws {
    let explain = try Explain(
      try preprocessing.subject(model, size: try reading.sides(), common), try .parse(study.pictures),
      methods: method,
      goal: unit.map { .unit($0) } ?? .label(label ?? "auto", isProbability: target.value == .probability),
      labels: labels, baseline: baseline.value, layer: layer, points: points, seed: common.seed,
      strict: common.strict)
    common.note(explain.note)
    try cluster.perform(explain, in: study.out, common) {
      RunReport(run: study.out, pictures: $0.result.pictures, skipped: $0.skipped)
    }
  }
}
