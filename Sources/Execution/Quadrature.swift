internal import Foundation

/// Points and weights on the interval from 0 to 1 for integrals by Gauss and Legendre.
package struct Quadrature: Sendable {
  package let points: [Double]
  package let weights: [Double]

  /// - Parameter count: How many points: exact for polynomials of degree 2 x count - 1.
  package init(count: Int) {
    var (points, weights) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
    for index in 0..<(count + 1) / 2 {
      // A root of Legendre's polynomial, by Newton's method from Tricomi's first guess.
      var root = cos(Double.pi * (Double(index) + 0.75) / (Double(count) + 0.5))
      var slope = 1.0
      for _ in 0..<100 {
        var (last, value) = (1.0, root)
        for degree in stride(from: 2, through: count, by: 1) {
          let n = Double(degree)
          (last, value) = (value, ((2 * n - 1) * root * value - (n - 1) * last) / n)
        }
        slope = Double(count) * (root * value - last) / (root * root - 1)
        let step = value / slope
        root -= step
        if abs(step) < 1e-15 { break }
      }
      let weight = 1 / ((1 - root * root) * slope * slope)
      (points[index], weights[index]) = ((1 - root) / 2, weight)
      (points[count - 1 - index], weights[count - 1 - index]) = ((1 + root) / 2, weight)
    }
    (self.points, self.weights) = (points, weights)
  }
}
