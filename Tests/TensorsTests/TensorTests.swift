import Tensors
import Testing

@Suite struct Tensors {
  /// Pages that went back to the system come again as zeros.
  @Test func `while there is a reserve, what a round of work gave back is the next round's`() {
    func kept() -> Int {
      let tensors = (0..<8).map { _ in
        // 48 MiB, of which four fit what is always kept.
        unsafe Tensor(uninitialized: [12 << 20]) { _ in }
      }
      return tensors.count { $0.elements[1 << 20] == 7 }
    }
    func fill() {
      var tensors: [Tensor] = []
      for _ in 0..<8 { tensors.append(Tensor([12 << 20], repeating: 7)) }
    }
    var reserve: MemoryReserve? = MemoryReserve()
    fill()
    #expect(kept() == 8)
    withExtendedLifetime(reserve) {}
    reserve = nil
    #expect(kept() <= 4)
  }

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

  @Test func `shared slices are the same memory until either is written`() {
    var whole = Tensor([4, 3], elements: (0..<12).map(Float.init))
    var part = whole.sharedSlices(1..<3)
    #expect(part.identity == whole.identity)
    #expect(part.elements == whole.slices(1..<3).elements)
    #expect(part.sharedSlices(1..<2).reshaped(to: [3]).elements == [6, 7, 8])
    part.withMutableSpan { $0[0] = -1 }
    #expect(whole.elements[3] == 3 && part.elements == [-1, 4, 5, 6, 7, 8])
    let rest = whole.sharedSlices(3..<4)
    whole.withMutableSpan { $0[9] = -1 }
    #expect(rest.elements == [9, 10, 11])
  }

  @Test func `a form is made once for all that share the memory, and again once an element has changed`() {
    var made = 0
    func doubled(_ tensor: Tensor, as kind: String = "doubled", _ numbers: [Int64] = []) -> [Float] {
      tensor.prepared(as: kind, numbers) {
        made += 1
        return Tensor(tensor.shape, elements: tensor.elements.map { $0 * 2 })
      }.elements
    }
    var tensor = Tensor([2, 2], elements: [1, 2, 3, 4])
    #expect(doubled(tensor) == [2, 4, 6, 8])
    do {
      let copy = tensor
      #expect(doubled(copy.reshaped(to: [4])) == [2, 4, 6, 8] && made == 1)
      #expect(doubled(copy.sharedSlices(1..<2)) == [6, 8] && made == 2)
      #expect(doubled(copy, as: "other") == [2, 4, 6, 8] && doubled(copy, [1]) == [2, 4, 6, 8] && made == 4)
    }
    tensor.withMutableSpan { $0[0] = 5 }
    #expect(doubled(tensor) == [10, 4, 6, 8])
    let before = tensor
    tensor.withMutableSpan { $0[0] = 6 }
    #expect(doubled(tensor) == [12, 4, 6, 8] && doubled(before) == [10, 4, 6, 8])
  }

  @Test(arguments: 0..<3) func `replacing places of an axis writes there and nowhere else`(axis: Int) {
    var generator = SeededGenerator(seed: 3)
    let original = Tensor.random([4, 5, 3], using: &generator)
    var shape = original.shape.dimensions
    shape[axis] = 2
    let part = Tensor(Shape(shape), repeating: 9)
    var changed = original
    changed.replace(1..<3, ofAxis: axis, with: part)
    for index in 0..<60 {
      let place = [index / 15, index / 3 % 5, index % 3][axis]
      #expect(changed.elements[index] == ((1..<3).contains(place) ? 9 : original.elements[index]))
    }
  }
}
