internal import Foundation

/// A fingerprint of what a run depends on, 64 bits: to tell runs apart, not to keep secrets.
public struct Fingerprint: CustomStringConvertible {
  private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// The fingerprint of nothing yet.
  public init() {}

  /// Takes in a file's bytes and their number, a piece at a time.
  ///
  /// - Throws: ``FileError`` where it cannot be read.
  public mutating func add(file path: String) throws(FileError) {
    let source = try ByteSource(file: path)
    for start in stride(from: 0, to: source.count, by: 1 << 20) {
      add(try source.bytes(start..<min(start + 1 << 20, source.count)))
    }
    mix(UInt64(source.count))
  }

  /// Takes in a text and its length.
  public mutating func add(_ text: String) {
    let bytes = Data(text.utf8)
    add(bytes)
    mix(UInt64(bytes.count))
  }

  /// Eight bytes at a time; what is left over is filled up with zeros.
  private mutating func add(_ bytes: Data) {
    unsafe bytes.withUnsafeBytes { raw in
      let whole = raw.count / 8
      for word in 0..<whole { mix(unsafe raw.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self)) }
      var last: UInt64 = 0
      for index in whole * 8..<raw.count { last = unsafe last << 8 | UInt64(raw[index]) }
      if raw.count % 8 != 0 { mix(last) }
    }
  }

  private mutating func mix(_ word: UInt64) {
    state = (state ^ word) &* 0xBF58_476D_1CE4_E5B9
    state ^= state >> 29
  }

  public var description: String {
    let digits = String(state, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
