internal import Execution
internal import Kernels
internal import Networks
internal import Tensors

/// What some pictures' forward pass left for the walk back.
struct Memory: Recollection, Sendable {
  private(set) var values: [String: Tensor] = [:]
  /// Of every value there was, also of those that are gone.
  private(set) var shapes: [String: Shape] = [:]
  var switchesByNode: [String: Switches] = [:]
  /// For each batch normalisation, the statistics of the whole batch.
  var moments: [String: ChannelMoments] = [:]
  /// For each dropout, what it multiplied by.
  var masks: [String: Tensor] = [:]

  subscript(name: String) -> Tensor? {
    get { values[name] }
    set {
      values[name] = newValue
      if let newValue { shapes[name] = newValue.shape }
    }
  }

  /// A node's operation as this batch has it: a batch normalisation by the batch's statistics.
  func operation(of node: Network.Node) -> Operation {
    guard case .batchNormalization(let normalization) = node.operation, let moments = moments[node.name]
    else { return node.operation }
    return .batchNormalization(normalization.measured(moments))
  }

  func value(_ name: String, of node: Network.Node) throws(KernelError) -> Tensor {
    guard let value = values[name] else {
      throw .shapes(operation: node.name, expected: "the forward pass's '\(name)'", found: "nothing")
    }
    return value
  }

  func switches(of node: Network.Node) throws(KernelError) -> Switches {
    guard let switches = switchesByNode[node.name] else {
      throw .shapes(operation: node.name, expected: "recorded switches", found: "nothing")
    }
    return switches
  }
}

/// Which part of a network's input units is left out in training: every unit of a picture is drawn anew from the
/// seed, the step and the picture's place in its batch, whoever computes it.
struct DropoutMasks: Sendable {
  let seed: UInt64
  let step: Int

  /// Zero for what is left out, and 1 / (1 - ratio) for what stays, so that tests need no scaling.
  ///
  /// - Note: Krizhevsky halves outputs in tests instead; the two differ by a constant factor of the weights.
  func mask(_ shape: Shape, ratio: Float, node: Int, firstPicture: Int) -> Tensor {
    let kept = 1 / (1 - ratio)
    let images = shape.dimensions.first ?? 1
    let size = images == 0 ? 0 : shape.count / images
    // 24 bits decide, as many as a Float holds.
    let threshold = UInt64(Double(ratio) * Double(1 << 24))
    return Tensor(shape) { elements in
      for image in 0..<images {
        var generator = SeededGenerator(
          mixing: [seed, UInt64(step), UInt64(node), UInt64(firstPicture + image)])
        for index in image * size..<(image + 1) * size {
          elements[index] = generator.next() >> 40 < threshold ? 0 : kept
        }
      }
    }
  }
}
