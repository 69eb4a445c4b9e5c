internal import Execution
internal import Foundation
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
    /// What integrated gradients start from, of the input's shape.
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
  private let folded: Network
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
    case .camera:
      _ = try Walk(
        network, from: target.value, to: try layer ?? lastMaps(), by: .gradient, limitedToField: false)
    case .relevance:
      let range = [Float](repeating: 0, count: try network.inputShape(images: 1).channels)
      _ = try Walk(
        folded, from: target.value, by: composite(of: method, range: (range, range)), limitedToField: false)
    case .masks, .squares: break
    }
  }

  private func composite(of method: Method, range: (low: [Float], high: [Float])) -> Composite {
    switch method {
    case .lrpEpsilonPlus: .epsilonPlus(folded)
    case .lrpEpsilonPlusFlat: .epsilonPlusFlat(folded)
    case .lrpEpsilonGammaBox: .epsilonGammaBox(folded, low: range.low, high: range.high)
    case .lrpEpsilonAlpha2Beta1: .epsilonAlpha2Beta1(folded)
    case .lrpEpsilonAlpha2Beta1Flat: .epsilonAlpha2Beta1Flat(folded)
    case .excitation: .excitation(folded)
    default: .epsilon(Composite.stabilizer)
    }
  }

  /// How many inputs are made, run and carried back together: what bounds the memory.
  private var stretch: Int { 4 * threads }

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
    case .masks: return try masked(input, settings, show)
    case .squares: return try occluded(input, settings, show)
    }
  }

  // MARK: Walks

  func way(
    _ name: String, _ network: Network, to end: String? = nil, keeping kept: [String] = [],
    by composite: () -> Composite
  ) throws -> Way {
    if let known = ways[name] { return known }
    let walk = try Walk(network, from: target.value, to: end, by: composite(), limitedToField: false)
    let made = Way(
      projector: Projector(walk, threads: threads),
      runner: try Runner(
        network, keeping: Array(Set(walk.keptValues + kept)).sorted(), recordingSwitches: true,
        threads: threads,
        cancellation: cancellation))
    ways[name] = made
    return made
  }

  /// What is explained and the signals that reach a walk's end, for inputs made when their turn comes.
  ///
  /// - Parameters:
  ///   - count: How many inputs.
  ///   - place: Where a unit's activation is read; nil for its strongest.
  ///   - way: The walk.
  ///   - asRelevance: Whether what is explained is carried, and not its derivative.
  ///   - kept: A value of the forward pass that is given too.
  ///   - input: Makes an input, on a worker's thread.
  ///   - receive: Called in the inputs' order.
  /// - Throws: What a pass, a walk and the closures throw.
  func carry(
    _ count: Int, at place: Int?, _ way: Way, asRelevance: Bool = false, kept: String? = nil,
    input: @escaping @Sendable (Int) throws -> Tensor,
    receive: (_ index: Int, _ score: Float, _ signal: Tensor, _ kept: Tensor?) throws -> Void
  ) throws {
    let walk = way.projector.walk
    for start in Swift.stride(from: 0, to: count, by: stretch) {
      let end = min(start + stretch, count)
      let found = Mutex([Int: (evidence: Evidence, score: Float, kept: Tensor?)]())
      let failure = Mutex<(any Error)?>(nil)
      try way.runner.run(over: start..<end, input: { try input($0) }) { [target] trace in
        do {
          let (place, score) = try target.reading(in: trace, at: place)
          let signal = try target.signal(in: trace, at: place, asRelevance: asRelevance)
          let evidence = try walk.evidence(of: signal, in: trace)
          found.withLock { $0[trace.images[0]] = (evidence, score, kept.flatMap { trace[$0] }) }
        } catch { failure.withLock { $0 = error } }
      }
      if let error = failure.withLock({ $0 }) { throw error }
      let all = found.withLock { $0 }.sorted { $0.key < $1.key }
      let signals = try way.projector.project(all.map(\.value.evidence))
      for ((index, item), signal) in zip(all, signals) {
        try receive(index, item.score, signal.pixels, item.kept)
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

  // MARK: Gradients

  private func gradients(
    _ input: Tensor, _ path: Method.Path, _ reduction: Method.Reduction, _ factor: Method.Factor,
    _ settings: Settings, _ show: (Int, Int) throws -> Void
  ) throws -> Explanation {
    let way = try way("gradient", network) { .gradient }
    var (place, score) = (0, Float(0))
    var own = Tensor([])
    try carry(1, at: nil, way, kept: target.value, input: { _ in input }) { _, found, signal, kept in
      (score, own) = (found, signal)
      if let kept {
        place = try target.reading(in: Trace(images: [0], values: [target.value: kept]), at: nil).place
      }
    }
    let shape = own.shape
    let values = input.elements
    func explanation(
      _ gradient: [Double], times others: [Float]?, points: Int? = nil, error: Double? = nil
    ) -> Explanation {
      let elements = gradient.indices.map { index -> Float in
        switch factor {
        case .one: Float(gradient[index])
        case .input: Float(gradient[index] * Double(values[index]))
        case .difference: Float(gradient[index] * Double(values[index] - (others?[index] ?? 0)))
        }
      }
      return Explanation(
        values: Tensor(shape, elements: elements), score: score, points: points, completenessError: error)
    }
    switch path {
    case .point: return explanation(own.elements.map(Double.init), times: nil)
    case .line:
      let baseline = settings.baseline
      let start = Double(try scores(1, at: place) { _ in baseline }[0])
      let base = baseline.elements
      var count = settings.points ?? 50
      while true {
        let quadrature = Quadrature(count: count)
        var sum = [Double](repeating: 0, count: values.count)
        try carry(
          count, at: place, way,
          input: { index in
            let share = Float(quadrature.points[index])
            return Tensor(
              input.shape, elements: zip(values, base).map { $1 + share * ($0 - $1) })
          }
        ) { index, _, signal, _ in
          for (element, slope) in signal.elements.enumerated() {
            sum[element] += quadrature.weights[index] * Double(slope)
          }
          try show(index + 1, count)
        }
        let total = sum.indices.reduce(0) { $0 + sum[$1] * Double(values[$1] - base[$1]) }
        let difference = Double(score) - start
        let error = abs(total - difference) / max(abs(difference), 1e-6)
        // Twice as many until the sum is right, unless so many were asked for.
        if settings.points != nil || error < 0.01 || count >= 400 {
          return explanation(sum, times: base, points: count, error: error)
        }
        count *= 2
      }
    case .noise:
      let count = settings.points ?? 50
      let range = (values.max() ?? 0) - (values.min() ?? 0)
      let deviation = Float(settings.noise) * range
      var (sum, squares) = (
        [Double](repeating: 0, count: values.count), [Double](repeating: 0, count: values.count)
      )
      let seed = settings.seed
      try carry(
        count, at: place, way,
        input: { index in
          var generator = SeededGenerator(mixing: [seed, UInt64(index)])
          return Tensor(
            input.shape, elements: values.map { $0 + deviation * Float.gaussian(using: &generator) })
        }
      ) { index, _, signal, _ in
        // Welford's recurrence: sums of squares about the mean so far, which lose nothing to rounding.
        let number = Double(index + 1)
        for (element, slope) in signal.elements.enumerated() {
          let slope = Double(slope)
          if reduction == .variance {
            let step = slope - sum[element]
            sum[element] += step / number
            squares[element] += step * (slope - sum[element])
          } else {
            sum[element] += slope
            squares[element] += slope * slope
          }
        }
        try show(index + 1, count)
      }
      let divided = (reduction == .mean ? sum : squares).map { $0 / Double(count) }
      return explanation(divided, times: nil, points: count)
    case .pictures:
      guard !settings.pictures.isEmpty else { throw AttributionError.noPictures }
      let count = settings.points ?? 200
      var sum = [Double](repeating: 0, count: values.count)
      let (seed, pictures) = (settings.seed, settings.pictures)
      @Sendable func draw(_ index: Int) -> (base: [Float], share: Float) {
        var generator = SeededGenerator(mixing: [seed, UInt64(index)])
        let base = pictures[Int.random(in: 0..<pictures.count, using: &generator)].elements
        return (base, Float.random(in: 0...1, using: &generator))
      }
      var differences = 0.0
      let starts = try scores(pictures.count, at: place) { pictures[$0] }
      try carry(
        count, at: place, way,
        input: { index in
          let (base, share) = draw(index)
          return Tensor(input.shape, elements: zip(values, base).map { $1 + share * ($0 - $1) })
        }
      ) { index, _, signal, _ in
        let (base, _) = draw(index)
        for (element, slope) in signal.elements.enumerated() {
          sum[element] += Double(slope) * Double(values[element] - base[element])
        }
        try show(index + 1, count)
      }
      differences = Double(score) - starts.map(Double.init).reduce(0, +) / Double(starts.count)
      let mean = sum.map { $0 / Double(count) }
      let total = mean.reduce(0, +)
      return Explanation(
        values: Tensor(shape, elements: mean.map { Float($0) }), score: score, points: count,
        completenessError: abs(total - differences) / max(abs(differences), 1e-6))
    }
  }

  // MARK: Relevance

  private func relevance(of input: Tensor, by method: Method, _ settings: Settings) throws -> Explanation {
    let way = try way(method.rawValue, folded) { composite(of: method, range: settings.range) }
    var found = Explanation(values: Tensor([]), score: 0)
    try carry(1, at: nil, way, asRelevance: true, input: { _ in input }) { _, score, signal, _ in
      found = Explanation(values: signal, score: score)
    }
    return found
  }
}

extension Explainer.Target {
  /// Where what is explained lies in a picture's value, and what it is there.
  ///
  /// - Parameters:
  ///   - trace: A pass over one picture that kept the value.
  ///   - place: Where a unit's activation is read; nil for its strongest.
  /// - Returns: The place among the value's elements, and the score.
  /// - Throws: `NetworkError.missingValue(name:node:)`.
  fileprivate func reading(in trace: Trace, at place: Int?) throws -> (place: Int, score: Float) {
    let elements = try value(in: trace).elements
    switch self {
    case .score(_, let index): return (index, elements[index])
    case .probability(_, let index): return (index, Self.softmax(elements)[index])
    case .unit(_, let unit):
      let units = try value(in: trace).shape.dimensions.last ?? 1
      let best =
        place ?? stride(from: unit, to: elements.count, by: units).max { elements[$0] < elements[$1] } ?? unit
      return (best, elements[best])
    }
  }

  /// The derivative of what is explained by the value that it is read from, or, as relevance, the score itself.
  fileprivate func signal(in trace: Trace, at place: Int, asRelevance: Bool) throws -> Tensor {
    let value = try value(in: trace)
    let elements = value.elements
    var signal = Tensor(value.shape)
    if case .probability = self, !asRelevance {
      let shares = Self.softmax(elements)
      signal.withMutableSpan { slopes in
        for index in shares.indices {
          slopes[index] = shares[place] * ((index == place ? 1 : 0) - shares[index])
        }
      }
    } else {
      signal.withMutableSpan { $0[place] = asRelevance ? elements[place] : 1 }
    }
    return signal
  }

  private func value(in trace: Trace) throws -> Tensor {
    guard let found = trace[value] else { throw NetworkError.missingValue(name: value, node: "the trace") }
    return found
  }

  private static func softmax(_ scores: [Float]) -> [Float] {
    let most = scores.max() ?? 0
    let powers = scores.map { exp($0 - most) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}

extension Float {
  /// A number drawn from the normal distribution (Box and Muller).
  static func gaussian(using generator: inout SeededGenerator) -> Float {
    let (one, two) = (
      Float.random(in: Float.leastNormalMagnitude..<1, using: &generator),
      Float.random(in: 0..<1, using: &generator)
    )
    return (-2 * log(one)).squareRoot() * cos(2 * .pi * two)
  }
}
