import Kernels
import ReferenceKernels
import Tensors
import TestSupport
import Testing

@Suite struct WeightGradients {
  @Test func `a filter's gradient gathers what it looked at, times the signal`() throws {
    var device = Device()
    let input = Tensor([1, 2, 3, 1], elements: [1, 2, 3, 4, 5, 6])
    // Two places: over 1 2 4 5 with a signal of 10, and over 2 3 5 6 with 100.
    let signal = Tensor([1, 1, 2, 1], elements: [10, 100])
    let gradient = try device.convolutionGradient(
      signal, input: input, filters: [1, 2, 2, 1], over: Sliding(window: 2))
    #expect(gradient.filters.elements == [210, 320, 540, 650])
    #expect(gradient.bias.elements == [110])
  }

  @Test func `padding adds nothing to a filter's gradient`() throws {
    var device = Device()
    let input = Tensor([1, 1, 1, 1], elements: [3])
    let signal = Tensor([1, 2, 2, 1], elements: [1, 10, 100, 1000])
    let gradient = try device.convolutionGradient(
      signal, input: input, filters: [1, 2, 2, 1], over: Sliding(window: 2, padding: 1))
    #expect(gradient.filters.elements == [3000, 300, 30, 3])
    #expect(gradient.bias.elements == [1111])
  }

