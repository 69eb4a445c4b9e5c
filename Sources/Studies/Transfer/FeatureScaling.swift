public import Tensors

/// What is done to a vector of features before a classifier sees it, in this order.
public struct FeatureScaling: Hashable, Sendable, Codable {
  /// Whether each feature becomes its square root, with its sign kept: rectified ones are never negative.
  public var takesSquareRoot: Bool
  /// Whether each vector is then divided by its Euclidean length; one of zeros stays.
  public var normalizesLength: Bool

  /// Square roots are taken first, then lengths are divided by.
  public init(takesSquareRoot: Bool = false, normalizesLength: Bool = false) {
    self.takesSquareRoot = takesSquareRoot
    self.normalizesLength = normalizesLength
  }

  /// Changes vectors where they stand.
  ///
  /// - Parameter features: Pictures x features.
  public func apply(to features: inout Tensor) {
    let (pictures, count) = (features.shape[0], features.shape[1])
    let (root, unit) = (takesSquareRoot, normalizesLength)
    guard root || unit else { return }
    features.withMutableSpan { elements in
      for picture in 0..<pictures {
        let range = picture * count..<(picture + 1) * count
        var squares = 0.0
        for index in range {
          if root {
            let element = elements[index]
            elements[index] = element < 0 ? -(-element).squareRoot() : element.squareRoot()
          }
          squares += Double(elements[index]) * Double(elements[index])
        }
        guard unit, squares > 0 else { continue }
        let factor = 1 / squares.squareRoot()
        for index in range { elements[index] = Float(Double(elements[index]) * factor) }
      }
    }
  }
}
