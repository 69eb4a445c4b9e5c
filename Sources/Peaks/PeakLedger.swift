/// How each unit's peaks are spread over pictures, in memory that does not grow with the pictures.
///
/// A peak is counted in a bin a sixteenth of an octave wide and stands there for the bin's middle, so shares are right
/// to 3 %. Counts add up alike in whatever order pictures come.
package struct PeakLedger: Sendable, Equatable {
  private static let octaves = -16..<16
  private static let perOctave = 16
  package static let bins = octaves.count * perOctave
  /// Octaves of the grid; the first and the last hold all that is beyond.
  package static let bands = octaves.count

  /// The octave that a peak above zero lies in, from 0.
  static func band(of value: Float) -> Int { bin(of: value) / perOctave }

  /// The lower edge of an octave.
  static func edge(ofBand band: Int) -> Double {
    Double(sign: .plus, exponent: band + octaves.lowerBound, significand: 1)
  }

  /// The lower edge of a bin, a sixteenth of an octave.
  package static func edge(ofBin bin: Int) -> Double {
    let (octave, part) = bin.quotientAndRemainder(dividingBy: perOctave)
    return edge(ofBand: octave) * (1 + Double(part) / Double(perOctave))
  }

  /// Pictures seen.
  package private(set) var pictures = 0
  private var counts: [UInt32]

  package init(units: Int) {
    counts = [UInt32](repeating: 0, count: units * Self.bins)
  }

  /// Takes in one picture's peak of each unit; those that are not above zero are no activity.
  package mutating func insert(_ peaks: some Sequence<Float>) {
    pictures += 1
    for (unit, peak) in peaks.enumerated() where peak > 0 {
      counts[unit * Self.bins + Self.bin(of: peak)] += 1
    }
  }

  private static func bin(of value: Float) -> Int {
    guard value.isFinite, value.exponent < octaves.upperBound else { return bins - 1 }
    guard value.exponent >= octaves.lowerBound else { return 0 }
    return (Int(value.exponent) - octaves.lowerBound) * perOctave
      + Int((value.significand - 1) * Float(perOctave))
  }

  private static func middle(of bin: Int) -> Double {
    let significand = 1 + (Double(bin % perOctave) + 0.5) / Double(perOctave)
    return Double(sign: .plus, exponent: bin / perOctave + octaves.lowerBound, significand: significand)
  }

  /// How many pictures have a unit's peak in each bin.
  package func counts(of unit: Int) -> ArraySlice<UInt32> {
    counts[unit * Self.bins..<(unit + 1) * Self.bins]
  }

  /// Puts back a unit's counts; false where they are of more pictures than were seen.
  mutating func set(_ found: [UInt32], of unit: Int, pictures seen: Int) -> Bool {
    guard found.reduce(0, { $0 + Int($1) }) <= seen else { return false }
    pictures = seen
    counts.replaceSubrange(unit * Self.bins..<(unit + 1) * Self.bins, with: found)
    return true
  }

  /// Adds the counts of other pictures.
  mutating func merge(_ other: PeakLedger) {
    pictures += other.pictures
    for index in counts.indices { counts[index] += other.counts[index] }
  }

  /// How many pictures make a unit active.
  package func active(unit: Int) -> Int { counts(of: unit).reduce(0) { $0 + Int($1) } }

  /// The share of the pictures that make a unit active; 0 where there are none.
  package func activeShare(unit: Int) -> Double {
    pictures > 0 ? Double(active(unit: unit)) / Double(pictures) : 0
  }

  /// How few of the pictures a unit's activity rests on: 0 where all excite it alike, near 1 where one alone does; nil for a
  /// dead unit, or fewer than two pictures.
  ///
  /// - Note: The selectivity of Vinje & Gallant 2000 (Science 287), `(1 - mean(r)^2 / mean(r^2)) / (1 - 1/n)`, of the unit's
  ///   largest activation `r` in each of `n` pictures, 0 where it is inactive.
  package func selectivity(unit: Int) -> Double? {
    var (sum, squares) = (0.0, 0.0)
    for (bin, count) in counts(of: unit).enumerated() where count > 0 {
      sum += Double(count) * Self.middle(of: bin)
      squares += Double(count) * Self.middle(of: bin) * Self.middle(of: bin)
    }
    guard squares > 0, pictures > 1 else { return nil }
    let count = Double(pictures)
    return max(0, (1 - sum * sum / (count * squares)) / (1 - 1 / count))
  }

  /// The share of a unit's peaks, added up over all pictures, that its strongest pictures hold; 0 for a dead unit.
  package func share(ofStrongest kept: Int, unit: Int) -> Double {
    var (total, strongest, remaining) = (0.0, 0.0, kept)
    for (bin, count) in counts(of: unit).enumerated().reversed() where count > 0 {
      total += Double(count) * Self.middle(of: bin)
      strongest += Double(min(Int(count), remaining)) * Self.middle(of: bin)
      remaining -= min(Int(count), remaining)
    }
    return total > 0 ? strongest / total : 0
  }
}
