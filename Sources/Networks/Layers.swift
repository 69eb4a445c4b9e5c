internal import Foundation
internal import Kernels

/// A layer as a person names it, and the value that holds its feature maps.
public struct Layer: Hashable, Sendable {
  /// Its module's path in the program that the file was exported from, such as `layer3.1.conv2`, where the file says it;
  /// else `convN`, `poolN` or `fcN` by order in the graph where it has one; else the node's name.
  public let name: String
  /// The node that computes it.
  public let node: String
  /// The node's own output.
  public let output: String
  /// Where its feature maps are read: after its batch normalisation and rectifier.
  public let featureMaps: String
  /// What else names it: its kind and number, and the modules whose last value it makes.
  public let aliases: [String]
}

extension Network {
  /// Every node as a layer, in the graph's order.
  ///
  /// Each layer's name, node, output and aliases lead ``layer(named:)`` back to it, as long as no node is called as
  /// another's output.
  public var layers: [Layer] {
    let readers = readersByValue
    let numbered = numberedNames
    let modules = modulesByLastNode
    // A file's own names go first, then its program's, then ours.
    var owners: [Data: Int] = [:]
    func claim(_ name: String, _ index: Int) {
      let key = Data(name.utf8)
      if owners[key] == nil { owners[key] = index }
    }
    for (index, node) in nodes.enumerated() { claim(node.name, index) }
    for (index, node) in nodes.enumerated() {
      if let output = node.outputs.first { claim(output, index) }
    }
    for (index, paths) in modules.enumerated() { for path in paths { claim(path, index) } }
    for (index, name) in numbered.enumerated() { if let name { claim(name, index) } }

    return nodes.enumerated().compactMap { index, node in
      guard let output = node.outputs.first else { return nil }
      let number = numbered[index]
      // A node with weights is its own module; the end of a block is best known by the whole block.
      let paths = number == nil ? modules[index].reversed() : modules[index]
      let names = (paths + [number].compactMap { $0 }).filter { owners[Data($0.utf8)] == index }
      let name = names.first ?? node.name
      return Layer(
        name: name, node: node.name, output: output,
        featureMaps: node.operation.isFollowedByItsRectifier ? rectified(output, readers) : output,
        aliases: names.filter { ![name, node.name, output].contains($0) })
    }
  }

  /// For each node, its kind and number by order in the graph where its kind is numbered.
  private var numberedNames: [String?] {
    var counts: [String: Int] = [:]
    return nodes.map { node in
      let kind: String
      switch node.operation {
      case .convolution: kind = "conv"
      case .maxPooling, .averagePooling, .globalAveragePooling, .globalMaxPooling: kind = "pool"
      case .innerProduct: kind = "fc"
      default: return nil
      }
      counts[kind, default: 0] += 1
      return "\(kind)\(counts[kind, default: 0])"
    }
  }

  /// For each node, the modules whose last node in the graph's order it is, its own first and the outermost last: what a
  /// module gives is the value that it makes last.
  private var modulesByLastNode: [[String]] {
    let paths = nodes.map { node in
      let containers = Set(node.modules.flatMap(\.containers)).subtracting(node.modules)
      return node.modules + containers.sorted { ($1.utf8.count, $0) < ($0.utf8.count, $1) }
    }
    var last: [Data: Int] = [:]
    for (index, paths) in paths.enumerated() { for path in paths { last[Data(path.utf8)] = index } }
    return paths.enumerated().map { index, paths in paths.filter { last[Data($0.utf8)] == index } }
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

  /// The sums of two computed values, in which residual blocks end.
  public var residualSums: [Layer] {
    let sums = Set(
      nodes.filter { if case .arithmetic(.add) = $0.operation { true } else { false } }.map(\.name))
    return layers.filter { sums.contains($0.node) }
  }

  /// The layer of this name: a node's, its output's, a module's path, or its kind and number, in that order.
  ///
  /// A module that is a block means the value that it makes last: `layer3` is the output of its last block.
  ///
  /// - Throws: ``NetworkError/unknownLayer(name:near:)``.
  public func layer(named name: String) throws(NetworkError) -> Layer {
    let layers = layers
    // Strings are equal in any Unicode form; a file's names are bytes.
    let sought = Data(name.utf8)
    for isSame in [{ Data($0.utf8) == sought }, { $0 == name }] as [(String) -> Bool] {
      if let layer = layers.first(where: { isSame($0.node) }) ?? layers.first(where: { isSame($0.output) })
        ?? layers.first(where: { isSame($0.name) || $0.aliases.contains(where: isSame) })
      {
        return layer
      }
    }
    let names = layers.flatMap { [$0.name, $0.node, $0.output] + $0.aliases }
    throw .unknownLayer(name: name, near: nearNames(to: name, among: names))
  }

  /// For each value, the nodes that read it.
  package var readersByValue: [String: [Node]] {
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

extension String {
  /// The paths of the modules that hold the module of this path: `layer3.1` and `layer3` for `layer3.1.conv2`.
  fileprivate var containers: [String] {
    indices.dropFirst().filter { self[$0] == "." }.map { String(self[..<$0]) }
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