  @Test(arguments: [(1, 3, 4), (1, 17, 5), (2, 4, 6), (1, 16, 32), (3, 6, 3)])
  func `fast and reference agree for every geometry`(groups: Int, inputs: Int, outputs: Int) throws {
    var device = Device()
    var generator = SeededGenerator(seed: 31)
    let shape: Shape = [2, 5, 6, inputs]
    for sliding in slidings(rows: 5, columns: 6) {
      let filters: Shape = [outputs, sliding.rows.window, sliding.columns.window, inputs / groups]
      let input = Tensor.random(shape, using: &generator)
      let signal = Tensor.random(try sliding.output(over: shape, channels: outputs), using: &generator)
      let expected = referenceConvolutionGradient(
        ReferenceTensor(signal), input: ReferenceTensor(input), filters: filters, over: sliding,
        groups: groups)
      soil(filters)
      let found = try device.convolutionGradient(
        signal, input: input, filters: filters, over: sliding, groups: groups)
      let tolerance = Tolerance.sum(of: signal.shape.count / outputs)
      #expect(
        largestDifference(found.filters.elements, expected.filters.elements) <= tolerance, "\(sliding)")
      #expect(largestDifference(found.bias.elements, expected.bias) <= tolerance, "\(sliding)")
    }
  }

  /// Windows, strides and sides by which gradients are filtered, and maps of several blocks of tiles with edges cut off.
  @Test(arguments: [
    (3, 1, 2), (3, 1, 4), (3, 1, 5), (4, 1, 3), (4, 1, 4), (5, 1, 2), (5, 1, 3), (5, 2, 2), (5, 2, 4),
    (7, 2, 3),
    (7, 2, 4), (11, 4, 2), (11, 4, 5),
  ])
  func `by tiles of every side the gradient is the reference's`(window: Int, stride: Int, side: Int) throws {
    var device = Device()
    var generator = SeededGenerator(seed: 38)
    for (rows, columns, inputs, outputs, padding) in [
      (29, 31, 19, 35, 1), (23, 12, 3, 16, 0), (47, 40, 32, 48, 2),
    ] {
      let sliding = Sliding(window: window, stride: stride, padding: padding)
      let filters: Shape = [outputs, window, window, inputs]
      let input = Tensor.random([3, rows, columns, inputs], using: &generator)
      let signal = Tensor.random(try sliding.output(over: input.shape, channels: outputs), using: &generator)
      let expected = referenceConvolutionGradient(
        ReferenceTensor(signal), input: ReferenceTensor(input), filters: filters, over: sliding)
      soil(filters)
      let direct = try device.convolutionGradient(
        signal, input: input, filters: filters, over: sliding, by: .by(.direct))
      let tiled = try device.convolutionGradient(
        signal, input: input, filters: filters, over: sliding, by: .by(.winograd(side: side)))
      #expect(direct.filters.elements != tiled.filters.elements, "\(sliding) is not summed by tiles")
      let tolerance = Tolerance.sum(of: signal.shape.count / outputs)
      #expect(largestDifference(direct.filters.elements, expected.filters.elements) <= tolerance)
      #expect(largestDifference(tiled.filters.elements, expected.filters.elements) <= 10 * tolerance)
      #expect(largestDifference(tiled.bias.elements, expected.bias) <= tolerance)
    }
  }

  @Test func `the gradient is the adjoint of the convolution in its filters`() throws {
    var device = Device()
    var generator = SeededGenerator(seed: 32)
    let sliding = Sliding(window: 5, stride: 2, padding: 1)
    let input = Tensor.random([3, 17, 14, 20], using: &generator)
    let filters = Tensor.random([24, 5, 5, 20], using: &generator)
    let output = try device.convolution(input, filters: filters, bias: nil, over: sliding)
    let signal = Tensor.random(output.shape, using: &generator)
    let gradient = try device.convolutionGradient(
      signal, input: input, filters: filters.shape, over: sliding)
    let forward = innerProduct(output.elements, signal.elements)
    let backward = innerProduct(filters.elements, gradient.filters.elements)
    #expect(abs(forward - backward) <= Tolerance.sum(of: signal.shape.count, magnitude: 0.1))
  }

  @Test func `gradients of small batches add up to the gradient of all`() throws {
    var device = Device()
    var generator = SeededGenerator(seed: 33)
    let sliding = Sliding(window: 3, padding: 1)
    let input = Tensor.random([5, 7, 7, 16], using: &generator)
    let signal = Tensor.random([5, 7, 7, 32], using: &generator)
    let whole = try device.convolutionGradient(
      signal, input: input, filters: [32, 3, 3, 16], over: sliding)
    var sum = ConvolutionGradient(filters: [32, 3, 3, 16])
    for range in [0..<2, 2..<4, 4..<5] {
      try device.addConvolutionGradient(
        to: &sum, signal: signal.slices(range), input: input.slices(range), over: sliding)
    }
    let found = try device.plain(sum)
    let tolerance = Tolerance.sum(of: signal.shape.count / 32)
    #expect(largestDifference(found.filters.elements, whole.filters.elements) <= tolerance)
    #expect(largestDifference(found.bias.elements, whole.bias.elements) <= tolerance)
  }

  @Test func `a signal of another shape than the convolution's output is refused`() throws {
    var device = Device()
    #expect(throws: KernelError.self) {
      try device.convolutionGradient(
        Tensor([1, 2, 2, 1]), input: Tensor([1, 5, 5, 1]), filters: [1, 2, 2, 1], over: Sliding(window: 2))
    }
    #expect(throws: KernelError.self) {
      try device.innerProductGradient(Tensor([2, 3]), input: Tensor([3, 4]))
    }
  }

  @Test(arguments: [(1, 1, 1), (4, 3, 5), (7, 33, 20), (64, 16, 48)])
  func `a fully connected layer's gradient agrees with the reference`(images: Int, outputs: Int, inputs: Int)
    throws
  {
    var device = Device()
    var generator = SeededGenerator(seed: 34)
    let signal = Tensor.random([images, outputs], using: &generator)
    let input = Tensor.random([images, inputs], using: &generator)
    let expected = referenceInnerProductGradient(ReferenceTensor(signal), input: ReferenceTensor(input))
    soil([outputs, inputs])
    let found = try device.innerProductGradient(signal, input: input)
    #expect(found.shape == [outputs, inputs])
    #expect(largestDifference(found.elements, expected.elements) <= Tolerance.sum(of: images))
  }

  @Test func `weights that change are multiplied as they are now`() throws {
    var device = Device()
    let input = Tensor([1, 2], elements: [1, 10])
    var weights = Tensor([2, 2], elements: [1, 2, 3, 4])
    let first = try device.innerProduct(input, weights: weights, bias: nil, changing: true)
    weights.withMutableSpan { $0[0] = 5 }
    let second = try device.innerProduct(input, weights: weights, bias: nil, changing: true)
    #expect(first.elements == [21, 43])
    #expect(second.elements == [25, 43])
    #expect(
      try device.innerProductTransposed(input, weights: weights, changing: true).elements == [35, 42])
  }

  @Test func `the gradients of scale and shift are slopes`() throws {
    var generator = SeededGenerator(seed: 35)
    let shape: Shape = [2, 3, 2, 5]
    let input = Tensor.random(shape, using: &generator)
    let signal = Tensor.random(shape, using: &generator)
    let gradient = try Device().scalingGradient(signal, input: input)
    let direction = Tensor.random([10], using: &generator).elements
    let measured = slope(
      of: { point in
        input.elements.indices.reduce(0) { sum, index in
          let channel = index % 5
          let value = Double(input.elements[index]) * point[channel] + point[5 + channel]
          return sum + value * Double(signal.elements[index])
        }
      }, at: [Double](repeating: 0.5, count: 10), along: direction.map(Double.init))
    let analytic = innerProduct(gradient.scale.elements + gradient.shift.elements, direction)
    #expect(abs(measured - analytic) <= Tolerance.slope(of: shape.count))
  }

  @Test(arguments: [[5], [1], [1, 1, 5]])
  func `the gradient of a parametric rectifier's slope is a slope`(extents: [Int]) throws {
    var generator = SeededGenerator(seed: 36)
    let shape: Shape = [2, 3, 2, 5]
    let slopes = Shape(extents)
    let input = Tensor.random(shape, using: &generator)
    let signal = Tensor.random(shape, using: &generator)
    let gradient = try Device().parametricReluSlopeGradient(signal, input: input, slope: slopes)
    #expect(gradient.shape == slopes)
    let direction = Tensor.random(slopes, using: &generator).elements
    let measured = slope(
      of: { point in
        input.elements.indices.reduce(0) { sum, index in
          let value = Double(input.elements[index])
          let output = value < 0 ? value * point[index % point.count] : value
          return sum + output * Double(signal.elements[index])
        }
      }, at: [Double](repeating: 0.25, count: slopes.count), along: direction.map(Double.init))
    #expect(
      abs(measured - innerProduct(gradient.elements, direction)) <= Tolerance.slope(of: shape.count))
  }
}

