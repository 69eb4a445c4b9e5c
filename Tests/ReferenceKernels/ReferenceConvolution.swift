public import Kernels
public import Tensors

/// Convolution: every product of an input and a filter element, added where it belongs, then the bias, then the
/// rectifier.
public func referenceConvolution(
  _ input: ReferenceTensor, filters: ReferenceTensor, bias: [Double]?, over sliding: Sliding, groups: Int = 1,
  rectified: Bool = false
) throws(KernelError) -> ReferenceTensor {
  let outputs = filters.shape[0]
  var output = ReferenceTensor(try sliding.output(over: input.shape, channels: outputs))
  for index in output.elements.indices { output.elements[index] = bias?[index % outputs] ?? 0 }
  forEachProduct(input.shape, output.shape, filters.shape, sliding, groups) { from, to, filter in
    output.elements[to] += input.elements[from] * filters.elements[filter]
  }
  if rectified { output.elements = output.elements.map { max($0, 0) } }
  return output
}

/// The transposed convolution: the same products, carried from the outputs back to the inputs.
public func referenceConvolutionTransposed(
  _ signal: ReferenceTensor, filters: ReferenceTensor, over sliding: Sliding, groups: Int = 1,
  onto shape: Shape
) -> ReferenceTensor {
  var input = ReferenceTensor(shape)
  forEachProduct(shape, signal.shape, filters.shape, sliding, groups) { to, from, filter in
    input.elements[to] += signal.elements[from] * filters.elements[filter]
  }
  return input
}

/// The gradients of a convolution's filters and bias: the same products, each added to the filter element it had.
public func referenceConvolutionGradient(
  _ signal: ReferenceTensor, input: ReferenceTensor, filters: Shape, over sliding: Sliding, groups: Int = 1
) -> (filters: ReferenceTensor, bias: [Double]) {
  var gradient = ReferenceTensor(filters)
  forEachProduct(input.shape, signal.shape, filters, sliding, groups) { from, to, filter in
    gradient.elements[filter] += signal.elements[to] * input.elements[from]
  }
  var bias = [Double](repeating: 0, count: filters[0])
  for (index, value) in signal.elements.enumerated() { bias[index % filters[0]] += value }
  return (gradient, bias)
}

/// Visits every product of a convolution by the offsets of its input, its output and its filter element;
/// what would read padding is left out.
private func forEachProduct(
  _ input: Shape, _ output: Shape, _ filters: Shape, _ sliding: Sliding, _ groups: Int,
  _ body: (_ input: Int, _ output: Int, _ filter: Int) -> Void
) {
  let (outputs, inputs) = (filters[0], filters[3])
  for image in 0..<output.images {
    for row in 0..<output.rows {
      for column in 0..<output.columns {
        for down in 0..<sliding.rows.window {
          for across in 0..<sliding.columns.window {
            let r = row * sliding.rows.stride - sliding.rows.before + down * sliding.rows.dilation
            let c =
              column * sliding.columns.stride - sliding.columns.before + across * sliding.columns.dilation
            guard (0..<input.rows).contains(r), (0..<input.columns).contains(c) else { continue }
            for channel in 0..<outputs {
              let to = ((image * output.rows + row) * output.columns + column) * outputs + channel
              let first = channel / (outputs / groups) * inputs
              for place in 0..<inputs {
                let from = ((image * input.rows + r) * input.columns + c) * input.channels + first + place
                let filter =
                  ((channel * sliding.rows.window + down) * sliding.columns.window + across) * inputs + place
                body(from, to, filter)
              }
            }
          }
        }
      }
    }
  }
}
