extension [Double] {
  /// The mean; 0 where there is none.
  package var mean: Double { isEmpty ? 0 : reduce(0, +) / Double(count) }

  /// The sample's standard deviation, over n - 1; 0 for fewer than two.
  package var deviation: Double {
    guard count > 1 else { return 0 }
    let mean = mean
    return (reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)).squareRoot()
  }

  /// The middle value, the lower of the two in the middle; 0 where there is none.
  package var median: Double { isEmpty ? 0 : sorted()[(count - 1) / 2] }
}

extension Collection<Float> {
  /// How far from the start the largest stands: the first of several that tie; 0 where there is none.
  package var argmax: Int {
    var (best, place) = (-Float.infinity, 0)
    for (index, value) in enumerated() where value > best { (best, place) = (value, index) }
    return place
  }
}

extension Sequence<Int> {
  /// The product of extents that a file claims; nil where one is negative or no `Int` holds it.
  package var checkedProduct: Int? {
    reduce(1) { product, extent in
      guard let (next, overflows) = product?.multipliedReportingOverflow(by: extent) else { return nil }
      return overflows || extent < 0 ? nil : next
    }
  }
}
