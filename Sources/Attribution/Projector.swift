public import Execution
public import Images
public import Kernels
public import Networks
public import Tensors

/// Carries activations of one layer back to the network's input (Zeiler & Fergus 2014, section 2.1).
///
/// The signal walks the graph backwards: a max pool puts each value at its recorded switch, a rectifier follows
/// the rule, a convolution applies its filters transposed. Only the seed's receptive field is computed, many
/// seeds at once as windows of one size. A class because it owns its workers, which serve one call at a time.
public final class Projector: Sendable {
  public let walk: Walk
  private let crew: Crew
  /// Seeds that are walked together, and the bytes that all workers' walks may take; one seed's always fit.
  private let mostSeeds = 32
  private let mostBytes = 128 << 20

  /// - Parameters:
  ///   - walk: The way back.
  ///   - threads: How many batches are walked side by side.
  public init(_ walk: Walk, threads: Int = 2) {
    self.walk = walk
    crew = Crew(threads: threads)
  }

  /// Back to the network's input by one of the three classic methods.
  ///
  /// - Throws: `NetworkError` where the value or its shape is not known.
  public convenience init(
    _ network: Network, value: String, rule: RectifierRule, limitedToField isLimitedToField: Bool = true,
    threads: Int = 2
  ) throws {
    self.init(
      try Walk(network, from: value, by: Composite(rule), limitedToField: isLimitedToField),
      threads: threads)
  }

  public var value: String { walk.value }

  public var input: Shape { walk.input }

  public var keptValues: [String] { walk.keptValues }

  /// What the walk from a seed needs of a picture's trace: `Walk.evidence(of:in:at:)`.
  public func evidence(of seed: Seed, in trace: Trace, at index: Int = 0) throws -> Evidence {
    try walk.evidence(of: seed, in: trace, at: index)
  }

  /// The part of the picture that a seed sees, in positions of the network's input.
  public func fieldInInput(of seed: Seed) -> Box { walk.fieldInInput(of: seed) }

  /// Carries seeds back, batched and spread over the workers.
  ///
  /// - Returns: One projection each, in order; all of ``Walk/extents`` where the seeds are at one place.
  public func project(_ evidence: [Evidence]) throws -> [PixelProjection] {
    try project(evidence, stops: []).map(\.projection)
  }

  /// The same with the signals of values on the way, whole maps.
  func project(
    _ evidence: [Evidence], stops: Set<String>
  ) throws -> [(projection: PixelProjection, stops: [String: Tensor])] {
    // No batch is larger than a worker's even share.
    let batch = min(
      seedsTogether(isWindow: evidence.allSatisfy(\.isWindow)),
      max((evidence.count + crew.count - 1) / crew.count, 1))
    let batches = stride(from: 0, to: evidence.count, by: batch).map { $0..<min($0 + batch, evidence.count) }
    let walk = walk
    // One batch has all threads inside each operation.
    if batches.count == 1 { return try crew.allThreads { try walk.carry(evidence, stops: stops, $0) } }
    return try crew.map(over: batches.indices) { index, worker in
      try walk.carry(Array(evidence[batches[index]]), stops: stops, worker)
    }.flatMap { $0 }
  }

  /// How many seeds share a batch.
  package func seedsTogether(isWindow: Bool) -> Int {
    if walk.network.mixesImages { return 1 }
    return min(max(mostBytes / crew.count / max(walk.bytesCarried(isWindow: isWindow), 1), 1), mostSeeds)
  }
}
