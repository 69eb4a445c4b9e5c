internal import Communication
internal import Kernels
internal import Networks
internal import Tensors

/// A fully connected layer's weights while they learn, its units divided among the workers of all ranks.
///
/// Each worker multiplies, carries back and moves its own units, so that neither weights nor gradients exist twice; a rank
/// has those of its own workers alone.
final class SharedProduct: Sendable {
  /// One worker's units.
  ///
  /// `@unchecked Sendable`: during a step, one worker at a time has a part; between steps the caller.
  final class Part: @unchecked Sendable {
    var weights: Tensor
    var velocity: Tensor
    /// Where only gradients are asked for, they are kept here.
    var gradient: Tensor?

    init(weights: Tensor, velocity: Tensor) {
      self.weights = weights
      self.velocity = velocity
    }
  }

  /// Those of this rank's workers.
  let parts: [Part]
  /// The units of every part of every rank.
  let ranges: [Range<Int>]
  /// Which of them are this rank's.
  let own: Range<Int>
  let features: Int

  /// - Parameters:
  ///   - weights: All units' weights, units x features.
  ///   - velocity: In the same shape.
  ///   - workers: How many share them, on all ranks.
  ///   - own: Which of them are this rank's.
  init(weights: Tensor, velocity: Tensor, workers: Int, own: Range<Int>) {
    let units = weights.shape[0]
    features = weights.shape[1]
    // No part is empty.
    let parts = min(workers, units)
    ranges = (0..<parts).map { units * $0 / parts..<units * ($0 + 1) / parts }
    self.own = min(own.lowerBound, parts)..<min(own.upperBound, parts)
    self.parts = ranges[self.own].map { Part(weights: weights.slices($0), velocity: velocity.slices($0)) }
  }

  /// What every worker has of something, units x features, on every rank.
  func whole(_ ranks: Ranks, _ part: (Part) -> Tensor?) throws(RankError) -> Tensor {
    let own = parts.compactMap(part)
    return Tensor.stacking(try ranks.gathered(own.isEmpty ? nil : Tensor.stacking(own)))
  }
}
