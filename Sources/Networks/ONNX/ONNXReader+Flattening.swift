internal import Kernels
internal import Tensors

extension ONNXReader {
  /// Lets maps that are flattened into fully connected layers keep their order: the weights are permuted once, and
  /// flattening becomes a view.
  mutating func flatten(outputs: [String]) {
    let outputs = Set(outputs)
    var readers: [String: [Int]] = [:]
    for (index, node) in nodes.enumerated() {
      for input in node.inputs { readers[input, default: []].append(index) }
    }
    for index in nodes.indices {
      guard case .reshape = nodes[index].operation, let map = shapes[nodes[index].inputs[0]], map.rank == 4,
        let flat = shapes[nodes[index].outputs[0]], flat.rank == 2, flat[0] == map.images
      else { continue }
      if map.rows == 1, map.columns == 1 {
        nodes[index].operation = .flatten
        continue
      }
      guard let products = products(reading: nodes[index].outputs[0], readers, outputs) else { continue }
      nodes[index].operation = .flatten
      for product in products {
        guard case .innerProduct(var layer) = nodes[product].operation else { continue }
        let units = layer.weights.shape[0]
        let maps = layer.weights.reshaped(to: [units, map.channels, map.rows, map.columns])
        guard let permuted = try? Device().permuted(maps, [0, 2, 3, 1]) else { continue }
        layer.weights = permuted.reshaped(to: layer.weights.shape)
        nodes[product].operation = .innerProduct(layer)
      }
    }
  }

  /// The fully connected layers that read a value, elementwise functions between them; nil where anything else does.
  private func products(
    reading value: String, _ readers: [String: [Int]], _ outputs: Set<String>
  ) -> [Int]? {
    var found: [Int] = []
    var waiting = [value]
    while let value = waiting.popLast() {
      if outputs.contains(value) { return nil }
      for index in readers[value] ?? [] {
        switch nodes[index].operation {
        case .innerProduct: found.append(index)
        case .activation, .dropout, .identity: waiting.append(nodes[index].outputs[0])
        default: return nil
        }
      }
    }
    return found.isEmpty ? nil : found
  }
}
