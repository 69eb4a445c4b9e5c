import Foundation
import Studies
import Tensors
import Testing

@Suite struct Spectra {
  /// A wave along one axis, one channel.
  private func wave(_ frequency: Double, side: Int, alongRows: Bool) -> Tensor {
    Tensor(
      [side, side, 1],
      elements: (0..<side * side).map { place in
        let position = alongRows ? place / side : place % side
        return Float(cos(2 * .pi * frequency * Double(position)))
      })
  }

  @Test(arguments: [true, false])
  func `a wave's energy lies in the band of its frequency`(alongRows: Bool) throws {
    // Sixteen pixels resolve a sixteenth of a cycle, so nine tenths lie within one of these from the wave's own.
    let low = try #require(Spectrum(of: wave(1.0 / 16, side: 16, alongRows: alongRows))).bands
    let middle = try #require(Spectrum(of: wave(3.0 / 16, side: 16, alongRows: alongRows))).bands
    let high = try #require(Spectrum(of: wave(7.0 / 16, side: 16, alongRows: alongRows))).bands
    #expect(low.low > 0.8, "\(low)")
    #expect(middle.middle > 0.8, "\(middle)")
    #expect(high.high > 0.8, "\(high)")
  }

  @Test func `only what a stride cannot tell apart is above its limit`() throws {
    let wave = try #require(Spectrum(of: wave(3.0 / 16, side: 16, alongRows: true)))
    #expect(wave.share(above: FrequencyLimit(rowStride: 4, columnStride: 4)) > 0.9)
    #expect(wave.share(above: FrequencyLimit(rowStride: 2, columnStride: 2)) < 0.1)
    #expect(wave.share(above: FrequencyLimit(rowStride: 1, columnStride: 1)) == 0)
    // The wave runs along rows; a stride along columns leaves it alone.
    #expect(wave.share(above: FrequencyLimit(rowStride: 1, columnStride: 4)) < 0.1)
  }

  @Test func `a single pixel spreads its energy over all frequencies evenly`() throws {
    let bands = try #require(Spectrum(of: Tensor([1, 1, 3], elements: [1, -2, 0.5]))).bands
    // Of 64 frequencies 17 are up to an eighth and 33 up to a quarter, on each axis.
    #expect(abs(bands.low - Double(17 * 17) / 4096) < 1e-12)
    #expect(abs(bands.middle - Double(33 * 33 - 17 * 17) / 4096) < 1e-12)
  }

  @Test(arguments: [(1, 1, 3), (3, 3, 2), (11, 7, 3), (64, 64, 1), (65, 20, 1)])
  func `shares add up to one and do not depend on the scale`(rows: Int, columns: Int, channels: Int) throws {
    var generator = SeededGenerator(seed: 5)
    let picture = Tensor.random([rows, columns, channels], using: &generator)
    let scaled = Tensor(picture.shape, elements: picture.elements.map { $0 * -1024 })
    let bands = try #require(Spectrum(of: picture)).bands
    let others = try #require(Spectrum(of: scaled)).bands
    #expect(abs(bands.low + bands.middle + bands.high - 1) < 1e-9)
    #expect(abs(bands.low - others.low) < 1e-9 && abs(bands.middle - others.middle) < 1e-9)
  }

  @Test func `turning a picture on its side leaves its bands`() throws {
    var generator = SeededGenerator(seed: 6)
    let picture = Tensor.random([9, 5, 1], using: &generator)
    let elements = picture.elements
    let turned = Tensor([5, 9, 1], elements: (0..<45).map { elements[$0 % 9 * 5 + $0 / 9] })
    let (one, other) = (try #require(Spectrum(of: picture)), try #require(Spectrum(of: turned)))
    #expect(abs(one.bands.low - other.bands.low) < 1e-9)
    let limits = (
      FrequencyLimit(rowStride: 4, columnStride: 1), FrequencyLimit(rowStride: 1, columnStride: 4)
    )
    #expect(abs(one.share(above: limits.0) - other.share(above: limits.1)) < 1e-9)
  }

  @Test func `nothing has no spectrum`() {
    #expect(Spectrum(of: Tensor([3, 3, 3])) == nil)
    #expect(Spectrum(of: Tensor([1, 1, 1], elements: [.nan])) == nil)
  }
}
