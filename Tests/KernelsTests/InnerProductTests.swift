import Kernels
import ReferenceKernels
import Tensors
import TestSupport
import Testing

@Suite struct InnerProducts {
  @Test func `each output is a weighted sum, its bias and the rectifier`() throws {
    var device = Device()
    let input = Tensor([2, 2], elements: [1, 2, 3, 4])
    let weights = Tensor([3, 2], elements: [1, 0, 10, 1, -1, -1])
    let bias = Tensor([3], elements: [0, 100, 5])
    #expect(try device.innerProduct(input, weights: weights, bias: nil).elements == [1, 12, -3, 3, 34, -7])
    #expect(
      try device.innerProduct(input, weights: weights, bias: bias, followedBy: .relu).elements
        == [1, 112, 2, 3, 134, 0])
    let signal = Tensor([1, 3], elements: [1, 2, 3])
    #expect(try device.innerProductTransposed(signal, weights: weights).elements == [18, -1])
  }

  @Test(arguments: [1, 2, 7], [1, 3, 16, 130])
  func `fast and reference agree for every size, forward and back`(images: Int, inputs: Int) throws {
    var generator = SeededGenerator(seed: 60)
    var device = Device()
    let input = Tensor.random([images, inputs], using: &generator)
    for outputs in [1, 2, 16, 33, 130] {
      let weights = Tensor.random([outputs, inputs], using: &generator)
      let bias = Tensor.random([outputs], using: &generator)
      for (isBiased, rectified) in [(false, false), (true, false), (false, true), (true, true)] {
        let expected = referenceInnerProduct(
          ReferenceTensor(input), weights: ReferenceTensor(weights),
          bias: isBiased ? bias.elements.map(Double.init) : nil, rectified: rectified)
        let found = try soiled(expected.shape) {
          try device.innerProduct(
            input, weights: weights, bias: isBiased ? bias : nil, followedBy: rectified ? .relu : nil)
        }
        #expect(found.shape == expected.shape)
        #expect(largestDifference(found.elements, expected.elements) <= Tolerance.sum(of: inputs + 1))
      }
      let signal = Tensor.random([images, outputs], using: &generator)
      let expected = referenceMatrixProduct(ReferenceTensor(signal), ReferenceTensor(weights))
      let back = try soiled(input.shape) {
        try device.innerProductTransposed(signal, weights: weights)
      }
      #expect(back.shape == input.shape)
      #expect(largestDifference(back.elements, expected.elements) <= Tolerance.sum(of: outputs))
    }
  }

  @Test(arguments: [(5, 40, 24), (1, 300, 7), (3, 64, 64)])
  func `the transpose is the adjoint`(images: Int, inputs: Int, outputs: Int) throws {
    var generator = SeededGenerator(seed: 61)
    var device = Device()
    let input = Tensor.random([images, inputs], using: &generator)
    let weights = Tensor.random([outputs, inputs], using: &generator)
    let output = try device.innerProduct(input, weights: weights, bias: nil)
    let signal = Tensor.random(output.shape, using: &generator)
    let back = try device.innerProductTransposed(signal, weights: weights)
    let difference =
      innerProduct(output.elements, signal.elements) - innerProduct(input.elements, back.elements)
    #expect(abs(difference) <= Tolerance.sum(of: images * inputs * outputs))
  }

  static let stacks: [(Shape, Shape)] = [
    ([3, 4], [4, 5]), ([2, 3, 4], [2, 4, 5]), ([2, 3, 4], [4, 5]), ([3, 4], [2, 4, 5]),
    ([2, 1, 3, 17], [5, 17, 16]), ([1, 1, 1, 1], [3, 1, 1]), ([4, 1, 2, 3], [1, 6, 3, 2]),
    ([2, 33, 64], [2, 64, 33]),
  ]

  @Test(arguments: stacks)
  func `products of stacks broadcast as in NumPy`(left: Shape, right: Shape) throws {
    var generator = SeededGenerator(seed: 62)
    var device = Device()
    let (one, other) = (Tensor.random(left, using: &generator), Tensor.random(right, using: &generator))
    let expected = referenceMatrixProduct(ReferenceTensor(one), ReferenceTensor(other))
    let found = try soiled(expected.shape) { try device.matrixProduct(one, other) }
    #expect(found.shape == expected.shape)
    #expect(
      largestDifference(found.elements, expected.elements) <= Tolerance.sum(of: left[left.rank - 1]))
  }

  @Test func `a batch multiplies as its rows do one by one`() throws {
    var generator = SeededGenerator(seed: 63)
    var device = Device()
    let batch = Tensor.random([4, 50], using: &generator)
    let weights = Tensor.random([20, 50], using: &generator)
    let whole = try device.innerProduct(batch, weights: weights, bias: nil)
    for image in 0..<4 {
      let one = try device.innerProduct(batch.slices(image..<image + 1), weights: weights, bias: nil)
      let part = whole.slices(image..<image + 1)
      #expect(largestDifference(one.elements, part.elements) <= 2 * Tolerance.sum(of: 50))
    }
  }

  @Test func `multiplying leaves no trace in what it is given`() throws {
    var generator = SeededGenerator(seed: 64)
    var device = Device()
    let input = Tensor.random([3, 16], using: &generator)
    let weights = Tensor.random([16, 16], using: &generator)
    let bias = Tensor.random([16], using: &generator)
    let before = [input, weights, bias].map(\.elements)
    _ = try device.innerProduct(input, weights: weights, bias: bias, followedBy: .relu)
    _ = try device.innerProductTransposed(input, weights: weights)
    _ = try device.matrixProduct(input, weights)
    #expect([input, weights, bias].map(\.elements) == before)
  }

  @Test func `a sum of no terms is its bias`() throws {
    var device = Device()
    let bias = Tensor([2], elements: [-3, 4])
    let (input, weights) = (Tensor([2, 0]), Tensor([2, 0]))
    #expect(try device.innerProduct(input, weights: weights, bias: nil).elements == [0, 0, 0, 0])
    #expect(try device.innerProduct(input, weights: weights, bias: bias).elements == [-3, 4, -3, 4])
    #expect(
      try device.innerProduct(input, weights: weights, bias: bias, followedBy: .relu).elements == [
        0, 4, 0, 4,
      ])
    #expect(try device.innerProduct(Tensor([0, 3]), weights: Tensor([2, 3]), bias: bias).shape == [0, 2])
    #expect(try device.matrixProduct(Tensor([3, 2, 0]), Tensor([0, 2])).elements.count == 12)
    #expect(try device.matrixProduct(Tensor([0, 2, 3]), Tensor([3, 2])).shape == [0, 2, 2])
    #expect(try device.matrixProduct(Tensor([0, 2, 3]), Tensor([1, 3, 2])).shape == [0, 2, 2])
  }

  @Test func `shapes that disagree are refused`() throws {
    var device = Device()
    let weights = Tensor([2, 3])
    func refuses(_ input: Shape, _ weights: Shape, bias: Int? = nil, _ device: inout Device) {
      #expect(throws: KernelError.self) {
        try device.innerProduct(Tensor(input), weights: Tensor(weights), bias: bias.map { Tensor([$0]) })
      }
    }
    refuses([3], [2, 3], &device)
    refuses([1, 2], [2, 3], &device)
    refuses([1, 3], [2, 3], bias: 3, &device)
    refuses([1, 6], [6], &device)
    #expect(throws: KernelError.self) {
      try device.innerProductTransposed(Tensor([1, 3]), weights: weights)
    }
    for (left, right): (Shape, Shape) in [([3], [3, 1]), ([2, 3], [2, 3]), ([2, 2, 3], [3, 3, 2])] {
      #expect(throws: KernelError.self) { try device.matrixProduct(Tensor(left), Tensor(right)) }
    }
  }
}
