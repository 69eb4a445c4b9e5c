internal import Kernels
internal import Tensors

/// Reads maps that a file keeps channels-last, for a normalisation or a product over channels, as maps.
///
/// A transposition and what follows it become the same operations along the axes that those have in the maps
/// themselves, up to the transposition back. So positions stay positions: receptive fields are windows there, and
/// nothing is moved in memory. A value in between keeps its name, but has its axes where maps have them; see
/// ``Network/inONNXOrder(_:of:shapes:)``.
package struct MapOrder {
  private var nodes: [Network.Node] = []
  /// For a value whose axes stand elsewhere in the file: axis `i` there is axis `orders[i]` here.
  private var orders: [String: [Int]] = [:]
  /// Such values as the file has them, where a node needs that.
  private var restored: [String: String] = [:]
  private let ranks: [String: Int]
  private var names: Set<String>

  /// - Parameters:
  ///   - nodes: In an order in which each comes after what it reads.
  ///   - ranks: Of every value.
  ///   - outputs: Values that must stay as the file has them.
  ///   - inputs: Inputs whose axes stand elsewhere in the file, and where, as in what is returned.
  /// - Returns: The same computation with fewer transpositions, and for each value whose axes moved where the file has
  ///   them: its axis `i` is our axis `orders[i]`. Nil where there would not be fewer, and no input has moved.
  package static func rewritten(
    _ nodes: [Network.Node], ranks: [String: Int], outputs: [String], inputs: [String: [Int]] = [:]
  ) -> (nodes: [Network.Node], orders: [String: [Int]])? {
    func transpositions(_ nodes: [Network.Node]) -> Int {
      nodes.count { if case .transposition = $0.operation { true } else { false } }
    }
    let before = transpositions(nodes)
    guard before > 0 || !inputs.isEmpty else { return nil }
    var order = MapOrder(ranks: ranks, names: Set(nodes.map(\.name) + nodes.flatMap(\.outputs)))
    order.orders = inputs
    for node in nodes { order.take(node) }
    for output in Set(outputs).sorted() { order.giveBack(output) }
    return !inputs.isEmpty || transpositions(order.nodes) < before ? (order.nodes, order.orders) : nil
  }

  private init(ranks: [String: Int], names: Set<String>) {
    self.ranks = ranks
    self.names = names
  }

  private mutating func take(_ node: Network.Node) {
    if case .transposition(let axes) = node.operation, axes.count == 4, axes[0] == 0 {
      let order = orders[node.inputs[0]] ?? [0, 1, 2, 3]
      set(axes.map { order[$0] }, of: node.outputs)
      return keep(node, as: .identity)
    }
    let read = node.inputs.map { orders[$0] }
    if let order = read.compactMap({ $0 }).first, read.allSatisfy({ $0 == order }),
      let operation = node.operation.moved(to: order)
    {
      set(order, of: node.outputs.filter { ranks[$0] == 4 })
      return keep(node, as: operation)
    }
    var node = node
    node.inputs = node.inputs.map { restore($0) }
    nodes.append(node)
  }

  private mutating func set(_ order: [Int], of values: [String]) {
    for value in values { orders[value] = order == [0, 1, 2, 3] ? nil : order }
  }

  private mutating func keep(_ node: Network.Node, as operation: Operation) {
    var node = node
    node.operation = operation
    nodes.append(node)
  }

  private mutating func free(_ name: String) -> String {
    var free = name
    while !names.insert(free).inserted { free += "'" }
    return free
  }

  /// The name of a value as the file has it.
  private mutating func restore(_ value: String) -> String {
    guard let order = orders[value] else { return value }
    if let known = restored[value] { return known }
    let name = free(value + ".transposed")
    nodes.append(.init(name: name, operation: .transposition(order), inputs: [value], outputs: [name]))
    restored[value] = name
    return name
  }

  /// Gives the network's output of this name its axes as the file has them.
  private mutating func giveBack(_ output: String) {
    guard let order = orders[output] else { return }
    let maps = free(output + ".maps")
    (orders[maps], orders[output]) = (order, nil)
    for index in nodes.indices {
      nodes[index].inputs = nodes[index].inputs.map { $0 == output ? maps : $0 }
      nodes[index].outputs = nodes[index].outputs.map { $0 == output ? maps : $0 }
    }
    nodes.append(
      .init(
        name: free(output + ".transposed"), operation: .transposition(order), inputs: [maps],
        outputs: [output]))
  }
}

extension Operation {
  /// The same operation on a value whose axis `order[i]` is axis `i` of what this one reads; nil where there is none.
  fileprivate func moved(to order: [Int]) -> Operation? {
    let inverse = order.indices.map { order.firstIndex(of: $0) ?? $0 }
    let keepsChannels = order[3] == 3
    switch self {
    case .activation, .identity, .dropout, .arithmetic:
      return self
    case .arithmeticWithConstant(let arithmetic, let constant, let isFirst):
      guard constant.shape.rank <= 4 else { return nil }
      let extents = [Int](repeating: 1, count: 4 - constant.shape.rank) + constant.shape.dimensions
      guard let moved = try? Device().permuted(constant.reshaped(to: Shape(extents)), inverse) else {
        return nil
      }
      return .arithmeticWithConstant(arithmetic, moved, constantFirst: isFirst)
    case .parametricRelu(let slope):
      return slope.shape.count == 1 || keepsChannels ? self : nil
    case .batchNormalization, .localResponseNormalization, .innerProduct:
      return keepsChannels ? self : nil
    case .softmax(let axis): return .softmax(axis: order[axis])
    case .logSoftmax(let axis): return .logSoftmax(axis: order[axis])
    case .concatenation(let axis): return .concatenation(axis: order[axis])
    case .split(let axis, let sizes): return .split(axis: order[axis], sizes: sizes)
    case .gathering(let axis, let positions): return .gathering(axis: order[axis], positions: positions)
    case .average(let axes, let keepsAxes):
      let left = order.indices.filter { !axes.contains($0) }.map { order[$0] }
      guard keepsAxes || left == left.sorted() else { return nil }
      return .average(axes: axes.map { order[$0] }, keepsAxes: keepsAxes)
    case .slice(let starts, let stops, let steps):
      return .slice(
        starts: inverse.map { starts[$0] }, stops: inverse.map { stops[$0] }, steps: inverse.map { steps[$0] }
      )
    case .padding(let before, let after, let mode):
      return .padding(before: inverse.map { before[$0] }, after: inverse.map { after[$0] }, mode: mode)
    case .convolution, .maxPooling, .averagePooling, .globalAveragePooling, .globalMaxPooling, .matrixProduct,
      .resampling, .flatten, .reshape, .transposition:
      return nil
    }
  }
}
