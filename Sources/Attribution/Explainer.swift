internal import Execution
internal import Foundation
internal import Kernels
public import Networks
internal import Synchronization
public import Tensors

/// What a method says of a picture, and how well.
public struct Explanation: Sendable {
  /// Rows x columns x channels in the network's order or, for maps, rows x columns; signed and not scaled.
  public let values: Tensor
  /// What is explained, of the picture.
  public let score: Float
  /// Inputs that were looked at, beside the picture itself.
  public var points: Int?
  /// How far what is added up is from the difference in score between picture and baseline, as a share of that difference.
  public var completenessError: Double?
}

/// Explains a value of a network for pictures, by any ``Method``.
///
/// A class because it keeps networks prepared and owns their workers. One picture at a time.
public final class Explainer {
  /// What is explained.
  public enum Target: Hashable, Sendable {
    /// A class's score: an element of the value named.
    case score(value: String, index: Int)
    /// A class's probability: of a softmax over the value named.
    case probability(value: String, index: Int)
    /// A unit's strongest activation in the picture.
    case unit(value: String, unit: Int)

    var value: String {
      switch self {
      case .score(let value, _), .probability(let value, _), .unit(let value, _): value
      }
    }
  }

  /// What methods leave open.
  public struct Settings: Sendable {
    /// What integrated gradients and DeepLIFT start from, of the input's shape.
    public var baseline: Tensor
    /// Pictures that expected gradients start from.
    public var pictures: [Tensor] = []
    /// Inputs that are looked at; nil for each method's own: 50 for integrated gradients, doubled until what is added up fits,
    /// 50 for those with noise, 200 for expected gradients, 4,000 masks for RISE.
    public var points: Int?
    /// The deviation of noise as a share of the picture's range.
    public var noise = 0.15
    /// Rows and columns of RISE's masks.
    public var cells = 7
    /// The side of an occluding square, and pixels between positions; nil for a fifth and a twentieth of the picture.
    public var square: (size: Int, stride: Int)?
    /// What an occluding square shows, of the input's shape.
    public var cover: Tensor
    /// The least and the largest value of each channel of the input.
    public var range: (low: [Float], high: [Float])
    /// The value whose maps the cameras show; nil for the last maps before what is explained.
    public var layer: String?
    public var seed: UInt64 = 0

    /// - Parameters:
    ///   - baseline: What integrated gradients start from.
    ///   - cover: What an occluding square shows.
    ///   - range: The least and the largest value of each channel of the input.
    public init(baseline: Tensor, cover: Tensor, range: (low: [Float], high: [Float])) {
      (self.baseline, self.cover, self.range) = (baseline, cover, range)
    }
  }

  let network: Network
  /// What is explained; another of the same value needs no new preparation.
  public var target: Target {
    didSet { precondition(target.value == oldValue.value, "'\(target.value)' for '\(oldValue.value)'") }
  }
  let threads: Int
  let cancellation: Cancellation
  /// The network whose normalisations are folded, for relevance.
  let folded: Network
  private var ways: [String: Way] = [:]
  private var forward: Runner?

  /// A walk made ready, and the pass that it looks back on.
  struct Way {
    let projector: Projector
    let runner: Runner
  }

  /// - Parameters:
  ///   - network: The network.
  ///   - target: What is explained.
  ///   - threads: How many inputs are computed side by side.
  ///   - cancellation: Asked before each operation.
  /// - Throws: `NetworkError` where the value is not known.
  public init(_ network: Network, target: Target, threads: Int, cancellation: Cancellation = .never) throws {
    (self.network, self.target, self.threads, self.cancellation) = (network, target, threads, cancellation)
    folded = network.foldingNormalizations()
  }

  /// Whether a method can explain the target: a walk that it takes is worked out, and none is made.
  ///
  /// - Parameters:
  ///   - method: The method.
  ///   - layer: The value whose maps cameras show; nil for the last.
  /// - Throws: ``AttributionError`` that names the node without a rule, or says that there are no maps.
  public func check(_ method: Method, layer: String?) throws {
    switch method.kind {
    case .gradients: _ = try Walk(network, from: target.value, by: .gradient, limitedToField: false)
    case .rescale: _ = try Walk(network, from: target.value, by: .rescale, limitedToField: false)
    case .camera:
      _ = try Walk(
        network, from: target.value, to: try layer ?? lastMaps(), by: .gradient, limitedToField: false)
    case .relevance:
      let range = [Float](repeating: 0, count: try network.inputShape(images: 1).channels)
      _ = try Walk(
        folded, from: target.value, by: try composite(of: method, range: (range, range)),
        limitedToField: false)
    case .masks, .squares: break
    }
  }

  func composite(of method: Method, range: (low: [Float], high: [Float])) throws -> Composite {
    switch method {
    case .lrpEpsilonPlus: .epsilonPlus(folded)
    case .lrpEpsilonPlusFlat: .epsilonPlusFlat(folded)
    case .lrpEpsilonGammaBox: try .epsilonGammaBox(folded, low: range.low, high: range.high)
    case .lrpEpsilonAlpha2Beta1: .epsilonAlpha2Beta1(folded)
    case .lrpEpsilonAlpha2Beta1Flat: .epsilonAlpha2Beta1Flat(folded)
    case .excitation: .excitation(folded)
    default: .epsilon(Composite.stabilizer)
    }
  }

