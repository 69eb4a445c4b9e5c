internal import Files
internal import Foundation

/// An ONNX message without the raw bytes of its graph's initialisers, and where those lie, so that weights are read
/// one by one and never as part of a message.
///
/// - Note: protobuf's encoding: a field is a varint of number and wire type, and where the type is 2 a varint of its
///   length. `ModelProto.graph` is field 7, `GraphProto.initializer` 5, `TensorProto.raw_data` 9.
struct ONNXOutline {
  private(set) var message = Data()
  /// For each initialiser in order, where its raw bytes lie; nil where it has none.
  private(set) var raw: [Range<Int>?] = []
  private let source: ByteSource

  /// - Throws: ``Malformed`` where the bytes are no fields of protobuf's, or `FileError`.
  init(_ source: ByteSource) throws {
    self.source = source
    message = try without(0..<source.count, [7, 5, 9])
  }

  struct Malformed: Error {}

  /// The bytes of a message, the field at the end of a path of field numbers emptied.
  private mutating func without(_ range: Range<Int>, _ path: [Int]) throws -> Data {
    var kept = Data()
    var start = range.lowerBound
    var place = start
    if path.count == 1 { raw.append(nil) }
    while place < range.upperBound {
      let (tag, payload) = try varint(at: place, before: range.upperBound)
      let end: Int
      switch tag & 7 {
      case 0: end = try varint(at: payload, before: range.upperBound).end
      case 1: end = payload + 8
      case 2:
        let (length, content) = try varint(at: payload, before: range.upperBound)
        guard length <= range.upperBound - content else { throw Malformed() }
        end = content + length
        if tag >> 3 == path[0] {
          kept += try source.bytes(start..<payload)
          start = end
          if path.count == 1 {
            raw[raw.count - 1] = content..<end
            kept.append(0)
          } else {
            let inner = try without(content..<end, Array(path.dropFirst()))
            kept += Self.encoded(inner.count) + inner
          }
        }
      case 5: end = payload + 4
      default: throw Malformed()
      }
      guard end <= range.upperBound else { throw Malformed() }
      place = end
    }
    return kept + (try source.bytes(start..<range.upperBound))
  }

  private func varint(at place: Int, before end: Int) throws -> (value: Int, end: Int) {
    var value: UInt64 = 0
    for (index, byte) in try source.bytes(place..<min(place + 10, end)).enumerated() {
      value |= UInt64(byte & 0x7F) << (7 * UInt64(index))
      if byte < 0x80 { return (Int(clamping: value), place + index + 1) }
    }
    throw Malformed()
  }

  private static func encoded(_ count: Int) -> Data {
    var (rest, bytes) = (count, Data())
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
    return bytes
  }
}
