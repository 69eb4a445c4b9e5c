internal import Execution
internal import Kernels
internal import Networks
internal import Tensors

/// Methods that share a score among what it is computed from, from the top down.
extension Explainer {
  func relevance(of input: Tensor, by method: Method, _ settings: Settings) throws -> Explanation {
    let way = try way(method.rawValue, folded) { try composite(of: method, range: settings.range) }
    var found = Explanation(values: Tensor([]), score: 0)
    try carry(1, at: nil, way, asRelevance: true, input: { _ in input }) { _, carried in
      found = Explanation(values: carried.signal, score: carried.score)
    }
    return found
  }

  /// DeepLIFT's rescale rule: the multipliers of a pass beside a baseline's, times what is different in the input.
  func rescaled(_ input: Tensor, _ settings: Settings) throws -> Explanation {
    let way = try way("rescale", network, .fastest) { .rescale }
    let (picture, reference) = (try way.runner.forward(input), try way.runner.forward(settings.baseline))
    let (place, score) = try target.reading(in: picture, at: nil)
    let start = try target.reading(in: reference, at: place).score
    let signal = try target.meanSlope(from: reference, to: picture, at: place)
    let evidence = try way.projector.walk.evidence(of: signal, in: picture, against: reference)
    let multipliers = try way.projector.project([evidence])[0].pixels
    let (slopes, values, base) = (multipliers.elements, input.elements, settings.baseline.elements)
    let added = slopes.indices.map { slopes[$0] * (values[$0] - base[$0]) }
    let total = added.reduce(0) { $0 + Double($1) }
    return Explanation(
      values: Tensor(multipliers.shape, elements: added), score: score,
      completenessError: Self.completenessError(total, of: Double(score) - Double(start)))
  }

  /// How far a sum is from the difference in score that it should be, as a share of that.
  static func completenessError(_ sum: Double, of difference: Double) -> Double {
    abs(sum - difference) / max(abs(difference), 1e-6)
  }
}
