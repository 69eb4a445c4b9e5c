import Kernels
import ReferenceKernels
import Tensors
import TestSupport
import Testing

@Suite struct Combining {
  static let pairs: [(Shape, Shape)] = [
    ([2, 3, 4, 5], [2, 3, 4, 5]), ([2, 3, 4, 17], [17]), ([2, 3], [1]), ([1], [2, 3]), ([], [2, 3]),
    ([2, 1, 4, 5], [3, 1, 5]), ([2, 3, 1, 1], [2, 1, 4, 5]), ([3, 1], [1, 4]), ([2, 1, 1, 5], [2, 3, 4, 5]),
    ([5], [2, 3, 4, 5]), ([], []), ([2, 0, 3], [1, 3]), ([4, 1, 2, 1, 3], [1, 5, 1, 2, 1]),
  ]

  @Test(arguments: pairs)
  func `shapes broadcast as in NumPy`(left: Shape, right: Shape) throws {
    var generator = SeededGenerator(seed: 30)
    let one = Tensor.random(left, in: 0.5...2, using: &generator)
    let other = Tensor.random(right, in: 0.5...2, using: &generator)
    let operations: [(Arithmetic, (Double, Double) -> Double)] = [
      (.add, { $0 + $1 }), (.subtract, { $0 - $1 }), (.multiply, { $0 * $1 }), (.divide, { $0 / $1 }),
      (.minimum, { min($0, $1) }), (.maximum, { max($0, $1) }),
    ]
    for (arithmetic, combine) in operations {
      let expected = referenceCombined(ReferenceTensor(one), ReferenceTensor(other), combine)
      soil(expected.shape)
      let found = try Device().combining(one, other, by: arithmetic)
      #expect(found.shape == expected.shape)
      // A single operation in double precision, rounded, is that operation in single precision.
      #expect(found.elements == expected.elements.map(Float.init))
    }
  }

  @Test func `powers are powers and NaN comes out of every operation, from either side`() throws {
    let bases = Tensor([3], elements: [2, 9, -2])
    #expect(
      try Device().combining(bases, Tensor([3], elements: [3, 0.5, 2]), by: .power).elements == [8, 3, 4])
    let (value, hole) = (Tensor([20], repeating: 2), Tensor([20], repeating: .nan))
    for arithmetic in [Arithmetic.add, .subtract, .multiply, .divide, .minimum, .maximum, .power] {
      #expect(try Device().combining(value, hole, by: arithmetic).elements.allSatisfy { $0.isNaN })
      #expect(try Device().combining(hole, value, by: arithmetic).elements.allSatisfy { $0.isNaN })
    }
  }

  @Test func `what is not selected may be no number`() throws {
    let values = Tensor([4], elements: [.nan, .infinity, 3, 4])
    let marks = Tensor([4], elements: [0, 0, 1, -2])
    #expect(try Device().combining(values, marks, by: .select).elements == [0, 0, 3, 4])
  }

  @Test func `comparisons are one or zero, and nothing compares with NaN`() throws {
    let left = Tensor([6], elements: [1, 2, 2, .nan, 1, .infinity])
    let right = Tensor([6], elements: [2, 2, 1, 1, .nan, .infinity])
    let expected: [(Arithmetic, [Float])] = [
      (.greater, [0, 0, 1, 0, 0, 0]), (.greaterOrEqual, [0, 1, 1, 0, 0, 1]), (.equal, [0, 1, 0, 0, 0, 1]),
    ]
    for (arithmetic, holds) in expected {
      #expect(try Device().combining(left, right, by: arithmetic).elements == holds)
    }
  }

  @Test(arguments: pairs)
  func `summing is the transpose of broadcasting`(left: Shape, right: Shape) throws {
    var generator = SeededGenerator(seed: 31)
    for shape in [left, right] {
      let small = Tensor.random(shape, using: &generator)
      let zero = Tensor(shape == left ? right : left)
      let spread = try Device().combining(small, zero, by: .add)
      let signal = Tensor.random(spread.shape, using: &generator)
      let sums = try Device().summed(signal, to: shape)
      #expect(sums.shape == shape)
      let difference =
        innerProduct(spread.elements, signal.elements) - innerProduct(small.elements, sums.elements)
      #expect(abs(difference) <= Tolerance.sum(of: spread.shape.count))
    }
  }

  @Test func `means are taken over the axes named`() throws {
    let tensor = Tensor([2, 3], elements: [1, 2, 3, 4, 5, 6])
    #expect(try Device().averaged(tensor, over: [0], keepingAxes: false).elements == [2.5, 3.5, 4.5])
    let kept = try Device().averaged(tensor, over: [1], keepingAxes: true)
    #expect(kept.shape == [2, 1])
    #expect(kept.elements == [2, 5])
    #expect(try Device().averaged(tensor, over: [1, 0], keepingAxes: false).elements == [3.5])
    #expect(try Device().averaged(tensor, over: [], keepingAxes: false).elements == tensor.elements)
    #expect(tensor.elements == [1, 2, 3, 4, 5, 6])
  }

  @Test func `shapes that do not broadcast are refused`() {
    #expect(throws: KernelError.self) { try Device().combining(Tensor([2]), Tensor([3]), by: .add) }
    #expect(throws: KernelError.self) { try Device().summed(Tensor([2, 3]), to: [2]) }
    #expect(throws: KernelError.self) { try Device().summed(Tensor([3]), to: [2, 3]) }
    #expect(throws: KernelError.self) { try Device().averaged(Tensor([2]), over: [1], keepingAxes: false) }
    #expect(throws: KernelError.self) { try Device().averaged(Tensor([0]), over: [0], keepingAxes: false) }
  }
}
