internal import ArgumentParser
internal import Attribution
internal import Execution
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Kernels
internal import Networks
internal import Tensors

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

  @Argument(help: "The network, an ONNX file.", completion: .file(extensions: ["onnx"]))
  var model: String

  @Argument(help: "The picture.", completion: .file())
  var image: String

  @Option(help: "The layer: a node's name, its output's name, or conv5 by order.")
  var layer: String?

  @Option(help: ArgumentHelp("The feature map.", valueName: "channel"))
  var unit: Int?

  @Option(help: ArgumentHelp("The position in the feature map.", valueName: "row,column"))
  var at: String?

  @Flag(help: "The unit's whole map, each activation with its own value.")
  var map = false

  @Option(help: ArgumentHelp("A class's score instead of a layer: its index or name.", valueName: "class"))
  var score: String?

  @Option(help: "How signals pass rectifiers: deconvnet, gradient or guided.")
  var rule = RuleChoice.deconvnet

  @Flag(help: "Read the layer before its rectifier.")
  var preActivation = false

  @Flag(help: "Compute the whole picture, not only the receptive field: the same numbers, slower.")
  var fullSize = false

  @Option(help: "The projection as a PNG.", completion: .file(extensions: ["png"]))
  var out: String

  @Option(
    help: "The projection as an array: 1 x channels x rows x columns.",
    completion: .file(extensions: ["safetensors"]))
  var array: String?

  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard (layer == nil) != (score == nil) else { throw ValidationError("give either --layer or --score.") }
    guard !map || at == nil else { throw ValidationError("--map takes the whole map: leave --at out.") }
  }

  private struct Report: Encodable {
    var layer: String
    var unit: Int
    var row: Int?
    var column: Int?
    var value: Float?
    var rule: String
    /// Top, left, bottom, right of the receptive field in the network's input, and in the original picture.
    var inputBox: Box
    var box: Box
  }

  func run() throws {
    var network = try Network(onnx: model)
    let name: String
    if let layer {
      let found = try network.layer(named: layer)
      name = preActivation ? found.output : found.featureMaps
    } else {
      guard let scores = network.scores else {
        throw ArgumentError("\(model) has no output to score classes by.")
      }
      name = scores
    }
    let preprocessing = try preprocessing.resolved(for: network, quiet: common.quiet)
    let (input, framing) = try prepared(preprocessing)
    // The network takes pictures of the size that this one has come to, where it leaves that open.
    network.preprocessing = preprocessing
    network.preprocessing?.crop = nil
    network.preprocessing?.resize = .init(rows: framing.cropRows, columns: framing.cropColumns)
    let projector = try Projector(
      network, value: name, rule: rule.rule, limitedToField: !fullSize, threads: common.workers)
    guard input.shape == projector.input else {
      throw NetworkError.input(
        name: network.inputs[0].name, expected: "\(projector.input)",
        found: "\(input.shape) after preprocessing")
    }
    let runner = try Runner(
      network, keeping: projector.keptValues, recordingSwitches: true, threads: common.workers)
    let trace = try runner.forward(input)
    guard let maps = trace[name] else { throw NetworkError.missingValue(name: name, node: "the trace") }
    let (seed, place) = try seed(in: maps, network)
    let projection = try projector.project([try projector.evidence(of: seed, in: trace)])[0]
    let whole = projection.placed(in: projector.input)
    let field = projector.fieldInInput(of: seed)
    let shown = Picture(
      projection: whole.reshaped(to: [whole.shape.rows, whole.shape.columns, whole.shape.channels]).cropped(
        to: field),
      isBGR: preprocessing.channels == .bgr)
    try DurableFile.write(Data(try shown.encodedPNG()), to: out)
    if let array {
      try SafeTensors(["projection": try whole.inONNXOrder()]).write(to: array)
    }
    let isPlace = if case .activation = seed { true } else { false }
    let report = Report(
      layer: layer ?? name, unit: place.unit, row: isPlace ? place.row : nil,
      column: isPlace ? place.column : nil,
      value: isPlace ? place.value : nil, rule: rule.rawValue, inputBox: field, box: framing.original(field))
    if common.json { return try Terminal.print(json: report) }
    if !common.quiet {
      var line = "\(report.layer) unit \(report.unit)"
      if let row = report.row, let column = report.column, let value = report.value {
        line += " at \(row),\(column) with \(value)"
      }
      try Terminal.print("\(line) -> \(out), pixels \(report.box) of \(image)")
    }
  }

  private func prepared(_ preprocessing: Preprocessing) throws(ImageError) -> (Tensor, Framing) {
    do {
      return try Picture(decoding: image).prepared(preprocessing)
    } catch {
      throw error.naming(image)
    }
  }

  private func seed(in maps: Tensor, _ network: Network) throws -> (
    Seed, (unit: Int, row: Int, column: Int, value: Float)
  ) {
    let units = maps.shape.dimensions.last ?? 0
    if let score {
      let index = try network.classIndex(of: score, classes: units)
      return (.score(unit: index), (index, 0, 0, 0))
    }
    if let unit, !(0..<units).contains(unit) {
      throw NetworkError.unknownUnit(unit: unit, layer: layer ?? "", units: units)
    }
    let columns = maps.shape.rank == 4 ? maps.shape.columns : 1
    let peaks = try ChannelPeaks(of: maps)
    guard peaks.values.allSatisfy(\.isFinite) else {
      throw ArgumentError(
        "\(model): '\(layer ?? "")' is not finite (NaN, or infinite) for \(image). "
          + "Check the network's weights and how pictures are prepared.")
    }
    let chosen = unit ?? peaks.values.indices.max { peaks.values[$0] < peaks.values[$1] } ?? 0
    if map { return (.map(unit: chosen), (chosen, 0, 0, 0)) }
    var position = Int(peaks.positions[chosen])
    if let at {
      let numbers = at.split(separator: ",").compactMap { Int($0) }
      let rows = maps.shape.rank == 4 ? maps.shape.rows : 1
      guard numbers.count == 2, (0..<rows).contains(numbers[0]), (0..<columns).contains(numbers[1]) else {
        throw ArgumentError(
          "--at takes a row and a column inside \(rows) x \(columns), such as 3,4; not '\(at)'.")
      }
      position = numbers[0] * columns + numbers[1]
    }
    let (row, column) = (position / columns, position % columns)
    let value = maps.elements[position * units + chosen]
    return (.activation(unit: chosen, row: row, column: column), (chosen, row, column, value))
  }
}

extension Tensor {
  /// A part of rows x columns x channels.
  fileprivate func cropped(to box: Box) -> Tensor {
    let (columns, channels) = (shape[1], shape[2])
    let elements = elements
    let part: Shape = [box.bottom - box.top, box.right - box.left, channels]
    return Tensor(part) { target in
      var next = 0
      for row in box.top..<box.bottom {
        for index in (row * columns + box.left) * channels..<(row * columns + box.right) * channels {
          target[next] = elements[index]
          next += 1
        }
      }
    }
  }
}
