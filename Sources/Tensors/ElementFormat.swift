package import Foundation

/// How an element lies in a file, lowest byte first: the one place where half, brain and double precision are decoded.
package enum ElementFormat: Hashable, Sendable {
  case float64, float32, float16, bfloat16
  case int64, int32, int16, int8
  case uint64, uint32, uint16, uint8

  /// Bytes an element.
  package var size: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8: 1
    }
  }

  package var isFloat: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16: true
    case .int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8: false
    }
  }

  /// The elements of an integer format; what is larger than the largest `Int` becomes that.
  package func integers(_ bytes: Data) -> [Int] {
    switch self {
    case .int64: Self.read(bytes) { (element: Int64) in Int(element) }
    case .int32: Self.read(bytes) { (element: Int32) in Int(element) }
    case .int16: Self.read(bytes) { (element: Int16) in Int(element) }
    case .int8: Self.read(bytes) { (element: Int8) in Int(element) }
    case .uint64: Self.read(bytes) { (element: UInt64) in Int(clamping: element) }
    case .uint32: Self.read(bytes) { (element: UInt32) in Int(element) }
    case .uint16: Self.read(bytes) { (element: UInt16) in Int(element) }
    case .uint8: Self.read(bytes) { (element: UInt8) in Int(element) }
    case .float64, .float32, .float16, .bfloat16: preconditionFailure("floats as integers")
    }
  }

  /// The elements of ``float64``.
  package static func doubles(_ bytes: Data) -> [Double] {
    read(bytes) { (pattern: UInt64) in Double(bitPattern: pattern) }
  }

  private static func read<Stored: BitwiseCopyable, Element>(
    _ bytes: Data, _ value: (Stored) -> Element
  ) -> [Element] {
    let size = MemoryLayout<Stored>.size
    return unsafe bytes.withUnsafeBytes { raw in
      (0..<raw.count / size).map {
        value(unsafe raw.loadUnaligned(fromByteOffset: $0 * size, as: Stored.self))
      }
    }
  }
}

extension Tensor {
  /// Elements from their bytes; integers become the nearest float.
  ///
  /// - Parameters:
  ///   - shape: The extents.
  ///   - bytes: `shape.count` elements in row-major order.
  ///   - format: How each lies in the bytes.
  package init(_ shape: Shape, decoding bytes: Data, as format: ElementFormat) {
    precondition(bytes.count == shape.count * format.size, "\(bytes.count) bytes for \(shape)")
    unsafe self.init(uninitialized: shape) { target in
      unsafe bytes.withUnsafeBytes { raw in
        switch format {
        case .float32: unsafe UnsafeMutableRawBufferPointer(target).copyMemory(from: raw)
        case .float64: unsafe decode(raw, target) { (element: Double) in Float(element) }
        case .float16: unsafe decode(raw, target) { (element: UInt16) in element.asFloat16 }
        case .bfloat16:
          unsafe decode(raw, target) { (element: UInt16) in Float(bitPattern: UInt32(element) << 16) }
        case .int64: unsafe decode(raw, target) { (element: Int64) in Float(element) }
        case .int32: unsafe decode(raw, target) { (element: Int32) in Float(element) }
        case .int16: unsafe decode(raw, target) { (element: Int16) in Float(element) }
        case .int8: unsafe decode(raw, target) { (element: Int8) in Float(element) }
        case .uint64: unsafe decode(raw, target) { (element: UInt64) in Float(element) }
        case .uint32: unsafe decode(raw, target) { (element: UInt32) in Float(element) }
        case .uint16: unsafe decode(raw, target) { (element: UInt16) in Float(element) }
        case .uint8: unsafe decode(raw, target) { (element: UInt8) in Float(element) }
        }
      }
    }
  }
}

@inline(__always)
private func decode<Stored: BitwiseCopyable>(
  _ raw: UnsafeRawBufferPointer, _ target: UnsafeMutableBufferPointer<Float>, _ value: (Stored) -> Float
) {
  for index in target.indices {
    unsafe target[index] = value(
      raw.loadUnaligned(fromByteOffset: index * MemoryLayout<Stored>.size, as: Stored.self))
  }
}

extension UInt16 {
  /// The value of an IEEE half-precision number with these bits.
  package var asFloat16: Float {
    let sign = UInt32(self & 0x8000) << 16
    let exponent = UInt32(self >> 10 & 0x1F)
    let fraction = UInt32(self & 0x3FF)
    switch exponent {
    case 0:
      let magnitude = Float(fraction) * 0x1p-24
      return sign == 0 ? magnitude : -magnitude
    case 31:
      return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default:
      return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }
}
