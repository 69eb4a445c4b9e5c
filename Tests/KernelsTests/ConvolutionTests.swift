import Kernels
import ReferenceKernels
import Tensors
import TestSupport
import Testing

@Suite struct Convolutions {
  @Test func `a window over the border sees zeros there`() throws {
    var device = Device()
    let input = Tensor([1, 2, 2, 1], elements: [1, 2, 3, 4])
    let filters = Tensor([1, 2, 2, 1], elements: [1, 10, 100, 1000])
    let found = try device.convolution(
      input, filters: filters, bias: nil, over: Sliding(window: 2, padding: 1))
    #expect(found.elements == [1000, 2100, 200, 3010, 4321, 402, 30, 43, 4])
  }

  @Test func `groups keep to their own channels, and each output has its bias before the rectifier`() throws {
    var device = Device()
    let input = Tensor([1, 1, 2, 2], elements: [1, 2, 3, 4])
    let filters = Tensor([2, 1, 1, 1], elements: [10, -1])
    let bias = Tensor([2], elements: [1, 3])
    let sliding = Sliding(window: 1)
    let plain = try device.convolution(input, filters: filters, bias: bias, over: sliding, groups: 2)
    #expect(plain.elements == [11, 1, 31, -1])
    let rectified = try device.convolution(
      input, filters: filters, bias: bias, over: sliding, groups: 2, followedBy: .relu)
    #expect(rectified.elements == [11, 1, 31, 0])
  }

  @Test func `overlapping filters add up on the way back, and what no window reaches is zero`() throws {
    var device = Device()
    let filters = Tensor([1, 1, 2, 1], elements: [1, 10])
    let sliding = Sliding(rows: Slide(window: 1), columns: Slide(window: 2))
    let overlapping = try device.convolutionTransposed(
      Tensor([1, 1, 2, 1], elements: [2, 3]), filters: filters, over: sliding, onto: [1, 1, 3, 1])
    #expect(overlapping.elements == [2, 23, 30])
    let apart = Sliding(rows: Slide(window: 1, stride: 2), columns: Slide(window: 2, stride: 3))
    let sparse = try device.convolutionTransposed(
      Tensor([1, 1, 2, 1], elements: [2, 3]), filters: filters, over: apart, onto: [1, 2, 6, 1])
    #expect(sparse.elements == [2, 20, 0, 3, 30, 0, 0, 0, 0, 0, 0, 0])
  }

  /// Groups, inputs and outputs: few channels, whole vectors of them, odd ones, groups and a filter a channel.
  static let channels = [
    (1, 3, 32), (1, 16, 16), (1, 33, 5), (2, 4, 6), (2, 32, 32), (3, 6, 3), (16, 16, 16), (5, 5, 10),
  ]

