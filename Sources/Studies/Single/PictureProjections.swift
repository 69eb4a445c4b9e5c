internal import Attribution
internal import Execution
internal import Figures
internal import Foundation
public import Images
public import Kernels
public import Networks
internal import Tensors

/// Activations of one picture carried back to pixels: a row an activation, the strongest first, and one projection a rule.
public struct PictureProjections: Sendable {
  /// The picture, upright.
  public let picture: Picture
  /// The part of it that the network sees, in its own pixels.
  public let seen: Box
  public let rules: [RectifierRule]
  /// A projection a rule, for each activation.
  public let rows: [[ActivationProjection]]
  /// What a reader should know, above all where there is nothing to see.
  public let notes: [String]
  /// The files' names, for titles.
  let names: (picture: String, model: String)

  /// - Parameters:
  ///   - target: What is carried back.
  ///   - count: How many of the strongest units, where the target names none; of them only those that are active.
  ///   - file: A picture.
  ///   - original: The network.
  ///   - model: Its file, for messages.
  ///   - preprocessing: How the picture becomes its input.
  ///   - rules: How signals pass rectifiers: a projection each.
  ///   - isBefore: Whether the layer is read before its rectifier.
  ///   - isLimitedToField: Whether only the receptive field is computed; the same numbers either way.
  ///   - threads: How many compute.
  /// - Throws: `ImageError`, `NetworkError`, or ``StudyError`` where there is no such activation.
  public init(
    of target: ActivationProjection.Target, strongest count: Int = 1, in file: String,
    network original: Network, model: String, preprocessing: Preprocessing, rules: [RectifierRule],
    beforeRectifier isBefore: Bool = false, limitedToField isLimitedToField: Bool = true, threads: Int
  ) throws {
    var network = original
    var value: String
    var bound: Float?
    if let layer = target.layer {
      let found = try network.layer(named: layer)
      value = isBefore ? found.output : found.featureMaps
      let (unbounded, lifted) = network.liftingUpperBounds(of: [value])
      if let before = lifted[value] {
        bound = network.upperBound(of: value)
        (network, value) = (unbounded, before)
      }
    } else {
      guard let scores = network.scores else {
        throw StudyError("\(model) has no output to score classes by.")
      }
      value = scores
    }
    picture = try Picture(decoding: file)
    let (input, framing) = try Self.prepared(picture, file, preprocessing)
    // The network takes pictures of the size that this one has come to, where it leaves that open.
    network.preprocessing = preprocessing
    network.preprocessing?.crop = nil
    network.preprocessing?.resize = .init(rows: framing.cropRows, columns: framing.cropColumns)
    let projectors = try rules.map { rule in
      try Projector(network, value: value, rule: rule, limitedToField: isLimitedToField, threads: threads)
    }
    for projector in projectors where input.shape != projector.input {
      throw NetworkError.input(
        name: network.inputs[0].name, expected: "\(projector.input)",
        found: "\(input.shape) after preprocessing")
    }
    let kept = Array(Set(projectors.flatMap(\.keptValues) + [value])).sorted()
    let trace = try Runner(network, keeping: kept, recordingSwitches: true, threads: threads).forward(input)
    guard let maps = trace[value] else { throw NetworkError.missingValue(name: value, node: "the trace") }
    let peaks = try ChannelPeaks(of: maps)
    let places = try Self.places(
      of: target, strongest: count, peaks, maps, network, model: model, file: file, beforeRectifier: isBefore)
    rows = try places.map { place in
      try zip(rules, projectors).map { rule, projector in
        let projection = try projector.project([try projector.evidence(of: place.seed, in: trace)])[0]
        let field = projector.fieldInInput(of: place.seed)
        let pixels = projection.placed(in: projector.input)
        let isScore = target.layer == nil
        return ActivationProjection(
          report: .init(
            layer: target.layer ?? value, unit: place.unit,
            name: isScore ? network.name(ofClass: place.unit) : nil, row: place.row, column: place.column,
            value: place.value, upperBound: bound,
            isSaturated: place.value.map { $0 >= bound ?? .infinity } ?? false,
            isZero: pixels.elements.allSatisfy { $0 == 0 }, rule: rule.rawValue, inputBox: field,
            box: framing.original(field)),
          pixels: pixels, isBGR: preprocessing.channels == .bgr)
      }
    }
    self.rules = rules
    seen = framing.original(Box(top: 0, left: 0, bottom: framing.cropRows, right: framing.cropColumns))
    names = ((file as NSString).lastPathComponent, (model as NSString).lastPathComponent)
    let columns = maps.shape.rank == 4 ? maps.shape.columns : 1
    notes = rows.flatMap { row in
      row.first.map {
        Self.notes(
          on: row.map(\.report), peak: peaks.values[$0.report.unit],
          at: Int(peaks.positions[$0.report.unit]), columns: columns, in: file)
      } ?? []
    }
  }

