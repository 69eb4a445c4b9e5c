public import Execution
public import Images
public import Kernels
public import Networks
public import Tensors

/// The way back from one layer to the network's input, worked out once for a network: which nodes, which part of
/// each value, and what must be kept of the forward pass. A value; ``Projector`` performs it.
public struct Walk: Sendable {
  /// One node's share.
  struct Turn: Sendable {
    let node: Network.Node
    /// The part of the node's outputs that is computed; whole where an input has to be.
    let field: Field
  }

  public let network: Network
  /// The value whose activations are carried back.
  public let value: String
  public let rule: RectifierRule
  /// The shape of the network's input for one picture.
  public let input: Shape
  let shapes: [String: Shape]
  /// The part of each value that the walk computes, for a seed at one place.
  let fields: [String: Field]
  /// Nodes between the input and the value, last first.
  let turns: [Turn]

  /// - Parameters:
  ///   - network: The network.
  ///   - value: The value that seeds belong to.
  ///   - rule: How a signal passes a rectifier.
  ///   - isLimitedToField: Whether only the receptive field is computed; the full computation gives the same
  ///     numbers, slower.
  /// - Throws: `NetworkError` where the value or its shape is not known.
  public init(
    _ network: Network, value: String, rule: RectifierRule, limitedToField isLimitedToField: Bool = true
  ) throws {
    guard let first = network.inputs.first else {
      throw NetworkError.input(name: "", expected: "one", found: "a network without inputs")
    }
    let input = try network.inputShape(images: 1)
    guard input.rank == 4 else {
      throw NetworkError.input(name: first.name, expected: "pictures (rank 4)", found: "\(input)")
    }
    let shapes = try network.shapes(inputs: [first.name: input])
    guard shapes[value] != nil else { throw NetworkError.missingValue(name: value, node: "the projection") }
    var fields = network.fields(below: value, shapes: shapes, limitedToMaps: true)
    if !isLimitedToField { fields = fields.mapValues { _ in .whole } }
    (self.network, self.value, self.rule) = (network, value, rule)
    (self.input, self.shapes, self.fields) = (input, shapes, fields)
    turns = network.nodes.reversed().compactMap { node in
      guard let above = node.field(in: fields), node.inputs.contains(where: { fields[$0] != nil }) else {
        return nil
      }
      let below = node.inputs.indices.map {
        node.operation.field(ofInput: $0, under: above, shapes: node.inputs.map { shapes[$0] })
      }
      return Turn(node: node, field: below.contains(.whole) ? .whole : above)
    }
  }

  /// The values that a forward pass must keep for ``evidence(of:in:at:)``.
  public var keptValues: [String] {
    var kept: Set<String> = [value]
    for turn in turns { kept.formUnion(values(of: turn.node)) }
    return kept.sorted()
  }

  /// The values that a node's part of the walk asks for.
  private func values(of node: Network.Node) -> [String] {
    let needs = node.needs(under: rule)
    return (needs.inputs ? node.inputs : []) + (needs.outputs ? node.outputs : [])
  }

  /// The extents of every projection that a seed at one place gives, in pixels of the network's input.
  public var extents: (rows: Int, columns: Int) {
    guard case .window(let rows, let columns) = inputField else { return (input.rows, input.columns) }
    return (rows.extent, columns.extent)
  }

  var inputField: Field { fields[network.inputs[0].name] ?? .whole }

  /// Bytes of evidence and projection for seeds at one place: what those of one picture share, and what each has to
  /// itself.
  public var bytesHeld: (byPicture: Int, bySeed: Int) {
    var whole: [String: Int] = [:]
    var each = extents.rows * extents.columns * input.channels * MemoryLayout<Float>.size
    for turn in turns {
      var parts = values(of: turn.node).map { ($0, MemoryLayout<Float>.size) }
      if turn.node.needs(under: rule).switches {
        parts.append((turn.node.outputs[0], MemoryLayout<UInt16>.size))
      }
      for (value, size) in parts {
        let shape = shapes[value] ?? []
        if case .window(let rows, let columns) = turn.field {
          each += rows.extent * columns.extent * shape.channels * size
        } else {
          whole[value + " of \(size)"] = shape.count * size
        }
      }
    }
    return (whole.values.reduce(0, +), each)
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
    let isAlone = trace.images.count == 1
    var items: [String: Evidence.Item] = [:]
    for turn in turns {
      let name = turn.node.name
      let extents: (window: Window, rows: Int, columns: Int)? =
        if isWindow, case .window(let rows, let columns) = turn.field {
          (
            Window(image: index, row: rows.start(row), column: columns.start(column)), rows.extent,
            columns.extent
          )
        } else { nil }
      if turn.node.needs(under: rule).switches {
        guard let switches = trace.switches(of: name) else {
          throw NetworkError.missingValue(name: "its switches", node: name)
        }
        let cut = extents.map { switches.cut([$0.window], rows: $0.rows, columns: $0.columns) }
        items[name] = .switches(cut ?? (isAlone ? switches : switches.slices(index..<index + 1)))
      }
      let values = values(of: turn.node)
      guard !values.isEmpty else { continue }
      var cuts: [String: Tensor] = [:]
      for value in values {
        guard let kept = trace[value] else { throw NetworkError.missingValue(name: value, node: "the trace") }
        let cut = try extents.map {
          try Device().cutting([$0.window], rows: $0.rows, columns: $0.columns, from: kept)
        }
        // Seeds of one picture share what stays whole.
        cuts[value] = cut ?? (isAlone ? kept : kept.slices(index..<index + 1))
      }
      items[name] = .values(cuts)
    }
    return Evidence(
      isWindow: isWindow, row: row, column: column, signal: seed.signal(from: map, asWindow: isWindow),
      items: items)
  }

  /// Carries every seed of a batch from the layer to the network's input.
  func carry(_ batch: [Evidence], _ worker: Worker) throws -> [PixelProjection] {
    guard let first = batch.first else { return [] }
    if batch.contains(where: { $0.isWindow != first.isWindow }) {
      // Windows and whole maps do not share a batch.
      return try batch.flatMap { try carry([$0], worker) }
    }
    let stage = Stage(walk: self, batch: batch, isWindow: first.isWindow)
    var signals: [String: Tensor] = [value: Tensor.stacking(batch.map(\.signal))]
    for turn in turns {
      let above = turn.node.outputs.map { signals[$0] }
      guard above.contains(where: { $0 != nil }) else { continue }
      for output in turn.node.outputs { signals[output] = nil }
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
    let name = network.inputs[0].name
    let pixels = signals[name] ?? Tensor(stage.shape(of: name, on: stage.field(of: name)))
    return batch.enumerated().map { index, evidence in
      let slice = pixels.slices(index..<index + 1)
      let start = stage.start(of: stage.field(of: name), evidence)
      return PixelProjection(
        pixels: slice.reshaped(to: [slice.shape.rows, slice.shape.columns, slice.shape.channels]),
        top: start.row,
        left: start.column)
    }
  }
}

extension Walk {
  /// The part of the network's input that a seed can reach, clipped to it.
  public func fieldInInput(of seed: Seed) -> Box {
    guard seed.isOnePlace else {
      return network.receptiveField(.whole, row: 0, column: 0, input: input)
    }
    let field = network.fields(below: value, shapes: shapes)[network.inputs[0].name] ?? .whole
    return network.receptiveField(field, row: seed.place.row, column: seed.place.column, input: input)
  }
}
