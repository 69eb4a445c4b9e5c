import Kernels
import ReferenceKernels
import Tensors
import TestSupport
import Testing

@Suite struct Normalization {
  static let constants = [
    LocalResponseNormalization(size: 5, alpha: 0.5, beta: 0.75, bias: 2),
    LocalResponseNormalization(size: 4, alpha: 0.5, beta: 0.75, bias: 1),
    LocalResponseNormalization(size: 3, alpha: 1, beta: 0.5, bias: 1),
    LocalResponseNormalization(size: 1, alpha: 1, beta: 1, bias: 1),
    LocalResponseNormalization(size: 9, alpha: 1e-1, beta: 0.75, bias: 1),
  ]

  @Test func `an even window looks one channel further on than back`() throws {
    let constants = LocalResponseNormalization(size: 2, alpha: 2, beta: 1, bias: 0)
    let input = Tensor([1, 1, 1, 3], elements: [1, 2, 3])
    let expected: [Double] = [1 / 5.0, 2 / 13.0, 3 / 9.0]
    let found = try Device().localResponseNormalization(input, constants)
    #expect(largestDifference(found.elements, expected) <= Tolerance.rounding(8))
  }

  @Test(arguments: constants)
  func `fast and reference agree, also with fewer channels than the window`(
    constants: LocalResponseNormalization
  ) throws {
    var generator = SeededGenerator(seed: 20)
    for channels in [1, 2, 7, 16, 37, 96] {
      let input = Tensor.random([2, 3, 2, channels], in: -3...3, using: &generator)
      let expected = referenceLocalResponseNormalization(ReferenceTensor(input), constants)
      soil(input.shape)
      let found = try Device().localResponseNormalization(input, constants)
      let tolerance = Tolerance.sum(of: constants.size, magnitude: 3)
      #expect(largestDifference(found.elements, expected.elements) <= tolerance)
    }
  }

  @Test(arguments: constants)
  func `the gradient is the slope of the reference`(constants: LocalResponseNormalization) throws {
    var generator = SeededGenerator(seed: 21)
    let shape: Shape = [1, 1, 2, 11]
    let input = Tensor.random(shape, in: -2...2, using: &generator)
    let signal = Tensor.random(shape, using: &generator)
    let gradient = try Device().localResponseNormalizationBackward(signal, input: input, constants)
    for _ in 0..<10 {
      let direction = Tensor.random(shape, using: &generator)
      let measured = slope(
        of: { point in
          let output = referenceLocalResponseNormalization(
            ReferenceTensor(shape, elements: point), constants)
          return zip(output.elements, signal.elements).reduce(0) { $0 + $1.0 * Double($1.1) }
        }, at: input.elements.map(Double.init), along: direction.elements.map(Double.init))
      let analytic = innerProduct(gradient.elements, direction.elements)
      #expect(abs(measured - analytic) <= Tolerance.slope(of: shape.count * constants.size))
    }
  }

  @Test func `softmax shares by exponentials, and ties share alike`() throws {
    let input = Tensor([1, 3], elements: [0, 0, 0])
    #expect(try Device().softmax(input, axis: 1).elements.allSatisfy { abs($0 - 1 / 3) < 1e-7 })
    let thirds = try Device().softmax(Tensor([2], elements: [0, 0.6931472]), axis: 0)
    #expect(largestDifference(thirds.elements, [1 / 3.0, 2 / 3.0]) <= Tolerance.rounding(6))
  }

  @Test func `softmax adds up to one along any axis, however large the values`() throws {
    var generator = SeededGenerator(seed: 22)
    let input = Tensor.random([3, 4, 5], in: -300...300, using: &generator)
    for axis in 0..<3 {
      let output = try Device().softmax(input, axis: axis)
      #expect(output.shape == input.shape)
      let sums = try Device().summed(
        output, to: Shape((0..<3).map { $0 == axis ? 1 : input.shape[$0] }))
      #expect(sums.elements.allSatisfy { abs(Double($0) - 1) <= Tolerance.sum(of: 5) })
    }
  }