  /// How many inputs are made, run and carried back together: what bounds the memory.
  ///
  /// Large fully connected layers have their weights read once for several.
  private var stretch: Int {
    let isWide = network.nodes.contains { node in
      if case .innerProduct(let product) = node.operation {
        product.weights.shape.count > 1 << 20
      } else {
        false
      }
    }
    return isWide ? 4 * threads : threads
  }

  /// What a method says of a picture.
  ///
  /// - Parameters:
  ///   - input: 1 x rows x columns x channels.
  ///   - method: The method.
  ///   - settings: What it leaves open.
  ///   - show: Told how many inputs are done, of how many.
  /// - Returns: Its values.
  /// - Throws: ``AttributionError`` where a node has no rule or there are no maps, `NetworkError`, or what `show` throws.
  public func explain(
    _ input: Tensor, by method: Method, _ settings: Settings,
    show: (_ done: Int, _ of: Int) throws -> Void = { _, _ in }
  ) throws -> Explanation {
    switch method.kind {
    case .gradients(let path, let reduction, let factor):
      return try gradients(input, path, reduction, factor, settings, show)
    case .camera(let camera): return try map(of: input, by: camera, settings)
    case .relevance: return try relevance(of: input, by: method, settings)
    case .rescale: return try rescaled(input, settings)
    case .masks: return try masked(input, settings, show)
    case .squares: return try occluded(input, settings, show)
    }
  }

  // MARK: Walks

  func way(
    _ name: String, _ network: Network, from start: String? = nil, to end: String? = nil,
    keeping kept: [String] = [], _ convolutions: ConvolutionMethod.Choice = .by(.direct),
    by composite: () throws -> Composite
  ) throws -> Way {
    let name = ([name] + kept.sorted()).joined(separator: " ")
    if let known = ways[name] { return known }
    var walk = try Walk(
      network, from: start ?? target.value, to: end, by: try composite(), limitedToField: false)
    walk.convolutions = convolutions
    let made = Way(
      projector: Projector(walk, threads: threads),
      runner: try Runner(
        network, keeping: Array(Set(walk.keptValues + kept)).sorted(), recordingSwitches: true,
        threads: threads, cancellation: cancellation))
    ways[name] = made
    return made
  }

  /// What became of one input: what is explained of it, and what was carried back.
  struct Carried {
    var score: Float
    /// At the walk's end.
    var signal: Tensor
    /// Values of the forward pass.
    var kept: [String: Tensor]
    /// Signals on the way.
    var stops: [String: Tensor]
  }

  /// What is explained and the signals that reach a walk's end, for inputs made when their turn comes.
  ///
  /// - Parameters:
  ///   - count: How many inputs.
  ///   - place: Where a unit's activation is read; nil for its strongest.
  ///   - way: The walk.
  ///   - asRelevance: Whether what is explained is carried, and not its derivative.
  ///   - kept: Values of the forward pass that are given too.
  ///   - stops: Values between whose signals are given too.
  ///   - input: Makes an input, on a worker's thread.
  ///   - receive: Called in the inputs' order.
  /// - Throws: What a pass, a walk and the closures throw.
  func carry(
    _ count: Int, at place: Int?, _ way: Way, asRelevance: Bool = false, kept: [String] = [],
    stops: Set<String> = [], input: @escaping @Sendable (Int) throws -> Tensor,
    receive: (_ index: Int, Carried) throws -> Void
  ) throws {
    let (walk, stretch) = (way.projector.walk, stretch)
    for start in Swift.stride(from: 0, to: count, by: stretch) {
      let end = min(start + stretch, count)
      let found = Mutex([Int: (evidence: Evidence, score: Float, kept: [String: Tensor])]())
      let look = { @Sendable [target] (number: Int, trace: Trace) in
        let (place, score) = try target.reading(in: trace, at: place)
        let signal = try target.signal(in: trace, at: place, asRelevance: asRelevance)
        let evidence = try walk.evidence(of: signal, in: trace)
        let values = kept.reduce(into: [:]) { $0[$1] = trace[$1] }
        found.withLock { $0[number] = (evidence, score, values) }
      }
      if count == 1 {
        // A single input has all threads inside each operation.
        try look(0, try way.runner.forward(try input(0)))
      } else {
        try way.runner.run(over: start..<end, input: { try input($0) }) { try look($0.images[0], $0) }
      }
      let all = found.withLock { $0 }.sorted { $0.key < $1.key }
      let signals = try way.projector.project(all.map(\.value.evidence), stops: stops)
      for ((index, item), signal) in zip(all, signals) {
        try receive(
          index,
          Carried(
            score: item.score, signal: signal.projection.pixels, kept: item.kept, stops: signal.stops))
      }
    }
  }

  /// What is explained, for inputs made when their turn comes, without a walk back.
  func scores(
    _ count: Int, at place: Int?, from first: Int = 0, input: @escaping @Sendable (Int) throws -> Tensor
  ) throws -> [Float] {
    let runner =
      try forward
      ?? Runner(
        network, keeping: [target.value], threads: threads, cancellation: cancellation)
    forward = runner
    let found = Mutex([Float](repeating: 0, count: count))
    let value = target.value
    try runner.run(over: first..<first + count, input: { try input($0) }) { [target] trace in
      guard let scores = trace[value] else { return }
      for (index, number) in trace.images.enumerated() {
        let one = Trace(images: [number], values: [value: scores.slices(index..<index + 1)])
        let score = try target.reading(in: one, at: place).score
        found.withLock { $0[number - first] = score }
      }
    }
    return found.withLock { $0 }
  }
}
