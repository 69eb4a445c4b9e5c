internal import Kernels
internal import Networks
internal import Tensors

/// A fully connected layer's weights while they learn, its units divided among the workers.
///
/// Each worker multiplies, carries back and moves its own units, so that neither weights nor gradients exist twice.
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

  let parts: [Part]
  let ranges: [Range<Int>]
  let features: Int

  init(weights: Tensor, velocity: Tensor, workers: Int) {
    let units = weights.shape[0]
    features = weights.shape[1]
    // No part is empty.
    let parts = min(workers, units)
    ranges = (0..<parts).map { units * $0 / parts..<units * ($0 + 1) / parts }
    self.parts = ranges.map { Part(weights: weights.slices($0), velocity: velocity.slices($0)) }
  }

  var weights: Tensor { Tensor.stacking(parts.map(\.weights)) }
  var velocity: Tensor { Tensor.stacking(parts.map(\.velocity)) }
  var gradient: Tensor? {
    let gradients = parts.compactMap(\.gradient)
    return gradients.count == parts.count ? Tensor.stacking(gradients) : nil
  }
}
