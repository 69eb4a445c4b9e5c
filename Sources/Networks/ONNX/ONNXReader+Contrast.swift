internal import Kernels
internal import ONNXMessages
internal import Tensors

/// Contrast normalisation across maps as PyTorch writes it: x / (k + alpha * mean of neighbours' squares) ^ beta.
extension ONNXReader {
  /// Puts the operation that it is in the place of each such sequence.
  mutating func recognizeContrast() {
    var makers: [String: Int] = [:]
    var readers: [String: Set<Int>] = [:]
    for (index, node) in nodes.enumerated() {
      for output in node.outputs { makers[output] = index }
      for input in node.inputs { readers[input, default: []].insert(index) }
    }
    let outputs = Set(model.graph.output.map(\.name))
    var removed = Set<Int>()
    for index in nodes.indices {
      guard let found = contrast(endingAt: index, makers) else { continue }
      nodes[index].operation = .localResponseNormalization(found.constants)
      nodes[index].inputs.removeLast()
      var gone: Set = [index]
      for step in found.path {
        let output = nodes[step].outputs[0]
        guard !outputs.contains(output), readers[output, default: []].isSubset(of: gone) else { break }
        gone.insert(step)
      }
      removed.formUnion(gone.subtracting([index]))
    }
    nodes = nodes.enumerated().filter { !removed.contains($0.offset) }.map(\.element)
  }

  /// The constants of the normalisation whose division a node is, and the nodes behind its divisor from the last on.
  private func contrast(
    endingAt index: Int, _ makers: [String: Int]
  ) -> (constants: LocalResponseNormalization, path: [Int])? {
    guard case .arithmetic(.divide) = nodes[index].operation, nodes[index].inputs.count == 2,
      let maps = shapes[nodes[index].inputs[0]], maps.rank == 4
    else { return nil }
    let input = nodes[index].inputs[0]
    var path: [Int] = []
    var value = nodes[index].inputs[1]
    func constant(_ arithmetic: Arithmetic) -> Float? {
      guard let step = makers[value],
        case .arithmeticWithConstant(arithmetic, let constant, let isFirst) = nodes[step].operation,
        constant.shape.count == 1, arithmetic != .power || !isFirst, shapes[value] == maps
      else { return nil }
      path.append(step)
      value = nodes[step].inputs[0]
      return constant.elements[0]
    }
    guard let beta = constant(.power), let bias = constant(.add), let alpha = constant(.multiply),
      shapes[value] == maps
    else { return nil }
    var size = 0
    var padding = 0
    var pooled: Shape?
    while let step = makers[value], path.count < 16 {
      path.append(step)
      let node = nodes[step]
      switch node.operation {
      case .reshape, .identity: break
      case .averagePooling(let rule, countsPadding: _):
        guard size == 0, rule.window[1] == 1, rule.strides == [1, 1],
          rule.padding == .explicit(top: 0, left: 0, bottom: 0, right: 0)
        else { return nil }
        size = rule.window[0]
        pooled = shapes[node.inputs[0]]?.inONNXOrder
      case .padding(let before, let after, .constant(0)):
        // Zeros before and after the maps of images x 1 x maps x rows x columns.
        guard let shape = shapes[node.inputs[0]], shape.rank == 5, padding == 0,
          Array(shape.dimensions.prefix(3)) == [maps.images, 1, maps.channels], before == after,
          before.enumerated().allSatisfy({ $0.offset == 2 || $0.element == 0 })
        else { return nil }
        padding = before[2]
      case .arithmetic(.multiply):
        guard node.inputs == [input, input], size > 1, size == 2 * padding + 1,
          pooled == [maps.images, 1, maps.channels + 2 * padding, maps.rows * maps.columns]
        else { return nil }
        return (LocalResponseNormalization(size: size, alpha: alpha, beta: beta, bias: bias), path)
      default: return nil
      }
      value = node.inputs[0]
    }
    return nil
  }
}
