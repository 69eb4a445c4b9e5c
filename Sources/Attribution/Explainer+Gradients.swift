internal import Execution
internal import Foundation
internal import Kernels
internal import Networks
internal import Tensors

/// Methods that add up gradients at several inputs.
extension Explainer {
  func gradients(
    _ input: Tensor, _ path: Method.Path, _ reduction: Method.Reduction, _ factor: Method.Factor,
    _ settings: Settings, _ show: (Int, Int) throws -> Void
  ) throws -> Explanation {
    let way = try way("gradient", network, .fastest) { .gradient }
    var (place, score) = (0, Float(0))
    var own = Tensor([])
    try carry(1, at: nil, way, kept: [target.value], input: { _ in input }) { _, found in
      (score, own) = (found.score, found.signal)
      if let kept = found.kept[target.value] {
        place = try target.reading(in: Trace(images: [0], values: [target.value: kept]), at: nil).place
      }
    }
    let shape = own.shape
    let values = input.elements
    func explanation(
      _ gradient: [Double], times others: [Float]?, points: Int? = nil, error: Double? = nil
    ) -> Explanation {
      let elements = gradient.indices.map { index -> Float in
        switch factor {
        case .one: Float(gradient[index])
        case .input: Float(gradient[index] * Double(values[index]))
        case .difference: Float(gradient[index] * Double(values[index] - (others?[index] ?? 0)))
        }
      }
      return Explanation(
        values: Tensor(shape, elements: elements), score: score, points: points, completenessError: error)
    }
    switch path {
    case .point: return explanation(own.elements.map(Double.init), times: nil)
    case .line:
      let baseline = settings.baseline
      let start = Double(try scores(1, at: place) { _ in baseline }[0])
      let base = baseline.elements
      var count = settings.points ?? 50
      while true {
        let quadrature = Quadrature(count: count)
        var sum = [Double](repeating: 0, count: values.count)
        try carry(
          count, at: place, way,
          input: { index in
            let share = Float(quadrature.points[index])
            return Tensor(
              input.shape, elements: zip(values, base).map { $1 + share * ($0 - $1) })
          }
        ) { index, found in
          let weight = quadrature.weights[index]
          found.signal.withSpan { slopes in
            for element in sum.indices { sum[element] += weight * Double(slopes[element]) }
          }
          try show(index + 1, count)
        }
        let total = sum.indices.reduce(0) { $0 + sum[$1] * Double(values[$1] - base[$1]) }
        let difference = Double(score) - start
        let error = Self.completenessError(total, of: difference)
        // Twice as many until the sum is right, unless so many were asked for.
        if settings.points != nil || error < 0.01 || count >= 400 {
          return explanation(sum, times: base, points: count, error: error)
        }
        count *= 2
      }
    case .noise:
      let count = settings.points ?? 50
      let range = (values.max() ?? 0) - (values.min() ?? 0)
      let deviation = Float(settings.noise) * range
      var (sum, squares) = (
        [Double](repeating: 0, count: values.count), [Double](repeating: 0, count: values.count)
      )
      let seed = settings.seed
      try carry(
        count, at: place, way,
        input: { index in
          var generator = SeededGenerator(mixing: [seed, UInt64(index)])
          return Tensor(
            input.shape, elements: values.map { $0 + deviation * Float.gaussian(using: &generator) })
        }
      ) { index, found in
        // Welford's recurrence: sums of squares about the mean so far, which lose nothing to rounding.
        let number = Double(index + 1)
        for (element, slope) in found.signal.elements.enumerated() {
          let slope = Double(slope)
          if reduction == .variance {
            let step = slope - sum[element]
            sum[element] += step / number
            squares[element] += step * (slope - sum[element])
          } else {
            sum[element] += slope
            squares[element] += slope * slope
          }
        }
        try show(index + 1, count)
      }
      let divided = (reduction == .mean ? sum : squares).map { $0 / Double(count) }
      return explanation(divided, times: nil, points: count)
    case .pictures:
      guard !settings.pictures.isEmpty else { throw AttributionError.noPictures }
      let count = settings.points ?? 200
      var sum = [Double](repeating: 0, count: values.count)
      let (seed, pictures) = (settings.seed, settings.pictures)
      @Sendable func draw(_ index: Int) -> (base: [Float], share: Float) {
        var generator = SeededGenerator(mixing: [seed, UInt64(index)])
        let base = pictures[Int.random(in: 0..<pictures.count, using: &generator)].elements
        return (base, Float.random(in: 0...1, using: &generator))
      }
      var differences = 0.0
      let starts = try scores(pictures.count, at: place) { pictures[$0] }
      try carry(
        count, at: place, way,
        input: { index in
          let (base, share) = draw(index)
          return Tensor(input.shape, elements: zip(values, base).map { $1 + share * ($0 - $1) })
        }
      ) { index, found in
        let (base, _) = draw(index)
        for (element, slope) in found.signal.elements.enumerated() {
          sum[element] += Double(slope) * Double(values[element] - base[element])
        }
        try show(index + 1, count)
      }
      differences = Double(score) - starts.map(Double.init).reduce(0, +) / Double(starts.count)
      let mean = sum.map { $0 / Double(count) }
      let total = mean.reduce(0, +)
      return Explanation(
        values: Tensor(shape, elements: mean.map { Float($0) }), score: score, points: count,
        completenessError: Self.completenessError(total, of: differences))
    }
  }
}
