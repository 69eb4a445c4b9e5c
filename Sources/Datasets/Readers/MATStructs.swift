internal import Files
internal import Foundation
internal import Tensors

/// The records of the first array of structures in a MATLAB file of version 5 to 7, as ImageNet's kit has its synsets.
///
/// Fields that are texts or single numbers are read; others are passed over.
///
/// - Note: MathWorks, *MAT-File Format*, chapter 1.
struct MATStructs {
  enum Value: Equatable {
    case text(String)
    case number(Float)
  }

  let records: [[String: Value]]

  /// - Throws: ``DatasetError/malformed(file:reason:)`` for a file of another kind, or one that is cut short.
  init(reading file: String) throws(DatasetError) {
    guard let bytes = FileSystem.contents(of: file).map([UInt8].init), bytes.count > 128,
      bytes[126...127].elementsEqual("IM".utf8)
    else { throw .malformed(file: file, reason: "it is no MATLAB file of version 5 to 7.") }
    guard let records = try? Self.records(of: bytes) else {
      throw .malformed(file: file, reason: "it is cut short, or holds no structures.")
    }
    self.records = records
  }

  private struct Damage: Error {}

  private static func records(of bytes: [UInt8]) throws -> [[String: Value]] {
    var file = Elements(bytes[128...])
    while !file.isAtEnd {
      var element = try file.next()
      if element.kind == Element.compressed {
        guard let plain = inflated(Array(element.bytes), limit: 1 << 28) else { throw Damage() }
        var inner = Elements(plain[...])
        element = try inner.next()
      }
      if element.kind == Element.matrix, let records = try structures(in: element) { return records }
    }
    throw Damage()
  }

  /// The records of an array of structures; nil for one of another kind.
  private static func structures(in matrix: Element) throws -> [[String: Value]]? {
    var parts = Elements(matrix.bytes)
    let (kind, count) = try head(of: &parts)
    guard kind == 2 else { return nil }
    let width = try parts.next().numbers().first ?? 0
    let names = try parts.next().bytes
    guard let length = Int(exactly: width), (1...1 << 16).contains(length) else { throw Damage() }
    let fields = stride(from: names.startIndex, to: names.endIndex, by: length).map { start in
      String(decoding: names[start..<min(start + length, names.endIndex)].prefix { $0 != 0 }, as: UTF8.self)
    }
    var records: [[String: Value]] = []
    for _ in 0..<count {
      var record: [String: Value] = [:]
      for field in fields { record[field] = try value(of: try parts.next()) }
      records.append(record)
    }
    return records
  }

  private static func value(of matrix: Element) throws -> Value? {
    guard matrix.kind == Element.matrix, !matrix.bytes.isEmpty else { return nil }
    var parts = Elements(matrix.bytes)
    let (kind, count) = try head(of: &parts)
    switch kind {
    case 4:
      let part = try parts.next()
      // Texts are bytes, or UTF-16.
      return .text(
        part.format?.size == 1
          ? String(decoding: part.bytes, as: UTF8.self)
          : String(decoding: try part.numbers().map { UInt16(exactly: $0) ?? 0xFFFD }, as: UTF16.self))
    case 6...15 where count == 1: return try parts.next().numbers().first.map(Value.number)
    default: return nil
    }
  }

  /// An array's class and how many values it has; its name is passed over.
  private static func head(of parts: inout Elements) throws -> (kind: UInt8, count: Int) {
    let flags = try parts.next()
    let extents = try parts.next().numbers()
    _ = try parts.next()
    guard let kind = flags.bytes.first, extents.allSatisfy({ (0...1e6).contains($0) }) else { throw Damage() }
    let count = extents.reduce(1, *)
    guard count <= 1e6 else { throw Damage() }
    return (kind, Int(count))
  }

  /// A piece of the file with what it says of itself.
  private struct Element {
    static let (matrix, compressed) = (UInt32(14), UInt32(15))

    var kind: UInt32
    var bytes: ArraySlice<UInt8>

    /// How a number lies in the bytes; nil where they are no numbers.
    var format: ElementFormat? {
      [
        1: .int8, 2: .uint8, 3: .int16, 4: .uint16, 5: .int32, 6: .uint32, 7: .float32, 9: .float64,
        12: .int64,
        13: .uint64, 16: .uint8, 17: .uint16,
      ][kind]
    }

    func numbers() throws -> [Float] {
      guard let format else { throw Damage() }
      let count = bytes.count / format.size
      return Tensor([count], decoding: Data(bytes.prefix(count * format.size)), as: format).elements
    }
  }

  /// Elements one after another.
  private struct Elements {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    var isAtEnd: Bool { bytes.isEmpty }

    mutating func next() throws -> Element {
      let tag = try word(at: 0)
      // A small element has its length in the tag's upper half, and its bytes behind it in the same eight.
      if tag >> 16 != 0 {
        return Element(kind: tag & 0xFFFF, bytes: try take(8, keeping: 4, Int(tag >> 16)))
      }
      let length = Int(try word(at: 4))
      let padded = tag == Element.compressed ? length : (length + 7) / 8 * 8
      return Element(kind: tag, bytes: try take(8 + padded, keeping: 8, length))
    }

    private func word(at offset: Int) throws -> UInt32 {
      guard bytes.count >= offset + 4 else { throw Damage() }
      let start = bytes.startIndex + offset
      return bytes[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    private mutating func take(_ count: Int, keeping offset: Int, _ length: Int) throws -> ArraySlice<UInt8> {
      let start = bytes.startIndex + offset
      guard bytes.count >= offset + length, offset + length <= max(count, 8) else { throw Damage() }
      let kept = bytes[start..<start + length]
      // The last element of a file need not be padded.
      bytes = bytes.dropFirst(count)
      return kept
    }
  }
}
