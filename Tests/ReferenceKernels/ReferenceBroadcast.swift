internal import Tensors

/// Combines two tensors element by element as NumPy broadcasts them: every position of the result, its index
/// divided out for each operand.
public func referenceCombined(
  _ left: ReferenceTensor, _ right: ReferenceTensor, _ combine: (Double, Double) -> Double
) -> ReferenceTensor {
  let rank = max(left.shape.rank, right.shape.rank)
  let (one, other) = (left.shape.aligned(to: rank), right.shape.aligned(to: rank))
  let shape = Shape(zip(one, other).map { $0 == 1 ? $1 : $0 })
  return ReferenceTensor(
    shape,
    elements: (0..<shape.count).map { index in
      combine(
        left.elements[offset(of: index, in: shape.dimensions, for: one)],
        right.elements[offset(of: index, in: shape.dimensions, for: other)])
    })
}

/// The product of matrices, or of stacks of them whose leading axes broadcast, sum by sum.
public func referenceMatrixProduct(_ left: ReferenceTensor, _ right: ReferenceTensor) -> ReferenceTensor {
  let rank = max(left.shape.rank, right.shape.rank)
  let (one, other) = (left.shape.aligned(to: rank), right.shape.aligned(to: rank))
  let (rows, inner, columns) = (one[rank - 2], one[rank - 1], other[rank - 1])
  let (lefts, rights) = (Array(one.dropLast(2)), Array(other.dropLast(2)))
  let stacks = zip(lefts, rights).map { $0 == 1 ? $1 : $0 }
  var product = ReferenceTensor(Shape(stacks + [rows, columns]))
  for stack in 0..<stacks.reduce(1, *) {
    let first = offset(of: stack, in: stacks, for: lefts) * rows * inner
    let second = offset(of: stack, in: stacks, for: rights) * inner * columns
    for row in 0..<rows {
      for column in 0..<columns {
        product.elements[(stack * rows + row) * columns + column] = (0..<inner).reduce(0.0) { sum, place in
          sum + left.elements[first + row * inner + place] * right.elements[second + place * columns + column]
        }
      }
    }
  }
  return product
}

/// A fully connected layer: weights of outputs x inputs, then the bias, then the rectifier.
public func referenceInnerProduct(
  _ input: ReferenceTensor, weights: ReferenceTensor, bias: [Double]?, rectified: Bool = false
) -> ReferenceTensor {
  let (outputs, inputs) = (weights.shape[0], weights.shape[1])
  var output = ReferenceTensor([input.shape[0], outputs])
  for index in output.elements.indices {
    let (image, unit) = index.quotientAndRemainder(dividingBy: outputs)
    let sum = (0..<inputs).reduce(bias?[unit] ?? 0) { sum, place in
      sum + input.elements[image * inputs + place] * weights.elements[unit * inputs + place]
    }
    output.elements[index] = rectified ? max(sum, 0) : sum
  }
  return output
}

extension Shape {
  /// The extents with as many ones before them as it takes to a rank.
  fileprivate func aligned(to rank: Int) -> [Int] {
    [Int](repeating: 1, count: rank - self.rank) + dimensions
  }
}

/// Where an operand of `extents`, 1 where it repeats, has the element for an index into the broadcast shape.
private func offset(of index: Int, in shape: [Int], for extents: [Int]) -> Int {
  var (rest, offset, step) = (index, 0, 1)
  for axis in shape.indices.reversed() {
    let (next, place) = rest.quotientAndRemainder(dividingBy: shape[axis])
    rest = next
    offset += extents[axis] == 1 ? 0 : place * step
    step *= extents[axis]
  }
  return offset
}

/// The gradient of a fully connected layer's weights, product by product.
public func referenceInnerProductGradient(
  _ signal: ReferenceTensor, input: ReferenceTensor
) -> ReferenceTensor {
  let (images, outputs, inputs) = (signal.shape[0], signal.shape[1], input.shape[1])
  let shape: Shape = [outputs, inputs]
  var gradient = ReferenceTensor(shape)
  for image in 0..<images {
    for output in 0..<outputs {
      for place in 0..<inputs {
        gradient.elements[output * inputs + place] +=
          signal.elements[image * outputs + output] * input.elements[image * inputs + place]
      }
    }
  }
  return gradient
}
