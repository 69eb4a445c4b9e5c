import Foundation
import Kernels
import ReferenceKernels
import Tensors
import TestSupport
import Testing

/// What a convolution does with its sums beside rectifying them, by every method: added to a tensor, written into a part of
/// one, given to a function.
@Suite struct JoinedConvolutions {
  private struct Case {
    var rows: Int
    var columns: Int
    var inputs: Int
    var outputs: Int
    var groups = 1
    var sliding: Sliding
    var choice = ConvolutionMethod.Choice.fastest
  }

  /// Single pixels, rows longer than a tile, padding of each side, strides, dilation, groups wide and narrow, filtering.
  private static let cases: [Case] = [
    Case(rows: 7, columns: 9, inputs: 20, outputs: 40, sliding: Sliding(window: 1)),
    Case(rows: 13, columns: 31, inputs: 3, outputs: 17, sliding: Sliding(window: 5, stride: 2, padding: 3)),
    Case(
      rows: 12, columns: 40, inputs: 6, outputs: 33,
      sliding: Sliding(
        rows: Slide(window: 3, before: 2, after: 0),
        columns: Slide(window: 2, stride: 3, dilation: 2, before: 0, after: 4))),
    Case(rows: 9, columns: 9, inputs: 32, outputs: 48, groups: 2, sliding: Sliding(window: 3, padding: 1)),
    Case(rows: 9, columns: 9, inputs: 12, outputs: 12, groups: 4, sliding: Sliding(window: 3, padding: 1)),
    Case(rows: 6, columns: 5, inputs: 7, outputs: 7, groups: 7, sliding: Sliding(window: 3, padding: 1)),
    Case(
      rows: 9, columns: 12, inputs: 41, outputs: 41, groups: 41,
      sliding: Sliding(window: 5, stride: 2, padding: 2)),
    Case(rows: 8, columns: 19, inputs: 33, outputs: 33, groups: 33, sliding: Sliding(window: 7, padding: 3)),
    Case(
      rows: 14, columns: 13, inputs: 16, outputs: 24, sliding: Sliding(window: 3, padding: 1),
      choice: .by(.winograd(side: 4))),
    Case(
      rows: 7, columns: 7, inputs: 33, outputs: 40, sliding: Sliding(window: 3, padding: 1),
      choice: .by(.winograd(side: 2))),
    Case(rows: 11, columns: 10, inputs: 16, outputs: 20, sliding: Sliding(window: 5, padding: 2)),
  ]

  @Test(arguments: cases.indices)
  func `sums land added, in a part, and in a function, as one by one`(index: Int) throws {
    let example = Self.cases[index]
    var generator = SeededGenerator(seed: 71)
    let input = Tensor.random([2, example.rows, example.columns, example.inputs], using: &generator)
    let window = example.sliding
    let filters = Tensor.random(
      [example.outputs, window.rows.window, window.columns.window, example.inputs / example.groups],
      using: &generator)
    let bias = Tensor.random([example.outputs], using: &generator)
    let expected = try referenceConvolution(
      ReferenceTensor(input), filters: ReferenceTensor(filters), bias: bias.elements.map(Double.init),
      over: window, groups: example.groups
    ).elements
    let largest = expected.map(abs).max() ?? 0
    let shape = try example.sliding.output(over: input.shape, channels: example.outputs)
    let other = Tensor.random(shape, using: &generator)
    func isNear(_ found: Tensor, _ wanted: [Double]) -> Bool {
      largestDifference(found.elements, wanted) <= 1e-5 * largest
    }
    func swish(_ value: Double) -> Double { value / (1 + exp(-value)) }
    let added = zip(expected, other.elements).map { $0 + Double($1) }
    for threads in [1, 3] {
      var device = Device(threads: threads)
      func convolved(_ activation: Activation?) throws -> Tensor {
        try device.convolution(
          input, filters: filters, bias: bias, over: window, groups: example.groups, followedBy: activation,
          example.choice)
      }
      #expect(isNear(try convolved(nil), expected))
      #expect(isNear(try convolved(.relu), expected.map { max($0, 0) }))
      #expect(isNear(try convolved(.swish), expected.map(swish)))
      for (activation, wanted) in [
        (nil, added), (Activation.relu, added.map { max($0, 0) }), (.swish, added.map(swish)),
      ] {
        var sum = other
        try device.addConvolution(
          to: &sum, input, filters: filters, bias: bias, over: window, groups: example.groups,
          followedBy: activation, example.choice)
        #expect(isNear(sum, wanted), "\(String(describing: activation))")
      }
      var whole = Tensor(
        Shape(shape.dimensions.dropLast() + [shape.channels + 5]), repeating: 7)
      try device.convolve(
        into: &whole, from: 2, input, filters: filters, bias: bias, over: window, groups: example.groups,
        followedBy: .swish, example.choice)
      let parts = try device.splitting(whole, axis: 3, sizes: [2, shape.channels, 3])
      #expect(isNear(parts[1], expected.map(swish)))
      #expect((parts[0].elements + parts[2].elements).allSatisfy { $0 == 7 })
    }
  }

  @Test(arguments: cases.indices)
  func `a picture's bytes depend on no batch and no number of threads`(index: Int) throws {
    let example = Self.cases[index]
    // Below a number of products one thread computes all: more channels, more positions.
    var generator = SeededGenerator(seed: 72)
    let (inputs, outputs) = (example.inputs * 3, example.outputs * 3)
    let groups = example.groups == example.inputs ? inputs : example.groups
    let input = Tensor.random([3, example.rows * 2, example.columns * 2, inputs], using: &generator)
    let filters = Tensor.random(
      [outputs, example.sliding.rows.window, example.sliding.columns.window, inputs / groups],
      using: &generator)
    var alone = Device()
    func convolved(_ device: inout Device, _ input: Tensor) throws -> [Float] {
      try device.convolution(
        input, filters: filters, bias: nil, over: example.sliding, groups: groups, followedBy: .gelu,
        example.choice
      ).elements
    }
    let single = try (0..<3).flatMap { try convolved(&alone, input.slices($0..<$0 + 1)) }
    for threads in [1, 2, 5] {
      var device = Device(threads: threads)
      #expect(try convolved(&device, input) == single, "\(threads) threads")
    }
  }

  @Test func `what is added to is not changed where something else holds it`() throws {
    var device = Device()
    let held = Tensor([1, 2, 2, 1], elements: [1, 2, 3, 4])
    var sum = held
    try device.addConvolution(
      to: &sum, Tensor([1, 2, 2, 1], repeating: 1), filters: Tensor([1, 1, 1, 1], repeating: 10), bias: nil,
      over: Sliding(window: 1))
    #expect(sum.elements == [11, 12, 13, 14])
    #expect(held.elements == [1, 2, 3, 4])
  }

  @Test func `parts that do not fit are refused`() throws {
    var device = Device()
    let input = Tensor([1, 2, 2, 1])
    let filters = Tensor([2, 1, 1, 1])
    for (target, channel) in [([1, 2, 2, 3], 2), ([1, 2, 2, 3], -1), ([1, 2, 3, 3], 0), ([2, 2, 3], 0)]
      as [(Shape, Int)]
    {
      var target = Tensor(target)
      #expect(throws: KernelError.self) {
        try device.convolve(
          into: &target, from: channel, input, filters: filters, bias: nil, over: Sliding(window: 1))
      }
      #expect(throws: KernelError.self) {
        try device.addConvolution(
          to: &target, input, filters: filters, bias: nil, over: Sliding(window: 1))
      }
    }
  }
}
