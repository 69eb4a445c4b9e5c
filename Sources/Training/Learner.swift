public import Communication
public import Datasets
internal import Execution
public import Kernels
public import Networks
public import Tensors

/// A network that learns: weights and velocities, moved by one batch at a time.
///
/// Up to the first fully connected layer, pictures are spread over the workers in small groups whose maps stay in
/// cache; there the batch comes together, and units are spread instead. Each worker adds up its own gradients, and
/// the sums are joined in the workers' order, so the same seed and threads give the same bytes.
///
/// Several ranks that train together divide the workers among them: the same number in all gives the same bytes, on however
/// many ranks. Every call is then collective, and takes of a batch the pictures of ``part(of:)`` alone. Fully connected
/// layers, which have most weights, are divided by units, so that ranks send activations and not those weights (Krizhevsky
/// 2014, "One weird trick for parallelizing convolutional neural networks").
/// A class because it owns its workers and changes where it stands. One call at a time.
public final class Learner {
  /// What a batch cost.
  public struct Outcome: Hashable, Sendable {
    /// Summed over the pictures, in nats.
    public var loss: Double
    /// How many pictures' one class had the largest score; 0 where pictures can hold several.
    public var correct: Int
    /// How many pictures' one class was among the five largest.
    public var correctInFive: Int
    public var pictures: Int
  }

  private let blueprint: Network
  /// The network without its weights: what its nodes are, and how they hang together.
  var shape: Network { blueprint }
  private(set) var plan: LearningPlan
  let crew: Crew
  let ranks: Ranks
  let shares: Shares
  /// What the gradients of a stretch of steps are of, by the stretch's first step: worked out once.
  var layouts: [Int: [GradientPlace]] = [:]
  /// A step's memory is the next one's.
  private let reserve = MemoryReserve()
  let seed: UInt64
  private(set) var products: [Int: SharedProduct] = [:]
  private var speeds: [Int: [ParameterRole: Tensor]] = [:]
  /// Convolution filters above this root mean square are scaled back to it after each step.
  public var filterLimit: Float?
  /// What is made small, as the network's end asks: binary cross-entropy where it ends in a sigmoid.
  public var loss: Loss { plan.loss }

  /// - Parameters:
  ///   - network: Where it starts.
  ///   - known: What ``velocities`` gave when training was left; none for a new start.
  ///   - seed: Of dropout's choices.
  ///   - threads: How many groups of pictures are computed side by side, on all ranks together.
  ///   - ranks: The processes that train together.
  ///   - filterLimit: Convolution filters above this root mean square are scaled back to it after each step.
  /// - Throws: ``TrainingError/network(reason:)``.
  public init(
    _ network: Network, velocities known: [String: Tensor] = [:], seed: UInt64 = 0, threads: Int = 2,
    ranks: Ranks = .alone, filterLimit: Float? = nil
  ) throws {
    guard !network.mixesImages else {
      throw TrainingError.network(
        reason: "its nodes make one value of several images, so it cannot learn from batches of them.")
    }
    plan = try LearningPlan(network)
    self.ranks = ranks
    shares = Shares(workers: threads, ranks)
    crew = Crew(threads: max(1, shares.own.count))
    self.seed = seed
    self.filterLimit = filterLimit
    var learned = Set<String>()
    for index in plan.steps.indices {
      let node = plan.steps[index].node
      for role in node.operation.parameterRoles {
        guard let tensor = node.operation.parameter(role) else { continue }
        learned.insert(Self.name(node, role))
        let velocity = known[Self.name(node, role)] ?? Tensor(tensor.shape)
        guard velocity.shape == tensor.shape else {
          throw TrainingError.network(
            reason: "the velocity of \(Self.name(node, role)) is \(velocity.shape), not \(tensor.shape).")
        }
        if case .innerProduct(let product) = node.operation, role == .weights {
          guard product.weights.shape.count > 0 else {
            throw TrainingError.network(reason: "layer \(node.name) has no weights.")
          }
          products[index] = SharedProduct(
            weights: tensor, velocity: velocity, workers: shares.workers, own: shares.own)
          plan.steps[index].node.operation = .innerProduct(
            InnerProduct(weights: Tensor([0, 0]), bias: product.bias))
        } else {
          speeds[index, default: [:]][role] = velocity
        }
      }
    }
    guard !learned.isEmpty else { throw TrainingError.network(reason: "it has no weights to learn.") }
    if let stranger = known.keys.sorted().first(where: { !learned.contains($0) }) {
      throw TrainingError.network(reason: "it has no '\(stranger)', of which a velocity is known.")
    }
    // The graph alone, so that no weights are held twice.
    let held = Set(plan.steps.map(\.node.name))
    blueprint = network.replacingOperations { node in
      guard held.contains(node.name), !node.operation.parameterRoles.isEmpty else { return node.operation }
      return .identity
    }
  }

  private static func name(_ node: Network.Node, _ role: ParameterRole) -> String {
    "\(node.name).\(role.rawValue)"
  }

  /// The pictures of a batch of so many that this rank computes: all of them for one rank alone.
  public func part(of count: Int) -> Range<Int> {
    shares.part(of: count)
  }

  /// The network as it is now.
  public var network: Network {
    get throws(RankError) {
      var operations: [String: Operation] = [:]
      for (index, step) in plan.steps.enumerated() {
        var operation = step.node.operation
        if let product = products[index], case .innerProduct(var layer) = operation {
          layer.weights = try product.whole(ranks) { $0.weights }
          operation = .innerProduct(layer)
        }
        operations[step.node.name] = operation
      }
      return blueprint.replacingOperations { node in
        // A fused rectifier is no step of its own.
        operations[node.name] ?? node.operation
      }
    }
  }

