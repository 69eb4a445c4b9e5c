package import Attribution
internal import Execution
package import Kernels
package import Networks
package import Tensors

/// Makes projections of a layer beside what they would be if they told nothing of their units.
///
/// A picture that stays the same when the switches, the unit or the weights are others' does not show the unit (Nie et al. 2018;
/// Mahendran & Vedaldi 2016; Adebayo et al. 2018). A class because it owns prepared networks and their workers.
package final class ProjectionControls {
  package enum Kind: String, CaseIterable, Codable, Sendable {
    case wrongSwitches, randomSwitches, otherUnit, otherImage, randomWeights
  }

  /// One of a unit's activations.
  package struct Sample: Sendable {
    package var unit: Int
    package var row: Int
    package var column: Int
    package var input: Tensor

    package init(unit: Int, row: Int, column: Int, input: Tensor) {
      (self.unit, self.row, self.column, self.input) = (unit, row, column, input)
    }
  }

  /// A projection and its controls; one that cannot be made is missing.
  package struct Controlled: Sendable {
    package var evidence: PixelProjection
    package var controls: [Kind: PixelProjection] = [:]
  }

  private let value: String
  private let own: Pass
  private let shuffled: Pass

  /// - Parameters:
  ///   - network: The network.
  ///   - value: The layer's maps.
  ///   - rule: How signals pass rectifiers.
  ///   - threads: How many compute.
  /// - Throws: `NetworkError` where the value is not known.
  package init(_ network: Network, value: String, rule: RectifierRule, threads: Int) throws {
    self.value = value
    own = try Pass(network, value, rule, threads)
    shuffled = try Pass(network.shufflingWeights(), value, rule, threads)
  }

  /// Projections of one unit's activations with their controls, in order.
  package func controlled(_ samples: [Sample]) throws -> [Controlled] {
    let traces = try samples.map { try own.runner.forward($0.input) }
    var found = try zip(samples, traces).map { sample, trace in
      Controlled(evidence: try own.project(try own.evidence(sample, trace)))
    }
    for (rank, sample) in samples.enumerated() {
      let evidence = try own.evidence(sample, traces[rank])
      // Winners drawn by chance in every window of every max pool.
      found[rank].controls[.randomSwitches] = try own.project(evidence.drawingSwitches(seed: UInt64(rank)))
      if samples.count > 1 {
        let next = (rank + 1) % samples.count
        // The same way back as another image's pass went.
        found[rank].controls[.wrongSwitches] = try own.project(
          try own.evidence(sample, traces[next]).carrying(signalOf: evidence))
        found[rank].controls[.otherImage] = found[next].evidence
      }
      if let other = traces[rank][value].flatMap({ Self.strongest(in: $0, beside: sample) }) {
        var sample = sample
        sample.unit = other
        found[rank].controls[.otherUnit] = try own.project(try own.evidence(sample, traces[rank]))
      }
      let random = try shuffled.runner.forward(sample.input)
      found[rank].controls[.randomWeights] = try shuffled.project(
        try shuffled.evidence(sample, random).carrying(signalOf: evidence))
    }
    return found
  }

  /// The unit with the largest activation at a place, beside one of them; nil where no other is active.
  private static func strongest(in maps: Tensor, beside sample: Sample) -> Int? {
    guard let units = maps.shape.dimensions.last else { return nil }
    let columns = maps.shape.rank == 4 ? maps.shape.columns : 1
    let start = (sample.row * columns + sample.column) * units
    let values = maps.elements[start..<start + units]
    let best = values.indices.filter { $0 - start != sample.unit }.max {
      (values[$0], $1) < (values[$1], $0)
    }
    return best.flatMap { values[$0] > 0 ? $0 - start : nil }
  }

  /// A network made ready to run forward and to carry back.
  struct Pass {
    let projector: Projector
    let runner: Runner

    init(_ network: Network, _ value: String, _ rule: RectifierRule, _ threads: Int) throws {
      projector = try Projector(network, value: value, rule: rule, threads: threads)
      runner = try Runner(
        network, keeping: Array(Set(projector.keptValues + [value])).sorted(), recordingSwitches: true,
        threads: threads)
    }

    func evidence(_ sample: Sample, _ trace: Trace) throws -> Evidence {
      try projector.evidence(
        of: .activation(unit: sample.unit, row: sample.row, column: sample.column), in: trace)
    }

    func project(_ evidence: Evidence) throws -> PixelProjection { try projector.project([evidence])[0] }
  }
}

