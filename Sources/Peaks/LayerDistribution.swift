internal import Files
internal import Tensors

/// How each unit's peaks are spread over all pictures of a search, in memory that does not grow with the pictures.
///
/// Everything here is the same in whatever order pictures come, and merges: counts and sums add up, and samples are
/// chosen by the smallest hash of a picture's path, not by arrival.
package struct LayerDistribution: Sendable, Equatable {
  /// A picture that stands for others of about its peak.
  package struct Sample: Sendable, Hashable {
    package var hash: UInt64
    package var image: Int

    fileprivate func precedes(_ other: Sample) -> Bool { (hash, image) < (other.hash, other.image) }
  }

  /// Samples kept for each band of a unit: an octave of its ledger's grid.
  package static let samplesPerBand = 3
  /// The least active pictures kept for each unit.
  package static let leastKept = 3

  /// A histogram of each unit's peaks, over a grid that is the same for all units and networks.
  package private(set) var ledger: PeakLedger
  /// Each unit's peaks added up, in units of 2^-40: whole numbers, so that the order of pictures does not matter.
  private var sums: [Int128]
  /// The pictures in which each unit is least active, as peaks of the opposite sign.
  private var least: LayerPeaks
  /// By unit and band, ascending by hash.
  private var samples: [[Int: [Sample]]]
  /// By unit and band: hashes above it belong to no sample.
  ///
  /// Nearly every picture is turned away by it.
  private var highest: [UInt64]

  package init(units: Int) {
    ledger = PeakLedger(units: units)
    sums = Array(repeating: 0, count: units)
    least = LayerPeaks(units: units, keeping: Self.leastKept)
    samples = Array(repeating: [:], count: units)
    highest = Array(repeating: .max, count: units * PeakLedger.bands)
  }

  /// Takes in one picture's peaks, one a unit, each finite.
  mutating func insert(_ peaks: ArraySlice<Float>, image: Int, hash: UInt64) {
    ledger.insert(peaks)
    for (unit, peak) in peaks.enumerated() {
      sums[unit] += Self.fixed(peak)
      least.insert(Peak(value: -peak, image: image, row: 0, column: 0), unit: unit)
      guard peak > 0, case let band = PeakLedger.band(of: peak),
        hash <= highest[unit * PeakLedger.bands + band]
      else { continue }
      insert(Sample(hash: hash, image: image), unit: unit, band: band)
    }
  }

  private mutating func insert(_ sample: Sample, unit: Int, band: Int) {
    var kept = samples[unit][band] ?? []
    kept.insert(sample, at: kept.firstIndex { sample.precedes($0) } ?? kept.count)
    kept = Array(kept.prefix(Self.samplesPerBand))
    if kept.count == Self.samplesPerBand {
      highest[unit * PeakLedger.bands + band] = kept[kept.count - 1].hash
    }
    samples[unit][band] = kept
  }

  /// Beyond 2^80 a sum saturates, so that it never overflows: no more than 2^47 pictures fit.
  private static func fixed(_ value: Float) -> Int128 {
    let scaled = Double(min(max(value, -0x1p80), 0x1p80)) * 0x1p40
    return abs(scaled) < 0x1p62 ? Int128(Int64(scaled)) : Int128(scaled)
  }

  /// The mean of a unit's peaks over the pictures, inactive ones included; 0 where there are no pictures.
  package func mean(unit: Int) -> Double {
    ledger.pictures == 0 ? 0 : Double(sums[unit]) * 0x1p-40 / Double(ledger.pictures)
  }

  /// The pictures in which a unit is least active, the least active first.
  package func leastActive(unit: Int) -> [(image: Int, value: Float)] {
    least.units[unit].map { ($0.image, -$0.value) }
  }

  /// Pictures that stand for those whose peak lies in each band of a unit: the band's lower edge, and the pictures.
  package func samples(unit: Int) -> [(from: Double, images: [Int])] {
    samples[unit].sorted { $0.key < $1.key }.map { (PeakLedger.edge(ofBand: $0.key), $0.value.map(\.image)) }
  }

  /// Takes in what other pictures gave.
  mutating func merge(_ other: LayerDistribution) {
    ledger.merge(other.ledger)
    least.merge(other.least)
    for unit in sums.indices {
      sums[unit] += other.sums[unit]
      for (band, kept) in other.samples[unit] {
        for sample in kept { insert(sample, unit: unit, band: band) }
      }
    }
  }
}

