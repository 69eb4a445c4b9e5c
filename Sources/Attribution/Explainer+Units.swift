internal import Execution
internal import Kernels
internal import Networks
public import Tensors

/// How what is explained is shared out among the units of layers.
public struct UnitExplanation: Sendable {
  /// What is explained, of the picture.
  public let score: Float
  /// Of each value asked for, of its own shape: what each activation adds, signed and not scaled.
  public let shares: [String: Tensor]
  /// Of each value that every path passes: how far the sum of its shares is from what it should be, as a share of that.
  public let errors: [String: Double]
  /// Inputs that were looked at.
  public var points: Int?

  /// What each unit of a value adds: its shares summed over positions.
  public func sums(of value: String) -> [Double] {
    guard let shares = shares[value], let units = shares.shape.dimensions.last, units > 0 else { return [] }
    var sums = [Double](repeating: 0, count: units)
    for (index, share) in shares.elements.enumerated() { sums[index % units] += Double(share) }
    return sums
  }
}

/// Which units carry a decision, and where in the picture.
///
/// Two walks and no mask between: from what is explained down to a layer, then from one unit's part there down to the pixels.
/// So nothing that took another path past the unit is counted as its own.
extension Explainer {
  /// How units share what is explained.
  public enum Sharing: Hashable, Sendable {
    /// By layer-wise relevance propagation: one of its methods.
    case relevance(Method)
    /// By integrated gradients of a hidden layer: along a straight line from a baseline, the gradient at the layer times how far
    /// its activations move (Dhamdhere et al. 2018).
    case conductance
    /// By DeepLIFT's rescale rule: an activation's multiplier times its difference from the baseline's.
    case rescale
  }

  /// What each activation of some values adds to what is explained.
  ///
  /// - Parameters:
  ///   - input: 1 x rows x columns x channels.
  ///   - values: The values, which what is explained is computed from.
  ///   - sharing: How it is shared.
  ///   - settings: The baseline, and of conductance how many points: by default 64, doubled until sums fit, 512 at most.
  /// - Returns: The shares.
  /// - Throws: ``AttributionError`` where a node has no rule, or `NetworkError`.
  public func units(
    of input: Tensor, in values: [String], by sharing: Sharing, _ settings: Settings
  ) throws -> UnitExplanation {
    switch sharing {
    case .relevance(let method):
      let way = try way(method.rawValue, folded) { try composite(of: method, range: settings.range) }
      var found: (score: Float, stops: [String: Tensor]) = (0, [:])
      try carry(1, at: nil, way, asRelevance: true, stops: Set(values), input: { _ in input }) { _, carried in
        found = (carried.score, carried.stops)
      }
      return explanation(found.score, found.stops, of: Double(found.score))
    case .rescale:
      let (evidence, score, start, trace, reference) = try evidence(of: input, keeping: values, settings)
      let way = try way("rescale", network, keeping: values) { .rescale }
      let stops = try way.projector.project([evidence], stops: Set(values))[0].stops
      var shares: [String: Tensor] = [:]
      for (value, multipliers) in stops {
        guard let here = trace[value], let there = reference[value] else { continue }
        let device = Device()
        shares[value] = try device.combining(
          multipliers, try device.combining(here, there, by: .subtract), by: .multiply)
      }
      return explanation(score, shares, of: Double(score) - Double(start))
    case .conductance: return try conductance(of: input, in: values, settings)
    }
  }

  private func explanation(
    _ score: Float, _ shares: [String: Tensor], of difference: Double, points: Int? = nil
  ) -> UnitExplanation {
    let errors = shares.filter { network.isCut($0.key, below: target.value) }.mapValues { shares in
      Self.completenessError(shares.elements.reduce(0) { $0 + Double($1) }, of: difference)
    }
    return UnitExplanation(score: score, shares: shares, errors: errors, points: points)
  }

  /// What DeepLIFT's walk starts from, of a picture beside the baseline.
  private func evidence(
    of input: Tensor, keeping values: [String], _ settings: Settings
  ) throws -> (Evidence, score: Float, start: Float, trace: Trace, reference: Trace) {
    let way = try way("rescale", network, keeping: values) { .rescale }
    let (trace, reference) = (try way.runner.forward(input), try way.runner.forward(settings.baseline))
    let (place, score) = try target.reading(in: trace, at: nil)
    let signal = try target.meanSlope(from: reference, to: trace, at: place)
    return (
      try way.projector.walk.evidence(of: signal, in: trace, against: reference), score,
      try target.reading(in: reference, at: place).score, trace, reference
    )
  }

