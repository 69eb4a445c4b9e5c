internal import Files
internal import Foundation
internal import ONNXMessages
internal import Tensors

/// A value known while the file is read, in ONNX's order: weights, or the integers that shapes are made of.
struct ONNXConstant: Equatable {
  enum Elements: Equatable {
    case floats([Float])
    case integers([Int])
  }

  /// Stands for the number of images, wherever a shape is computed from the input's.
  static let batch = Int.min
  /// An integer worked out from the number of images, of which nothing more is known.
  static let unknown = Int.min + 1

  var extents: [Int]
  var elements: Elements

  var count: Int {
    switch elements {
    case .floats(let floats): floats.count
    case .integers(let integers): integers.count
    }
  }

  var integers: [Int]? {
    if case .integers(let integers) = elements { integers } else { nil }
  }

  /// The elements as float32.
  var floats: [Float] {
    switch elements {
    case .floats(let floats): floats
    case .integers(let integers): integers.map { Float($0) }
    }
  }

  /// As a tensor in ONNX's order.
  var tensor: Tensor { Tensor(Shape(extents), elements: floats) }

  init(extents: [Int], elements: Elements) {
    self.extents = extents
    self.elements = elements
  }

  init(_ tensor: Tensor) {
    self.init(extents: tensor.shape.dimensions, elements: .floats(tensor.elements))
  }

  /// The elements at places in row-major order, under a shape of as many.
  func picking(_ places: [Int], extents: [Int]) -> ONNXConstant {
    switch elements {
    case .floats(let all): ONNXConstant(extents: extents, elements: .floats(places.map { all[$0] }))
    case .integers(let all): ONNXConstant(extents: extents, elements: .integers(places.map { all[$0] }))
    }
  }

  /// Whether no element stands for the number of images.
  var isKnown: Bool { integers?.contains { $0 <= Self.unknown } != true }

  /// Whether it can be weights: no NaN, and infinite only as a single number, such as a limit.
  var isFinite: Bool {
    guard case .floats(let floats) = elements else { return true }
    return floats.count == 1 ? !floats[0].isNaN : floats.allSatisfy(\.isFinite)
  }

  init(integers: [Int]) {
    self.init(extents: [integers.count], elements: .integers(integers))
  }
}

extension Int {
  /// A number of a file, which must not be taken for ``ONNXConstant/batch`` or ``ONNXConstant/unknown``.
  var asPlain: Int { Swift.max(self, ONNXConstant.unknown + 1) }
}

/// ONNX's numbers for element types.
enum ONNXElement: Int32 {
  case float = 1
  case uint8 = 2
  case int8 = 3
  case uint16 = 4
  case int16 = 5
  case int32 = 6
  case int64 = 7
  case bool = 9
  case float16 = 10
  case double = 11
  case uint32 = 12
  case uint64 = 13
  case bfloat16 = 16

  var size: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16, .float16, .bfloat16: 2
    case .float, .int32, .uint32: 4
    case .int64, .double, .uint64: 8
    }
  }

  var isFloat: Bool {
    switch self {
    case .float, .float16, .double, .bfloat16: true
    case .uint8, .int8, .uint16, .int16, .int32, .int64, .bool, .uint32, .uint64: false
    }
  }
}

extension ONNXConstant {
  /// What is wrong with a tensor of a file.
  struct Malformed: Error {
    let reason: String
  }

