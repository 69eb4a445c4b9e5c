internal import Tensors

/// Draws by chance that are the same on every machine: exact arithmetic only, no library's sine or rounding.
struct Chance {
  private var generator: SeededGenerator

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  /// Evenly from 0 up to, but not, 1.
  mutating func unit() -> Float { Float(generator.next() >> 40) * 0x1p-24 }

  /// Evenly from a range.
  mutating func number(_ range: ClosedRange<Float>) -> Float {
    range.lowerBound + (range.upperBound - range.lowerBound) * unit()
  }

  /// Evenly from a range of integers.
  mutating func integer(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(unit() * Float(range.count))
  }

  /// Whether something of this probability happens.
  mutating func happens(_ probability: Float) -> Bool { unit() < probability }

  /// One of some things, each as likely.
  mutating func pick<Thing>(_ things: [Thing]) -> Thing { things[integer(0...things.count - 1)] }

  /// Thirty-two bits for a texture's lattice.
  mutating func lattice() -> UInt32 { UInt32(truncatingIfNeeded: generator.next() >> 32) }
}
