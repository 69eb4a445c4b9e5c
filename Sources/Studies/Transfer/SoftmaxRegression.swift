internal import Foundation
internal import Kernels
package import Tensors

/// Multinomial logistic regression: a softmax over scores that are linear in the features.
///
/// It minimises cost * (cross-entropy in nats, summed over the pictures) + half the squared length of the weights; biases
/// are free. The problem is convex, so where it ends does not depend on where it starts: at zero, by `LBFGS`.
package enum SoftmaxRegression {
  /// Trains one on pictures x features, in so many steps at most.
  ///
  /// It ends where the gradient's length is the share `tolerance` of the first one's.
  ///
  /// - Throws: `KernelError` where oneDNN cannot start.
  package static func trained(
    on features: Tensor, labels: [Int], classes: Int, cost: Double, tolerance: Double = 1e-3,
    iterations: Int = 500, threads: Int = 1
  ) throws -> LinearClassifier {
    precondition(
      features.shape.rank == 2 && features.shape[0] == labels.count && cost > 0,
      "\(labels.count) labels for \(features.shape), a cost of \(cost)")
    var device = Device(threads: threads)
    let count = features.shape[1]
    let weights = count * classes
    let found = try LBFGS(tolerance: tolerance, iterations: iterations).minimum(
      from: [Float](repeating: 0, count: weights + classes)
    ) { point in
      try objective(point, features, labels, classes, cost, &device)
    }
    var transposed = [Double](repeating: 0, count: weights)
    for index in 0..<classes {
      for feature in 0..<count {
        transposed[feature * classes + index] = Double(found[index * count + feature])
      }
    }
    return LinearClassifier(
      classes: classes, features: count, weights: transposed, biases: found[weights...].map(Double.init))
  }

  /// The value and the gradient at a point: classes x features, then biases.
  static func objective(
    _ point: [Float], _ features: Tensor, _ labels: [Int], _ classes: Int, _ cost: Double,
    _ device: inout Device
  ) throws(KernelError) -> (value: Double, gradient: [Float]) {
    let count = features.shape[1]
    let weights = Tensor([classes, count]) { elements in
      for index in 0..<classes * count { elements[index] = point[index] }
    }
    let biases = Tensor([classes], elements: Array(point[(classes * count)...]))
    var signal = try device.innerProduct(features, weights: weights, bias: biases, changing: true)
    var loss = 0.0
    var slopes = [Double](repeating: 0, count: classes)
    signal.withMutableSpan { scores in
      for (picture, label) in labels.enumerated() {
        let first = picture * classes
        var highest = scores[first]
        for index in 1..<max(classes, 1) { highest = max(highest, scores[first + index]) }
        var sum = 0.0
        for index in 0..<classes { sum += exp(Double(scores[first + index] - highest)) }
        loss += log(sum) - Double(scores[first + label] - highest)
        for index in 0..<classes {
          let share = exp(Double(scores[first + index] - highest)) / sum - (index == label ? 1 : 0)
          slopes[index] += cost * share
          scores[first + index] = Float(cost * share)
        }
      }
    }
    let slope = try device.innerProductGradient(signal, input: features)
    var gradient = point
    var squares = 0.0
    slope.withSpan { slope in
      for index in 0..<classes * count {
        squares += Double(point[index]) * Double(point[index])
        gradient[index] += slope[index]
      }
    }
    for index in 0..<classes { gradient[classes * count + index] = Float(slopes[index]) }
    return (cost * loss + squares / 2, gradient)
  }
}
