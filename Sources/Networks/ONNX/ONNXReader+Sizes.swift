internal import Kernels
internal import Tensors

extension ONNXReader {
  /// The nodes for pictures of any size, from this reading and one for another size.
  ///
  /// - Returns: Nothing where the other reading failed, or a number other than the extents of a reshaping depends on
  ///   the size: the network is then one for the size that this reading had.
  func agreed(with other: ONNXReader) -> [Network.Node]? {
    guard other.unsupported.isEmpty, other.nodes.count == nodes.count else { return nil }
    var agreed: [Network.Node] = []
    for (node, twin) in zip(nodes, other.nodes) {
      guard node.inputs == twin.inputs, node.outputs == twin.outputs,
        node.operation.name == twin.operation.name
      else { return nil }
      let (mine, theirs) = (node.operation.sized, twin.operation.sized)
      var node = node
      if mine.integers != theirs.integers {
        guard case .reshape(let target) = node.operation, case .reshape(let otherTarget) = twin.operation,
          let input = shapes[node.inputs[0]]?.inONNXOrder,
          let otherInput = other.shapes[twin.inputs[0]]?.inONNXOrder,
          let open = Self.open(target, otherTarget, over: input, otherInput)
        else { return nil }
        node.operation = .reshape(open)
      }
      guard mine.constant?.shape == theirs.constant?.shape, mine.constant?.bytes == theirs.constant?.bytes
      else {
        return nil
      }
      agreed.append(node)
    }
    return agreed
  }

  /// A target that gives both of two targets: an extent that differs is copied from the axis that has both values, or
  /// is what remains.
  private static func open(
    _ target: [Int], _ other: [Int], over input: Shape, _ otherInput: Shape
  ) -> [Int]? {
    guard target.count == other.count, input.rank == otherInput.rank else { return nil }
    var open = target
    var remaining: Int?
    for place in target.indices where target[place] != other[place] {
      let axes = (0..<input.rank).filter { input[$0] == target[place] && otherInput[$0] == other[place] }
      if let axis = axes.contains(place) ? place : axes.first {
        open[place] = axis == place ? 0 : Operation.copy(of: axis)
      } else {
        guard remaining == nil, !target.contains(-1) else { return nil }
        remaining = place
      }
    }
    if let remaining { open[remaining] = -1 }
    return open
  }
}

extension Operation {
  /// The numbers that a reader may have worked out from the size of a picture.
  fileprivate var sized: (integers: [Int], constant: Tensor?) {
    switch self {
    case .arithmeticWithConstant(_, let constant, _): ([], constant)
    case .padding(let before, let after, _): (before + after, nil)
    case .slice(let starts, let stops, let steps): (starts + stops + steps, nil)
    case .split(_, let sizes): (sizes, nil)
    case .gathering(let axis, let positions): ([axis] + positions, nil)
    case .resampling(let rule): (rule.sizes, nil)
    case .average(let axes, _): (axes, nil)
    case .reshape(let target): (target, nil)
    case .transposition(let axes): (axes, nil)
    case .convolution, .maxPooling, .averagePooling, .globalAveragePooling, .globalMaxPooling,
      .localResponseNormalization, .batchNormalization, .innerProduct, .matrixProduct, .activation,
      .parametricRelu, .softmax, .logSoftmax, .concatenation, .arithmetic, .flatten, .dropout, .identity:
      ([], nil)
    }
  }
}