  @Test func `softmax and its logarithm agree with the reference`() throws {
    var generator = SeededGenerator(seed: 23)
    let input = Tensor.random([3, 37], in: -5...5, using: &generator)
    let expected = referenceSoftmax(ReferenceTensor(input))
    #expect(
      largestDifference(try Device().softmax(input, axis: 1).elements, expected.elements)
        <= Tolerance.rounding(10))
    let logarithms = expected.elements.map { referenceActivated($0, by: .log) }
    #expect(
      largestDifference(try Device().logSoftmax(input, axis: 1).elements, logarithms)
        <= Tolerance.rounding(6, magnitude: 16))
    let turned = try Device().permuted(input, [1, 0])
    #expect(
      try Device().permuted(Device().softmax(turned, axis: 0), [1, 0]).elements
        == Device().softmax(input, axis: 1).elements)
  }

  @Test func `the gradients of softmax and its logarithm are slopes of the reference`() throws {
    var generator = SeededGenerator(seed: 24)
    let shape: Shape = [2, 6]
    let input = Tensor.random(shape, using: &generator)
    let signal = Tensor.random(shape, using: &generator)
    let direction = Tensor.random(shape, using: &generator)
    func measured(_ last: (Double) -> Double) -> Double {
      slope(
        of: { point in
          let output = referenceSoftmax(ReferenceTensor(shape, elements: point)).elements.map(last)
          return zip(output, signal.elements).reduce(0) { $0 + $1.0 * Double($1.1) }
        }, at: input.elements.map(Double.init), along: direction.elements.map(Double.init))
    }
    let plain = try Device().softmaxBackward(signal, output: Device().softmax(input, axis: 1), axis: 1)
    #expect(
      abs(measured { $0 } - innerProduct(plain.elements, direction.elements)) <= Tolerance.slope(of: 24))
    let logarithm = try Device().logSoftmaxBackward(
      signal, output: Device().logSoftmax(input, axis: 1), axis: 1)
    #expect(
      abs(
        measured { referenceActivated($0, by: .log) } - innerProduct(logarithm.elements, direction.elements))
        <= Tolerance.slope(of: 24))
  }

  @Test func `scaling multiplies and shifts each channel`() throws {
    let input = Tensor([2, 1, 1, 2], elements: [1, 2, 3, 4])
    let scale = Tensor([2], elements: [10, 100])
    #expect(try Device().scaling(input, scale: scale, shift: nil).elements == [10, 200, 30, 400])
    let shift = Tensor([2], elements: [1, -1])
    #expect(try Device().scaling(input, scale: scale, shift: shift).elements == [11, 199, 31, 399])
  }

  @Test(arguments: [1, 15, 16, 40])
  func `scaling agrees with the reference for any number of channels`(channels: Int) throws {
    var generator = SeededGenerator(seed: 25)
    let input = Tensor.random([2, 3, 2, channels], using: &generator)
    let scale = Tensor.random([channels], using: &generator)
    let shift = Tensor.random([channels], using: &generator)
    let products = referenceCombined(ReferenceTensor(input), ReferenceTensor(scale), *)
    let sums = referenceCombined(products, ReferenceTensor(shift), +)
    soil(input.shape)
    let scaled = try Device().scaling(input, scale: scale, shift: nil)
    #expect(largestDifference(scaled.elements, products.elements) <= Tolerance.rounding(1))
    soil(input.shape)
    let shifted = try Device().scaling(input, scale: scale, shift: shift)
    #expect(largestDifference(shifted.elements, sums.elements) <= Tolerance.rounding(3))
  }

  @Test func `shapes that disagree are refused`() {
    let map = Tensor([1, 1, 1, 2])
    let constants = Self.constants[0]
    #expect(throws: KernelError.self) { try Device().scaling(map, scale: Tensor([3]), shift: nil) }
    #expect(throws: KernelError.self) { try Device().scaling(map, scale: Tensor([2]), shift: Tensor([1])) }
    #expect(throws: KernelError.self) { try Device().localResponseNormalization(Tensor([]), constants) }
    #expect(throws: KernelError.self) {
      try Device().localResponseNormalizationBackward(Tensor([2]), input: map, constants)
    }
    #expect(throws: KernelError.self) { try Device().softmax(map, axis: 4) }
    #expect(throws: KernelError.self) { try Device().softmaxBackward(map, output: Tensor([2]), axis: 0) }
  }

  /// Far from zero, where the mean of squares loses digits first.
  @Test(arguments: [1, 7, 33])
  func `moments of channels add up over pictures to the moments of all`(channels: Int) {
    var generator = SeededGenerator(seed: 14)
    let maps = Tensor(
      [3, 4, 5, channels],
      elements: Tensor.random([3, 4, 5, channels], using: &generator).elements.map { 1000 + $0 })
    var moments = ChannelMoments(of: maps.slices(0..<1))
    moments.add(ChannelMoments(of: maps.slices(1..<3)))
    #expect(moments.count == 60)
    for channel in 0..<channels {
      let values = stride(from: channel, to: maps.shape.count, by: channels).map { Double(maps.elements[$0]) }
      let mean = values.reduce(0, +) / 60
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 60
      #expect(abs(moments.means[channel] - mean) < 1e-9)
      #expect(abs(moments.variances[channel] - variance) < 1e-8)
    }
  }

  @Test func `the channels of a position are normalised, then scaled and shifted`() throws {
    var generator = SeededGenerator(seed: 24)
    for channels in [1, 5, 16, 37, 96] {
      let input = Tensor.random([2, 3, 2, channels], in: -3...5, using: &generator)
      let (scale, shift) = (
        Tensor.random([channels], using: &generator), Tensor.random([channels], using: &generator)
      )
      let normalization = LayerNormalization(channels: channels, epsilon: 0.1)
        .scaled(by: scale.elements, shiftedBy: [Float](repeating: 0, count: channels))
        .scaled(by: [Float](repeating: 1, count: channels), shiftedBy: shift.elements)
      var expected: [Double] = []
      for position in 0..<12 {
        let values = input.elements[position * channels..<(position + 1) * channels].map(Double.init)
        let mean = values.reduce(0, +) / Double(channels)
        let variance = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(channels)
        for (index, value) in values.enumerated() {
          expected.append(
            (value - mean) / (variance + 0.1).squareRoot() * Double(scale.elements[index])
              + Double(shift.elements[index]))
        }
      }
      soil(input.shape)
      let found = try Device().layerNormalization(input, normalization)
      #expect(found.shape == input.shape)
      #expect(largestDifference(found.elements, expected) <= Tolerance.sum(of: channels, magnitude: 4))
    }
    #expect(throws: KernelError.self) {
      try Device().layerNormalization(Tensor([2, 4]), LayerNormalization(channels: 3, epsilon: 1))
    }
  }
}
