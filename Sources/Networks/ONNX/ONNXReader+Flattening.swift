internal import Kernels
internal import Tensors

extension ONNXReader {
  /// Lets maps that are flattened into fully connected layers keep their order: the weights are permuted once, and
  /// flattening becomes a view.
  mutating func flatten(outputs: [String]) {
    for index in nodes.indices {
      guard case .reshape = nodes[index].operation, let map = shapes[nodes[index].inputs[0]], map.rank == 4,
        let flat = shapes[nodes[index].outputs[0]], flat.rank == 2, flat[0] == map.images
      else { continue }
      if map.rows == 1, map.columns == 1 {
        nodes[index].operation = .flatten
        continue
      }
      guard let products = products(reading: nodes[index].outputs[0], outputs) else { continue }
      nodes[index].operation = .flatten
      for product in products {
        guard case .innerProduct(var layer) = nodes[product].operation else { continue }
        let units = layer.weights.shape[0]
        let maps = layer.weights.reshaped(to: [units, map.channels, map.rows, map.columns])
        guard let permuted = try? permuted(maps, [0, 2, 3, 1]) else { continue }
        layer.weights = permuted.reshaped(to: layer.weights.shape)
        nodes[product].operation = .innerProduct(layer)
      }
    }
  }

  /// The fully connected layers that read a value, elementwise functions between them; nil where anything else does.
  private func products(reading value: String, _ outputs: [String]) -> [Int]? {
    if outputs.contains(value) { return nil }
    var found: [Int] = []
    for (index, node) in nodes.enumerated() where node.inputs.contains(value) {
      switch node.operation {
      case .innerProduct:
        found.append(index)
      case .activation, .dropout, .identity:
        guard let further = products(reading: node.outputs[0], outputs) else { return nil }
        found += further
      default:
        return nil
      }
    }
    return found.isEmpty ? nil : found
  }
}
