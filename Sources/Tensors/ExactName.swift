/// A name that is told apart by its bytes, as file systems and other programs do.
///
/// A `String` equals another whose accents are composed otherwise, so a set of strings loses one of two such files.
package struct ExactName: Hashable, Comparable, Sendable {
  package let text: String

  package init(_ text: String) { self.text = text }

  /// FNV-1a of the bytes, 64 bits: the same in every process.
  package var stableHash: UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
  }

  package static func == (one: ExactName, other: ExactName) -> Bool {
    one.text.utf8.elementsEqual(other.text.utf8)
  }

  package static func < (one: ExactName, other: ExactName) -> Bool {
    one.text.utf8.lexicographicallyPrecedes(other.text.utf8)
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(stableHash) }
}

extension Sequence<String> {
  /// In the order of their bytes, each once: the same everywhere.
  package var distinctByBytes: [String] { Set(map { ExactName($0) }).sorted().map(\.text) }
}

extension String {
  /// The name of a file, whose bytes need be no UTF-8: a byte that is no part of a character stands as one of the scalars
  /// U+EF80 to U+EFFF, which ``fileNameBytes`` turns back.
  package init(fileName bytes: some Collection<UInt8>) {
    self.init()
    var rest = Array(bytes)[...]
    while let byte = rest.first {
      let scalar = (1...4).lazy.compactMap {
        String(validating: rest.prefix($0), as: UTF8.self)?.unicodeScalars.first
      }
      .first
      if let scalar, !scalar.standsForByte {
        unicodeScalars.append(scalar)
        rest.removeFirst(UTF8.width(scalar))
      } else {
        // Such a scalar in a name of UTF-8 is taken apart too, so that no two names are one text.
        if let scalar = Unicode.Scalar(0xEF00 + UInt32(byte)) { unicodeScalars.append(scalar) }
        rest.removeFirst()
      }
    }
  }

  /// The bytes that a file system has for this name or path.
  package var fileNameBytes: [UInt8] {
    guard unicodeScalars.contains(where: \.standsForByte) else { return Array(utf8) }
    return unicodeScalars.flatMap {
      $0.standsForByte ? [UInt8(truncatingIfNeeded: $0.value)] : Array(String($0).utf8)
    }
  }

  /// The same for C, with a zero behind them; the empty path, which leads nowhere, for one that has a zero in it.
  package var fileNameForC: [CChar] {
    let bytes = fileNameBytes
    return (bytes.contains(0) ? [0] : bytes + [0]).map { CChar(bitPattern: $0) }
  }
}

extension Unicode.Scalar {
  fileprivate var standsForByte: Bool { (0xEF80...0xEFFF).contains(value) }
}