  @Test(arguments: channels)
  func `fast and reference agree for every geometry, forward and back`(
    groups: Int, inputs: Int, outputs: Int
  ) throws {
    var generator = SeededGenerator(seed: 50)
    for (rows, columns) in [(5, 6), (8, 4)] {
      let shape: Shape = [2, rows, columns, inputs]
      let input = Tensor.random(shape, using: &generator)
      let bias = Tensor.random([outputs], using: &generator)
      for (index, sliding) in slidings(rows: rows, columns: columns).enumerated() {
        var device = Device()
        let filters = Tensor.random(
          [outputs, sliding.rows.window, sliding.columns.window, inputs / groups], using: &generator)
        let (isBiased, rectified) = (index % 2 == 0, index % 3 == 0)
        let expected = try referenceConvolution(
          ReferenceTensor(input), filters: ReferenceTensor(filters),
          bias: isBiased ? bias.elements.map(Double.init) : nil, over: sliding, groups: groups,
          rectified: rectified)
        let found = try soiled(expected.shape) {
          try device.convolution(
            input, filters: filters, bias: isBiased ? bias : nil, over: sliding, groups: groups,
            followedBy: rectified ? .relu : nil, .by(.direct))
        }
        #expect(found.shape == expected.shape)
        let terms = sliding.count * inputs / groups + 1
        #expect(
          largestDifference(found.elements, expected.elements) <= Tolerance.sum(of: terms), "\(sliding)")

        let signal = Tensor.random(expected.shape, using: &generator)
        let back = try soiled(shape) {
          try device.convolutionTransposed(
            signal, filters: filters, over: sliding, groups: groups, onto: shape)
        }
        let expectedBack = referenceConvolutionTransposed(
          ReferenceTensor(signal), filters: ReferenceTensor(filters), over: sliding, groups: groups,
          onto: shape)
        let termsBack = sliding.count * outputs / groups
        #expect(
          largestDifference(back.elements, expectedBack.elements) <= Tolerance.sum(of: termsBack),
          "transposed \(sliding)")
      }
    }
  }

  /// The first layers of AlexNet and ZFNet, and a wide window that hangs over every edge.
  static let large = [
    Sliding(window: 11, stride: 4, padding: 2), Sliding(window: 7, stride: 2, padding: 1),
    Sliding(
      rows: Slide(window: 9, stride: 2, dilation: 2, before: 8, after: 7),
      columns: Slide(window: 5, stride: 3, dilation: 3, before: 4, after: 6)),
  ]

  @Test(arguments: large)
  func `large windows over pictures agree with the reference, forward and back`(sliding: Sliding) throws {
    var generator = SeededGenerator(seed: 51)
    var device = Device(threads: 2)
    let shape: Shape = [1, 37, 41, 3]
    let input = Tensor.random(shape, using: &generator)
    let filters = Tensor.random([24, sliding.rows.window, sliding.columns.window, 3], using: &generator)
    let expected = try referenceConvolution(
      ReferenceTensor(input), filters: ReferenceTensor(filters), bias: nil, over: sliding)
    let found = try device.convolution(input, filters: filters, bias: nil, over: sliding, .by(.direct))
    #expect(largestDifference(found.elements, expected.elements) <= Tolerance.sum(of: 3 * sliding.count))
    let signal = Tensor.random(expected.shape, using: &generator)
    let back = try device.convolutionTransposed(signal, filters: filters, over: sliding, onto: shape)
    let expectedBack = referenceConvolutionTransposed(
      ReferenceTensor(signal), filters: ReferenceTensor(filters), over: sliding, onto: shape)
    #expect(
      largestDifference(back.elements, expectedBack.elements) <= Tolerance.sum(of: 24 * sliding.count))
  }

  @Test(arguments: channels)
  func `the transpose is the adjoint`(groups: Int, inputs: Int, outputs: Int) throws {
    var generator = SeededGenerator(seed: 52)
    var device = Device()
    let sliding = Sliding(
      rows: Slide(window: 3, stride: 2, before: 1), columns: Slide(window: 2, dilation: 2, after: 1))
    let input = Tensor.random([2, 6, 7, inputs], using: &generator)
    let filters = Tensor.random([outputs, 3, 2, inputs / groups], using: &generator)
    let output = try device.convolution(input, filters: filters, bias: nil, over: sliding, groups: groups)
    let signal = Tensor.random(output.shape, using: &generator)
    let back = try device.convolutionTransposed(
      signal, filters: filters, over: sliding, groups: groups, onto: input.shape)
    let difference =
      innerProduct(output.elements, signal.elements) - innerProduct(input.elements, back.elements)
    #expect(abs(difference) <= Tolerance.sum(of: output.shape.count * 6 * inputs / groups))
  }

  @Test func `a batch convolves as its pictures do one by one`() throws {
    var generator = SeededGenerator(seed: 53)
    var device = Device()
    let batch = Tensor.random([3, 9, 8, 20], using: &generator)
    let filters = Tensor.random([24, 3, 3, 20], using: &generator)
    let sliding = Sliding(window: 3, stride: 2, padding: 1)
    let whole = try device.convolution(batch, filters: filters, bias: nil, over: sliding)
    let back = try device.convolutionTransposed(whole, filters: filters, over: sliding, onto: batch.shape)
    for image in 0..<3 {
      let one = try device.convolution(
        batch.slices(image..<image + 1), filters: filters, bias: nil, over: sliding)
      let part = whole.slices(image..<image + 1)
      #expect(largestDifference(one.elements, part.elements) <= 2 * Tolerance.sum(of: 9 * 20))
      let oneBack = try device.convolutionTransposed(
        part, filters: filters, over: sliding, onto: [1, 9, 8, 20])
      let tolerance = 2 * Tolerance.sum(of: 9 * 24, magnitude: 9 * 20)
      #expect(
        largestDifference(oneBack.elements, back.slices(image..<image + 1).elements) <= tolerance)
    }
  }

  @Test func `a batch too large to be folded at once is folded in turns`() throws {
    var generator = SeededGenerator(seed: 55)
    var device = Device()
    let sliding = Sliding(window: 11)
    let filters = Tensor.random([16, 11, 11, 3], using: &generator)
    let signal = Tensor.random([5, 27, 31, 16], using: &generator)
    let back = try device.convolutionTransposed(
      signal, filters: filters, over: sliding, onto: [5, 37, 41, 3])
    for image in 0..<5 {
      let one = try device.convolutionTransposed(
        signal.slices(image..<image + 1), filters: filters, over: sliding, onto: [1, 37, 41, 3])
      let part = back.slices(image..<image + 1)
      #expect(largestDifference(one.elements, part.elements) <= 2 * Tolerance.sum(of: 16 * 121))
    }
  }

  @Test func `convolving leaves no trace in what it is given`() throws {
    var generator = SeededGenerator(seed: 54)
    var device = Device()
    let input = Tensor.random([1, 5, 5, 16], using: &generator)
    let filters = Tensor.random([16, 3, 3, 16], using: &generator)
    let bias = Tensor.random([16], using: &generator)
    let before = [input, filters, bias].map(\.elements)
    let sliding = Sliding(window: 3, padding: 1)
    let first = try device.convolution(input, filters: filters, bias: bias, over: sliding, followedBy: .relu)
    _ = try device.convolutionTransposed(first, filters: filters, over: sliding, onto: input.shape)
    #expect([input, filters, bias].map(\.elements) == before)
    let again = try device.convolution(input, filters: filters, bias: bias, over: sliding, followedBy: .relu)
    #expect(again.elements == first.elements)
  }

  @Test func `no pictures give no maps, and no channels nothing but the bias`() throws {
    var device = Device()
    let sliding = Sliding(window: 2)
    let filters = Tensor([3, 2, 2, 2], repeating: 1)
    let none = try device.convolution(Tensor([0, 4, 4, 2]), filters: filters, bias: nil, over: sliding)
    #expect(none.shape == [0, 3, 3, 3])
    let back = try device.convolutionTransposed(none, filters: filters, over: sliding, onto: [0, 4, 4, 2])
    #expect(back.shape == [0, 4, 4, 2])
    let bias = Tensor([2], elements: [-1, 1])
    let blind = try device.convolution(
      Tensor([1, 2, 3, 0]), filters: Tensor([2, 2, 2, 0]), bias: bias, over: sliding)
    #expect(blind.elements == [-1, 1, -1, 1])
    let mute = try device.convolutionTransposed(
      Tensor([1, 1, 2, 0]), filters: Tensor([0, 2, 2, 1]), over: sliding, onto: [1, 2, 3, 1])
    #expect(mute.elements == [0, 0, 0, 0, 0, 0])
  }

  @Test func `shapes that disagree are refused`() throws {
    var device = Device()
    func refuses(
      _ input: Shape, _ filters: Shape, bias: Int? = nil, groups: Int = 1, window: Int = 3,
      _ device: inout Device
    ) {
      #expect(throws: KernelError.self) {
        try device.convolution(
          Tensor(input), filters: Tensor(filters), bias: bias.map { Tensor([$0]) },
          over: Sliding(window: window), groups: groups)
      }
    }
    refuses([4, 4, 2], [2, 3, 3, 2], &device)
    refuses([1, 4, 4, 2], [2, 3, 3], &device)
    refuses([1, 4, 4, 3], [2, 3, 3, 2], &device)
    refuses([1, 4, 4, 2], [2, 3, 3, 2], window: 2, &device)
    refuses([1, 4, 4, 2], [2, 3, 3, 2], bias: 3, &device)
    refuses([1, 4, 4, 2], [2, 3, 3, 2], groups: 0, &device)
    refuses([1, 4, 4, 4], [3, 3, 3, 2], groups: 2, &device)
    refuses([1, 2, 4, 2], [2, 3, 3, 2], &device)
    for signal: Shape in [[1, 2, 2, 1], [1, 2, 3, 2], [2, 2, 2, 2], [4, 2]] {
      let error = #expect(throws: KernelError.self) {
        try device.convolutionTransposed(
          Tensor(signal), filters: Tensor([2, 3, 3, 1]), over: Sliding(window: 3), onto: [1, 4, 4, 1])
      }
      #expect(error.map { "\($0)".contains("\(signal)") } == true)
    }
  }
}

@Suite struct FoldedConvolutions {
  /// A picture's few channels far below many units: the products are folded back onto the map.
  @Test(arguments: [
    (units: 64, side: 3, stride: 2, extent: 227), (units: 96, side: 7, stride: 2, extent: 110),
  ])
  func `a picture's bytes are the same alone, among others and with any number of threads`(
    units: Int, side: Int, stride: Int, extent: Int
  ) throws {
    var generator = SeededGenerator(seed: 3)
    let filters = Tensor.random([units, side, side, 3], using: &generator)
    let sliding = Sliding(window: side, stride: stride)
    let out = (extent - side) / stride + 1
    let signal = Tensor.random([9, out, out, units], using: &generator)
    var alone = Device(threads: 1)
    for threads in 1...3 {
      var device = Device(threads: threads)
      let whole = try device.convolutionTransposed(
        signal, filters: filters, over: sliding, onto: [9, extent, extent, 3])
      for image in [0, 4, 8] {
        let one = try alone.convolutionTransposed(
          signal.slices(image..<image + 1), filters: filters, over: sliding, onto: [1, extent, extent, 3])
        let isSame = whole.slices(image..<image + 1).elements == one.elements
        #expect(isSame, "\(threads) threads, image \(image)")
      }
    }
  }
}
