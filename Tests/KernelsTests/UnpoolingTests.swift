import Kernels
import ReferenceKernels
import Tensors
import TestSupport
import Testing

@Suite struct Unpooling {
  @Test func `a value returns to the position that won its window`() throws {
    let switches = Switches(
      pooled: [1, 1, 2, 1], input: [1, 2, 4, 1], sliding: Sliding(window: 2, stride: 2), winners: [3, 0])
    let restored = try Device().unpooling(Tensor([1, 1, 2, 1], elements: [7, 3]), through: switches)
    #expect(restored.elements == [0, 0, 3, 0, 0, 7, 0, 0])
  }

  @Test func `a position that won several windows receives their sum`() throws {
    let map = Tensor([1, 1, 3, 1], elements: [1, 9, 2])
    let sliding = Sliding(rows: Slide(window: 1), columns: Slide(window: 2))
    let (_, switches) = try Device().maxPoolingWithSwitches(map, over: sliding)
    let restored = try Device().unpooling(Tensor([1, 1, 2, 1], elements: [5, 6]), through: switches)
    #expect(restored.elements == [0, 11, 0])
  }

  @Test func `switches by chance win on the map, each of a window's positions as often`() throws {
    var generator = SeededGenerator(seed: 18)
    for sliding in slidings(rows: 5, columns: 6) {
      let (values, switches) = try Device().maxPoolingWithSwitches(
        Tensor([2, 5, 6, 3], repeating: 1), over: sliding)
      // A window on nothing but padding has no winner to draw.
      guard values.elements.allSatisfy(\.isFinite) else { continue }
      let drawn = switches.drawn(using: &generator)
      #expect(drawn.pooled == switches.pooled && drawn.input == switches.input)
      // Every signal arrives: what a winner beyond the map would drop.
      let ones = Tensor(values.shape, repeating: 1)
      let sum = try Device().unpooling(ones, through: drawn).elements.reduce(0, +)
      #expect(sum == Float(ones.shape.count), "\(sliding)")
    }
    let plain = Switches(
      pooled: [1, 40, 40, 1], input: [1, 80, 80, 1], sliding: Sliding(window: 2, stride: 2),
      winners: [UInt16](repeating: 0, count: 1600))
    let winners = plain.drawn(using: &generator).winners
    for place in 0..<4 { #expect(abs(winners.count { $0 == place } - 400) < 80) }
  }

  @Test(arguments: [1, 5, 16, 37])
  func `fast and reference agree for every geometry`(channels: Int) throws {
    var generator = SeededGenerator(seed: 17)
    let map = Tensor.wholes([2, 5, 6, channels], in: -3...3, using: &generator)
    for sliding in slidings(rows: 5, columns: 6) {
      let (values, switches) = try Device().maxPoolingWithSwitches(map, over: sliding)
      for share: Float in [1, 0.05] {
        let signal = Tensor.sparse(values.shape, share: share, using: &generator)
        let expected = referenceUnpooling(
          ReferenceTensor(signal), winners: switches.winners.map(Int.init), over: sliding, onto: map.shape)
        soil(map.shape)
        let restored = try Device().unpooling(signal, through: switches)
        #expect(restored.shape == expected.shape)
        #expect(largestDifference(restored.elements, expected.elements) <= Tolerance.sum(of: sliding.count))
      }
    }
  }

  @Test func `pooling an unpooled positive signal restores it where windows do not overlap`() throws {
    var generator = SeededGenerator(seed: 7)
    let map = Tensor.random([2, 6, 9, 18], using: &generator)
    let sliding = Sliding(window: 3, stride: 3)
    let (values, switches) = try Device().maxPoolingWithSwitches(map, over: sliding)
    let signal = Tensor.random(values.shape, in: 0.1...1, using: &generator)
    let restored = try Device().unpooling(signal, through: switches)
    #expect(try Device().maxPooling(restored, over: sliding).elements == signal.elements)
  }

  @Test func `unpooling is the transpose of taking the winners`() throws {
    var generator = SeededGenerator(seed: 8)
    let map = Tensor.random([2, 5, 6, 5], using: &generator)
    for sliding in slidings(rows: 5, columns: 6) {
      let (values, switches) = try Device().maxPoolingWithSwitches(map, over: sliding)
      let signal = Tensor.random(values.shape, using: &generator)
      let restored = try Device().unpooling(signal, through: switches)
      // Windows of padding alone took nothing from the map.
      let taken = zip(values.elements, signal.elements).filter { $0.0.isFinite }
      let difference =
        innerProduct(taken.map(\.0), taken.map(\.1)) - innerProduct(map.elements, restored.elements)
      #expect(abs(difference) <= Tolerance.sum(of: map.shape.count))
    }
  }

  @Test func `unpooling through a cut equals cutting what was unpooled`() throws {
    var generator = SeededGenerator(seed: 9)
    let map = Tensor.random([2, 9, 8, 5], using: &generator)
    for sliding in [Sliding(window: 3, stride: 2, padding: 1), Sliding(window: 2, dilation: 2)] {
      let (values, switches) = try Device().maxPoolingWithSwitches(map, over: sliding)
      let boxes = [
        Window(image: 0, row: 0, column: 0), Window(image: 1, row: 2, column: 1),
        Window(image: 1, row: -1, column: 2), Window(image: 0, row: 3, column: -1),
      ]
      for box in boxes {
        // Only what lies in the box is unpooled, on both sides.
        let cut = try Device().cutting(
          [box], rows: 2, columns: 3, from: Tensor.random(values.shape, using: &generator))
        let alone = try Device().pasting(cut, at: [box], onto: values.shape)
        let whole = try Device().unpooling(alone, through: switches)
        let part = switches.cut([box], rows: 2, columns: 3)
        #expect(part.pooled == [1, 2, 3, 5])
        let corner = Window(
          image: box.image, row: box.row * sliding.rows.stride - sliding.rows.before,
          column: box.column * sliding.columns.stride - sliding.columns.before)
        let expected = try Device().cutting(
          [corner], rows: part.input.rows, columns: part.input.columns, from: whole)
        let inside = try Device().clearing(cut, at: [box], outside: (values.shape.rows, values.shape.columns))
        let found = try Device().unpooling(inside, through: part)
        #expect(found.elements == expected.elements)
      }
    }
  }

  @Test func `a winner on padding, or a signal of another shape, does no harm`() throws {
    let switches = Switches(
      pooled: [1, 1, 1, 1], input: [1, 1, 1, 1],
      sliding: Sliding(window: 3, padding: 1), winners: [0])
    #expect(try Device().unpooling(Tensor([1, 1, 1, 1], repeating: 1), through: switches).elements == [0])
    #expect(throws: KernelError.self) { try Device().unpooling(Tensor([1, 2, 1, 1]), through: switches) }
    let astray = Switches(
      pooled: [2, 1, 1, 1], input: [1, 1, 1, 1], sliding: Sliding(window: 1), winners: [0, 0])
    #expect(throws: KernelError.self) { try Device().unpooling(Tensor([2, 1, 1, 1]), through: astray) }
  }
}
