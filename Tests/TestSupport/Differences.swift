/// The largest distance between two sequences of as many values; infinite where one is NaN or their counts differ.
public func largestDifference<Value: BinaryFloatingPoint, Other: BinaryFloatingPoint>(
  _ values: some Collection<Value>, _ others: some Collection<Other>
) -> Double {
  guard values.count == others.count else { return .infinity }
  return zip(values, others).reduce(0) { largest, pair in
    if Double(pair.0) == Double(pair.1) { return largest }
    let distance = abs(Double(pair.0) - Double(pair.1))
    return distance.isNaN ? .infinity : max(largest, distance)
  }
}

/// The sum of products, in `Double`.
public func innerProduct(_ values: [Float], _ others: [Float]) -> Double {
  zip(values, others).reduce(0) { $0 + Double($1.0) * Double($1.1) }
}
