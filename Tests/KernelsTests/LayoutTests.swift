import Kernels
import ReferenceKernels
import Tensors
import TestSupport
import Testing

@Suite struct Layout {
  private func counting(_ shape: Shape) -> Tensor {
    Tensor(shape, elements: (0..<shape.count).map(Float.init))
  }

  @Test(arguments: [[2, 3, 4, 5], [2, 17, 19, 33], [1, 16, 16, 1], [3, 1, 20, 2], [0, 2, 3, 4]])
  func `every order of four axes moves each element to its place`(extents: [Int]) throws {
    let tensor = counting(Shape(extents))
    let elements = tensor.elements
    for code in 0..<256 {
      let axes = [code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6]
      guard Set(axes).count == 4 else { continue }
      soil(tensor.shape)
      let found = try Device().permuted(tensor, axes)
      #expect(found.shape.dimensions == axes.map { extents[$0] })
      var place = [0, 0, 0, 0]
      var expected: [Float] = []
      for a in 0..<extents[axes[0]] {
        for b in 0..<extents[axes[1]] {
          for c in 0..<extents[axes[2]] {
            for d in 0..<extents[axes[3]] {
              (place[axes[0]], place[axes[1]], place[axes[2]], place[axes[3]]) = (a, b, c, d)
              let offset =
                ((place[0] * extents[1] + place[1]) * extents[2] + place[2]) * extents[3] + place[3]
              expected.append(elements[offset])
            }
          }
        }
      }
      #expect(found.elements == expected)
    }
  }

  @Test func `an order that changes nothing in memory copies nothing`() throws {
    let tensor = counting([2, 1, 3, 1])
    #expect(try Device().permuted(tensor, [1, 0, 3, 2]).identity == tensor.identity)
  }

  @Test func `splitting undoes concatenation along every axis`() throws {
    var generator = SeededGenerator(seed: 40)
    for axis in 0..<3 {
      let parts = [1, 3, 0, 2].map { size in
        Tensor.random(Shape((0..<3).map { $0 == axis ? size : 4 }), using: &generator)
      }
      let joined = try Device().concatenation(parts, axis: axis)
      #expect(joined.shape[axis] == 6)
      let pieces = try Device().splitting(joined, axis: axis, sizes: [1, 3, 0, 2])
      #expect(pieces.map(\.elements) == parts.map(\.elements))
      #expect(pieces.map(\.shape) == parts.map(\.shape))
    }
    let pair = [Tensor([2, 1], elements: [1, 2]), Tensor([2, 2], elements: [3, 4, 5, 6])]
    #expect(try Device().concatenation(pair, axis: 1).elements == [1, 3, 4, 2, 5, 6])
  }

