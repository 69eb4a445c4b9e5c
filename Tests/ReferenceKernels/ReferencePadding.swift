public import Kernels
internal import Tensors

/// Padding and cropping: every position of the result, by what it takes from the input.
public func referencePadded(
  _ input: ReferenceTensor, before: [Int], after: [Int], mode: PaddingMode
) -> ReferenceTensor {
  let extents = input.shape.dimensions
  let shape = Shape(extents.indices.map { before[$0] + extents[$0] + after[$0] })
  return ReferenceTensor(
    shape,
    elements: (0..<shape.count).map { index in
      var (rest, offset, step) = (index, 0, 1)
      var isOutside = false
      for axis in extents.indices.reversed() {
        let (next, place) = rest.quotientAndRemainder(dividingBy: shape[axis])
        rest = next
        let (position, last) = (place - before[axis], extents[axis] - 1)
        if !(0...last).contains(position) { isOutside = true }
        let nearest = min(max(position, 0), last)
        offset += (mode == .reflect ? 2 * nearest - position : nearest) * step
        step *= extents[axis]
      }
      if case .constant(let value) = mode, isOutside { return Double(value) }
      return input.elements[offset]
    })
}
