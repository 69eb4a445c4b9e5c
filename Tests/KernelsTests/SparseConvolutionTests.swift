import Kernels
import ReferenceKernels
import Tensors
import TestSupport
import Testing

@Suite struct SparseConvolution {
  @Test func `one value lays down its filter, clipped at the padding`() throws {
    let filters = Tensor([1, 2, 2, 1], elements: [1, 2, 3, 4])
    let sliding = Sliding(window: 2, padding: 1)
    var signal = Tensor([1, 3, 3, 1])
    signal.withMutableSpan { $0[0] = 10 }
    let result = try Device().sparseConvolutionTransposed(
      signal, filters: filters, over: sliding, groups: 1, onto: [1, 2, 2, 1])
    #expect(result.elements == [40, 0, 0, 0])
    signal.withMutableSpan { $0[4] = 1 }
    let both = try Device().sparseConvolutionTransposed(
      signal, filters: filters, over: sliding, groups: 1, onto: [1, 2, 2, 1])
    #expect(both.elements == [41, 2, 3, 4])
  }

  @Test(arguments: [(1, 3, 4), (1, 33, 5), (2, 4, 6), (3, 6, 3), (1, 80, 2)])
  func `sparse and reference agree for every geometry`(groups: Int, inputs: Int, outputs: Int) throws {
    var generator = SeededGenerator(seed: 14)
    let shape: Shape = [2, 5, 6, inputs]
    for sliding in slidings(rows: 5, columns: 6) {
      let filters = Tensor.random(
        [outputs, sliding.rows.window, sliding.columns.window, inputs / groups], using: &generator)
      let places = try sliding.output(over: shape, channels: outputs)
      let signal = Tensor.sparse(places, share: 0.3, using: &generator)
      soil(shape)
      let found = try Device().sparseConvolutionTransposed(
        signal, filters: filters, over: sliding, groups: groups, onto: shape)
      let expected = referenceConvolutionTransposed(
        ReferenceTensor(signal), filters: ReferenceTensor(filters), over: sliding, groups: groups, onto: shape
      )
      let terms = sliding.count * outputs
      #expect(largestDifference(found.elements, expected.elements) <= Tolerance.sum(of: terms))
    }
  }

  @Test func `a first layer's large window over few channels agrees with the reference`() throws {
    var generator = SeededGenerator(seed: 15)
    let sliding = Sliding(window: 11, stride: 4, padding: 2)
    let shape: Shape = [1, 31, 35, 3]
    let filters = Tensor.random([20, 11, 11, 3], using: &generator)
    let places = try sliding.output(over: shape, channels: 20)
    let signal = Tensor.sparse(places, share: 0.1, using: &generator)
    let found = try Device().sparseConvolutionTransposed(
      signal, filters: filters, over: sliding, groups: 1, onto: shape)
    let expected = referenceConvolutionTransposed(
      ReferenceTensor(signal), filters: ReferenceTensor(filters), over: sliding, onto: shape)
    #expect(largestDifference(found.elements, expected.elements) <= Tolerance.sum(of: 9 * 20))
  }

  @Test func `the sparse way is the adjoint of the dense convolution`() throws {
    var generator = SeededGenerator(seed: 16)
    var device = Device()
    let sliding = Sliding(
      rows: Slide(window: 3, stride: 2, before: 1), columns: Slide(window: 2, dilation: 2, after: 1))
    let input = Tensor.random([2, 6, 7, 8], using: &generator)
    let filters = Tensor.random([20, 3, 2, 4], using: &generator)
    let output = try device.convolution(input, filters: filters, bias: nil, over: sliding, groups: 2)
    let signal = Tensor.sparse(output.shape, share: 0.2, using: &generator)
    let back = try Device().sparseConvolutionTransposed(
      signal, filters: filters, over: sliding, groups: 2, onto: input.shape)
    let difference =
      innerProduct(output.elements, signal.elements) - innerProduct(input.elements, back.elements)
    #expect(abs(difference) <= Tolerance.sum(of: output.shape.count * 6 * 4))
  }

  @Test func `density is the share that is not zero`() {
    #expect(Device().density(of: Tensor([4], elements: [0, 1, -0, .nan])) == 0.5)
    #expect(Device().density(of: Tensor([0])) == 0)
  }

  @Test func `shapes that disagree are refused`() {
    let filters = Tensor([2, 3, 3, 1])
    func attempt(_ signal: Shape, groups: Int, onto shape: Shape) throws {
      _ = try Device().sparseConvolutionTransposed(
        Tensor(signal), filters: filters, over: Sliding(window: 3), groups: groups, onto: shape)
    }
    #expect(throws: Never.self) { try attempt([1, 2, 2, 2], groups: 1, onto: [1, 4, 4, 1]) }
    #expect(throws: KernelError.self) { try attempt([1, 2, 2, 2], groups: 0, onto: [1, 4, 4, 1]) }
    #expect(throws: KernelError.self) { try attempt([1, 2, 2, 2], groups: 3, onto: [1, 4, 4, 3]) }
    #expect(throws: KernelError.self) { try attempt([1, 2, 2, 3], groups: 1, onto: [1, 4, 4, 1]) }
    #expect(throws: KernelError.self) { try attempt([1, 2, 2, 2], groups: 1, onto: [4, 4, 1]) }
    #expect(throws: KernelError.self) { try attempt([1, 2, 2, 2], groups: 1, onto: [1, 2, 4, 1]) }
  }
}