  /// The velocity of every learned tensor, by its node's name and role: `conv1.weights`.
  public var velocities: [String: Tensor] {
    get throws(RankError) {
      var all: [String: Tensor] = [:]
      for (index, step) in plan.steps.enumerated() {
        for (role, tensor) in speeds[index] ?? [:] { all[Self.name(step.node, role)] = tensor }
        if let product = products[index] {
          all[Self.name(step.node, .weights)] = try product.whole(ranks) { $0.velocity }
        }
      }
      return all
    }
  }

  /// Moves the weights along one batch's gradient.
  ///
  /// - Parameters:
  ///   - pictures: Those of the batch that are this rank's, each 1 x rows x columns x channels.
  ///   - labels: The class, or the classes, of each picture of the batch.
  ///   - rates: How fast, how long remembered, how strongly pulled to zero.
  ///   - number: The step's number since the start: dropout's choices follow from it.
  /// - Returns: What the batch cost before the step. Where the loss is not finite, no weight has moved.
  /// - Throws: `KernelError` where pictures do not fit the network.
  public func learn(
    from pictures: [Tensor], labels: Labels, by rates: MomentumStep, number: Int
  ) throws -> Outcome {
    let (outcome, gradients) = try walk(pictures, labels, number: number, moving: rates)
    guard outcome.loss.isFinite else { return outcome }
    for (index, roles) in gradients { move(index, roles, rates) }
    return outcome
  }

  /// The gradient of a batch's mean cost at every learned tensor, by its node's name and role; no weight moves.
  ///
  /// - Parameters:
  ///   - pictures: Those of the batch that are this rank's, each 1 x rows x columns x channels.
  ///   - labels: The class, or the classes, of each picture of the batch.
  ///   - number: The step's number since the start: dropout's choices follow from it.
  /// - Returns: What the batch cost, and the gradients.
  /// - Throws: `KernelError` where pictures do not fit the network.
  public func gradients(
    of pictures: [Tensor], labels: Labels, number: Int = 0
  ) throws -> (outcome: Outcome, gradients: [String: Tensor]) {
    let (outcome, gradients) = try walk(pictures, labels, number: number, moving: nil)
    var named: [String: Tensor] = [:]
    for (index, roles) in gradients {
      let node = plan.steps[index].node
      for role in node.operation.parameterRoles { named[Self.name(node, role)] = roles[role] }
    }
    for (index, product) in products {
      named[Self.name(plan.steps[index].node, .weights)] = try product.whole(ranks) { $0.gradient }
      for part in product.parts { part.gradient = nil }
    }
    return (outcome, named)
  }

  /// The class scores of pictures, with nothing dropped.
  ///
  /// - Parameters:
  ///   - pictures: Those of the batch that are this rank's, each 1 x rows x columns x channels.
  ///   - count: How many the batch has; nil where it has these alone.
  /// - Returns: Pictures of the batch x classes.
  /// - Throws: `KernelError` where pictures do not fit the network.
  public func scores(of pictures: [Tensor], among count: Int? = nil) throws -> Tensor {
    let count = count ?? pictures.count
    if count == 0 { return Tensor([0, 0]) }
    let scores = try forward(pictures, among: count, masks: nil).head[plan.scores] ?? Tensor([0, 0])
    return scores.reshaped(to: [count, scores.shape.count / count])
  }

  /// Whether every weight is a number.
  public var isFinite: Bool {
    get throws(RankError) {
      let isFinite =
        plan.steps.allSatisfy { step in
          step.node.operation.parameterRoles.allSatisfy { role in
            step.node.operation.parameter(role).map { $0.sumOfSquares.isFinite } ?? true
          }
        } && products.values.allSatisfy { $0.parts.allSatisfy { $0.weights.sumOfSquares.isFinite } }
      return try !ranks.any(!isFinite)
    }
  }

  /// Moves the statistics that inference uses towards the batch's.
  func follow(_ moments: [String: ChannelMoments]) {
    for index in plan.steps.indices {
      guard case .batchNormalization(var normalization) = plan.steps[index].node.operation,
        let seen = moments[plan.steps[index].node.name]
      else { continue }
      normalization.follow(seen)
      plan.steps[index].node.operation = .batchNormalization(normalization)
    }
  }

  private func move(_ index: Int, _ gradients: [ParameterRole: Tensor], _ rates: MomentumStep) {
    for (role, gradient) in gradients {
      guard var velocity = speeds[index]?.removeValue(forKey: role) else { continue }
      let limit = filterLimit
      let isConvolution =
        if case .convolution = plan.steps[index].node.operation { true } else { false }
      crew.allThreads { worker in
        plan.steps[index].node.operation.withParameter(role) { weights in
          worker.device.move(&weights, velocity: &velocity, along: gradient, by: rates)
          if isConvolution, role == .weights, let limit { worker.device.renormalize(&weights, above: limit) }
        }
      }
      speeds[index]?[role] = velocity
    }
  }
}

/// A batch divided among the workers of all ranks.
struct Shares: Sendable {
  /// How many workers all ranks have together.
  let workers: Int
  /// Which of them are this rank's.
  let own: Range<Int>

  init(workers: Int, _ ranks: Ranks) {
    self.workers = workers
    own = workers * ranks.rank / ranks.count..<workers * (ranks.rank + 1) / ranks.count
  }

  /// The pictures of a worker, of a batch of so many.
  func pictures(of worker: Int, among total: Int) -> Range<Int> {
    total * worker / workers..<total * (worker + 1) / workers
  }

  /// The pictures of this rank, of a batch of so many.
  func part(of total: Int) -> Range<Int> {
    total * own.lowerBound / workers..<total * own.upperBound / workers
  }
}
