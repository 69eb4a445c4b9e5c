public import Execution
public import Images
internal import Kernels
public import Networks
public import Tensors

/// The way back from one value of a network to another, worked out once.
///
/// It knows which nodes are on the way, each one's rule, which part of each value is computed, and what must be kept
/// of the forward pass. A value; ``Projector`` performs it.
public struct Walk: Sendable {
  /// One node's share.
  struct Turn: Sendable {
    let node: Network.Node
    let rule: Rule
    /// The part of the node's outputs that is computed; whole where an input has to be.
    let field: Field
    /// The part of each input that a signal on ``field`` reaches.
    let below: [Field]
    /// What the rule asks of the forward pass, each with the part of it that a signal on ``field`` meets.
    let kept: [(value: String, field: Field)]
    let needsSwitches: Bool
  }

  public let network: Network
  /// The value where signals start.
  public let value: String
  /// The value where they arrive: the network's input, or one between.
  public let end: String
  let shapes: [String: Shape]
  /// The part that is computed, for a seed at one place, of each value between.
  let fields: [String: Field]
  /// Nodes between, last first.
  let turns: [Turn]
  /// How convolutions are transposed: by default directly, so that outside the receptive field is exactly nothing.
  var convolutions = ConvolutionMethod.Choice.by(.direct)

  /// - Parameters:
  ///   - network: The network.
  ///   - value: The value that seeds belong to.
  ///   - end: The value where the walk ends; the network's input by default.
  ///   - composite: Each node's rule.
  ///   - isLimitedToField: Whether only the receptive field is computed; the full computation gives the same
  ///     numbers, slower.
  /// - Throws: `NetworkError` where a value or its shape is not known, ``AttributionError`` where `value` does not
  ///   depend on `end`, or a node between has no rule.
  public init(
    _ network: Network, from value: String, to end: String? = nil, by composite: Composite,
    limitedToField isLimitedToField: Bool = true
  ) throws {
    guard let first = network.inputs.first else {
      throw NetworkError.input(name: "", expected: "one", found: "a network without inputs")
    }
    let input = try network.inputShape(images: 1)
    guard input.rank == 4 else {
      throw NetworkError.input(name: first.name, expected: "images (rank 4)", found: "\(input)")
    }
    let shapes = try network.shapes(inputs: [first.name: input])
    let end = end ?? first.name
    for name in [value, end] where shapes[name] == nil {
      throw NetworkError.missingValue(name: name, node: "the projection")
    }
    var dependents: Set = [end]
    for node in network.nodes where node.inputs.contains(where: dependents.contains) {
      dependents.formUnion(node.outputs)
    }
    guard dependents.contains(value) else { throw AttributionError.noPath(from: value, to: end) }
    let fields = network.fields(below: value, shapes: shapes, limitedToMaps: true)
      .filter { dependents.contains($0.key) }.mapValues { isLimitedToField ? $0 : .whole }
    (self.network, self.value, self.end, self.shapes, self.fields) = (network, value, end, shapes, fields)
    turns = try network.nodes.reversed().compactMap { node in
      guard let above = node.field(in: fields), node.inputs.contains(where: { fields[$0] != nil }) else {
        return nil
      }
      guard let rule = composite.rule(node), rule.fits(node.operation.family) else {
        throw AttributionError.noRule(node: node.name)
      }
      func below(_ field: Field) -> [Field] {
        node.inputs.indices.map {
          node.operation.field(ofInput: $0, under: field, shapes: node.inputs.map { shapes[$0] })
        }
      }
      let field = below(above).contains(.whole) ? .whole : above
      let reached = below(field)
      let needs = node.needs(under: rule)
      let inputs = needs.inputs ? Array(zip(node.inputs, reached)) : []
      let outputs = needs.outputs ? node.outputs.map { ($0, field) } : []
      return Turn(
        node: node, rule: rule, field: field, below: reached, kept: inputs + outputs,
        needsSwitches: needs.switches)
    }
  }

  /// The shape of the network's input for one picture.
  public var input: Shape { shapes[network.inputs[0].name] ?? [] }

  /// The values that a forward pass must keep for `evidence(of:in:at:)`.
  public var keptValues: [String] {
    Set([value] + turns.flatMap { $0.kept.map(\.value) }).sorted()
  }

  /// The extents of every projection that a seed at one place gives, in positions of the value where the walk ends.
  public var extents: (rows: Int, columns: Int) {
    if case .window(let rows, let columns) = fields[end] { return (rows.extent, columns.extent) }
    guard let map = shapes[end], map.rank == 4 else { return (1, 1) }
    return (map.rows, map.columns)
  }

  /// Bytes of evidence and projection for seeds at one place: what those of one picture share, and what each has to
  /// itself.
  public var bytesHeld: (byPicture: Int, bySeed: Int) {
    var whole: [String: Int] = [:]
    var each = bytes(of: end, on: fields[end])
    for turn in turns {
      let switches = turn.needsSwitches ? [(turn.node.outputs[0], turn.field, Self.winner)] : []
      for (value, field, size) in turn.kept.map({ ($0.value, $0.field, Self.float) }) + switches {
        if field == .whole {
          whole["\(value) \(size)"] = bytes(of: value, on: field, size)
        } else {
          each += bytes(of: value, on: field, size)
        }
      }
    }
    return (whole.values.reduce(0, +), each)
  }

