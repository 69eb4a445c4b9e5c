internal import Kernels
internal import Tensors

extension ONNXReader {
  /// Lets maps that are flattened into fully connected layers keep their order: the weights are permuted once, and
  /// flattening becomes a view.
  mutating func flatten(outputs: [String]) throws(KernelError) {
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
        // Out of the node while they are changed, so that they are not copied.
        nodes[product].operation = .identity
        let (units, features) = (layer.weights.shape[0], layer.weights.shape[1])
        let step = max(1, (1 << 20) / features)
        for first in stride(from: 0, to: units, by: step) {
          let range = first..<min(first + step, units)
          let maps = layer.weights.slices(range).reshaped(
            to: [range.count, map.channels, map.rows, map.columns])
          layer.weights.replace(
            range, ofAxis: 0,
            with: try Device().permuted(maps, [0, 2, 3, 1]).reshaped(to: [range.count, features]))
        }
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
