import Tensors
import Testing

@Suite struct Tensors {
  @Test func `a reshaped tensor shares its elements until it is written`() {
    let original = Tensor([2, 3], elements: [1, 2, 3, 4, 5, 6])
    var flat = original.reshaped(to: [6])
    #expect(flat.identity == original.identity)
    flat.withMutableSpan { $0[0] = 9 }
    #expect(original.elements == [1, 2, 3, 4, 5, 6])
    #expect(flat.elements == [9, 2, 3, 4, 5, 6])
  }

  @Test func `elements start on a 64-byte boundary, for every size`() {
    for count in [0, 1, 15, 17, 100, 4097, 1_000_003] {
      let tensor = Tensor([count])
      let address = unsafe tensor.withUnsafeElements { UInt(bitPattern: $0.baseAddress) }
      #expect(address % 64 == 0)
      #expect(tensor.shape.count == count)
    }
  }

  @Test func `a block given back to the pool is used again and holds nothing of a living tensor`() {
    let living = Tensor([1000], repeating: 7)
    for value in 0..<100 {
      let passing = Tensor([1000], repeating: Float(value))
      #expect(passing.elements.allSatisfy { $0 == Float(value) })
    }
    #expect(living.elements.allSatisfy { $0 == 7 })
  }

  @Test func `stacking the slices of a tensor restores it`() {
    var generator = SeededGenerator(seed: 1)
    let whole = Tensor.random([5, 2, 3], using: &generator)
    let restored = Tensor.stacking([whole.slices(0..<2), whole.slices(2..<2), whole.slices(2..<5)])
    #expect(restored.shape == whole.shape)
    #expect(restored.elements == whole.elements)
  }

  @Test func `a seed gives one sequence`() {
    var one = SeededGenerator(seed: 42)
    var other = SeededGenerator(seed: 42)
    #expect((0..<100).allSatisfy { _ in one.next() == other.next() })
  }
}