  @Test func `padding fills, mirrors, repeats and crops`() throws {
    let row = Tensor([4], elements: [1, 2, 3, 4])
    #expect(
      try Device().padded(row, before: [1], after: [2], mode: .constant(9)).elements == [9, 1, 2, 3, 4, 9, 9])
    #expect(
      try Device().padded(row, before: [2], after: [3], mode: .reflect).elements == [
        3, 2, 1, 2, 3, 4, 3, 2, 1,
      ])
    #expect(try Device().padded(row, before: [2], after: [1], mode: .edge).elements == [1, 1, 1, 2, 3, 4, 4])
    #expect(try Device().padded(row, before: [-1], after: [-2], mode: .constant(0)).elements == [2])
    #expect(try Device().padded(row, before: [-2], after: [1], mode: .edge).elements == [3, 4, 4])
    let map = Tensor([2, 2], elements: [1, 2, 3, 4])
    let around = try Device().padded(map, before: [1, 0], after: [0, 1], mode: .constant(0))
    #expect(around.shape == [3, 3])
    #expect(around.elements == [0, 0, 0, 1, 2, 0, 3, 4, 0])
  }

  @Test(arguments: [PaddingMode.constant(7), .reflect, .edge])
  func `padding and cropping agree with the reference`(mode: PaddingMode) throws {
    let map = counting([3, 4, 5, 2])
    for before in -2...2 {
      for after in -1...2 {
        let counts = ([0, before, after, 1], [1, after, before, 0])
        let expected = referencePadded(
          ReferenceTensor(map), before: counts.0, after: counts.1, mode: mode)
        soil(expected.shape)
        let found = try Device().padded(map, before: counts.0, after: counts.1, mode: mode)
        #expect(found.shape == expected.shape)
        #expect(found.elements.map(Double.init) == expected.elements)
      }
    }
  }

  @Test(arguments: [PaddingMode.constant(0), .reflect, .edge])
  func `what padding repeats is summed back by its transpose`(mode: PaddingMode) throws {
    var generator = SeededGenerator(seed: 41)
    let map = Tensor.random([2, 4, 5, 3], using: &generator)
    for (before, after) in [
      ([0, 2, 1, 0], [0, 1, 3, 0]), ([1, -1, 2, -1], [0, 2, -2, 2]), ([0, 3, 0, 2], [1, 0, 4, 0]),
    ] {
      guard mode != .reflect || before[0] == 0 && after[0] == 0 else { continue }
      let wide = try Device().padded(map, before: before, after: after, mode: mode)
      let signal = Tensor.random(wide.shape, using: &generator)
      let back = try Device().paddedTransposed(
        signal, before: before, after: after, mode: mode, onto: map.shape)
      let difference =
        innerProduct(wide.elements, signal.elements) - innerProduct(map.elements, back.elements)
      #expect(abs(difference) <= Tolerance.sum(of: wide.shape.count))
    }
  }

  @Test func `slices step forwards and backwards`() throws {
    let row = counting([6])
    #expect(try Device().sliced(row, starts: [1], stops: [6], steps: [2]).elements == [1, 3, 5])
    #expect(try Device().sliced(row, starts: [5], stops: [-1], steps: [-2]).elements == [5, 3, 1])
    #expect(try Device().sliced(row, starts: [4], stops: [4], steps: [1]).shape == [0])
    let map = counting([3, 4])
    #expect(
      try Device().sliced(map, starts: [2, 0], stops: [0, 2], steps: [-1, 1]).elements == [8, 9, 4, 5])
    let signal = Tensor([2, 2], elements: [1, 2, 3, 4])
    let back = try Device().slicedTransposed(
      signal, starts: [2, 0], stops: [0, 2], steps: [-1, 1], onto: [3, 4])
    #expect(back.elements == [0, 0, 0, 0, 3, 4, 0, 0, 1, 2, 0, 0])
  }

  @Test func `orders, sizes and counts that do not fit are refused`() {
    let map = Tensor([2, 3])
    #expect(throws: KernelError.self) { try Device().permuted(map, [0, 0]) }
    #expect(throws: KernelError.self) { try Device().permuted(map, [0]) }
    #expect(throws: KernelError.self) { try Device().concatenation([], axis: 0) }
    #expect(throws: KernelError.self) { try Device().concatenation([map, Tensor([2, 2])], axis: 0) }
    #expect(throws: KernelError.self) { try Device().concatenation([map], axis: 2) }
    #expect(throws: KernelError.self) { try Device().splitting(map, axis: 1, sizes: [1, 1]) }
    #expect(throws: KernelError.self) { try Device().splitting(map, axis: 1, sizes: [4, -1]) }
    #expect(throws: KernelError.self) { try Device().padded(map, before: [0], after: [0, 0], mode: .edge) }
    #expect(throws: KernelError.self) {
      try Device().padded(map, before: [2, 0], after: [0, 0], mode: .reflect)
    }
    #expect(throws: KernelError.self) {
      try Device().padded(map, before: [-2, 0], after: [-1, 0], mode: .constant(0))
    }
    #expect(throws: KernelError.self) {
      try Device().padded(Tensor([0]), before: [1], after: [0], mode: .edge)
    }
    #expect(throws: KernelError.self) {
      try Device().sliced(map, starts: [0, 0], stops: [2, 4], steps: [1, 1])
    }
    #expect(throws: KernelError.self) {
      try Device().sliced(map, starts: [0, 0], stops: [2, 3], steps: [1, 0])
    }
    #expect(throws: KernelError.self) {
      try Device().paddedTransposed(map, before: [1, 0], after: [0, 0], mode: .edge, onto: [2, 3])
    }
    #expect(throws: KernelError.self) {
      try Device().slicedTransposed(map, starts: [0, 0], stops: [1, 1], steps: [1, 1], onto: [2, 3])
    }
  }
}
