internal import Tensors

/// A channel shuffle as exporters write it (ShuffleNet): channels divided into groups, the two axes exchanged, and joined.
extension ONNXReader {
  /// Puts a permutation of channels in the place of each such sequence, so that positions stay positions.
  mutating func recognizeShuffles() {
    let outputs = Set(model.graph.output.map(\.name))
    var readers: [String: [Int]] = [:]
    for (index, node) in nodes.enumerated() {
      for input in node.inputs { readers[input, default: []].append(index) }
    }
    func follower(of index: Int) -> Int? {
      let value = nodes[index].outputs[0]
      guard !outputs.contains(value), let following = readers[value], following.count == 1 else { return nil }
      return following[0]
    }
    var removed = Set<Int>()
    for index in nodes.indices {
      guard case .reshape = nodes[index].operation, let maps = shapes[nodes[index].inputs[0]], maps.rank == 4,
        let divided = shapes[nodes[index].outputs[0]], divided.rank == 5,
        divided.dimensions[3...] == [maps.rows, maps.columns], divided[1] * divided[2] == maps.channels,
        let middle = follower(of: index), case .transposition([0, 2, 1, 3, 4]) = nodes[middle].operation,
        let last = follower(of: middle), case .reshape = nodes[last].operation,
        shapes[nodes[last].outputs[0]] == maps
      else { continue }
      let (groups, each) = (divided[1], divided[2])
      nodes[last].operation = .gathering(
        axis: 3, positions: (0..<each).flatMap { place in (0..<groups).map { $0 * each + place } })
      nodes[last].inputs = nodes[index].inputs
      removed.formUnion([index, middle])
    }
    nodes = nodes.enumerated().filter { !removed.contains($0.offset) }.map(\.element)
  }
}
