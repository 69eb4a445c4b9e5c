public import Execution
public import Images
public import Kernels
public import Networks
public import Tensors

/// Carries activations of one layer back to the network's input (Zeiler & Fergus 2014, section 2.1).
///
/// The signal walks the graph backwards: a max pool puts each value at its recorded switch, a rectifier follows
/// the rule, a convolution applies its filters transposed. Only the seed's receptive field is computed, many
/// seeds at once as windows of one size. A class because it owns its workers.
public final class Projector: Sendable {
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
  let path: [Network.Node]
  private let crew: Crew
  private let batch = 32

  /// - Parameters:
  ///   - network: The network.
  ///   - value: The value that seeds belong to.
  ///   - rule: How a signal passes a rectifier.
  ///   - isLimitedToField: Whether only the receptive field is computed; the full computation gives the same
  ///     numbers, slower.
  ///   - threads: How many batches are walked side by side.
  /// - Throws: `NetworkError` where the value or its shape is not known.
  public init(
    _ network: Network, value: String, rule: RectifierRule, limitedToField isLimitedToField: Bool = true,
    threads: Int = 2
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
    self.network = network
    self.value = value
    self.rule = rule
    self.input = input
    self.shapes = shapes
    let fields = network.fields(below: value, shapes: shapes, limitedToMaps: true)
    self.fields = isLimitedToField ? fields : fields.mapValues { _ in .whole }
    path = network.nodes.reversed().filter { node in
      node.outputs.contains { fields[$0] != nil } && node.inputs.contains { fields[$0] != nil }
    }
    crew = Crew(threads: threads)
  }

  /// The values that a forward pass must keep for ``evidence(of:in:at:)``.
  public var keptValues: [String] {
    var kept: Set<String> = [value]
    for node in path { kept.formUnion(values(of: node)) }
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

  /// Cuts what the walk from a seed needs out of a picture's trace.
  ///
  /// - Parameters:
  ///   - seed: Where the signal starts.
  ///   - trace: A forward pass that kept ``keptValues`` and recorded switches.
  ///   - index: The picture's place in the trace.
  /// - Returns: What the walk needs, as small as the receptive field.
  /// - Throws: `NetworkError.unknownUnit`, or `NetworkError.shape` where the
  ///   position is outside the map.
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
    var items: [String: Evidence.Item] = [:]
    for node in path {
      let values = values(of: node)
      let place = isWindow ? place(of: node, row: row, column: column) : nil
      if node.needs(under: rule).switches, let switches = trace.switches(of: node.name) {
        let window =
          place ?? (Window(image: index, row: 0, column: 0), switches.pooled.rows, switches.pooled.columns)
        items[node.name] = .switches(
          place == nil && trace.images.count == 1
            ? switches
            : switches.cut(
              [Window(image: index, row: window.0.row, column: window.0.column)], rows: window.1,
              columns: window.2))
      } else if !values.isEmpty {
        var cuts: [String: Tensor] = [:]
        for name in values {
          guard let kept = trace[name] else { throw NetworkError.missingValue(name: name, node: "the trace") }
          guard let place, kept.shape.rank == 4 else {
            cuts[name] = kept.slices(index..<index + 1)
            continue
          }
          cuts[name] = try Device().cutting(
            [Window(image: index, row: place.0.row, column: place.0.column)], rows: place.1, columns: place.2,
            from: kept)
        }
        items[node.name] = .values(cuts)
      }
    }
    return Evidence(
      seed: seed, row: row, column: column, signal: seed.signal(from: map, asWindow: isWindow), items: items)
  }

  /// Where a node's output is cut for a seed at a place; nil where the node works on whole maps.
  private func place(of node: Network.Node, row: Int, column: Int) -> (Window, Int, Int)? {
    guard isWindowed(node), case .window(let rows, let columns) = fields[node.outputs[0]] else { return nil }
    return (
      Window(image: 0, row: rows.start(row), column: columns.start(column)), rows.extent, columns.extent
    )
  }

  /// Whether the node's part of the walk is computed on windows, not on whole maps.
  func isWindowed(_ node: Network.Node) -> Bool {
    guard node.outputs.count == 1, let above = fields[node.outputs[0]], above != .whole else { return false }
    return node.inputs.indices.allSatisfy {
      node.operation.field(ofInput: $0, under: above, shapes: node.inputs.map { shapes[$0] }) != .whole
    }
  }

  /// Carries seeds back, batched and spread over the workers.
  ///
  /// - Returns: One projection each, in order; all of ``extents`` where the seeds are at one place.
  public func project(_ evidence: [Evidence]) throws -> [PixelProjection] {
    let batches = stride(from: 0, to: evidence.count, by: batch).map { $0..<min($0 + batch, evidence.count) }
    let walk = self.walk
    return try crew.map(over: batches.indices) { index, worker in
      try walk.carry(Array(evidence[batches[index]]), worker)
    }.flatMap { $0 }
  }

  private var walk: Walk {
    Walk(
      network: network, value: value, rule: rule, input: input, shapes: shapes, fields: fields,
      path: path.map { Walk.Turn(node: $0, isWindowed: isWindowed($0)) })
  }
}

extension Seed {
  var place: (unit: Int, row: Int, column: Int) {
    switch self {
    case .activation(let unit, let row, let column): (unit, row, column)
    case .map(let unit), .score(let unit): (unit, 0, 0)
    }
  }

  var isOnePlace: Bool {
    if case .activation = self { true } else { false }
  }

  /// The signal at the layer itself.
  func signal(from map: Tensor, asWindow: Bool) -> Tensor {
    let units = map.shape.dimensions.last ?? 0
    let elements = map.elements
    switch self {
    case .activation(let unit, let row, let column):
      let columns = map.shape.rank == 4 ? map.shape.columns : 1
      let index = (row * columns + column) * units + unit
      var signal = Tensor(asWindow ? [1, 1, 1, units] : map.shape)
      signal.withMutableSpan { $0[asWindow ? unit : index] = elements[index] }
      return signal
    case .map(let unit):
      return Tensor(
        map.shape, elements: elements.enumerated().map { $0.offset % units == unit ? $0.element : 0 })
    case .score(let unit):
      return Tensor(map.shape, elements: elements.indices.map { $0 % units == unit ? 1 : 0 })
    }
  }
}

extension Projector {
  /// The part of the network's input that a seed can reach, clipped to it.
  public func fieldInInput(of seed: Seed) -> Box {
    guard seed.isOnePlace else {
      return network.receptiveField(.whole, row: 0, column: 0, input: input)
    }
    let field = network.fields(below: value, shapes: shapes)[network.inputs[0].name] ?? .whole
    return network.receptiveField(field, row: seed.place.row, column: seed.place.column, input: input)
  }
}
