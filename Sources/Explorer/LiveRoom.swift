internal import Attribution
internal import Execution
internal import Figures
internal import Foundation
internal import Images
internal import Kernels
internal import Networks
internal import Peaks
internal import Studies
internal import Synchronization
internal import Tensors

/// Pictures that a person gave: what they excite, where, and any of those activations carried back.
///
/// They are held in memory alone, the last few of them, and go with the server.
actor LiveRoom {
  /// A unit that a picture excites, strongest relative to its own range.
  struct Excited: Encodable, Sendable {
    var unit: Int
    var value: Float
    /// The value over the largest that any picture of the run gave the unit; nil where none did.
    var share: Double?
    var row: Int
    var column: Int
    /// The receptive field, in pixels of what the network sees.
    var box: Box
  }

  struct ExcitedLayer: Encodable, Sendable {
    var layer: String
    var stem: String
    var rows: Int
    var columns: Int
    var units: [Excited]
  }

  /// What a picture came to.
  struct Impression: Encodable, Sendable {
    var id: String
    /// What the network sees of it.
    var rows: Int
    var columns: Int
    /// The most probable first; nil where the network names no classes.
    var classes: [Classification.Label]?
    var layers: [ExcitedLayer]
  }

  private struct Given {
    let input: Tensor
    let seen: Picture
    let impression: Impression
  }

  /// The most pixels, and the most bytes, of a picture that is taken.
  static let mostPixels = 40_000_000
  static let mostBytes = 20 << 20
  private static let (mostKept, mostUnits, mostClasses) = (8, 24, 5)

  private var view: RunView
  private let threads: Int
  private var given: [String: Given] = [:]
  private var order: [String] = []
  private var runner: Runner?
  private var trace: (id: String, trace: Trace)?
  private var projectors: [(key: String, projector: Projector, runner: Runner)] = []
  /// The last forward pass for a projection: another unit of the layer, or another position, needs none.
  private var carried: (key: String, id: String, trace: Trace)?
  /// Rises with each picture and each sweep: what is under way for an earlier one ends.
  private let latest = Mutex(0)

  init(_ view: RunView, threads: Int) {
    self.view = view
    self.threads = threads
  }

  /// Knows from here on what the run's search has found since.
  func update(_ view: RunView) { self.view = view }

  /// What tells the work of whoever asks now that a newer picture or sweep was asked for, and so ends it.
  nonisolated func newest() -> Cancellation {
    let mine = latest.withLock { number in
      number += 1
      return number
    }
    return Cancellation { [self] in latest.withLock { $0 } != mine }
  }

  /// Takes in a picture, a file of a kind that is read; `ImageError` where it is none.
  func take(_ bytes: [UInt8], _ cancellation: Cancellation) throws -> Impression {
    try cancellation.check("a newer image was given.")
    let preprocessing = view.study.subject.preprocessing
    let picture = try Picture(decoding: bytes, named: "the image", limit: Self.mostPixels)
    let seen = try picture.framed(preprocessing).seen
    let input = seen.values(preprocessing)
    let id = String(UInt64.random(in: .min ... .max), radix: 16)
    let runner = try self.runner ?? Runner(view.study.subject.network, keeping: keptValues, threads: threads)
    self.runner = runner
    let trace = try runner.forward(input)
    let impression = Impression(
      id: id, rows: seen.rows, columns: seen.columns, classes: try classes(in: trace),
      layers: try view.layers.map { try excited($0, in: trace, most: Self.mostUnits) })
    given[id] = Given(input: input, seen: seen, impression: impression)
    order.append(id)
    if order.count > Self.mostKept { given[order.removeFirst()] = nil }
    self.trace = (id, trace)
    return impression
  }

  private var keptValues: [String] {
    Array(Set(view.layers.map(\.value) + [view.study.subject.head?.scores].compactMap(\.self))).sorted()
  }

  private func classes(in trace: Trace) throws -> [Classification.Label]? {
    let subject = view.study.subject
    guard let head = subject.head, let scores = trace[head.scores] else { return nil }
    let probabilities = try head.probabilities(of: scores.reshaped(to: [1, scores.shape.count])).elements
    return probabilities.indices.sorted { (probabilities[$1], $0) < (probabilities[$0], $1) }
      .prefix(Self.mostClasses).map {
        .init(index: $0, name: subject.network.name(ofClass: $0), probability: probabilities[$0])
      }
  }

  private func excited(_ layer: RunView.Layer, in trace: Trace, most: Int) throws -> ExcitedLayer {
    guard let maps = trace[layer.value] else {
      throw NetworkError.missingValue(name: layer.value, node: "the trace")
    }
    let peaks = try ChannelPeaks(of: maps)
    let columns = maps.shape.rank == 4 ? maps.shape.columns : 1
    let geometry = try FieldGeometry(view.study.subject.network, value: layer.value, rule: view.run.rule)
    let input = view.study.subject.input
    let found = layer.units.filter { peaks.values[$0.number] > 0 }.map { unit -> Excited in
      let (row, column) = Int(peaks.positions[unit.number]).quotientAndRemainder(dividingBy: columns)
      let start = geometry.start(ofRow: row, column: column)
      return Excited(
        unit: unit.number, value: peaks.values[unit.number],
        share: unit.strongest > 0 ? Double(peaks.values[unit.number] / unit.strongest) : nil, row: row,
        column: column,
        box: Box(
          top: max(0, start.top), left: max(0, start.left),
          bottom: min(input.rows, start.top + layer.field.rows),
          right: min(input.columns, start.left + layer.field.columns)))
    }
    let ranked = found.sorted { ($1.share ?? 0, $0.unit) < ($0.share ?? 0, $1.unit) }
    return ExcitedLayer(
      layer: layer.name, stem: layer.stem, rows: layer.map.rows, columns: layer.map.columns,
      units: Array(ranked.prefix(most)))
  }

  /// The trace of a picture that was given; nil for one that is not held any more.
  private func trace(of id: String) throws -> Trace? {
    guard let held = given[id] else { return nil }
    if let trace, trace.id == id { return trace.trace }
    let found = try runner?.forward(held.input)
    if let found { trace = (id, found) }
    return found
  }

  /// What the network sees of a picture; nil for one that is not held any more.
  func seen(_ id: String) throws -> [UInt8]? {
    try given[id]?.seen.encoded(as: .webp(quality: 90))
  }

  /// All units of a layer that a picture excites; nil for a picture that is not held any more.
  func layer(_ layer: RunView.Layer, of id: String) throws -> ExcitedLayer? {
    try trace(of: id).map { try excited(layer, in: $0, most: .max) }
  }

  /// A unit's map of a picture: transparent where it is not active, and the more opaque the stronger.
  func map(_ unit: Int, of layer: RunView.Layer, _ id: String) throws -> [UInt8]? {
    guard let maps = try trace(of: id)?[layer.value], layer.units.indices.contains(unit) else { return nil }
    let (rows, columns) = layer.map
    let count = layer.units.count
    let elements = maps.elements
    let values = (0..<rows * columns).map { max(0, elements[$0 * count + unit]) }
    let most = max(values.max() ?? 0, .leastNormalMagnitude)
    let opacity = values.map { UInt8(min(255, ($0 / most * 220).rounded())) }
    let pixels = Array(repeating: [255, 80, 0] as [UInt8], count: rows * columns).flatMap(\.self)
    return try Picture(rows: rows, columns: columns, pixels: pixels).encoded(
      as: .losslessWebP, opacity: opacity)
  }

  /// Where a signal starts in a picture.
  struct Place: Sendable {
    var layer: RunView.Layer
    var unit: Int
    /// Row and column; nil for the unit's strongest position.
    var at: (row: Int, column: Int)?
    var rule: RectifierRule
  }

  /// An activation of a picture carried back, 1 x rows x columns x channels; nil for a picture that is not held any more.
  ///
  /// - Throws: `NetworkError` for a unit or a position that is not there.
  func projection(_ place: Place, of id: String) throws -> Tensor? {
    guard let held = given[id] else { return nil }
    guard place.layer.units.indices.contains(place.unit) else {
      throw NetworkError.unknownUnit(
        unit: place.unit, layer: place.layer.name, units: place.layer.units.count)
    }
    let key = place.rule.rawValue + " " + place.layer.value
    if !projectors.contains(where: { $0.key == key }) {
      let network = view.study.subject.network
      let projector = try Projector(network, value: place.layer.value, rule: place.rule, threads: threads)
      let kept = Array(Set(projector.keptValues + [place.layer.value])).sorted()
      let runner = try Runner(network, keeping: kept, recordingSwitches: true, threads: threads)
      if projectors.count == 4 { projectors.removeFirst() }
      projectors.append((key, projector, runner))
    }
    guard let (_, projector, runner) = projectors.first(where: { $0.key == key }) else { return nil }
    let known = carried.flatMap { $0.key == key && $0.id == id ? $0.trace : nil }
    let trace = try known ?? runner.forward(held.input)
    carried = (key, id, trace)
    var at = place.at
    if at == nil, let maps = trace[place.layer.value] {
      let position = Int(try ChannelPeaks(of: maps).positions[place.unit])
      let columns = place.layer.map.columns
      at = (position / columns, position % columns)
    }
    let seed = Seed.activation(unit: place.unit, row: at?.row ?? 0, column: at?.column ?? 0)
    return try projector.project([try projector.evidence(of: seed, in: trace)])[0].placed(in: projector.input)
  }

  /// A projection as it is shown, the size of what the network sees.
  func picture(_ place: Place, of id: String) throws -> Picture? {
    guard let pixels = try projection(place, of: id) else { return nil }
    let input = pixels.shape
    return Picture(
      projection: pixels.reshaped(to: [input.rows, input.columns, input.channels]),
      isBGR: view.study.subject.preprocessing.channels == .bgr, saturating: 0.01)
  }

  /// What hiding each part of a picture does to its classes.
  struct Sweep: Encodable, Sendable {
    struct Class: Encodable, Sendable {
      var index: Int
      var name: String
      /// Of the whole picture.
      var base: Float
      var probability: [[Float]]
    }

    var size: Int
    /// Where squares begin, in pixels of what the network sees.
    var rows: [Int]
    var columns: [Int]
    var classes: [Class]
  }

  /// Sweeps a grey square of a side over a picture, so many pixels between its positions; nil for one that is not held
  /// any more.
  ///
  /// A newer sweep ends it with an `Interruption`; a network without classes is a `StudyError`.
  func sweep(
    _ id: String, size: Int, stride: Int, _ cancellation: Cancellation
  ) throws -> Sweep? {
    try cancellation.check("something newer was asked for.")
    guard let held = given[id] else { return nil }
    guard let classes = held.impression.classes, let head = view.study.subject.head else {
      throw StudyError("the network names no classes, so there is nothing to hide parts from.")
    }
    let occlusion = try Occlusion(
      view.study.subject.network, layers: [], threads: threads, cancellation: cancellation)
    let cover = OccluderFill.gray.cover(
      of: held.input, view.study.subject.preprocessing, mean: nil, seed: 0)
    let swept = try occlusion.sweep(
      [.init(name: "the image", input: held.input, cover: cover)], size: size, stride: stride)[0]
    guard let scores = swept.scores else { return nil }
    let (down, across, count) = (scores.shape[0], scores.shape[1], scores.shape[2])
    let all = try head.probabilities(of: scores.reshaped(to: [down * across, count])).elements
    return Sweep(
      size: size, rows: swept.map.rows, columns: swept.map.columns,
      classes: classes.map { label in
        .init(
          index: label.index, name: label.name, base: label.probability,
          probability: (0..<down).map { row in
            (0..<across).map { all[(row * across + $0) * count + label.index] }
          })
      })
  }
}
