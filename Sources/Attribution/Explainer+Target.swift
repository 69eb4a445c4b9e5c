internal import Execution
internal import Foundation
internal import Networks
internal import Tensors

extension Explainer.Target {
  /// Where what is explained lies in a picture's value, and what it is there.
  ///
  /// - Parameters:
  ///   - trace: A pass over one picture that kept the value.
  ///   - place: Where a unit's activation is read; nil for its strongest.
  /// - Returns: The place among the value's elements, and the score.
  /// - Throws: `NetworkError.missingValue(name:node:)`.
  func reading(in trace: Trace, at place: Int?) throws -> (place: Int, score: Float) {
    let elements = try value(in: trace).elements
    switch self {
    case .score(_, let index): return (index, elements[index])
    case .probability(_, let index): return (index, Self.softmax(elements)[index])
    case .unit(_, let unit):
      let units = try value(in: trace).shape.dimensions.last ?? 1
      let best =
        place ?? stride(from: unit, to: elements.count, by: units).max { elements[$0] < elements[$1] } ?? unit
      return (best, elements[best])
    }
  }

  /// The derivative of what is explained by the value that it is read from, or, as relevance, the score itself.
  func signal(in trace: Trace, at place: Int, asRelevance: Bool) throws -> Tensor {
    let value = try value(in: trace)
    let elements = value.elements
    var signal = Tensor(value.shape)
    if case .probability = self, !asRelevance {
      let shares = Self.softmax(elements)
      signal.withMutableSpan { slopes in
        for index in shares.indices {
          slopes[index] = shares[place] * ((index == place ? 1 : 0) - shares[index])
        }
      }
    } else {
      signal.withMutableSpan { $0[place] = asRelevance ? elements[place] : 1 }
    }
    return signal
  }

  /// The mean over the line from a reference's values of the derivative of what is explained: what rules that compare two
  /// passes start from.
  func meanSlope(from reference: Trace, to trace: Trace, at place: Int) throws -> Tensor {
    guard case .probability = self else { return try signal(in: trace, at: place, asRelevance: false) }
    let (from, to) = (try value(in: reference).elements, try value(in: trace).elements)
    var mean = [Double](repeating: 0, count: to.count)
    let quadrature = Quadrature(count: 64)
    for (point, weight) in zip(quadrature.points, quadrature.weights) {
      let shares = Self.softmax(to.indices.map { from[$0] + Float(point) * (to[$0] - from[$0]) })
      for index in mean.indices {
        mean[index] += weight * Double(shares[place] * ((index == place ? 1 : 0) - shares[index]))
      }
    }
    return Tensor(try value(in: trace).shape, elements: mean.map { Float($0) })
  }

  func value(in trace: Trace) throws -> Tensor {
    guard let found = trace[value] else { throw NetworkError.missingValue(name: value, node: "the trace") }
    return found
  }

  private static func softmax(_ scores: [Float]) -> [Float] {
    let most = scores.max() ?? 0
    let powers = scores.map { exp($0 - most) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}
