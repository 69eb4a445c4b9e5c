public import Kernels
public import Tensors

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
  var means = try referencePooling(input, over: sliding) { taps in taps.reduce(0) { $0 + $1.value } }
  let counts = countedTaps(of: means.shape, over: input.shape, sliding, countsPadding: countsPadding)
  for (index, count) in counts.enumerated() where count > 0 { means.elements[index] /= count }
  return means
}

/// For each pooled value the positions that its mean divides by: those of its window on the map, or on the map and its
/// padding, but not in the room past it.
private func countedTaps(
  of pooled: Shape, over map: Shape, _ sliding: Sliding, countsPadding: Bool
) -> [Double] {
  var counts = [Double](repeating: 0, count: pooled.count)
  let padded = Shape(
    images: map.images, rows: sliding.rows.before + map.rows + sliding.rows.after,
    columns: sliding.columns.before + map.columns + sliding.columns.after, channels: map.channels)
  let (counted, windows) = countsPadding ? (padded, sliding.unpadded) : (map, sliding)
  forEachTap(of: pooled, over: counted, windows) { value, _, _ in counts[value] += 1 }
  return counts
}

/// Unpooling: each value goes to the position its winner names; positions that won several windows add up.
public func referenceUnpooling(
  _ signal: ReferenceTensor, winners: [Int], over sliding: Sliding, onto shape: Shape
) -> ReferenceTensor {
  var restored = ReferenceTensor(shape)
  forEachTap(of: signal.shape, over: shape, sliding) { pooled, position, index in
    if winners[pooled] == index { restored.elements[position] += signal.elements[pooled] }
  }
  return restored
}

/// Transposed average pooling: each value is spread evenly over its window.
public func referenceAveragePoolingTransposed(
  _ signal: ReferenceTensor, over sliding: Sliding, countsPadding: Bool, onto shape: Shape
) -> ReferenceTensor {
  let counts = countedTaps(of: signal.shape, over: shape, sliding, countsPadding: countsPadding)
  var spread = ReferenceTensor(shape)
  forEachTap(of: signal.shape, over: shape, sliding) { pooled, position, _ in
    spread.elements[position] += signal.elements[pooled] / counts[pooled]
  }
  return spread
}

/// Reduces the taps of each window that lie on the map, given with their index in the window.
private func referencePooling(
  _ input: ReferenceTensor, over sliding: Sliding, _ reduce: ([(value: Double, index: Int)]) -> Double
) throws(KernelError) -> ReferenceTensor {
  let shape = try sliding.output(over: input.shape)
  var taps = [[(value: Double, index: Int)]](repeating: [], count: shape.count)
  forEachTap(of: shape, over: input.shape, sliding) { pooled, position, index in
    taps[pooled].append((input.elements[position], index))
  }
  return ReferenceTensor(shape, elements: taps.map(reduce))
}

/// Visits each position of a map that a window looks at: the offsets of the pooled value and of the position, and
/// the position's index in its window.
private func forEachTap(
  of pooled: Shape, over map: Shape, _ sliding: Sliding,
  _ body: (_ pooled: Int, _ position: Int, _ index: Int) -> Void
) {
  for image in 0..<pooled.images {
    for row in 0..<pooled.rows {
      for column in 0..<pooled.columns {
        for channel in 0..<pooled.channels {
          for index in 0..<sliding.count {
            let (down, across) = index.quotientAndRemainder(dividingBy: sliding.columns.window)
            let r = row * sliding.rows.stride - sliding.rows.before + down * sliding.rows.dilation
            let c =
              column * sliding.columns.stride - sliding.columns.before + across * sliding.columns.dilation
            guard (0..<map.rows).contains(r), (0..<map.columns).contains(c) else { continue }
            body(
              ((image * pooled.rows + row) * pooled.columns + column) * pooled.channels + channel,
              ((image * map.rows + r) * map.columns + c) * map.channels + channel, index)
          }
        }
      }
    }
  }
}
