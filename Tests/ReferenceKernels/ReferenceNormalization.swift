#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif
public import Kernels
internal import Tensors

/// Local response normalisation, channel by channel.
public func referenceLocalResponseNormalization(
  _ input: ReferenceTensor, _ constants: LocalResponseNormalization
) -> ReferenceTensor {
  let channels = input.shape[input.shape.rank - 1]
  let before = (constants.size - 1) / 2
  var output = input
  for index in input.elements.indices {
    let channel = index % channels
    let first = max(channel - before, 0)
    let last = min(channel - before + constants.size - 1, channels - 1)
    let energy = (first...last).reduce(0.0) { sum, other in
      let value = input.elements[index - channel + other]
      return sum + value * value
    }
    let base = Double(constants.bias) + Double(constants.alpha) / Double(constants.size) * energy
    output.elements[index] = input.elements[index] / pow(base, Double(constants.beta))
  }
  return output
}

/// Softmax along the last axis, row by row.
public func referenceSoftmax(_ input: ReferenceTensor) -> ReferenceTensor {
  let length = input.shape[input.shape.rank - 1]
  var output = input
  for start in stride(from: 0, to: input.elements.count, by: length) {
    let row = input.elements[start..<start + length]
    let largest = row.max() ?? 0
    let sum = row.reduce(0) { $0 + exp($1 - largest) }
    for index in row.indices { output.elements[index] = exp(input.elements[index] - largest) / sum }
  }
  return output
}
