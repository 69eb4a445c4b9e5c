import Kernels
import ReferenceKernels
import Tensors
import TestSupport
import Testing

@Suite struct Pooling {
  @Test func `a tie goes to the first position in row-major order`() throws {
    let map = Tensor([1, 2, 4, 1], elements: [1, 5, 3, 3, 5, 2, 3, 3])
    let (values, switches) = try Device().maxPoolingWithSwitches(map, over: Sliding(window: 2, stride: 2))
    #expect(values.elements == [5, 3])
    #expect(switches.winners == [1, 0])
  }

  @Test func `padding never wins, not even over negative values`() throws {
    let map = Tensor([1, 2, 2, 1], elements: [-1, -2, -3, -4])
    let sliding = Sliding(window: 2, stride: 2, padding: 1)
    let (values, switches) = try Device().maxPoolingWithSwitches(map, over: sliding)
    #expect(values.elements == [-1, -2, -3, -4])
    #expect(switches.winners == [3, 2, 1, 0])
    #expect(try Device().maxPooling(map, over: sliding).elements == values.elements)
  }

  @Test(arguments: [1, 16, 19])
  func `NaN wins its window and the first one is kept`(channels: Int) throws {
    var elements = [Float](repeating: 9, count: 4 * channels)
    for position in [1, 3] { elements[position * channels + channels - 1] = .nan }
    let map = Tensor([1, 2, 2, channels], elements: elements)
    let (values, switches) = try Device().maxPoolingWithSwitches(map, over: Sliding(window: 2))
    #expect(values.elements[channels - 1].isNaN)
    #expect(switches.winners[channels - 1] == 1)
    #expect(values.elements.dropLast().allSatisfy { $0 == 9 })
  }

  @Test(arguments: [1, 3, 16, 21, 40])
  func `fast and reference agree on values and winners for every geometry`(channels: Int) throws {
    var generator = SeededGenerator(seed: 3)
    let map = Tensor.wholes([2, 5, 6, channels], in: -3...3, using: &generator)
    for sliding in slidings(rows: 5, columns: 6) {
      let (expected, winners) = try referenceMaxPooling(ReferenceTensor(map), over: sliding)
      soil(expected.shape)
      let (values, switches) = try Device().maxPoolingWithSwitches(map, over: sliding)
      #expect(values.shape == expected.shape)
      #expect(values.elements.map(Double.init) == expected.elements)
      #expect(switches.winners.map(Int.init) == winners)
      soil(expected.shape)
      #expect(try Device().maxPooling(map, over: sliding).elements == values.elements)
    }
  }