  /// Bytes of the values that a forward pass keeps of one picture.
  package var bytesKept: Int { keptValues.reduce(0) { $0 + bytes(of: $1, on: .whole) } }

  /// The most bytes that carrying one seed takes at any node: signals that wait, and what the node reads and makes.
  ///
  /// - Parameter isWindow: Whether the seed is at one place, so that only its receptive field is computed.
  /// - Returns: Bytes, without those of a kernel's scratch memory.
  func bytesCarried(isWindow: Bool) -> Int {
    func field(_ value: String) -> Field { isWindow ? fields[value] ?? .whole : .whole }
    var waiting = [value: bytes(of: value, on: field(value))]
    var most = 0
    for turn in turns where turn.node.outputs.contains(where: { waiting[$0] != nil }) {
      let above = isWindow ? turn.field : .whole
      var here = turn.node.outputs.reduce(0) { $0 + bytes(of: $1, on: above) }
      for kept in turn.kept { here += bytes(of: kept.value, on: isWindow ? kept.field : .whole) }
      if turn.needsSwitches { here += bytes(of: turn.node.outputs[0], on: above, Self.winner) }
      for (input, below) in zip(turn.node.inputs, turn.below) {
        here += bytes(of: input, on: isWindow ? below : .whole)
        if fields[input] != nil { here += bytes(of: input, on: field(input)) }
      }
      most = max(most, waiting.values.reduce(0, +) + here)
      for output in turn.node.outputs { waiting[output] = nil }
      for input in turn.node.inputs where fields[input] != nil {
        waiting[input] = bytes(of: input, on: field(input))
      }
    }
    return most
  }

  private static let float = MemoryLayout<Float>.size
  /// Bytes of a switch.
  private static let winner = MemoryLayout<UInt16>.size

  /// Bytes of the part of a value that one picture has on a field.
  private func bytes(of value: String, on field: Field?, _ size: Int = Self.float) -> Int {
    let shape = shapes[value] ?? []
    guard case .window(let rows, let columns) = field else { return shape.count * size }
    return rows.extent * columns.extent * shape.channels * size
  }

  /// Cuts what the walk from a seed needs out of a picture's trace.
  ///
  /// - Parameters:
  ///   - seed: Where the signal starts.
  ///   - trace: A forward pass that kept ``keptValues`` and recorded switches.
  ///   - index: The picture's place in the trace.
  /// - Returns: What the walk needs, as small as the receptive field.
  /// - Throws: `NetworkError.unknownUnit`, `NetworkError.shape` where the position is outside the map, or
  ///   `NetworkError.missingValue` where the trace lacks a value or a pool's switches.
  public func evidence(of seed: Seed, in trace: Trace, at index: Int = 0) throws -> Evidence {
    guard let maps = trace[value] else { throw NetworkError.missingValue(name: value, node: "the trace") }
    let map = maps.slices(index..<index + 1)
    let units = map.shape.dimensions.last ?? 0
    let (unit, row, column) = seed.place
    guard (0..<units).contains(unit) else {
      throw NetworkError.unknownUnit(unit: unit, layer: value, units: units)
    }
    let (rows, columns) = map.shape.rank == 4 ? (map.shape.rows, map.shape.columns) : (1, 1)
    guard (0..<rows).contains(row), (0..<columns).contains(column) else {
      throw NetworkError.shape(
        node: value, reason: "position \(row),\(column) is outside its maps of \(rows) x \(columns).")
    }
    let isWindow = fields[value] != .whole && seed.isOnePlace
    return try evidence(
      of: seed.signal(from: map, asWindow: isWindow), at: isWindow ? (row, column) : nil, in: trace, index)
  }

  /// Cuts what the walk from any signal needs out of a picture's trace.
  ///
  /// - Parameters:
  ///   - signal: Of the shape that ``value`` has for one picture.
  ///   - trace: A forward pass that kept ``keptValues`` and recorded switches.
  ///   - index: The picture's place in the trace.
  /// - Returns: What the walk needs, whole maps.
  /// - Throws: `NetworkError.shape` where the signal has another shape, or `NetworkError.missingValue` where the trace
  ///   lacks a value or a pool's switches.
  public func evidence(of signal: Tensor, in trace: Trace, at index: Int = 0) throws -> Evidence {
    guard let shape = shapes[value], signal.shape == shape else {
      throw NetworkError.shape(
        node: value, reason: "a signal of \(signal.shape) for a value of \(shapes[value] ?? []).")
    }
    return try evidence(of: signal, at: nil, in: trace, index)
  }

  /// The same for rules that compare the picture's pass with a reference's.
  package func evidence(of signal: Tensor, in trace: Trace, against reference: Trace) throws -> Evidence {
    var found = try evidence(of: signal, in: trace)
    found.reference = try evidence(of: signal, in: reference).items
    return found
  }

