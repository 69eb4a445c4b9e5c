import Kernels
import ReferenceKernels
import Tensors
import TestSupport
import Testing

/// 3x3 convolutions of stride 1, which are computed by Winograd's filtering where that is faster.
@Suite struct WinogradConvolutions {
  /// Rows, columns, inputs, outputs and padding: whole tiles and cut ones, odd channels, maps of one tile, padding of either
  /// side alone.
  static let cases: [(rows: Int, columns: Int, inputs: Int, outputs: Int, before: Int, after: Int)] = [
    (12, 12, 16, 16, 1, 1), (13, 13, 33, 40, 1, 1), (14, 11, 8, 17, 0, 0), (9, 23, 24, 9, 2, 1),
    (7, 7, 20, 20, 1, 1), (4, 5, 16, 8, 1, 0), (2, 3, 16, 16, 1, 1), (28, 28, 12, 48, 1, 1),
    (17, 15, 65, 16, 0, 2),
  ]

  /// How far each may be from the reference, of the largest value.
  private static let choices: [(ConvolutionMethod.Choice, allowed: Double)] = [
    (.by(.direct), 2e-6), (.by(.winograd(side: 2)), 2e-6), (.by(.winograd(side: 4)), 6e-6),
    (.by(.winograd(side: 5)), 3e-5), (.fastest, 3e-5),
  ]

  private static func sliding(_ before: Int, _ after: Int) -> Sliding {
    let slide = Slide(window: 3, before: before, after: after)
    return Sliding(rows: slide, columns: slide)
  }

  @Test(arguments: cases)
  func `every method and the reference agree, forward and back`(
    rows: Int, columns: Int, inputs: Int, outputs: Int, before: Int, after: Int
  ) throws {
    var generator = SeededGenerator(seed: 61)
    let sliding = Self.sliding(before, after)
    let shape: Shape = [2, rows, columns, inputs]
    let input = Tensor.random(shape, using: &generator)
    let filters = Tensor.random([outputs, 3, 3, inputs], using: &generator)
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
    rows: Int, columns: Int, inputs: Int, outputs: Int, before: Int, after: Int
  ) throws {
    var generator = SeededGenerator(seed: 62)
    let sliding = Self.sliding(before, after)
    let input = Tensor.random([5, rows, columns, inputs], using: &generator)
    let filters = Tensor.random([outputs, 3, 3, inputs], using: &generator)
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
    let found = try device.convolution(input, filters: filters, bias: nil, over: Self.sliding(1, 1)).elements
    #expect(found[0].isNaN)
    // A tile further on does not see it.
    #expect(found[(8 * 16 + 8) * 16].isFinite)
  }
}
