import Kernels
import Tensors

/// Windows over every mix of window, stride, dilation, padding and room, the two axes unlike each other, that have a
/// place over maps of `rows` x `columns`.
func slidings(rows: Int, columns: Int) -> [Sliding] {
  var slides: [Slide] = []
  for window in 1...3 {
    for stride in 1...3 {
      for dilation in 1...2 {
        for (before, after, room) in [(0, 0, 0), (1, 0, 1), (0, 1, 0), (2, 1, 0), (0, 0, 2)]
        where before < window && room < stride {
          slides.append(
            Slide(
              window: window, stride: stride, dilation: dilation, before: before, after: after, room: room))
        }
      }
    }
  }
  var found: [Sliding] = []
  for (index, down) in slides.enumerated() {
    for turn in [0, 7, 17, 29] {
      let sliding = Sliding(rows: down, columns: slides[(index + turn) % slides.count])
      let shape = Shape(images: 1, rows: rows, columns: columns, channels: 1)
      if (try? sliding.output(over: shape)) != nil { found.append(sliding) }
    }
  }
  return found
}

/// Leaves NaN in the memory the next tensor of this size gets, so that an element nobody writes shows.
func soil(_ shape: Shape) {
  _ = Tensor(shape, repeating: .nan)
}

/// What an operation makes the second time, after the memory of the first result was filled with NaN.
func soiled(_ shape: Shape, _ operation: () throws -> Tensor) throws -> Tensor {
  _ = try operation()
  soil(shape)
  return try operation()
}

extension Tensor {
  /// Values of which about `share` are not zero.
  static func sparse(_ shape: Shape, share: Float, using generator: inout SeededGenerator) -> Tensor {
    Tensor(
      shape,
      elements: (0..<shape.count).map { _ in
        Float.random(in: 0..<1, using: &generator) < share
          ? Float.random(in: -1...1, using: &generator) : 0
      })
  }

  /// Whole numbers of a small range, so that ties are common and sums are exact.
  static func wholes(_ shape: Shape, in range: ClosedRange<Int>, using generator: inout SeededGenerator)
    -> Tensor
  {
    Tensor(shape, elements: (0..<shape.count).map { _ in Float(Int.random(in: range, using: &generator)) })
  }
}
