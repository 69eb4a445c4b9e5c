internal import Tensors

/// Max pooling, window by window, with the winner's index in its window; padding never wins.
public func referenceMaxPooling(
  _ input: ReferenceTensor, over sliding: Sliding
) throws(KernelError) -> (values: ReferenceTensor, winners: [Int]) {
  var winners: [Int] = []
  let values = try referencePooling(input, over: sliding) { taps in
    var best: (value: Double, index: Int)?
    for tap in taps {
      guard let known = best else {
        best = tap
        continue
      }
      if known.value.isNaN { continue }
      if tap.value > known.value || tap.value.isNaN { best = tap }
    }
    winners.append(best?.index ?? 0)
    return best?.value ?? -.infinity
  }
  return (values, winners)
}

/// Average pooling, window by window.
public func referenceAveragePooling(
  _ input: ReferenceTensor, over sliding: Sliding, countsPadding: Bool
) throws(KernelError) -> ReferenceTensor {
  try referencePooling(input, over: sliding) { taps in
    let count = countsPadding ? sliding.count : taps.count
    return count == 0 ? 0 : taps.reduce(0) { $0 + $1.value } / Double(count)
  }
}

/// Reduces the taps of each window that lie on the map, given with their index in the window.
private func referencePooling(
  _ input: ReferenceTensor, over sliding: Sliding, _ reduce: ([(value: Double, index: Int)]) -> Double
) throws(KernelError) -> ReferenceTensor {
  let shape = try sliding.output(over: input.shape)
  var elements: [Double] = []
  for image in 0..<shape.images {
    for row in 0..<shape.rows {
      for column in 0..<shape.columns {
        for channel in 0..<shape.channels {
          var taps: [(value: Double, index: Int)] = []
          for index in 0..<sliding.count {
            let (down, across) = index.quotientAndRemainder(dividingBy: sliding.columns.window)
            let r = row * sliding.rows.stride - sliding.rows.before + down * sliding.rows.dilation
            let c =
              column * sliding.columns.stride - sliding.columns.before + across * sliding.columns.dilation
            guard (0..<input.shape.rows).contains(r), (0..<input.shape.columns).contains(c) else { continue }
            taps.append((input[image, r, c, channel], index))
          }
          elements.append(reduce(taps))
        }
      }
    }
  }
  return ReferenceTensor(shape, elements: elements)
}
