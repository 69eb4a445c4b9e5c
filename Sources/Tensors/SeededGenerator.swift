internal import Foundation

/// A small generator whose sequence follows from its seed alone, on every machine (SplitMix64).
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) {
    state = seed
  }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

extension SeededGenerator {
  /// A generator for one use among many: every number of the list changes the sequence.
  package init(mixing numbers: [UInt64]) {
    self.init(
      seed: numbers.reduce(0x243F_6A88_85A3_08D3) { state, number in
        var generator = SeededGenerator(seed: state ^ number)
        return generator.next()
      })
  }
}

extension Tensor {
  /// Elements drawn evenly from a range.
  public static func random(
    _ shape: Shape, in range: ClosedRange<Float> = -1...1, using generator: inout some RandomNumberGenerator
  ) -> Tensor {
    Tensor(shape, elements: (0..<shape.count).map { _ in Float.random(in: range, using: &generator) })
  }
}

extension Float {
  /// A draw from a Gaussian of mean 0 and deviation 1 (Box and Muller).
  package static func gaussian(using generator: inout SeededGenerator) -> Float {
    let radius = Float.random(in: Float.leastNormalMagnitude..<1, using: &generator)
    let angle = Float.random(in: 0..<1, using: &generator)
    return (-2 * log(radius)).squareRoot() * cos(2 * .pi * angle)
  }
}