extension LayerDistribution {
  private static let sumDigits = 8

  /// All of it as whole numbers, a row a unit: counts by bin, sums in digits of 16 bits, least active pictures, samples.
  ///
  /// Hashes are not kept: they follow from the pictures' paths.
  func array() -> Tensor {
    let width = Self.width
    return Tensor([sums.count, width]) { elements in
      for index in 0..<elements.count { elements[index] = 0 }
      for unit in sums.indices {
        var place = unit * width
        func put(_ number: Float) {
          elements[place] = number
          place += 1
        }
        for count in ledger.counts(of: unit) {
          put(Float(count >> 16))
          put(Float(count & 0xFFFF))
        }
        let bits = UInt128(bitPattern: sums[unit])
        for digit in 0..<Self.sumDigits { put(Float(UInt16(truncatingIfNeeded: bits >> (16 * digit)))) }
        for rank in 0..<Self.leastKept {
          let peak = least.units[unit].dropFirst(rank).first
          put(peak?.value ?? 0)
          putImage(peak?.image, put)
        }
        for band in 0..<PeakLedger.bands {
          let kept = samples[unit][band] ?? []
          for rank in 0..<Self.samplesPerBand { putImage(kept.dropFirst(rank).first?.image, put) }
        }
      }
    }
  }

  private static var width: Int {
    2 * PeakLedger.bins + sumDigits + 3 * leastKept + 2 * samplesPerBand * PeakLedger.bands
  }

  private func putImage(_ image: Int?, _ put: (Float) -> Void) {
    put(image.map { Float($0 >> 16) } ?? -1)
    put(image.map { Float($0 & 0xFFFF) } ?? 0)
  }

  /// What ``array()`` wrote, units x ``width``; nil where it is another's or damaged, or `hash` knows no such picture.
  init?(_ array: Tensor, units: Int, pictures: Int, hash: (Int) -> UInt64?) {
    guard array.shape == [units, Self.width] else { return nil }
    let elements = array.elements
    self.init(units: units)
    var place = 0
    func next() -> Float {
      defer { place += 1 }
      return elements[place]
    }
    func digit() -> Int? {
      let number = next()
      return (0..<0x10000).contains(number) && number == number.rounded() ? Int(number) : nil
    }
    func image() -> Int?? {
      guard let high = Optional(next()), let low = digit() else { return nil }
      if high == -1 { return .some(nil) }
      guard (0..<0x1p24).contains(high), high == high.rounded() else { return nil }
      return .some(Int(high) << 16 | low)
    }
    for unit in 0..<units {
      var counts: [UInt32] = []
      for _ in 0..<PeakLedger.bins {
        guard let high = digit(), let low = digit() else { return nil }
        counts.append(UInt32(high) << 16 | UInt32(low))
      }
      guard ledger.set(counts, of: unit, pictures: pictures) else { return nil }
      var bits: UInt128 = 0
      for index in 0..<Self.sumDigits {
        guard let digit = digit() else { return nil }
        bits |= UInt128(digit) << (16 * index)
      }
      sums[unit] = Int128(bitPattern: bits)
      for _ in 0..<Self.leastKept {
        let value = next()
        guard value.isFinite, let found = image() else { return nil }
        guard let found else { continue }
        guard hash(found) != nil else { return nil }
        least.insert(Peak(value: value, image: found, row: 0, column: 0), unit: unit)
      }
      for band in 0..<PeakLedger.bands {
        for _ in 0..<Self.samplesPerBand {
          guard let found = image() else { return nil }
          guard let found else { continue }
          guard let hash = hash(found) else { return nil }
          insert(Sample(hash: hash, image: found), unit: unit, band: band)
        }
      }
    }
  }
}
