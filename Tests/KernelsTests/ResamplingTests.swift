import Kernels
import ReferenceKernels
import Tensors
import TestSupport
import Testing

@Suite struct ResamplingMaps {
  /// Sums of up to three terms, places without any among them.
  private func map(_ length: Int, _ places: Int, _ generator: inout SeededGenerator) -> AxisMap {
    AxisMap(
      length: length,
      places: (0..<places).map { _ in
        (0..<Int.random(in: 0...3, using: &generator)).map { _ in
          .init(
            position: Int.random(in: 0..<length, using: &generator),
            weight: Float.random(in: -1...1, using: &generator))
        }
      })
  }

  @Test(arguments: [(7, 4, 3, 9, 1), (5, 5, 8, 3, 17), (1, 6, 4, 1, 3), (3, 2, 3, 2, 8)])
  func `resampling and its transpose equal the reference's`(
    rows: Int, madeRows: Int, columns: Int, madeColumns: Int, channels: Int
  ) throws {
    var generator = SeededGenerator(seed: 21)
    let (down, across) = (map(rows, madeRows, &generator), map(columns, madeColumns, &generator))
    let input = Tensor.random(
      Shape(images: 2, rows: rows, columns: columns, channels: channels), using: &generator)
    let expected = referenceResampled(ReferenceTensor(input), rows: down, columns: across)
    let made = try soiled(expected.shape) { try Device().resampled(input, rows: down, columns: across) }
    #expect(made.shape == expected.shape)
    #expect(largestDifference(made.elements, expected.elements) <= Tolerance.rounding(9, magnitude: 9))
    let signal = Tensor.random(made.shape, using: &generator)
    let back = referenceResampled(ReferenceTensor(signal), rows: down, columns: across, transposes: true)
    let carried = try soiled(input.shape) {
      try Device().resampledTransposed(signal, rows: down, columns: across)
    }
    #expect(carried.shape == input.shape)
    let terms = down.places.count * across.places.count * 9
    #expect(largestDifference(carried.elements, back.elements) <= Tolerance.rounding(terms, magnitude: 9))
  }

  @Test func `an axis that stays costs no copy, and shapes are checked`() throws {
    let input = Tensor([1, 3, 2, 4], repeating: 1)
    let (three, two) = (AxisMap(identityOver: 3), AxisMap(identityOver: 2))
    #expect(try Device().resampled(input, rows: three, columns: two).identity == input.identity)
    #expect(throws: KernelError.self) { try Device().resampled(input, rows: two, columns: two) }
    #expect(throws: KernelError.self) { try Device().resampledTransposed(input, rows: three, columns: three) }
  }

  @Test func `a grid is found where places read whole steps apart, and only there`() throws {
    func window(_ places: [[Int]], over length: Int) -> [Int]? {
      let map = AxisMap(length: length, places: places.map { $0.map { .init(position: $0, weight: 1) } })
      return map.window.map { [$0.stride, $0.offset, $0.extent] }
    }
    #expect(window([[0, 1], [2, 3], [4, 5]], over: 6) == [2, 0, 2])
    // Five positions halved to two, and a filter cut off at both ends.
    #expect(window([[0], [2]], over: 5) == [2, 0, 1])
    #expect(window([[0, 1, 2], [1, 2, 3, 4], [3, 4, 5]], over: 6) == [2, -1, 4])
    #expect(window([[0], [0], [1], [1]], over: 2) == nil)
    #expect(window([[0], [1], [3]], over: 4) == nil)
    #expect(window([[0], [1], [2]], over: 3) == [1, 0, 1])
  }

  @Test func `gathering takes positions in any order, and its transpose adds up what was taken twice`() throws
  {
    let tensor = Tensor([2, 3], elements: [1, 2, 3, 4, 5, 6])
    let taken = try Device().gathered(tensor, axis: 1, positions: [2, 0, 2, 1])
    #expect(taken.elements == [3, 1, 3, 2, 6, 4, 6, 5])
    let back = try Device().gatheredTransposed(taken, axis: 1, positions: [2, 0, 2, 1], onto: [2, 3])
    #expect(back.elements == [1, 2, 6, 4, 5, 12])
    #expect(try Device().gathered(tensor, axis: 0, positions: [1]).elements == [4, 5, 6])
    #expect(throws: KernelError.self) { try Device().gathered(tensor, axis: 1, positions: [3]) }
    #expect(throws: KernelError.self) { try Device().gathered(tensor, axis: 2, positions: [0]) }
    #expect(throws: KernelError.self) {
      try Device().gatheredTransposed(taken, axis: 1, positions: [0], onto: [2, 3])
    }
  }
}
