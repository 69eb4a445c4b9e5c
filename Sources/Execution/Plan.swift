internal import Networks
internal import Kernels
internal import Tensors

/// A network made ready to run for chosen values: only the nodes they need, with batch normalisation folded
/// into the convolution before it and rectifiers fused, wherever the value between is not asked for.
struct Plan: Sendable {
  struct Step: PlannedStep, Sendable {
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
  /// Values computed picture by picture that must survive until the batched head runs.
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
    steps = steps.needed(for: wanted).joined(keeping: wanted) { $0.joined(with: $1) }
    self.steps = steps
    // Only features are few enough to wait for a batch; maps are not.
    let shapes = try? network.shapes(
      inputs: [network.inputs.first?.name ?? "": network.inputShape(images: 1)])
    headStart =
      steps.firstIndex {
        batchingHead && !network.mixesImages && $0.operation.sharesWeightsOverPictures
          && (shapes?[$0.inputs[0]]?.rank ?? 2) == 2
      } ?? steps.count
    crossing = steps.crossing(into: headStart, from: network.inputs.map(\.name))
    for (value, index) in steps.lastUses where !wanted.contains(value) && !crossing.contains(value) {
      self.steps[index].lastReadOf.append(value)
    }
  }

  func firstName(of value: String) -> String { aliases[value] ?? value }
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
