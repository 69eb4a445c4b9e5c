internal import Kernels
internal import Tensors

extension Convolution {
  /// The same convolution followed by a product and a sum for each output.
  package func scaled(by scale: [Float], shiftedBy shift: [Float]) -> Convolution {
    var scaled = self
    scaled.filters = filters.scaled(by: scale)
    scaled.bias = bias.scaled(by: scale, shiftedBy: shift)
    return scaled
  }
}

extension InnerProduct {
  /// The same layer followed by a product and a sum for each output.
  package func scaled(by scale: [Float], shiftedBy shift: [Float]) -> InnerProduct {
    var scaled = self
    scaled.weights = weights.scaled(by: scale)
    scaled.bias = bias.scaled(by: scale, shiftedBy: shift)
    return scaled
  }
}

extension Tensor {
  /// Each slice of the first axis times its factor; made once for every plan of the network.
  fileprivate func scaled(by scale: [Float]) -> Tensor {
    if scale.allSatisfy({ $0 == 1 }) { return self }
    let each = shape.count / max(shape[0], 1)
    return prepared(as: "scaled", scale.map { Int64($0.bitPattern) }) {
      var scaled = self
      scaled.withMutableSpan { elements in
        for output in scale.indices {
          for index in output * each..<(output + 1) * each { elements[index] *= scale[output] }
        }
      }
      return scaled
    }
  }
}

extension Tensor? {
  /// A bias times a factor an output, and a sum; none counts as zeros.
  fileprivate func scaled(by scale: [Float], shiftedBy shift: [Float]) -> Tensor {
    let bias = self?.elements ?? [Float](repeating: 0, count: scale.count)
    return Tensor([scale.count], elements: scale.indices.map { bias[$0] * scale[$0] + shift[$0] })
  }
}

extension Network {
  /// The same network with batch normalisations folded into the convolutions before them, by data flow.
  ///
  /// Where something else reads what the convolution makes, both stay. What was a normalisation passes its value on.
  ///
  /// - Note: Rules of relevance look at weights, and are defined on folded ones.
  package func foldingNormalizations() -> Network {
    var readers: [String: Int] = [:]
    for node in nodes { for input in node.inputs { readers[input, default: 0] += 1 } }
    for output in outputs { readers[output, default: 0] += 1 }
    let makers = Dictionary(
      nodes.flatMap { node in node.outputs.map { ($0, node) } }, uniquingKeysWith: { one, _ in one })
    var folded: [String: Convolution] = [:]
    var passed = Set<String>()
    for node in nodes {
      guard case .batchNormalization(let normalization) = node.operation, let value = node.inputs.first,
        readers[value] == 1, let maker = makers[value], case .convolution(let convolution) = maker.operation,
        folded[value] == nil
      else { continue }
      let (scale, shift) = normalization.affine
      folded[value] = convolution.scaled(by: scale.elements, shiftedBy: shift.elements)
      passed.formUnion(node.outputs)
    }
    return replacingOperations { node in
      if let convolution = folded[node.outputs[0]] { return .convolution(convolution) }
      return passed.contains(node.outputs[0]) ? .identity : node.operation
    }
  }

  /// Nodes with weights that read the network's input, or what is made of it without weights.
  package var firstWeighted: Set<String> {
    var raw = Set(inputs.map(\.name))
    var found = Set<String>()
    for node in nodes where node.inputs.contains(where: raw.contains) {
      switch node.operation {
      case .convolution, .innerProduct: found.insert(node.outputs[0])
      default: raw.formUnion(node.outputs)
      }
    }
    return found
  }
}
