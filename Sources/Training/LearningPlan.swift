internal import Execution
internal import Kernels
internal import Networks

/// A network made ready to learn: the nodes that its scores need, rectifiers fused, and for each what the walk back
/// needs of the forward pass.
struct LearningPlan: Sendable {
  struct Step: Sendable {
    var node: Network.Node
    /// A rectifier computed in the same call.
    var isRectified = false
    /// A pool over a rectifier's output: it masks the pooled signal, so the rectifier below has nothing left to do
    /// and its output, the largest value of all, need not be remembered.
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

    /// Whether the walk back visits it.
    var isOnWay: Bool { passesDown || !node.operation.parameterRoles.isEmpty }
  }

  var steps: [Step]
  let input: String
  let scores: String
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
    var steps = Self.needed(network.nodes, for: scores).map { Step(node: $0) }
    steps = Self.fused(steps, scores: scores)
    Self.markPools(&steps)
    Self.markWay(&steps)
    let headStart =
      steps.firstIndex { if case .innerProduct = $0.node.operation { true } else { false } } ?? steps.count
    let made = Set(steps[..<headStart].flatMap(\.node.outputs)).union([input.name])
    let crossing = Set(steps[headStart...].flatMap(\.node.inputs) + [scores]).intersection(made)
    self.headStart = headStart
    self.crossing = crossing.sorted()
    self.steps = steps
    markLastReads()
  }

  private static func needed(_ nodes: [Network.Node], for scores: String) -> [Network.Node] {
    var needed: Set<String> = [scores]
    return nodes.reversed().filter { node in
      guard node.outputs.contains(where: needed.contains) else { return false }
      needed.formUnion(node.inputs)
      return true
    }.reversed()
  }

  private static func readers(_ steps: [Step]) -> [String: Int] {
    steps.flatMap(\.node.inputs).reduce(into: [:]) { $0[$1, default: 0] += 1 }
  }

  /// Joins each convolution or product with the rectifier that alone reads it.
  private static func fused(_ steps: [Step], scores: String) -> [Step] {
    let readers = readers(steps)
    var fused: [Step] = []
    var maker: [String: Int] = [:]
    for step in steps {
      if case .activation(.relu) = step.node.operation, let input = step.node.inputs.first,
        readers[input] == 1, input != scores, let index = maker[input], !fused[index].isRectified
      {
        switch fused[index].node.operation {
        case .convolution, .innerProduct:
          fused[index].isRectified = true
          fused[index].node.outputs = step.node.outputs
          maker[step.node.outputs[0]] = index
          continue
        default: break
        }
      }
      for output in step.node.outputs { maker[output] = fused.count }
      fused.append(step)
    }
    return fused
  }

  private static func markPools(_ steps: inout [Step]) {
    let readers = readers(steps)
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
    var last: [String: Int] = [:]
    for (index, step) in steps.enumerated() {
      for value in step.node.inputs + step.node.outputs { last[value] = index }
    }
    for (value, index) in last where !crossing.contains(value) && value != scores {
      steps[index].lastReadInTestsOf.append(value)
      if !remembered.contains(value) { steps[index].lastReadOf.append(value) }
    }
  }
}