  private func conductance(
    of input: Tensor, in values: [String], _ settings: Settings
  ) throws -> UnitExplanation {
    let way = try way("gradient", network, keeping: values + [target.value], .fastest) { .gradient }
    let place = try target.reading(in: try way.runner.forward(input), at: nil).place
    let (picture, base) = (input.elements, settings.baseline.elements)
    var count = settings.points ?? 64
    while true {
      var sums = [String: [Double]]()
      var last: Carried?
      var start: Float = 0
      let steps = count
      // Both ends are points, and each step has the mean of the gradients at its ends.
      try carry(
        steps + 1, at: place, way, kept: values, stops: Set(values),
        input: { index in
          let share = Float(index) / Float(steps)
          return Tensor(input.shape, elements: zip(picture, base).map { $1 + share * ($0 - $1) })
        }
      ) { _, carried in
        if let last {
          for value in values {
            guard let before = last.kept[value]?.elements, let now = carried.kept[value]?.elements,
              let slope = last.stops[value]?.elements, let next = carried.stops[value]?.elements
            else { continue }
            var sum = sums[value] ?? [Double](repeating: 0, count: now.count)
            for index in now.indices {
              sum[index] += Double(slope[index] + next[index]) / 2 * Double(now[index] - before[index])
            }
            sums[value] = sum
          }
        } else {
          start = carried.score
        }
        last = carried
      }
      guard let last else { return explanation(0, [:], of: 0) }
      let shares = sums.reduce(into: [String: Tensor]()) { shares, sum in
        guard let shape = last.kept[sum.key]?.shape else { return }
        shares[sum.key] = Tensor(shape, elements: sum.value.map { Float($0) })
      }
      let found = explanation(
        last.score, shares, of: Double(last.score) - Double(start), points: count + 1)
      if settings.points != nil || (found.errors.values.max() ?? 0) < 0.01 || count >= 512 { return found }
      count *= 2
    }
  }

  /// Where in the picture some units of a value get what they add from.
  ///
  /// By relevance and by the rescale rule each unit's part is carried on down to the pixels, whose sum is what the unit adds, as far
  /// as rules keep sums. Conductance ends at its layer: its map is placed by the receptive field, as class activation maps are.
  ///
  /// - Parameters:
  ///   - explanation: What ``units(of:in:by:_:)`` said of the same input.
  ///   - input: 1 x rows x columns x channels.
  ///   - value: One of its values.
  ///   - units: The units.
  ///   - sharing: How it was shared.
  ///   - settings: As they were.
  /// - Returns: A map for each unit, rows x columns, summed over channels.
  /// - Throws: As the first walk.
  public func places(
    of explanation: UnitExplanation, _ input: Tensor, in value: String, units: [Int], by sharing: Sharing,
    _ settings: Settings
  ) throws -> [Tensor] {
    guard let shares = explanation.shares[value], let count = shares.shape.dimensions.last else {
      throw NetworkError.missingValue(name: value, node: "the explanation")
    }
    func only(_ unit: Int, _ signal: Tensor) -> Tensor {
      Tensor(
        signal.shape,
        elements: signal.elements.enumerated().map { $0.offset % count == unit ? $0.element : 0 })
    }
    func summed(_ pixels: Tensor) -> Tensor {
      let (rows, columns, channels) = (pixels.shape[0], pixels.shape[1], pixels.shape[2])
      let elements = pixels.elements
      return Tensor(
        [rows, columns],
        elements: (0..<rows * columns).map { place in
          (0..<channels).reduce(0) { $0 + elements[place * channels + $1] }
        })
    }
    switch sharing {
    case .relevance(let method):
      let way = try way("\(method.rawValue) from \(value)", folded, from: value) {
        try composite(of: method, range: settings.range)
      }
      let trace = try way.runner.forward(input)
      let evidence = try units.map { try way.projector.walk.evidence(of: only($0, shares), in: trace) }
      return try way.projector.project(evidence).map { summed($0.pixels) }
    case .rescale:
      let (first, _, _, _, _) = try evidence(of: input, keeping: [value], settings)
      let whole = try self.way("rescale", network, keeping: [value]) { .rescale }
      guard let multipliers = try whole.projector.project([first], stops: [value])[0].stops[value] else {
        return []
      }
      let way = try way("rescale from " + value, network, from: value) { .rescale }
      let (trace, reference) = (try way.runner.forward(input), try way.runner.forward(settings.baseline))
      let evidence = try units.map {
        try way.projector.walk.evidence(of: only($0, multipliers), in: trace, against: reference)
      }
      let (picture, base) = (input.elements, settings.baseline.elements)
      return try way.projector.project(evidence).map { found in
        let slopes = found.pixels.elements
        return summed(
          Tensor(
            found.pixels.shape, elements: slopes.indices.map { slopes[$0] * (picture[$0] - base[$0]) }))
      }
    case .conductance:
      return try units.map { unit in
        guard shares.shape.rank == 4 else { throw AttributionError.noMaps(of: value) }
        let elements = shares.elements
        return placed(
          Tensor(
            [shares.shape.rows, shares.shape.columns],
            elements: stride(from: unit, to: elements.count, by: count).map { elements[$0] }),
          of: value, in: input.shape)
      }
    }
  }
}

extension Network {
  /// Whether every path from the network's input to a value passes another.
  func isCut(_ cut: String, below value: String) -> Bool {
    guard cut != value else { return true }
    var reached = Set(inputs.map(\.name))
    for node in nodes where node.inputs.contains(where: reached.contains) {
      reached.formUnion(node.outputs.filter { $0 != cut })
    }
    return !reached.contains(value)
  }
}
