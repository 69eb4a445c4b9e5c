import Kernels
import ReferenceKernels
import Tensors
import TestSupport
import Testing

/// Convolutions that are computed by Winograd's filtering where that is faster: those of stride 1 with filters of 3 to 5, and
/// those of any stride whose filters cover as many squares of it.
@Suite struct WinogradConvolutions {
  struct Case: Sendable {
    var window = 3
    var stride = 1
    var rows: Int
    var columns: Int
    var inputs: Int
    var outputs: Int
    var before: Int
    var after: Int

    var sliding: Sliding {
      let slide = Slide(window: window, stride: stride, before: before, after: after)
      return Sliding(rows: slide, columns: slide)
    }
  }

  /// Whole tiles and cut ones, odd channels, maps of one tile, padding of either side alone.
  static let cases = [
    Case(rows: 12, columns: 12, inputs: 16, outputs: 16, before: 1, after: 1),
    Case(rows: 13, columns: 13, inputs: 33, outputs: 40, before: 1, after: 1),
    Case(rows: 14, columns: 11, inputs: 8, outputs: 17, before: 0, after: 0),
    Case(rows: 9, columns: 23, inputs: 24, outputs: 9, before: 2, after: 1),
    Case(rows: 7, columns: 7, inputs: 20, outputs: 20, before: 1, after: 1),
    Case(rows: 4, columns: 5, inputs: 16, outputs: 8, before: 1, after: 0),
    Case(rows: 2, columns: 3, inputs: 16, outputs: 16, before: 1, after: 1),
    Case(rows: 28, columns: 28, inputs: 12, outputs: 48, before: 1, after: 1),
    Case(rows: 17, columns: 15, inputs: 65, outputs: 16, before: 0, after: 2),
    Case(window: 5, rows: 13, columns: 13, inputs: 20, outputs: 33, before: 2, after: 2),
    Case(window: 5, rows: 10, columns: 24, inputs: 8, outputs: 16, before: 0, after: 0),
    Case(window: 5, rows: 5, columns: 7, inputs: 35, outputs: 9, before: 4, after: 1),
    Case(window: 4, rows: 14, columns: 9, inputs: 17, outputs: 20, before: 1, after: 2),
    Case(window: 5, stride: 2, rows: 25, columns: 30, inputs: 9, outputs: 18, before: 0, after: 0),
    Case(window: 6, stride: 2, rows: 21, columns: 22, inputs: 5, outputs: 16, before: 3, after: 2),
    Case(window: 7, stride: 2, rows: 30, columns: 27, inputs: 3, outputs: 33, before: 3, after: 3),
    Case(window: 9, stride: 2, rows: 24, columns: 31, inputs: 3, outputs: 16, before: 1, after: 5),
    Case(window: 11, stride: 4, rows: 51, columns: 48, inputs: 3, outputs: 16, before: 2, after: 0),
    Case(window: 5, rows: 3, columns: 4, inputs: 16, outputs: 16, before: 1, after: 3),
  ]

  /// How far each may be from the reference, of the largest value.
  private static let choices: [(ConvolutionMethod.Choice, allowed: Double)] = [
    (.by(.direct), 2e-6), (.by(.winograd(side: 2)), 3e-6), (.by(.winograd(side: 3)), 3e-5),
    (.by(.winograd(side: 4)), 3e-5), (.by(.winograd(side: 5)), 3e-5), (.fastest, 3e-5), (.precise, 3e-6),
  ]

  @Test(arguments: cases)
  func `every method and the reference agree, forward and back`(
    example: Case
  ) throws {
    var generator = SeededGenerator(seed: 61)
    let (sliding, outputs) = (example.sliding, example.outputs)
    let shape: Shape = [2, example.rows, example.columns, example.inputs]
    let input = Tensor.random(shape, using: &generator)
    let filters = Tensor.random([outputs, example.window, example.window, example.inputs], using: &generator)
    let bias = Tensor.random([outputs], using: &generator)
    for (isBiased, rectified) in [(true, false), (false, true), (true, true)] {
      let expected = try referenceConvolution(
        ReferenceTensor(input), filters: ReferenceTensor(filters),
        bias: isBiased ? bias.elements.map(Double.init) : nil, over: sliding, rectified: rectified)
      let largest = expected.elements.map(abs).max() ?? 0
      for (choice, allowed) in Self.choices {
        for threads in [1, 2, 3] {
          var device = Device(threads: threads)
          let found = try soiled(expected.shape) {
            try device.convolution(
              input, filters: filters, bias: isBiased ? bias : nil, over: sliding,
              followedBy: rectified ? .relu : nil, choice)
          }
          #expect(found.shape == expected.shape)
          let difference = largestDifference(found.elements, expected.elements)
          #expect(difference <= allowed * largest, "\(choice): \(difference / largest)")
        }
      }
    }
    let made = try sliding.output(over: shape, channels: outputs)
    let signal = Tensor.random(made, using: &generator)
    let expected = referenceConvolutionTransposed(
      ReferenceTensor(signal), filters: ReferenceTensor(filters), over: sliding, onto: shape)
    let largest = expected.elements.map(abs).max() ?? 0
    for (choice, allowed) in Self.choices {
      var device = Device(threads: 2)
      let back = try soiled(shape) {
        try device.convolutionTransposed(signal, filters: filters, over: sliding, onto: shape, choice)
      }
      let difference = largestDifference(back.elements, expected.elements)
      #expect(difference <= allowed * largest, "\(choice): \(difference / largest)")
    }
  }

  @Test(arguments: cases)
  func `a picture's bytes depend on no batch and no number of threads`(
    example: Case
  ) throws {
    var generator = SeededGenerator(seed: 62)
    let sliding = example.sliding
    let input = Tensor.random([5, example.rows, example.columns, example.inputs], using: &generator)
    let filters = Tensor.random(
      [example.outputs, example.window, example.window, example.inputs], using: &generator)
    for (choice, _) in Self.choices where choice != .by(.direct) {
      var alone = Device()
      let single = try (0..<5).map {
        try alone.convolution(
          input.slices($0..<$0 + 1), filters: filters, bias: nil, over: sliding, choice
        ).elements
      }
      for threads in [1, 2, 3] {
        var device = Device(threads: threads)
        let together = try device.convolution(
          input, filters: filters, bias: nil, over: sliding, choice)
        #expect(together.elements == single.flatMap(\.self), "\(threads) threads")
      }
    }
  }

  @Test func `values that are no numbers stay where they are seen`() throws {
    var generator = SeededGenerator(seed: 63)
    var input = Tensor.random([1, 16, 16, 16], using: &generator)
    input.withMutableSpan { $0[0] = .nan }
    let filters = Tensor.random([16, 3, 3, 16], using: &generator)
    var device = Device()
    let found = try device.convolution(
      input, filters: filters, bias: nil, over: Sliding(window: 3, padding: 1)
    ).elements
    #expect(found[0].isNaN)
    // A tile further on does not see it.
    #expect(found[(8 * 16 + 8) * 16].isFinite)
  }
}
