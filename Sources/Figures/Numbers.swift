internal import Foundation

// How numbers are written in figures, tables and messages; one spelling for each.

extension Double {
  /// Rounded to a number of decimals, as `0.25`; trailing zeros are left out but for one.
  package func rounded(decimals: Int) -> Double {
    let power = pow(10, Double(decimals))
    return (self * power).rounded() / power
  }

  /// With so many decimals at most, and none where it is whole, as `3`.
  package func short(decimals: Int) -> String {
    let rounded = rounded(decimals: decimals)
    return rounded == rounded.rounded() && abs(rounded) < 1e15 ? "\(Int(rounded))" : "\(rounded)"
  }

  /// With exactly so many decimals, as `12.0`.
  package func fixed(decimals: Int) -> String {
    let scaled = (abs(self) * pow(10, Double(decimals))).rounded()
    guard scaled < 1e15 else { return "\(self)" }
    let digits = String(Int(scaled))
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    return (self < 0 && scaled > 0 ? "-" : "") + padded.dropLast(decimals)
      + (decimals > 0 ? "." + padded.suffix(decimals) : "")
  }

  /// A share from 0 to 1 as a percentage with one decimal at most, as `12.3 %`.
  package var percent: String { "\((self * 100).rounded(decimals: 1)) %" }

  /// With three digits that tell, and all that stand before the point: `1234`, `32.4`, `0.0123`, `1.2e-07`.
  package var significant: String {
    guard isFinite, self != 0 else { return isFinite ? "0" : "\(self)" }
    let power = Int(log10(abs(self)).rounded(.down))
    return power < -4 || power >= 15 ? String(format: "%.1e", self) : short(decimals: max(0, 2 - power))
  }

  /// With fewer decimals the larger it is: none from 100 on, one from 10 on, else two.
  package var brief: String {
    switch abs(self) {
    case 1e15...: "\(self)"
    case 100...: "\(Int(rounded()))"
    case 10...: "\(rounded(decimals: 1))"
    default: "\(rounded(decimals: 2))"
    }
  }
}

extension Int {
  /// With what it counts, given in the plural: `1 picture`, `1,200 pictures`.
  package func counted(_ plural: String) -> String {
    "\(grouped) \(self == 1 && plural.hasSuffix("s") ? String(plural.dropLast()) : plural)"
  }

  /// With a comma every three digits, as `1,234,567`.
  package var grouped: String {
    let digits = String(magnitude)
    let groups = stride(from: digits.count, to: 0, by: -3).map { end in
      String(digits.dropLast(digits.count - end).suffix(3))
    }
    return (self < 0 ? "-" : "") + groups.reversed().joined(separator: ",")
  }
}
