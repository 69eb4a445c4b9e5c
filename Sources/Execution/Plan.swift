internal import Networks
internal import Kernels
internal import Tensors

/// A network made ready to run for chosen values: only the nodes they need, with batch normalisation folded
/// into the convolution before it and rectifiers fused, wherever the value between is not asked for.
struct Plan: Sendable {
  struct Step: Sendable {
    var name: String
    var operation: Operation
    /// A rectifier computed in the same call.
    var isRectified = false
    var inputs: [String]
    var outputs: [String]
    /// Values that nothing later reads.
    var lastReadOf: [String] = []
  }

  private(set) var steps: [Step]
  /// Where the batched head begins: the first fully connected layer whose weights are worth sharing.
  let headStart: Int
  /// Values that the head reads or the caller keeps, made before it.
  let crossing: [String]
  let kept: Set<String>
  /// For a value that is another under a second name, the first name.
  private let aliases: [String: String]

  init(_ network: Network, keeping kept: Set<String>, batchingHead: Bool) {
    self.kept = kept
    var aliases: [String: String] = [:]
    var steps: [Step] = []
    for node in network.nodes {
      let inputs = node.inputs.map { aliases[$0] ?? $0 }
      switch node.operation {
      case .identity, .dropout:
        aliases[node.outputs[0]] = inputs[0]
      default:
        steps.append(Step(name: node.name, operation: node.operation, inputs: inputs, outputs: node.outputs))
      }
    }
    self.aliases = aliases
    let wanted = Set(kept.map { aliases[$0] ?? $0 })
    steps = Self.needed(steps, for: wanted)
    steps = Self.fused(steps, keeping: wanted)
    self.steps = steps
    // Only features are few enough to wait for a batch; maps are not.
    let shapes = try? network.shapes(
      inputs: [network.inputs.first?.name ?? "": network.inputShape(images: 1)])
    headStart =
      steps.firstIndex {
        batchingHead && $0.operation.sharesWeightsOverPictures && (shapes?[$0.inputs[0]]?.rank ?? 2) == 2
      } ?? steps.count
    let made = Set(steps[..<headStart].flatMap(\.outputs)).union(network.inputs.map(\.name))
    let readByHead = Set(steps[headStart...].flatMap(\.inputs))
    crossing = readByHead.intersection(made).sorted()
    var last: [String: Int] = [:]
    for (index, step) in steps.enumerated() {
      for value in step.inputs + step.outputs { last[value] = index }
    }
    for (value, index) in last where !wanted.contains(value) && !crossing.contains(value) {
      self.steps[index].lastReadOf.append(value)
    }
  }

  func firstName(of value: String) -> String { aliases[value] ?? value }

  private static func needed(_ steps: [Step], for wanted: Set<String>) -> [Step] {
    var needed = wanted
    return steps.reversed().filter { step in
      guard step.outputs.contains(where: needed.contains) else { return false }
      needed.formUnion(step.inputs)
      return true
    }.reversed()
  }

  /// Joins each convolution or product with what follows it, as long as nothing else reads the value between.
  private static func fused(_ steps: [Step], keeping wanted: Set<String>) -> [Step] {
    var readers: [String: Int] = [:]
    for step in steps {
      for input in step.inputs { readers[input, default: 0] += 1 }
    }
    var fused: [Step] = []
    var maker: [String: Int] = [:]
    for step in steps {
      if step.inputs.count == 1, let input = step.inputs.first, readers[input] == 1, !wanted.contains(input),
        let index = maker[input], let joined = fused[index].joined(with: step)
      {
        maker[input] = nil
        fused[index] = joined
        maker[step.outputs[0]] = index
        continue
      }
      for output in step.outputs { maker[output] = fused.count }
      fused.append(step)
    }
    return fused
  }
}

extension Plan.Step {
  /// This step and the next as one, where one call computes both.
  fileprivate func joined(with next: Plan.Step) -> Plan.Step? {
    guard !isRectified else { return nil }
    var joined = self
    joined.outputs = next.outputs
    switch (operation, next.operation) {
    case (.convolution, .activation(.relu)), (.innerProduct, .activation(.relu)):
      joined.isRectified = true
    case (.convolution(let convolution), .batchNormalization(let normalization)):
      let (scale, shift) = normalization.affine
      joined.operation = .convolution(convolution.scaled(by: scale.elements, shiftedBy: shift.elements))
    case (.convolution(let convolution), .arithmeticWithConstant(let arithmetic, let constant, let isFirst)):
      guard let values = constant.perChannel(convolution.filters.shape[0]) else { return nil }
      let ones = [Float](repeating: 1, count: values.count)
      let zeros = [Float](repeating: 0, count: values.count)
      switch arithmetic {
      case .multiply: joined.operation = .convolution(convolution.scaled(by: values, shiftedBy: zeros))
      case .add: joined.operation = .convolution(convolution.scaled(by: ones, shiftedBy: values))
      case .divide where !isFirst:
        joined.operation = .convolution(convolution.scaled(by: values.map { 1 / $0 }, shiftedBy: zeros))
      case .subtract where !isFirst:
        joined.operation = .convolution(convolution.scaled(by: ones, shiftedBy: values.map { -$0 }))
      default: return nil
      }
    default:
      return nil
    }
    return joined
  }
}

extension Convolution {
  /// The same convolution followed by a product and a sum for each output.
  func scaled(by scale: [Float], shiftedBy shift: [Float]) -> Convolution {
    let each = filters.shape.count / max(filters.shape[0], 1)
    var scaled = self
    scaled.filters.withMutableSpan { elements in
      for output in scale.indices {
        for index in output * each..<(output + 1) * each { elements[index] *= scale[output] }
      }
    }
    let bias = bias?.elements ?? [Float](repeating: 0, count: scale.count)
    scaled.bias = Tensor([scale.count], elements: scale.indices.map { bias[$0] * scale[$0] + shift[$0] })
    return scaled
  }
}

extension Tensor {
  /// One value a channel, where the tensor has one for each or one for all, and no other extent.
  fileprivate func perChannel(_ channels: Int) -> [Float]? {
    let elements = elements
    if elements.count == 1 { return [Float](repeating: elements[0], count: channels) }
    return elements.count == channels && shape.dimensions.last == channels && shape.rank <= 4 ? elements : nil
  }
}

extension Operation {
  /// Whether many pictures in one call pay: the weights outweigh the activations.
  fileprivate var sharesWeightsOverPictures: Bool {
    if case .innerProduct(let product) = self { product.weights.shape.count >= 1 << 19 } else { false }
  }
}
