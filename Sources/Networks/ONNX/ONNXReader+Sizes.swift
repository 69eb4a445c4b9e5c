internal import Kernels
internal import ONNXMessages
internal import Tensors

extension ONNXReader {
  /// Reads the same nodes for other numbers and sizes of pictures, and leaves open what then still fits; the other
  /// open extents become those of the first reading.
  mutating func open(
    _ inputs: inout [Network.Input], _ order: [Onnx_NodeProto], _ other: ONNXReader, openRows: Int,
    openColumns: Int
  ) {
    let hasOpenBatch = inputs.contains { $0.extents.first == .some(nil) }
    let hasOpenSize = inputs.contains { $0.extents.dropFirst(2).contains(nil) }
    for (batch, size) in [(true, true), (true, false), (false, true)] {
      guard !batch || hasOpenBatch && !mixesImages, !size || hasOpenSize else { continue }
      var reading = other
      try? reading.takeNodes(
        order, inputs, images: batch ? 2 : 1, openRows: openRows + (size ? 32 : 0),
        openColumns: openColumns + (size ? 64 : 0))
      guard let open = agreed(with: reading) else { continue }
      nodes = open
      return close(&inputs, batch: !batch, size: !size)
    }
    close(&inputs, batch: true, size: true)
  }

  private mutating func close(_ inputs: inout [Network.Input], batch: Bool, size: Bool) {
    for index in inputs.indices {
      var extents = shapes[inputs[index].name]?.inONNXOrder.dimensions ?? []
      if inputs[index].isChannelsLast { extents = [0, 3, 1, 2].map { extents[$0] } }
      var hasSaidSize = false
      for axis in extents.indices where axis == 0 ? batch : axis > 1 && size {
        guard inputs[index].extents[axis] == nil else { continue }
        inputs[index].extents[axis] = extents[axis]
        if axis > 0, hasSaidSize { continue }
        hasSaidSize = axis > 0
        notes.append(
          axis == 0
            ? "The input '\(inputs[index].name)' leaves the number of images open, but the nodes hold for one only."
            : "The input '\(inputs[index].name)' leaves its size open, but the nodes hold for \(extents[2]) "
              + (extents.count > 3
                ? "rows and \(extents[3]) columns only; --size ROWSxCOLUMNS reads it for others."
                : "only."))
      }
    }
  }

  /// The nodes for any number and size of pictures, from this reading and one for others.
  ///
  /// - Returns: Nothing where the other reading failed, or a number other than the extents of a reshaping depends on
  ///   what differs: the network is then one for what this reading had.
  private func agreed(with other: ONNXReader) -> [Network.Node]? {
    guard other.unsupported.count == unsupported.count, other.nodes.count == nodes.count else { return nil }
    var agreed: [Network.Node] = []
    for (node, twin) in zip(nodes, other.nodes) {
      guard node.inputs == twin.inputs, node.outputs == twin.outputs,
        node.operation.name == twin.operation.name
      else { return nil }
      let (mine, theirs) = (node.operation.sized, twin.operation.sized)
      var node = node
      if mine.integers != theirs.integers {
        guard case .reshape = node.operation, case .reshape = twin.operation,
          let input = shapes[node.inputs[0]]?.inONNXOrder,
          let otherInput = other.shapes[twin.inputs[0]]?.inONNXOrder,
          let target = shapes[node.outputs[0]]?.inONNXOrder.dimensions,
          let otherTarget = other.shapes[twin.outputs[0]]?.inONNXOrder.dimensions,
          let open = Self.open(target, otherTarget, over: input, otherInput)
        else { return nil }
        node.operation = .reshape(open)
      }
      let roles = node.operation.parameterRoles
      guard
        zip(
          [mine.constant] + roles.map(node.operation.parameter),
          [theirs.constant] + roles.map(twin.operation.parameter)
        ).allSatisfy({ $0?.shape == $1?.shape && $0?.hasSameElements(as: $1) != false }),
        mine.numbers == theirs.numbers
      else { return nil }
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
        guard remaining == nil else { return nil }
        remaining = place
      }
    }
    if let remaining { open[remaining] = -1 }
    return open
  }
}

extension Operation {
  /// The numbers that a reader may have worked out from the number and size of pictures.
  fileprivate var sized: (integers: [Int], constant: Tensor?, numbers: [AnyHashable]) {
    switch self {
    case .activation(let activation): ([], nil, [activation])
    case .arithmeticWithConstant(_, let constant, _): ([], constant, [])
    case .padding(let before, let after, let mode): (before + after, nil, [mode])
    case .slice(let starts, let stops, let steps): (starts + stops + steps, nil, [])
    case .split(_, let sizes): (sizes, nil, [])
    case .gathering(let axis, let positions): ([axis] + positions, nil, [])
    case .resampling(let rule): (rule.sizes, nil, [])
    case .average(let axes, _): (axes, nil, [])
    case .reshape(let target): (target, nil, [])
    case .transposition(let axes): (axes, nil, [])
    case .convolution, .maxPooling, .averagePooling, .globalAveragePooling, .globalMaxPooling,
      .localResponseNormalization, .batchNormalization, .innerProduct, .matrixProduct,
      .parametricRelu, .softmax, .logSoftmax, .concatenation, .arithmetic, .flatten, .dropout, .identity:
      ([], nil, [])
    }
  }
}
