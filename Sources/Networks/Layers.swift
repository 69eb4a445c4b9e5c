/// A layer as a person names it, and the value that holds its feature maps.
public struct Layer: Hashable, Sendable {
  /// `convN`, `poolN` or `fcN` by order in the graph where it has one, else the node's name.
  public let name: String
  /// The node that computes it.
  public let node: String
  /// The node's own output.
  public let output: String
  /// Where its feature maps are read: after its batch normalisation and rectifier.
  public let featureMaps: String
}

extension Network {
  /// Every node as a layer, in the graph's order.
  public var layers: [Layer] {
    var convolutions = 0
    var pools = 0
    var products = 0
    let readers = readersByValue
    return nodes.compactMap { node in
      guard let output = node.outputs.first else { return nil }
      let name: String
      switch node.operation {
      case .convolution:
        convolutions += 1
        name = "conv\(convolutions)"
      case .maxPooling, .averagePooling, .globalAveragePooling, .globalMaxPooling:
        pools += 1
        name = "pool\(pools)"
      case .innerProduct:
        products += 1
        name = "fc\(products)"
      default:
        name = node.name
      }
      return Layer(
        name: name, node: node.name, output: output,
        featureMaps: node.operation.isFollowedByItsRectifier ? rectified(output, readers) : output)
    }
  }

  /// The convolutions and, with `includingProducts`, the fully connected layers.
  public func featureLayers(includingProducts: Bool = false) -> [Layer] {
    let kinds = Dictionary(nodes.map { ($0.name, $0.operation) }, uniquingKeysWith: { one, _ in one })
    return layers.filter { layer in
      switch kinds[layer.node] {
      case .convolution: true
      case .innerProduct: includingProducts
      default: false
      }
    }
  }

  /// The layer of this name: a node's, its output's, or its kind and number.
  ///
  /// - Throws: ``NetworkError/unknownLayer(name:near:)``.
  public func layer(named name: String) throws(NetworkError) -> Layer {
    let layers = layers
    if let layer = layers.first(where: { $0.node == name })
      ?? layers.first(where: { $0.output == name }) ?? layers.first(where: { $0.name == name })
    {
      return layer
    }
    let names = layers.flatMap { [$0.name, $0.node, $0.output] }
    throw .unknownLayer(name: name, near: nearNames(to: name, among: names))
  }

  /// For each value, the nodes that read it.
  var readersByValue: [String: [Node]] {
    var readers: [String: [Node]] = [:]
    for node in nodes {
      for input in node.inputs { readers[input, default: []].append(node) }
    }
    return readers
  }

  /// Follows a value through normalisation to the end of its rectifier, as far as it has a sole reader.
  private func rectified(_ output: String, _ readers: [String: [Node]]) -> String {
    var value = output
    var beyond = output
    while let following = readers[beyond], following.count == 1, let next = following.first,
      !outputs.contains(beyond)
    {
      switch next.operation {
      case .activation, .parametricRelu:
        return next.outputs[0]
      case .batchNormalization:
        beyond = next.outputs[0]
        value = beyond
      case .arithmeticWithConstant, .identity, .dropout:
        beyond = next.outputs[0]
      default:
        return value
      }
    }
    return value
  }
}

extension Operation {
  /// Whether a rectifier that follows belongs to this operation's layer.
  fileprivate var isFollowedByItsRectifier: Bool {
    switch self {
    case .convolution, .innerProduct, .batchNormalization, .arithmetic: true
    default: false
    }
  }
}

/// Up to five names that resemble a mistyped one, nearest first.
public func nearNames(to name: String, among names: [String]) -> [String] {
  var seen = Set<String>()
  let ranked = names.filter { seen.insert($0).inserted }
    .map { (name: $0, distance: editDistance(name.lowercased(), $0.lowercased())) }
    .filter { $0.distance <= max(3, name.count / 2) }
    .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
  return ranked.prefix(5).map(\.name)
}

private func editDistance(_ one: String, _ other: String) -> Int {
  let other = Array(other)
  var row = Array(0...other.count)
  for (index, character) in one.enumerated() {
    var diagonal = row[0]
    row[0] = index + 1
    for column in other.indices {
      let substituted = diagonal + (character == other[column] ? 0 : 1)
      diagonal = row[column + 1]
      row[column + 1] = min(substituted, diagonal + 1, row[column] + 1)
    }
  }
  return row[other.count]
}
