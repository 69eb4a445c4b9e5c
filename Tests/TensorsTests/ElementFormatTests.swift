import Foundation
import Tensors
import Testing

@Suite struct ElementFormats {
  private func bytes<Value>(_ values: [Value]) -> Data {
    unsafe values.withUnsafeBufferPointer { unsafe Data(buffer: $0) }
  }

  @Test func `every format gives its numbers, wherever in memory they begin`() {
    let floats: [(ElementFormat, Data)] = [
      (.float64, bytes([1.5, -2, 0.25] as [Double])), (.float32, bytes([1.5, -2, 0.25] as [Float])),
      (.float16, bytes([0x3E00, 0xC000, 0x3400] as [UInt16])),
      (.bfloat16, bytes([0x3FC0, 0xC000, 0x3E80] as [UInt16])),
    ]
    for (format, data) in floats {
      #expect(format.isFloat && data.count == 3 * format.size)
      #expect(Tensor([3], decoding: data, as: format).elements == [1.5, -2, 0.25], "\(format)")
      #expect(Tensor([3], decoding: (Data([7]) + data).dropFirst(), as: format).elements == [1.5, -2, 0.25])
    }
    let integers: [(ElementFormat, Data, [Int])] = [
      (.int64, bytes([-3, 1 << 40] as [Int64]), [-3, 1 << 40]),
      (.int32, bytes([-3, 9] as [Int32]), [-3, 9]),
      (.int16, bytes([-3, 9] as [Int16]), [-3, 9]), (.int8, bytes([-3, 9] as [Int8]), [-3, 9]),
      (.uint64, bytes([3, .max] as [UInt64]), [3, .max]),
      (.uint32, bytes([3, .max] as [UInt32]), [3, 4_294_967_295]),
      (.uint16, bytes([3, .max] as [UInt16]), [3, 65535]), (.uint8, bytes([3, .max] as [UInt8]), [3, 255]),
    ]
    for (format, data, expected) in integers {
      #expect(!format.isFloat && data.count == 2 * format.size)
      #expect(format.integers(data) == expected, "\(format)")
      if format != .uint64 {
        #expect(Tensor([2], decoding: data, as: format).elements == expected.map { Float($0) }, "\(format)")
      }
    }
  }
}
