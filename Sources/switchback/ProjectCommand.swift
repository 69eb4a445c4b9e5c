internal import ArgumentParser
internal import Foundation
internal import Switchback

struct ProjectCommand: ParsableCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "project",
    abstract: "Projects activations of one image back to pixels, as a figure.",
    discussion: """
      The figure has a row for each activation: the image with the receptive field framed, the patch, the \
      projection, and the patch where the projection is strong. Without --unit the layer's strongest units are \
      taken; without --at, each unit's strongest position. --map projects a unit's whole map, --score a class's \
      score. Several rules stand side by side. Boxes are printed as top, left, bottom, right.

      EXAMPLE
        switchback project model.onnx cat.jpg --layer conv5 --out cat.png
        switchback project model.onnx cat.jpg --layer conv5 --unit 17 --rules deconvnet,guided --out cat.pdf
      """)

  @Argument(help: .network, completion: .onnx) var model: String
  @Argument(help: "The image.", completion: .file()) var image: String
  @Option(
    help: """
      The layer: layer3.1.conv2 as the exported program calls it, conv5 by order, a node's name, or its output's name.
      """, completion: .layers)
  var layer: String?
  @Option(help: .value("channel", "The unit (feature map); without it the strongest.")) var unit: Int?
  @Option(help: .value("n", "How many of the strongest units, where --unit names none.")) var top = 3
  @Option(help: .value("row,column", "The position in the feature map.")) var at: String?
  @Flag(help: "The unit's whole map, each activation with its own value.") var map = false
  @Option(help: .value("class", "A class's score instead of a layer: its index or name.")) var score: String?

  @Option(
    name: [.customLong("rule"), .customLong("rules")],
    help: .value(
      "rules",
      "How signals pass ReLUs on their way back: deconvnet, gradient or guided, or several with commas between."
    ))
  var rules = Rules(values: [Features.usualRule])

  @Flag(help: "Read the layer before its ReLU.") var preActivation = false

  @Flag(help: "Compute the whole image, not only the receptive field: the same numbers, slower.")
  var fullSize = false

  @Option(
    help: "The figure; its ending gives the format: .png, .jpg, .webp, .svg or .pdf.",
    completion: .file(extensions: ["png", "jpg", "webp", "svg", "pdf"]))
  var out: String

  @Flag(help: "Write the strongest projection alone, at the input's pixels (.png, .jpg or .webp).")
  var plain = false

  @Option(
    help: "Write the strongest projection as an array too: 1 x channels x rows x columns.",
    completion: .file(extensions: ["safetensors"]))
  var array: String?

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  /// One rule or several, with commas between.
  struct Rules: ExpressibleByArgument {
    let values: [RectifierRule]

    init(values: [RectifierRule]) { self.values = values }

    init?(argument: String) {
      let words = argument.split(separator: ",", omittingEmptySubsequences: false)
      values = words.compactMap { RectifierRule(rawValue: String($0)) }
      guard values.count == words.count, Set(values).count == words.count else { return nil }
    }

    var defaultValueDescription: String { values.map(\.rawValue).joined(separator: ",") }

    static var allValueStrings: [String] { RectifierRule.allCases.map(\.rawValue) }
  }

  /// What `--json` prints: the strongest activation, and all by all rules.
  private struct Output: Encodable {
    var first: ActivationProjection.Report
    var projections: [ActivationProjection.Report]

    func encode(to encoder: any Encoder) throws {
      try first.encode(to: encoder)
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(projections, forKey: .projections)
    }

    private enum CodingKeys: CodingKey { case projections }
  }

  func validate() throws {
    guard (layer == nil) != (score == nil) else { throw ValidationError("give either --layer or --score.") }
    guard !map || at == nil else { throw ValidationError("--map takes the whole map: leave --at out.") }
    guard top > 0 else { throw ValidationError("--top must be 1 or more, not \(top).") }
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
    let formats = FigureFormat.allCases.filter { !plain || $0.encoding != nil }
    let format = try FigureFormat(endingOf: out, among: formats)
    let network = try reading.network(model)
    let (prepared, isAssumed) = try network.preprocessing(overriddenBy: try preprocessing.overrides())
    let notes = (isAssumed ? [network.note(ofAssumed: prepared)] : []) + network.notes
    try common.tell(notes + (score == nil ? [] : try network.classHead()?.notes ?? []), of: model)
    let projections = try PictureProjections(
      of: try target(), strongest: plain ? 1 : top, in: image, network: network, model: model,
      preprocessing: prepared, rules: rules.values, beforeRectifier: preActivation,
      limitedToField: !fullSize, threads: common.workers)
    if common.strict, let note = projections.notes.first { throw StudyError(note) }
    guard let first = projections.rows.first?.first else {
      throw StudyError("nothing of \(image) was projected.")
    }
    let file =
      plain
      ? try first.picture.encoded(as: format.encoding ?? .png)
      : try projections.drawing().file(as: format, dotsPerInch: 144)
    try DurableFile.write(Data(file), to: out)
    if let array {
      try SafeTensors(["projection": try first.pixels.inONNXOrder()]).write(to: array)
    }
    for note in projections.notes { common.note("note: \(note)") }
    if common.json {
      return try Terminal.print(
        json: Output(first: first.report, projections: projections.rows.flatMap { $0.map(\.report) }),
        assumed: isAssumed)
    }
    guard !common.quiet else { return }
    for report in projections.rows.compactMap({ $0.first?.report }) {
      var line = report.name.map { "class \(report.unit) (\($0))" } ?? "\(report.layer) unit \(report.unit)"
      if let row = report.row, let column = report.column { line += " at \(row),\(column)" }
      if let value = report.value { line += " with \(value)" }
      let box = report.box
      try Terminal.print(
        "\(line): rows \(box.top) to \(box.bottom), columns \(box.left) to \(box.right) of \(image)")
    }
    try Terminal.print(out)
  }
}
