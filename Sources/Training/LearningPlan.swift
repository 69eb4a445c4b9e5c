internal import Execution
internal import Kernels
internal import Networks

/// A network made ready to learn: the nodes that its scores need, rectifiers fused, and for each what the walk back
/// needs of the forward pass.
struct LearningPlan: Sendable {
  struct Step: PlannedStep, Sendable {
    var node: Network.Node
    /// A rectifier computed in the same call.
    var isRectified = false
    /// A max pool directly above a ReLU.
    ///
    /// A pooled value is positive exactly where the ReLU passed, so masking by the
    /// pool's output is enough, and the ReLU's output, the largest tensor of the pass, can be freed.
    var masksForRectifier = false
    /// The rectifier below such a pool.
    var leavesMaskToPool = false
    /// Whether something below learns, so that a signal must go on.
    var passesDown = false
    /// Values that the walk back asks for.
    var remembers: [String] = []
    /// Values that nothing later reads and nobody remembers.
    var lastReadOf: [String] = []
    /// The same where nothing is remembered.
    var lastReadInTestsOf: [String] = []

    var inputs: [String] { node.inputs }
    var outputs: [String] { node.outputs }
    /// Whether it needs the statistics of the whole batch.
    var isBatchNormalization: Bool {
      if case .batchNormalization = node.operation { true } else { false }
    }
    /// Whether the walk back visits it.
    var isOnWay: Bool { passesDown || !node.operation.parameterRoles.isEmpty }
  }

  var steps: [Step]
  let input: String
  let scores: String
  let loss: Loss
  /// Where the whole batch comes together: the first fully connected layer.
  let headStart: Int
  /// Values made before the head that it reads; the scores themselves where there is no head.
  let crossing: [String]

  init(_ network: Network) throws(TrainingError) {
    guard let input = network.inputs.first, network.inputs.count == 1 else {
      throw .network(reason: "it has \(network.inputs.count) inputs, and training gives one.")
    }
    guard let scores = network.scores, scores != input.name else {
      throw .network(reason: "it makes no class scores.")
    }
    self.input = input.name
    self.scores = scores
    loss = Loss(of: try? network.classHead())
    var steps = network.nodes.map { Step(node: $0) }.needed(for: [scores])
    steps = steps.joined(keeping: [scores]) { $0.rectified(by: $1) }
    Self.markPools(&steps)
    Self.markWay(&steps)
    let headStart =
      steps.firstIndex { if case .innerProduct = $0.node.operation { true } else { false } } ?? steps.count
    self.headStart = headStart
    crossing = steps.crossing(into: headStart, from: [input.name], wanted: [scores])
    self.steps = steps
    markLastReads()
  }

  /// The steps before the head, parted where every picture must wait for the others: a batch normalisation comes first in
  /// its stretch.
  var stretches: [Range<Int>] {
    let starts = [0] + (0..<headStart).filter { $0 > 0 && steps[$0].isBatchNormalization }
    return zip(starts, starts.dropFirst() + [headStart]).map { $0..<$1 }
  }

  private static func markPools(_ steps: inout [Step]) {
    let readers = steps.readers
    for index in steps.indices {
      guard case .maxPooling = steps[index].node.operation, let input = steps[index].node.inputs.first,
        readers[input] == 1, let below = steps.firstIndex(where: { $0.node.outputs == [input] })
      else { continue }
      var isRectifier = steps[below].isRectified
      if case .activation(.relu) = steps[below].node.operation { isRectifier = true }
      guard isRectifier else { continue }
      steps[index].masksForRectifier = true
      steps[below].leavesMaskToPool = true
    }
  }

  /// Finds where signals must go, and what they ask for on the way.
  private static func markWay(_ steps: inout [Step]) {
    var learning = Set<String>()
    for index in steps.indices {
      let node = steps[index].node
      steps[index].passesDown = node.inputs.contains(where: learning.contains)
      if steps[index].isOnWay { learning.formUnion(node.outputs) }
      var remembers: [String] = []
      if !node.operation.parameterRoles.isEmpty { remembers.append(node.inputs[0]) }
      if steps[index].isRectified, !steps[index].leavesMaskToPool { remembers.append(node.outputs[0]) }
      if steps[index].masksForRectifier { remembers.append(node.outputs[0]) }
      if steps[index].passesDown, !steps[index].leavesMaskToPool {
        let needs = node.needs(under: .gradient)
        if needs.inputs { remembers += node.inputs }
        if needs.outputs { remembers += node.outputs }
      }
      steps[index].remembers = remembers
    }
  }

  private mutating func markLastReads() {
    let remembered = Set(steps.flatMap(\.remembers))
    for (value, index) in steps.lastUses where !crossing.contains(value) && value != scores {
      steps[index].lastReadInTestsOf.append(value)
      if !remembered.contains(value) { steps[index].lastReadOf.append(value) }
    }
  }
}

extension LearningPlan.Step {
  /// This step with the rectifier that follows it, where one call computes both.
  fileprivate func rectified(by next: LearningPlan.Step) -> LearningPlan.Step? {
    guard case .activation(.relu) = next.node.operation, !isRectified else { return nil }
    switch node.operation {
    case .convolution, .innerProduct:
      var joined = self
      joined.isRectified = true
      joined.node.outputs = next.node.outputs
      return joined
    default: return nil
    }
  }
}