  private func evidence(
    of signal: Tensor, at place: (row: Int, column: Int)?, in trace: Trace, _ index: Int
  ) throws -> Evidence {
    let isAlone = trace.images.count == 1
    func window(_ field: Field) -> (window: Window, rows: Int, columns: Int)? {
      guard let place, case .window(let rows, let columns) = field else { return nil }
      return (
        Window(image: index, row: rows.start(place.row), column: columns.start(place.column)), rows.extent,
        columns.extent
      )
    }
    var items: [String: Evidence.Item] = [:]
    for turn in turns {
      let name = turn.node.name
      if turn.needsSwitches {
        guard let switches = trace.switches(of: name) else {
          throw NetworkError.missingValue(name: "its switches", node: name)
        }
        let cut = window(turn.field).map { switches.cut([$0.window], rows: $0.rows, columns: $0.columns) }
        items[name, default: .init()].switches =
          cut ?? (isAlone ? switches : switches.slices(index..<index + 1))
      }
      for (value, field) in turn.kept {
        guard let kept = trace[value] else { throw NetworkError.missingValue(name: value, node: "the trace") }
        let cut = try window(field).map {
          try Device().cutting([$0.window], rows: $0.rows, columns: $0.columns, from: kept)
        }
        // Seeds of one picture share what stays whole.
        items[name, default: .init()].values[value] =
          cut ?? (isAlone ? kept : kept.slices(index..<index + 1))
      }
    }
    return Evidence(
      isWindow: place != nil, row: place?.row ?? 0, column: place?.column ?? 0, signal: signal, items: items)
  }

  /// Carries every seed of a batch from the value to the end.
  ///
  /// - Parameters:
  ///   - batch: The seeds.
  ///   - stops: Values whose signals are handed out on the way; whole maps only.
  ///   - worker: Whose device computes.
  /// - Returns: For each seed what arrives at the end, and at the stops.
  /// - Throws: What a node's part throws.
  func carry(
    _ batch: [Evidence], stops: Set<String> = [], _ worker: Worker
  ) throws -> [(projection: PixelProjection, stops: [String: Tensor])] {
    guard let first = batch.first else { return [] }
    if batch.contains(where: { $0.isWindow != first.isWindow }) {
      // Windows and whole maps do not share a batch.
      return try batch.flatMap { try carry([$0], stops: stops, worker) }
    }
    let stage = Stage(walk: self, batch: batch, isWindow: first.isWindow)
    var signals: [String: Tensor] = [value: Tensor.stacking(batch.map(\.signal))]
    var handedOut: [String: Tensor] = [:]
    for turn in turns {
      let above = turn.node.outputs.map { signals[$0] }
      guard above.contains(where: { $0 != nil }) else { continue }
      for output in turn.node.outputs {
        // All that read the value have had their turn: its signal is whole.
        if stops.contains(output) { handedOut[output] = signals[output] }
        signals[output] = nil
      }
      let contributions = try stage.contributions(of: turn, above, worker)
      for (name, contribution) in zip(turn.node.inputs, contributions) {
        guard let contribution, fields[name] != nil else { continue }
        if let known = signals[name] {
          signals[name] = try worker.device.combining(known, contribution, by: .add)
        } else {
          signals[name] = contribution
        }
      }
    }
    let field = stage.field(of: end)
    let pixels = signals[end] ?? Tensor(stage.shape(of: end, on: field))
    let (rows, columns) = pixels.shape.rank == 4 ? (pixels.shape.rows, pixels.shape.columns) : (1, 1)
    return batch.enumerated().map { index, evidence in
      let slice = pixels.slices(index..<index + 1)
      let start = stage.start(of: field, evidence)
      let projection = PixelProjection(
        pixels: slice.reshaped(to: [rows, columns, slice.shape.count / max(rows * columns, 1)]),
        top: start.row, left: start.column)
      return (projection, handedOut.mapValues { $0.slices(index..<index + 1) })
    }
  }
}

extension Walk {
  /// The part of the network's input that a seed sees, clipped to it; paths through gates are left out.
  ///
  /// See `Network.fields(below:shapes:limitedToMaps:throughGates:)`. The walk itself goes through gates.
  public func fieldInInput(of seed: Seed) -> Box {
    network.receptiveField(
      seed.isOnePlace ? view : .whole, row: seed.place.row, column: seed.place.column, input: input)
  }

  /// What a seed at one place sees of the network's input, paths through gates left out.
  private var view: Field {
    network.fields(below: value, shapes: shapes, throughGates: false)[network.inputs[0].name] ?? .whole
  }

  /// The part of a whole projection that a seed at one place sees without gates, and its extents; nil where no gate
  /// makes the projection larger than what is seen.
  package var window: (rows: Reach, columns: Reach)? {
    guard end == network.inputs[0].name, fields[end] == .whole,
      network.fields(below: value, shapes: shapes)[end] == .whole, case .window(let rows, let columns) = view,
      rows.extent < input.rows || columns.extent < input.columns
    else { return nil }
    return (rows, columns)
  }
}
