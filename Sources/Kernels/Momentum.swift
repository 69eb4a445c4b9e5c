internal import CVector
public import Tensors

/// One step of stochastic gradient descent with momentum: how fast, how long remembered, how strongly pulled to
/// zero.
public struct MomentumStep: Hashable, Sendable {
  public var rate: Float
  public var momentum: Float
  public var decay: Float

  /// The learning rate, the momentum and the weight decay, as factors of one step.
  public init(rate: Float, momentum: Float, decay: Float) {
    self.rate = rate
    self.momentum = momentum
    self.decay = decay
  }
}

extension Device {
  /// Moves weights along their gradient, in one pass over memory: velocity = momentum * velocity + gradient +
  /// decay * weights, then weights -= rate * velocity.
  ///
  /// - Parameters:
  ///   - weights: Changed where they stand.
  ///   - velocity: As many; changed where they stand.
  ///   - gradient: The gradient of a run of the weights.
  ///   - start: The first weight of that run.
  ///   - step: The rates.
  /// - Note: The form of PyTorch's `SGD`. Krizhevsky's puts the rate inside the velocity; the two are the same
  ///   while the rate stays.
  public func move(
    _ weights: inout Tensor, velocity: inout Tensor, along gradient: Tensor, from start: Int = 0,
    by step: MomentumStep
  ) {
    let count = gradient.shape.count
    precondition(
      start >= 0 && start + count <= weights.shape.count && weights.shape.count == velocity.shape.count,
      "\(count) gradients from \(start) on for \(weights.shape) weights and \(velocity.shape) velocities")
    unsafe weights.withUnsafeMutableElements { weights in
      unsafe velocity.withUnsafeMutableElements { velocity in
        unsafe gradient.withUnsafeElements { gradient in
          guard let weights = weights.baseAddress, let velocity = velocity.baseAddress else { return }
          unsafe vector_momentum(
            weights + start, velocity + start, gradient.baseAddress, count, step.rate, step.momentum,
            step.decay)
        }
      }
    }
  }

  /// Scales each filter whose root mean square exceeds `limit` back to it.
  ///
  /// - Parameters:
  ///   - filters: Outputs first; changed where they stand.
  ///   - limit: The largest root mean square a filter may have.
  /// - Returns: How many filters were scaled.
  /// - Note: Zeiler & Fergus 2014, section 3, with a limit of 1e-1.
  @discardableResult
  public func renormalize(_ filters: inout Tensor, above limit: Float) -> Int {
    let outputs = filters.shape.dimensions.first ?? 0
    guard outputs > 0, filters.shape.count > 0 else { return 0 }
    let size = filters.shape.count / outputs
    var scaled = 0
    unsafe filters.withUnsafeMutableElements { elements in
      guard let base = elements.baseAddress else { return }
      for output in 0..<outputs {
        let filter = unsafe base + output * size
        let energy = unsafe vector_sum_of_squares(filter, size) / Double(size)
        guard energy > Double(limit) * Double(limit) else { continue }
        unsafe vector_scaling_by(Float(Double(limit) / energy.squareRoot()), filter, size)
        scaled += 1
      }
    }
    return scaled
  }
}

extension Tensor {
  /// The sum of the elements' squares; not finite where an element is not.
  public var sumOfSquares: Double {
    unsafe withUnsafeElements { unsafe vector_sum_of_squares($0.baseAddress, $0.count) }
  }
}