@Suite struct Momentum {
  @Test func `a step follows the gradient, the memory of earlier steps and the pull to zero`() {
    var weights = Tensor([3], elements: [1, 2, 4])
    var velocity = Tensor([3], elements: [0, 8, 0])
    let step = MomentumStep(rate: 0.5, momentum: 0.25, decay: 0.5)
    Device().move(&weights, velocity: &velocity, along: Tensor([3], elements: [1, 1, 0]), by: step)
    #expect(velocity.elements == [1.5, 4, 2])
    #expect(weights.elements == [0.25, 0, 3])
  }

  @Test func `a run of the weights moves alone`() {
    var generator = SeededGenerator(seed: 37)
    var weights = Tensor.random([50, 3], using: &generator)
    var velocity = Tensor.random([50, 3], using: &generator)
    let (before, speeds) = (weights, velocity)
    let gradient = Tensor.random([20, 3], using: &generator)
    Device().move(
      &weights, velocity: &velocity, along: gradient, from: 30,
      by: MomentumStep(rate: 0.1, momentum: 0.9, decay: 0.01))
    for index in 0..<150 {
      let old = (Double(before.elements[index]), Double(speeds.elements[index]))
      guard (30..<90).contains(index) else {
        #expect(weights.elements[index] == before.elements[index])
        #expect(velocity.elements[index] == speeds.elements[index])
        continue
      }
      let speed = 0.9 * old.1 + Double(gradient.elements[index - 30]) + 0.01 * old.0
      #expect(abs(Double(velocity.elements[index]) - speed) <= Tolerance.rounding(8, magnitude: 2))
      #expect(
        abs(Double(weights.elements[index]) - (old.0 - 0.1 * speed)) <= Tolerance.rounding(8, magnitude: 2))
    }
  }

  @Test func `only filters above the limit are renormalised, to the limit`() {
    // Root mean squares of 5, 0.05 and exactly 1.
    var filters = Tensor([3, 1, 2, 1], elements: [1, 7, 0.05, 0.05, 1, -1])
    #expect(Device().renormalize(&filters, above: 1) == 1)
    let elements = filters.elements
    #expect(abs(elements[0] - 0.2) < 1e-6 && abs(elements[1] - 1.4) < 1e-6)
    #expect(Array(elements[2...]) == [0.05, 0.05, 1, -1])
  }
}
