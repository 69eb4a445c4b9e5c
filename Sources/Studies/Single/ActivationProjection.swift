internal import Attribution
internal import Execution
internal import Figures
internal import Foundation
public import Images
public import Kernels
public import Networks
public import Tensors

/// One activation of one picture, a whole map or a class score, carried back to pixels.
public struct ActivationProjection {
  /// What is carried back.
  public enum Target: Sendable {
    /// An activation of a layer; the strongest unit where none is named, the unit's strongest position where none is.
    case activation(layer: String, unit: Int?, at: (row: Int, column: Int)?)
    /// A unit's whole map, each activation with its own value.
    case map(layer: String, unit: Int?)
    /// A class's score, by index or name.
    case score(String)
  }

  /// What was carried back, as `--json` prints it.
  public struct Report: Encodable, Sendable {
    public var layer: String
    public var unit: Int
    public var row: Int?
    public var column: Int?
    /// The activation that is carried back; where the layer has an ``upperBound``, the value before it.
    public var value: Float?
    /// What the layer's activation passes on at most (6 of ReLU6); nil where it has no such bound.
    public var upperBound: Float?
    /// Whether the value reaches that bound, so that the network passes on the bound instead.
    public var isSaturated: Bool
    public var rule: String
    /// The receptive field in the network's input, and in the original picture.
    public var inputBox: Box
    public var box: Box
  }

  /// Where it lies, and what it is of.
  public let report: Report
  /// 1 x rows x columns x channels in the network's channel order, zero outside the receptive field.
  public let pixels: Tensor
  /// The receptive field as a picture: zero is mid-grey.
  public let picture: Picture

  /// - Parameters:
  ///   - target: What is carried back.
  ///   - file: A picture.
  ///   - original: The network.
  ///   - model: Its file, for messages.
  ///   - preprocessing: How the picture becomes its input.
  ///   - rule: How signals pass rectifiers.
  ///   - isBefore: Whether the layer is read before its rectifier.
  ///   - isLimitedToField: Whether only the receptive field is computed; the same numbers either way.
  ///   - threads: How many compute.
  /// - Throws: `ImageError`, `NetworkError`, or ``StudyError`` where there is no such activation.
  public init(
    of target: Target, in file: String, network original: Network, model: String,
    preprocessing: Preprocessing,
    rule: RectifierRule = .deconvnet, beforeRectifier isBefore: Bool = false,
    limitedToField isLimitedToField: Bool = true, threads: Int
  ) throws {
    var network = original
    var value: String
    var bound: Float?
    switch target {
    case .activation(let layer, _, _), .map(let layer, _):
      let found = try network.layer(named: layer)
      value = isBefore ? found.output : found.featureMaps
      let (unbounded, lifted) = network.liftingUpperBounds(of: [value])
      if let before = lifted[value] {
        bound = network.upperBound(of: value)
        (network, value) = (unbounded, before)
      }
    case .score:
      guard let scores = network.scores else {
        throw StudyError("\(model) has no output to score classes by.")
      }
      value = scores
    }
    let (input, framing) = try Self.prepared(file, preprocessing)
    // The network takes pictures of the size that this one has come to, where it leaves that open.
    network.preprocessing = preprocessing
    network.preprocessing?.crop = nil
    network.preprocessing?.resize = .init(rows: framing.cropRows, columns: framing.cropColumns)
    let projector = try Projector(
      network, value: value, rule: rule, limitedToField: isLimitedToField, threads: threads)
    guard input.shape == projector.input else {
      throw NetworkError.input(
        name: network.inputs[0].name, expected: "\(projector.input)",
        found: "\(input.shape) after preprocessing")
    }
    let runner = try Runner(network, keeping: projector.keptValues, recordingSwitches: true, threads: threads)
    let trace = try runner.forward(input)
    guard let maps = trace[value] else { throw NetworkError.missingValue(name: value, node: "the trace") }
    let (seed, place) = try Self.seed(of: target, in: maps, network, model: model, file: file)
    let projection = try projector.project([try projector.evidence(of: seed, in: trace)])[0]
    pixels = projection.placed(in: projector.input)
    let field = projector.fieldInInput(of: seed)
    // Only what passes gates lies outside the field, so the scale of the whole is nearly always the field's own.
    picture = Picture(
      projection: pixels.reshaped(to: [pixels.shape.rows, pixels.shape.columns, pixels.shape.channels]),
      isBGR: preprocessing.channels == .bgr
    ).cropped(to: field)
    let isPlace = if case .activation = seed { true } else { false }
    report = Report(
      layer: target.layer ?? value, unit: place.unit, row: isPlace ? place.row : nil,
      column: isPlace ? place.column : nil, value: isPlace ? place.value : nil,
      upperBound: bound, isSaturated: isPlace && place.value >= bound ?? .infinity, rule: rule.rawValue,
      inputBox: field, box: framing.original(field))
  }

  private static func prepared(
    _ file: String, _ preprocessing: Preprocessing
  ) throws(ImageError) -> (Tensor, Framing) {
    do {
      return try Picture(decoding: file).prepared(preprocessing)
    } catch {
      throw error.naming(file)
    }
  }

  private static func seed(
    of target: Target, in maps: Tensor, _ network: Network, model: String, file: String
  ) throws -> (Seed, (unit: Int, row: Int, column: Int, value: Float)) {
    let units = maps.shape.dimensions.last ?? 0
    let columns = maps.shape.rank == 4 ? maps.shape.columns : 1
    let (layer, unit): (String, Int?)
    switch target {
    case .score(let text):
      let index = try network.classIndex(of: text, classes: units)
      return (.score(unit: index), (index, 0, 0, 0))
    case .activation(let name, let number, _), .map(let name, let number): (layer, unit) = (name, number)
    }
    if let unit, !(0..<units).contains(unit) {
      throw NetworkError.unknownUnit(unit: unit, layer: layer, units: units)
    }
    let peaks = try ChannelPeaks(of: maps)
    guard peaks.values.allSatisfy(\.isFinite) else {
      throw StudyError(notFinite: layer, in: file, of: model)
    }
    let chosen = unit ?? peaks.values.argmax
    guard case .activation(_, _, let at) = target else { return (.map(unit: chosen), (chosen, 0, 0, 0)) }
    var position = Int(peaks.positions[chosen])
    if let at {
      let rows = maps.shape.rank == 4 ? maps.shape.rows : 1
      guard (0..<rows).contains(at.row), (0..<columns).contains(at.column) else {
        throw StudyError(
          "--at takes a row and a column inside \(rows) x \(columns), such as 3,4; not '\(at.row),\(at.column)'."
        )
      }
      position = at.row * columns + at.column
    }
    let (row, column) = (position / columns, position % columns)
    let value = maps.elements[position * units + chosen]
    return (.activation(unit: chosen, row: row, column: column), (chosen, row, column, value))
  }
}

extension ActivationProjection.Target {
  /// The layer, as the user called it; nil for a score.
  fileprivate var layer: String? {
    switch self {
    case .activation(let layer, _, _), .map(let layer, _): layer
    case .score: nil
    }
  }
}