  /// Reads a tensor of a file.
  ///
  /// - Parameters:
  ///   - message: The tensor as the file has it.
  ///   - folder: Where external data lies; nil refuses it.
  /// - Throws: ``Malformed`` where type, shape and data do not agree.
  init(_ message: Onnx_TensorProto, folder: String?) throws(Malformed) {
    func fail(_ reason: String) -> Malformed { Malformed(reason: "tensor '\(message.name)' \(reason)") }
    guard let type = ONNXElement(rawValue: message.dataType) else {
      throw fail("has elements of type \(message.dataType), which is not supported")
    }
    var count = 1
    for extent in message.dims {
      guard extent >= 0 else { throw fail("has the shape \(message.dims)") }
      count = count.multipliedReportingOverflow(by: Int(clamping: extent)).partialValue
    }
    let extents = message.dims.map { Int($0) }
    guard extents.count <= 8 else { throw fail("has \(extents.count) axes") }
    guard Shape(extents).isHoldable else { throw fail("has the shape \(extents), more than fits in memory") }
    var raw = message.hasRawData ? message.rawData : nil
    if message.dataLocation == 1 { raw = try Self.external(message, folder: folder, fail) }
    if let raw {
      guard count * type.size == raw.count else {
        throw fail("has the shape \(extents) but \(raw.count) bytes of data")
      }
      self.init(extents: extents, elements: Self.elements(raw, type, count))
      return
    }
    func checked<Value>(_ values: [Value]) throws(Malformed) -> [Value] {
      guard values.count == count else { throw fail("has the shape \(extents) but \(values.count) elements") }
      return values
    }
    switch type {
    case .float:
      self.init(extents: extents, elements: .floats(try checked(message.floatData)))
    case .double:
      self.init(extents: extents, elements: .floats(try checked(message.doubleData).map { Float($0) }))
    case .float16:
      self.init(
        extents: extents,
        elements: .floats(try checked(message.int32Data).map { UInt16(truncatingIfNeeded: $0).asFloat16 }))
    case .bfloat16:
      self.init(
        extents: extents,
        elements: .floats(
          try checked(message.int32Data).map { Float(bitPattern: UInt32(truncatingIfNeeded: $0) << 16) }))
    case .int64:
      self.init(extents: extents, elements: .integers(try checked(message.int64Data).map { Int($0).asPlain }))
    case .uint32, .uint64:
      self.init(
        extents: extents, elements: .integers(try checked(message.uint64Data).map { Int(clamping: $0) }))
    case .uint8, .int8, .uint16, .int16, .int32, .bool:
      self.init(extents: extents, elements: .integers(try checked(message.int32Data).map { Int($0) }))
    }
  }

  private static func elements(_ raw: Data, _ type: ONNXElement, _ count: Int) -> Elements {
    let bytes = [UInt8](raw)
    let size = type.size
    func bits(_ index: Int) -> UInt64 {
      var bits: UInt64 = 0
      for byte in 0..<size { bits |= UInt64(bytes[index * size + byte]) << (8 * UInt64(byte)) }
      return bits
    }
    func signed(_ index: Int) -> Int {
      let shift = 64 - 8 * UInt64(size)
      return Int(Int64(bitPattern: bits(index) << shift) >> Int64(shift))
    }
    switch type {
    case .float: return .floats((0..<count).map { Float(bitPattern: UInt32(truncatingIfNeeded: bits($0))) })
    case .double: return .floats((0..<count).map { Float(Double(bitPattern: bits($0))) })
    case .float16: return .floats((0..<count).map { UInt16(truncatingIfNeeded: bits($0)).asFloat16 })
    case .bfloat16:
      return .floats((0..<count).map { Float(bitPattern: UInt32(truncatingIfNeeded: bits($0)) << 16) })
    case .int8, .int16, .int32, .int64: return .integers((0..<count).map { signed($0).asPlain })
    case .uint8, .uint16, .uint32, .uint64, .bool:
      return .integers((0..<count).map { Int(clamping: bits($0)) })
    }
  }

  /// Bytes that lie in a file of their own, which must be inside the model's folder.
  private static func external(
    _ message: Onnx_TensorProto, folder: String?, _ fail: (String) -> Malformed
  ) throws(Malformed) -> Data {
    let entries = Dictionary(message.externalData.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    guard let location = entries["location"], !location.isEmpty else { throw fail("says no external file") }
    guard let folder else {
      throw fail("lies in the external file '\(location)', which cannot be found from here")
    }
    let root = URL(fileURLWithPath: folder, isDirectory: true).resolvingSymlinksInPath().standardizedFileURL
      .path
    let path = URL(fileURLWithPath: folder, isDirectory: true).appendingPathComponent(location)
      .resolvingSymlinksInPath().standardizedFileURL.path
    let parts = location.split(whereSeparator: { $0 == "/" || $0 == "\\" })
    guard !location.hasPrefix("/"), !parts.contains(".."), path.hasPrefix(root == "/" ? root : root + "/")
    else {
      throw fail("lies in '\(location)', outside the model's folder; external data must stay inside it")
    }
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    guard attributes == nil || attributes?[.type] as? FileAttributeType == .typeRegular else {
      throw fail("lies in '\(location)', which is no plain file")
    }
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw fail("lies in the external file '\(location)', which is missing")
    }
    defer { try? handle.close() }
    let size = (try? handle.seekToEnd()) ?? 0
    let offset = UInt64(entries["offset"] ?? "0") ?? UInt64.max
    let length = entries["length"].map { UInt64($0) ?? UInt64.max } ?? (size >= offset ? size - offset : 0)
    guard offset <= size, length <= size - offset else {
      throw fail("lies at bytes \(offset) to \(length) of '\(location)', which has only \(size)")
    }
    do {
      try handle.seek(toOffset: offset)
      return try handle.read(upToCount: Int(length)) ?? Data()
    } catch {
      throw fail("cannot be read from '\(location)'")
    }
  }
}
