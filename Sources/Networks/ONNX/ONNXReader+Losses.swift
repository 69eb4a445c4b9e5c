internal import Kernels
internal import Tensors

/// Losses that a graph for training ends in, where the right answers are constants of the file.
extension ONNXReader {
  mutating func loss(_ node: ONNXNode) throws {
    let shape = try shape(node, 0)
    let extents = shape.inONNXOrder.dimensions
    guard let answers = try known(node, 1)?.integers, extents.count >= 2 else {
      throw Unsupported("only constant answers are supported")
    }
    mixImages()
    let classes = extents[1]
    let inner = extents[2...].reduce(1, *)
    let weights = node.input(2) == nil ? nil : try self.weights(node, 2, rank: 1).tensor.elements
    guard shape.count <= 1 << 28, answers.count * classes == shape.count,
      weights.map({ $0.count == classes }) != false
    else {
      throw Unsupported("\(answers.count) answers for scores of \(shape.inONNXOrder)")
    }
    // What each score counts for: the weight of its class where it is the right one, else nothing.
    let ignored = node.has("ignore_index") ? try node.integer("ignore_index", default: 0) : nil
    var counts = [Float](repeating: 0, count: shape.count)
    var total: Float = 0
    for (place, answer) in answers.enumerated() where answer != ignored {
      guard (0..<classes).contains(answer) else { throw Unsupported("class \(answer) of \(classes)") }
      let weight = weights?[answer] ?? 1
      counts[(place / inner * classes + answer) * inner + place % inner] = -weight
      total += weight
    }
    var scores = node.inputs[0]
    if node.type == "SoftmaxCrossEntropyLoss" {
      let soft = Operation.logSoftmax(axis: Self.ours(1, rank: extents.count))
      if let output = node.outputs.dropFirst().first, !output.isEmpty {
        try add(node.name + ".log", soft, [scores], [output])
        scores = output
      } else {
        scores = try part("log", of: node, soft, [scores])
      }
    }
    let counted = Operation.arithmeticWithConstant(
      .multiply, try Tensor(Shape(extents), elements: counts).fromONNXOrder(), constantFirst: false)
    let reduction = node.string("reduction", default: "mean")
    let isEach = reduction == "none"
    let axes = isEach ? [Self.ours(1, rank: extents.count)] : Array(extents.indices)
    let factor = Float(isEach ? classes : shape.count) / (reduction == "mean" ? total : 1)
    guard ["none", "sum", "mean"].contains(reduction), factor.isFinite else {
      throw Unsupported("reduction \(reduction) of \(answers.count) answers")
    }
    try chain(
      node,
      [
        counted, .average(axes: axes, keepsAxes: true),
        .arithmeticWithConstant(.multiply, Tensor([1], repeating: factor), constantFirst: false),
        .reshape(isEach ? [extents[0]] + extents[2...] : []),
      ], from: scores)
  }
}
