internal import ArgumentParser
internal import Foundation
internal import Switchback

struct ProjectCommand: ParsableCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "project",
    abstract: "Carries one activation of a picture back to pixels.",
    discussion: """
      Without --unit the layer's strongest unit is taken; without --at, the unit's strongest position. --map \
      carries back the unit's whole map, --score a class's score.

      EXAMPLE
        switchback project model.onnx cat.jpg --layer conv5 --unit 17 --out cat.png
      """)

  @Argument(help: .network, completion: .onnx) var model: String
  @Argument(help: "The picture.", completion: .file()) var image: String
  @Option(
    help: """
      The layer: layer3.1.conv2 as the exported program calls it, conv5 by order, a node's name, or its output's name.
      """)
  var layer: String?
  @Option(help: .value("channel", "The feature map.")) var unit: Int?
  @Option(help: .value("row,column", "The position in the feature map.")) var at: String?
  @Flag(help: "The unit's whole map, each activation with its own value.") var map = false
  @Option(help: .value("class", "A class's score instead of a layer: its index or name.")) var score: String?

  @Option(help: "How signals pass rectifiers: deconvnet, gradient or guided.")
  var rule = Choice(Features.usualRule)

  @Flag(help: "Read the layer before its rectifier.") var preActivation = false

  @Flag(help: "Compute the whole picture, not only the receptive field: the same numbers, slower.")
  var fullSize = false

  @Option(help: "The projection as a PNG.", completion: .file(extensions: ["png"])) var out: String

  @Option(
    help: "The projection as an array: 1 x channels x rows x columns.",
    completion: .file(extensions: ["safetensors"]))
  var array: String?

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard (layer == nil) != (score == nil) else { throw ValidationError("give either --layer or --score.") }
    guard !map || at == nil else { throw ValidationError("--map takes the whole map: leave --at out.") }
  }

  private func target() throws -> ActivationProjection.Target {
    if let score { return .score(score) }
    let layer = layer ?? ""
    if map { return .map(layer: layer, unit: unit) }
    let place = try at.map { text in
      guard let numbers = wholeNumbers(text, 0...Int.max), numbers.count == 2 else {
        throw StudyError("--at takes a row and a column, such as 3,4; not '\(text)'.")
      }
      return (row: numbers[0], column: numbers[1])
    }
    return .activation(layer: layer, unit: unit, at: place)
  }

  func run() throws {
    let network = try reading.network(model)
    let (prepared, isAssumed) = try network.preprocessing(overriddenBy: try preprocessing.overrides())
    if isAssumed { Terminal.say("note: \(model): \(network.note(ofAssumed: prepared))") }
    let projection = try ActivationProjection(
      of: try target(), in: image, network: network, model: model, preprocessing: prepared, rule: rule.value,
      beforeRectifier: preActivation, limitedToField: !fullSize, threads: common.workers)
    try DurableFile.write(Data(try projection.picture.encodedPNG()), to: out)
    if let array {
      try SafeTensors(["projection": try projection.pixels.inONNXOrder()]).write(to: array)
    }
    let report = projection.report
    if report.isSaturated {
      common.note(
        "note: this value is the upper bound of \(report.layer)'s activation: its derivative there is zero, so the rules "
          + "gradient and guided give zero. Choose a place below the bound with --at, or --rule deconvnet.")
    }
    if common.json { return try Terminal.print(json: report, assumed: isAssumed) }
    if !common.quiet {
      var line = "\(report.layer) unit \(report.unit)"
      if let row = report.row, let column = report.column, let value = report.value {
        line += " at \(row),\(column) with \(value)"
      }
      try Terminal.print("\(line) -> \(out), pixels \(report.box) of \(image)")
    }
  }
}
