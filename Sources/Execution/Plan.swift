internal import Networks
internal import Kernels
internal import Tensors

/// A network made ready to run for chosen values: only the nodes they need, joined wherever the value between is not
/// asked for.
struct Plan: Sendable {
  struct Step: PlannedStep, Sendable {
    var name: String
    var operation: Operation
    /// A function of each sum computed in the same call.
    var activation: Activation?
    /// What is computed where it is not the operation alone.
    var way = Way.plain
    var inputs: [String]
    var outputs: [String]
    /// Values that nothing later reads.
    var lastReadOf: [String] = []
  }

  /// How a step differs from its operation.
  enum Way: Sendable {
    case plain
    /// Its sums are added to the last input, where it stands.
    case added
    /// It writes some channels of its output, from `channel` on, where others write the rest of `channels`.
    case part(channel: Int, channels: Int)
    /// Batch normalisation worked out, of the inputs joined along their channels.
    case scaled(scale: Tensor, shift: Tensor)
    /// Every position's channels less their mean, over their deviation.
    case normalized(LayerNormalization)
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
    let shapes = try? network.shapes(
      inputs: [network.inputs.first?.name ?? "": network.inputShape(images: 1)])
    steps = steps.needed(for: wanted).joined(keeping: wanted, shapes)
    self.steps = steps
    // Only features are few enough to wait for a batch; maps are not.
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

extension Operation {
  /// Whether many pictures in one call pay: the weights outweigh the activations.
  fileprivate var sharesWeightsOverPictures: Bool {
    if case .innerProduct(let product) = self { product.weights.shape.count >= 1 << 19 } else { false }
  }
}
