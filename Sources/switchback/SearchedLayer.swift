internal import Networks
internal import Tensors

/// A layer of a features run: what it is called, where it is read, and what its files are called.
struct SearchedLayer {
  let name: String
  /// The value that holds its feature maps.
  let value: String
  let units: Int
  /// Unlike any other layer's, whatever the names are.
  let stem: String

  /// Layers each once, with stems that no two share.
  ///
  /// - Parameters:
  ///   - layers: In the order they are to appear.
  ///   - network: The network, with its preprocessing settled.
  ///   - isBefore: Whether they are read before their rectifier.
  /// - Returns: Each layer's place among the values, and its files' name.
  /// - Throws: `NetworkError` where shapes do not fit.
  static func all(
    _ layers: [Layer], of network: Network, beforeRectifier isBefore: Bool
  ) throws(NetworkError) -> [SearchedLayer] {
    let shapes = try network.shapes(inputs: [network.inputs[0].name: try network.inputShape(images: 1)])
    let stems = stems(of: layers.map(\.name))
    var found: [SearchedLayer] = []
    for layer in layers where !found.contains(where: { $0.name == layer.name }) {
      let value = isBefore ? layer.output : layer.featureMaps
      found.append(
        SearchedLayer(
          name: layer.name, value: value, units: shapes[value]?.dimensions.last ?? 0,
          stem: stems[layer.name] ?? layer.name))
    }
    return found
  }

  /// What each layer's files are called, by its name.
  ///
  /// - Parameter names: In order: of names that come to the same file, the first keeps it.
  /// - Returns: Names that no two layers share, whatever a file system makes of capitals.
  static func stems(of names: [String]) -> [String: String] {
    var taken = Set<String>()
    var stems: [String: String] = [:]
    for name in names where stems[name] == nil {
      let plain = fileName(name)
      var stem = plain
      var number = 2
      while !taken.insert(stem.lowercased()).inserted {
        stem = "\(plain)~\(number)"
        number += 1
      }
      stems[name] = stem
    }
    return stems
  }

  /// A layer's name as a file's: what a path cannot hold becomes a dash, and what is too long is cut.
  private static func fileName(_ name: String) -> String {
    String(
      name.prefix(60).map { $0.isASCII && ($0.isLetter || $0.isNumber) || "._-".contains($0) ? $0 : "-" })
  }
}