extension Network {
  /// The network with the weights of its convolutions and fully connected layers, or of some of them, in another order.
  ///
  /// They are as large, and say nothing. Biases and normalisations stay.
  ///
  /// - Parameter nodes: Names of the nodes; nil for all.
  /// - Returns: The network.
  package func shufflingWeights(of nodes: Set<String>? = nil) -> Network {
    var generator = SeededGenerator(seed: 0)
    func shuffled(_ weights: Tensor) -> Tensor {
      Tensor(weights.shape, elements: weights.elements.shuffled(using: &generator))
    }
    return replacingOperations { node in
      guard nodes?.contains(node.name) ?? true else { return node.operation }
      switch node.operation {
      case .convolution(var convolution):
        convolution.filters = shuffled(convolution.filters)
        return .convolution(convolution)
      case .innerProduct(var product):
        product.weights = shuffled(product.weights)
        return .innerProduct(product)
      default: return node.operation
      }
    }
  }

  /// Nodes with weights that a value is computed from, from the input up.
  func weighted(below value: String) -> [String] {
    var needed: Set = [value]
    var found: [String] = []
    for node in nodes.reversed() where node.outputs.contains(where: needed.contains) {
      needed.formUnion(node.inputs)
      switch node.operation {
      case .convolution, .innerProduct: found.append(node.name)
      default: break
      }
    }
    return found.reversed()
  }
}

/// How alike two pictures of one shape are.
package struct Similarity: Codable, Hashable, Sendable {
  /// Of signed values: from -1 to 1.
  package var cosine: Double
  /// The correlation of ranks of magnitudes, a position's channels added up (Spearman).
  package var rank: Double

  /// - Returns: nil where the shapes differ, or one of them is zero everywhere.
  package init?(_ one: Tensor, _ other: Tensor) {
    guard one.shape == other.shape, let cosine = Self.cosine(one.elements, other.elements) else { return nil }
    self.cosine = cosine
    rank = Self.rankCorrelation(Self.magnitudes(one), Self.magnitudes(other))
  }

  init(cosine: Double, rank: Double) { (self.cosine, self.rank) = (cosine, rank) }

  /// The mean of several; nil of none.
  static func mean(_ some: [Similarity]) -> Similarity? {
    guard !some.isEmpty else { return nil }
    let count = Double(some.count)
    return Similarity(
      cosine: some.reduce(0) { $0 + $1.cosine } / count, rank: some.reduce(0) { $0 + $1.rank } / count)
  }

  private static func cosine(_ one: [Float], _ other: [Float]) -> Double? {
    var (product, first, second) = (0.0, 0.0, 0.0)
    for (mine, its) in zip(one, other) {
      product += Double(mine) * Double(its)
      first += Double(mine) * Double(mine)
      second += Double(its) * Double(its)
    }
    return first > 0 && second > 0 ? product / (first * second).squareRoot() : nil
  }

  /// A position's channels' sizes, added up.
  static func magnitudes(_ tensor: Tensor) -> [Float] {
    let channels = max(tensor.shape.dimensions.last ?? 1, 1)
    let elements = tensor.elements
    return (0..<elements.count / channels).map { place in
      (0..<channels).reduce(0) { $0 + abs(elements[place * channels + $1]) }
    }
  }

  /// The correlation of ranks (Spearman).
  static func rankCorrelation(_ one: [Float], _ other: [Float]) -> Double {
    correlation(ranks(one), ranks(other))
  }

  /// Each value's rank, those that are equal sharing theirs.
  private static func ranks(_ values: [Float]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start
      while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
      for place in start..<end { ranks[order[place]] = Double(start + end - 1) / 2 }
      start = end
    }
    return ranks
  }

  private static func correlation(_ one: [Double], _ other: [Double]) -> Double {
    let count = Double(max(one.count, 1))
    let (mean, its) = (one.reduce(0, +) / count, other.reduce(0, +) / count)
    var (product, first, second) = (0.0, 0.0, 0.0)
    for (mine, others) in zip(one, other) {
      product += (mine - mean) * (others - its)
      first += (mine - mean) * (mine - mean)
      second += (others - its) * (others - its)
    }
    return first > 0 && second > 0 ? product / (first * second).squareRoot() : 0
  }
}