  @Test func `the mean of a window over the border counts padding or does not`() throws {
    let map = Tensor([1, 1, 3, 1], elements: [2, 4, 9])
    let sliding = Sliding(
      rows: Slide(window: 1), columns: Slide(window: 2, before: 1, after: 1))
    #expect(
      try Device().averagePooling(map, over: sliding, countsPadding: true).elements == [1, 3, 6.5, 4.5])
    #expect(try Device().averagePooling(map, over: sliding, countsPadding: false).elements == [2, 3, 6.5, 9])
    let signal = Tensor([1, 1, 4, 1], elements: [2, 4, 6, 8])
    let counted = try Device().averagePoolingTransposed(
      signal, over: sliding, countsPadding: true, onto: map.shape)
    #expect(counted.elements == [3, 5, 7])
    let alone = try Device().averagePoolingTransposed(
      signal, over: sliding, countsPadding: false, onto: map.shape)
    #expect(alone.elements == [4, 5, 11])
  }

  /// ONNX AveragePool over a 4 x 4 ramp, window 3, stride 2, pads 1, `ceil_mode` and `count_include_pad`: the last
  /// windows reach two positions past the map, one of padding and one that rounding up added.
  @Test func `room that rounding up adds is not counted as padding`() throws {
    let ramp = Tensor([1, 4, 4, 1], elements: (1...16).map(Float.init))
    let slide = Slide(window: 3, stride: 2, before: 1, after: 1, room: 1)
    let sliding = Sliding(rows: slide, columns: slide)
    let means = try Device().averagePooling(ramp, over: sliding, countsPadding: true)
    let expected: [Double] = [14.0 / 9, 30.0 / 9, 2, 57.0 / 9, 11, 6, 4.5, 7.5, 4]
    #expect(largestDifference(means.elements, expected) <= 1e-6)
    let alone = try Device().averagePooling(ramp, over: sliding, countsPadding: false)
    #expect(alone.elements == [3.5, 5, 6, 9.5, 11, 12, 13.5, 15, 16])
    let spread = try Device().averagePoolingTransposed(
      Tensor([1, 3, 3, 1], elements: [0, 0, 0, 0, 0, 0, 0, 6, 8]), over: sliding, countsPadding: true,
      onto: ramp.shape)
    #expect(spread.elements == [Float](repeating: 0, count: 13) + [1, 1, 3])
  }

  @Test(arguments: [1, 3, 16, 37])
  func `averages agree with the reference for every geometry, padding counted or not`(
    channels: Int
  ) throws {
    var generator = SeededGenerator(seed: 4)
    let map = Tensor.random([2, 5, 6, channels], using: &generator)
    for sliding in slidings(rows: 5, columns: 6) {
      for countsPadding in [false, true] {
        let expected = try referenceAveragePooling(
          ReferenceTensor(map), over: sliding, countsPadding: countsPadding)
        soil(expected.shape)
        let means = try Device().averagePooling(map, over: sliding, countsPadding: countsPadding)
        #expect(largestDifference(means.elements, expected.elements) <= Tolerance.sum(of: sliding.count))
        let signal = Tensor.random(means.shape, using: &generator)
        let expectedSpread = referenceAveragePoolingTransposed(
          ReferenceTensor(signal), over: sliding, countsPadding: countsPadding, onto: map.shape)
        soil(map.shape)
        let spread = try Device().averagePoolingTransposed(
          signal, over: sliding, countsPadding: countsPadding, onto: map.shape)
        #expect(
          largestDifference(spread.elements, expectedSpread.elements) <= Tolerance.sum(of: sliding.count))
      }
    }
  }

  @Test func `spreading is the transpose of averaging`() throws {
    var generator = SeededGenerator(seed: 5)
    let map = Tensor.random([2, 5, 6, 3], using: &generator)
    for sliding in slidings(rows: 5, columns: 6) {
      for countsPadding in [false, true] {
        let means = try Device().averagePooling(map, over: sliding, countsPadding: countsPadding)
        let signal = Tensor.random(means.shape, using: &generator)
        let spread = try Device().averagePoolingTransposed(
          signal, over: sliding, countsPadding: countsPadding, onto: map.shape)
        let difference =
          innerProduct(means.elements, signal.elements) - innerProduct(map.elements, spread.elements)
        #expect(abs(difference) <= Tolerance.sum(of: map.shape.count))
      }
    }
  }

  @Test func `global pooling takes the whole map`() throws {
    let map = Tensor([1, 2, 2, 2], elements: [1, 8, 2, 7, 3, 6, 4, 5])
    #expect(try Device().globalAveragePooling(map).elements == [2.5, 6.5])
    let (values, switches) = try Device().globalMaxPoolingWithSwitches(map)
    #expect(values.elements == [4, 8])
    #expect(switches.winners == [3, 0])
    let spread = try Device().globalAveragePoolingTransposed(
      Tensor([1, 1, 1, 2], elements: [4, 8]), onto: map.shape)
    #expect(spread.elements == [1, 2, 1, 2, 1, 2, 1, 2])
  }

  @Test func `a batch pools as its pictures do one by one`() throws {
    var generator = SeededGenerator(seed: 6)
    let batch = Tensor.random([4, 7, 7, 17], using: &generator)
    let sliding = Sliding(window: 3, stride: 2, padding: 1)
    let parts = try (0..<4).map { try Device().maxPooling(batch.slices($0..<$0 + 1), over: sliding) }
    #expect(try Device().maxPooling(batch, over: sliding).elements == Tensor.stacking(parts).elements)
  }

  @Test func `shapes that cannot be pooled are refused`() throws {
    let sliding = Sliding(window: 3)
    #expect(throws: KernelError.self) { try Device().maxPooling(Tensor([3, 3]), over: sliding) }
    #expect(throws: KernelError.self) { try Device().maxPooling(Tensor([1, 2, 3, 1]), over: sliding) }
    #expect(throws: KernelError.self) {
      try Device().averagePooling(Tensor([3]), over: sliding, countsPadding: true)
    }
    #expect(throws: KernelError.self) { try Device().globalAveragePooling(Tensor([1, 0, 3, 1])) }
    // More positions than a switch can name; without switches there is no limit.
    var large = Tensor([1, 300, 300, 1])
    large.withMutableSpan { $0[89_999] = 3 }
    #expect(throws: KernelError.self) { try Device().globalMaxPoolingWithSwitches(large) }
    #expect(try Device().globalMaxPooling(large).elements == [3])
    #expect(throws: KernelError.self) {
      try Device().averagePoolingTransposed(
        Tensor([1, 1, 1, 1]), over: sliding, countsPadding: true, onto: [1, 9, 9, 1])
    }
  }
}