  /// Activations of one picture in a network that is ready for pictures.
  ///
  /// - Parameters:
  ///   - target: What is carried back.
  ///   - count: How many of the strongest units, where the target names none; of them only those that are active.
  ///   - file: A picture.
  ///   - subject: The network.
  ///   - rules: How signals pass rectifiers: a projection each.
  /// - Throws: `ImageError`, `NetworkError`, or ``StudyError`` where there is no such activation.
  public init(
    of target: ActivationProjection.Target, strongest count: Int = 3, in file: String, subject: Subject,
    rules: [RectifierRule] = [Features.usualRule]
  ) throws {
    try self.init(
      of: target, strongest: count, in: file, network: subject.network, model: subject.model,
      preprocessing: subject.preprocessing, rules: rules,
      threads: ProcessInfo.processInfo.activeProcessorCount)
  }

  private static func prepared(
    _ picture: Picture, _ file: String, _ preprocessing: Preprocessing
  ) throws(ImageError) -> (Tensor, Framing) {
    do {
      return try picture.prepared(preprocessing)
    } catch {
      throw error.naming(file)
    }
  }

  /// Where a signal starts, and what stands there; a map has no one position, and no one value.
  private typealias Place = (seed: Seed, unit: Int, row: Int?, column: Int?, value: Float?)

  private static func places(
    of target: ActivationProjection.Target, strongest count: Int, _ peaks: ChannelPeaks, _ maps: Tensor,
    _ network: Network, model: String, file: String, beforeRectifier isBefore: Bool
  ) throws -> [Place] {
    let units = maps.shape.dimensions.last ?? 0
    let isMap = maps.shape.rank == 4
    let (rows, columns) = isMap ? (maps.shape.rows, maps.shape.columns) : (1, 1)
    let (layer, unit): (String, Int?)
    switch target {
    case .score(let text):
      let index = try network.classIndex(of: text, classes: units)
      return [(.score(unit: index), index, nil, nil, peaks.values[index])]
    case .activation(let name, let number, _), .map(let name, let number): (layer, unit) = (name, number)
    }
    if let unit, !(0..<units).contains(unit) {
      throw NetworkError.unknownUnit(unit: unit, layer: layer, units: units)
    }
    guard peaks.values.allSatisfy(\.isFinite) else {
      throw StudyError(notFinite: layer, in: file, of: model)
    }
    var position: Int?
    if case .activation(_, _, let at?) = target {
      guard (0..<rows).contains(at.row), (0..<columns).contains(at.column) else {
        throw StudyError(
          "--at takes a row and a column inside \(rows) x \(columns), such as 3,4; not '\(at.row),\(at.column)'."
        )
      }
      position = at.row * columns + at.column
    }
    let elements = maps.elements
    func value(_ unit: Int) -> Float { position.map { elements[$0 * units + unit] } ?? peaks.values[unit] }
    var chosen = unit.map { [$0] } ?? []
    if unit == nil {
      let order = (0..<units).sorted { (value($1), $0) < (value($0), $1) }.prefix(max(1, count))
      let active = order.filter { value($0) > 0 || isBefore }
      chosen = active.isEmpty ? Array(order.prefix(1)) : active
    }
    return chosen.map { unit in
      guard case .activation = target else { return (.map(unit: unit), unit, nil, nil, nil) }
      let place = position ?? Int(peaks.positions[unit])
      let (row, column) = (place / columns, place % columns)
      return (.activation(unit: unit, row: row, column: column), unit, row, column, value(unit))
    }
  }

  /// What should be said of an activation's projections.
  private static func notes(
    on reports: [ActivationProjection.Report], peak: Float, at position: Int, columns: Int, in file: String
  ) -> [String] {
    let report = reports[0]
    let what = "\(report.layer) unit \(report.unit)"
    guard report.name == nil, reports.contains(where: \.isZero) || report.isSaturated else { return [] }
    if report.value == 0 || (report.value == nil && peak <= 0) {
      if peak <= 0 {
        return ["\(what) is not active anywhere in \(file): its projection is zero. Choose another unit."]
      }
      let place = "\(report.row ?? 0),\(report.column ?? 0)"
      return [
        "\(what) is 0 at \(place) of \(file): its projection is zero. Its strongest position is "
          + "\(position / columns),\(position % columns), with \(Double(peak).significant); without --at that is taken."
      ]
    }
    var notes: [String] = []
    if report.isSaturated, let bound = report.upperBound {
      notes.append(
        "\(report.layer)'s activation passes on \(bound) at most; the value before that bound is carried back."
      )
    }
    return notes
      + reports.filter(\.isZero).map {
        "the projection of \(what) by the rule \($0.rule) is zero everywhere: no signal passes the layers below."
      }
  }
}
