import Kernels
import Tensors
import TestSupport
import Testing

@Suite struct Windows {
  static let map = Tensor([1, 2, 3, 1], elements: [1, 2, 3, 4, 5, 6])

  @Test func `what hangs over the edge of a map is cut as zero`() throws {
    let windows = [Window(image: 0, row: -1, column: 2), Window(image: 0, row: 0, column: 1)]
    soil([2, 2, 2, 1])
    let cuts = try Device().cutting(windows, rows: 2, columns: 2, from: Self.map)
    #expect(cuts.elements == [0, 0, 3, 0, 2, 3, 5, 6])
    let far = [Window(image: 0, row: 9, column: -9)]
    #expect(try Device().cutting(far, rows: 2, columns: 2, from: Self.map).elements == [0, 0, 0, 0])
  }

  @Test func `overlapping cuts add up where they are pasted and what hangs over is dropped`() throws {
    let windows = [Window(image: 0, row: 0, column: 0), Window(image: 0, row: 1, column: 1)]
    let pasted = try Device().pasting(Tensor([2, 2, 2, 1], repeating: 1), at: windows, onto: [1, 2, 3, 1])
    #expect(pasted.elements == [1, 1, 0, 1, 2, 1])
  }

  @Test func `pasting is the transpose of cutting`() throws {
    var generator = SeededGenerator(seed: 10)
    let map = Tensor.random([3, 7, 6, 5], using: &generator)
    let windows = (0..<40).map { _ in
      Window(
        image: Int.random(in: 0..<3, using: &generator), row: Int.random(in: -4...8, using: &generator),
        column: Int.random(in: -5...7, using: &generator))
    }
    let cuts = try Device().cutting(windows, rows: 3, columns: 4, from: map)
    let signal = Tensor.random(cuts.shape, using: &generator)
    let pasted = try Device().pasting(signal, at: windows, onto: map.shape)
    let difference =
      innerProduct(cuts.elements, signal.elements) - innerProduct(map.elements, pasted.elements)
    #expect(abs(difference) <= Tolerance.sum(of: cuts.shape.count))
  }

  @Test func `cutting what was pasted restores it where nothing overlaps or hangs over`() throws {
    var generator = SeededGenerator(seed: 11)
    let windows = [Window(image: 1, row: 0, column: 0), Window(image: 0, row: 2, column: 3)]
    let cuts = Tensor.random([2, 2, 3, 4], using: &generator)
    let pasted = try Device().pasting(cuts, at: windows, onto: [2, 5, 6, 4])
    #expect(try Device().cutting(windows, rows: 2, columns: 3, from: pasted).elements == cuts.elements)
  }

  @Test func `clearing zeroes what cutting would not have found`() throws {
    var generator = SeededGenerator(seed: 12)
    let ones = Tensor([1, 5, 4, 3], repeating: 1)
    for row in -4...6 {
      for column in -5...5 {
        let windows = [Window(image: 0, row: row, column: column)]
        let mask = try Device().cutting(windows, rows: 3, columns: 4, from: ones)
        let cuts = Tensor.random(mask.shape, using: &generator)
        let cleared = try Device().clearing(cuts, at: windows, outside: (5, 4))
        #expect(cleared.elements == zip(cuts.elements, mask.elements).map { $1 == 0 ? 0 : $0 })
      }
    }
    let inside = Tensor([1, 2, 2, 1], repeating: 1)
    let kept = try Device().clearing(inside, at: [Window(image: 0, row: 0, column: 0)], outside: (2, 2))
    #expect(kept.identity == inside.identity)
  }

  @Test func `images that do not exist and shapes that disagree are refused`() {
    let lost = [Window(image: 1, row: 0, column: 0)]
    #expect(throws: KernelError.self) { try Device().cutting(lost, rows: 1, columns: 1, from: Self.map) }
    #expect(throws: KernelError.self) { try Device().cutting([], rows: 0, columns: 1, from: Self.map) }
    #expect(throws: KernelError.self) {
      try Device().pasting(Tensor([1, 1, 1, 1]), at: lost, onto: [1, 2, 3, 1])
    }
    #expect(throws: KernelError.self) {
      try Device().pasting(Tensor([1, 1, 1, 2]), at: [], onto: [1, 2, 3, 1])
    }
    #expect(throws: KernelError.self) { try Device().clearing(Self.map, at: [], outside: (1, 1)) }
  }

  @Test(arguments: [1, 17, 33])
  func `a channel's peak is its first largest value`(channels: Int) throws {
    var generator = SeededGenerator(seed: 13)
    let map = Tensor.wholes([3, 4, 5, channels], in: -2...2, using: &generator)
    let peaks = try ChannelPeaks(of: map)
    let elements = map.elements
    for image in 0..<3 {
      for channel in 0..<channels {
        let values = (0..<20).map { elements[(image * 20 + $0) * channels + channel] }
        let place = values.firstIndex(of: values.max() ?? 0)
        #expect(peaks.values[image * channels + channel] == values.max())
        #expect(peaks.positions[image * channels + channel] == place.map(Int32.init))
      }
    }
  }

  @Test func `NaN is reported for its image alone, and rank two peaks at position 0`() throws {
    let peaks = try ChannelPeaks(of: Tensor([2, 1, 3, 1], elements: [1, 2, 3, 5, .nan, 7]))
    #expect(peaks.values[0] == 3)
    #expect(peaks.values[1].isNaN)
    #expect(peaks.positions == [2, 1])
    #expect(try ChannelPeaks(of: Tensor([2, 2], elements: [1, 2, 3, 4])).positions == [0, 0, 0, 0])
    #expect(throws: KernelError.self) { try ChannelPeaks(of: Tensor([2, 0, 3, 1])) }
    #expect(throws: KernelError.self) { try ChannelPeaks(of: Tensor([2, 3, 1])) }
  }
}
