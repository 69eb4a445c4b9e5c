internal import Tensors

/// Distances and probabilities by the amount of a change: a curve a picture, and their mean.
public struct InvarianceCurves: Codable, Hashable, Sendable {
  /// One picture's curves, a value an amount.
  public struct Picture: Codable, Hashable, Sendable {
    public var image: String
    public var label: Int?
    /// Euclidean distance between the features of the changed and the original picture, by layer.
    public var distances: [String: [Double]]
    /// The same over the length of the original's feature vector.
    public var normalized: [String: [Double]]
    /// The probability of the label; nil where the network classifies nothing.
    public var probability: [Float]?
  }

  public var change: Invariance.Change
  public var amounts: [Double]
  public var layers: [String]
  public var pictures: [Picture]
  /// The mean over the pictures of the normalised distances, by layer.
  public var mean: [String: [Double]]
  public var meanProbability: [Double]?
  /// The mean height of the mean curve over the range of amounts, by layer (its area over its width): the smaller, the
  /// more invariant.
  public var area: [String: Double]

  package init(change: Invariance.Change, amounts: [Double], layers: [String], pictures: [Picture]) {
    self.change = change
    self.amounts = amounts
    self.layers = layers
    self.pictures = pictures
    mean = [:]
    area = [:]
    for layer in layers {
      let curve = amounts.indices.map { index in pictures.map { $0.normalized[layer]?[index] ?? 0 }.mean }
      mean[layer] = curve
      area[layer] = Self.meanHeight(curve, over: amounts)
    }
    let probabilities = pictures.compactMap(\.probability)
    if probabilities.count == pictures.count, !pictures.isEmpty {
      meanProbability = amounts.indices.map { index in probabilities.map { Double($0[index]) }.mean }
    }
  }

  /// By trapezoids.
  private static func meanHeight(_ curve: [Double], over amounts: [Double]) -> Double {
    guard let first = amounts.first, let last = amounts.last, last != first else { return curve.first ?? 0 }
    let area = amounts.indices.dropFirst().reduce(0) { sum, index in
      sum + (amounts[index] - amounts[index - 1]) * (curve[index] + curve[index - 1]) / 2
    }
    return area / (last - first)
  }
}
