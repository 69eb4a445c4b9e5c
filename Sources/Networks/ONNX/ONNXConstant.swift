internal import Files
internal import Foundation
internal import Kernels
internal import ONNXMessages
internal import Tensors

/// A value known while the file is read: weights, or the integers that shapes are made of.
struct ONNXConstant {
  enum Elements {
    /// In ONNX's order.
    case floats(Tensor)
    /// Axes in the order that the layer which reads them has, decoded so from the start: `axes[i]` is ONNX's axis.
    case turned(Tensor, axes: [Int])
    /// Of type double, where no layer has it as its weights.
    case doubles([Double])
    case integers([Int])
    /// Strings, of which nothing is computed.
    case text
  }

  let type: ONNXElement
  /// In ONNX's order.
  var extents: [Int]
  var elements: Elements
  /// Whether it was worked out from the number or the size of the pictures.
  var isSized = false
  /// Whether a node made its elements, and they count against what may be made.
  var isFolded = false

  var count: Int { extents.reduce(1, *) }

  /// Whether it is weights, in whichever order.
  var isFloats: Bool {
    switch elements {
    case .floats, .turned: true
    case .doubles, .integers, .text: false
    }
  }

  var integers: [Int]? {
    if case .integers(let integers) = elements { integers } else { nil }
  }

  /// The elements as float32, in ONNX's order.
  var floats: [Float] {
    get throws { try tensor.elements }
  }

  /// As a tensor in ONNX's order.
  var tensor: Tensor {
    get throws {
      switch elements {
      case .floats(let tensor): tensor
      case .turned(let tensor, let axes):
        try Device().permuted(tensor, axes.indices.map { axis in axes.firstIndex(of: axis) ?? axis })
      case .doubles(let doubles): Tensor(Shape(extents), elements: doubles.map { Float($0) })
      case .integers(let integers): Tensor(Shape(extents), elements: integers.map { Float($0) })
      case .text: throw ONNXReader.Unsupported("it reads text, not numbers")
      }
    }
  }

  /// As a tensor whose axes are in another order, see `Device.permuted`.
  func tensor(_ axes: [Int]) throws -> Tensor {
    if case .turned(let tensor, axes) = elements { return tensor }
    return try Device().permuted(try tensor, axes)
  }

  init(_ type: ONNXElement, extents: [Int], elements: Elements) {
    self.type = type
    self.extents = extents
    self.elements = elements
  }

  init(_ tensor: Tensor) {
    self.init(.float, extents: tensor.shape.dimensions, elements: .floats(tensor))
  }

  init(_ numbers: ONNXNumbers) {
    let elements: Elements =
      switch numbers.elements {
      case .integers(let integers): .integers(integers)
      case .reals(let reals) where numbers.type == .double: .doubles(reals)
      case .reals(let reals): .floats(Tensor(Shape(numbers.extents), elements: reals.map { Float($0) }))
      }
    self.init(numbers.type, extents: numbers.extents, elements: elements)
  }

  /// The elements for working out operators.
  var numbers: ONNXNumbers {
    get throws {
      switch elements {
      case .integers(let integers): ONNXNumbers(type, extents, integers: integers)
      case .doubles(let doubles): ONNXNumbers(type, extents, reals: doubles)
      case .floats, .turned, .text:
        try tensor.withSpan { all in ONNXNumbers(type, extents, reals: all.indices.map { Double(all[$0]) }) }
      }
    }
  }

  /// Whether it can be weights: no NaN, and infinite only as a single number, such as a limit.
  var isFinite: Bool {
    switch elements {
    case .integers, .text: true
    case .doubles(let doubles): doubles.count == 1 ? !doubles[0].isNaN : doubles.allSatisfy(\.isFinite)
    case .floats(let tensor), .turned(let tensor, _):
      tensor.shape.count == 1 ? !tensor.elements[0].isNaN : tensor.sumOfSquares.isFinite
    }
  }

  init(integers: [Int]) {
    self.init(.int64, extents: [integers.count], elements: .integers(integers))
  }
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

  var format: ElementFormat {
    switch self {
    case .float: .float32
    case .uint8, .bool: .uint8
    case .int8: .int8
    case .uint16: .uint16
    case .int16: .int16
    case .int32: .int32
    case .int64: .int64
    case .float16: .float16
    case .double: .float64
    case .uint32: .uint32
    case .uint64: .uint64
    case .bfloat16: .bfloat16
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
  ///   - raw: Its raw bytes, where the message leaves them out.
  ///   - folders: Where external data may lie, the first that has it; none refuses it.
  ///   - axes: The order in which the layer that reads it has its axes; nil for ONNX's.
  /// - Throws: ``Malformed`` where type, shape and data do not agree, or `FileError`.
  init(
    _ message: Onnx_TensorProto, raw: (source: ByteSource, range: Range<Int>)? = nil, folders: [String],
    turned axes: [Int]? = nil
  ) throws {
    func fail(_ reason: String) -> Malformed { Malformed(reason: "tensor '\(message.name)' \(reason)") }
    var count = 1
    for extent in message.dims {
      guard extent >= 0 else { throw fail("has the shape \(message.dims)") }
      count = count.multipliedReportingOverflow(by: Int(clamping: extent)).partialValue
    }
    let extents = message.dims.map { Int($0) }
    guard extents.count <= 8 else { throw fail("has \(extents.count) axes") }
    guard Shape(extents).isHoldable else { throw fail("has the shape \(extents), more than fits in memory") }
    if message.dataType == 8 {
      self.init(.int64, extents: extents, elements: .text)
      return
    }
    guard let type = ONNXElement(rawValue: message.dataType) else {
      throw fail("has elements of type \(message.dataType), which is not supported")
    }
    let axes = axes?.count == extents.count && extents.count > 1 ? axes : nil
    var bytes = raw
    if bytes == nil, message.hasRawData { bytes = (ByteSource(message.rawData), 0..<message.rawData.count) }
    if message.dataLocation == 1 { bytes = try Self.external(message, folders: folders, fail) }
    if let (source, range) = bytes {
      guard count * type.format.size == range.count else {
        throw fail("has the shape \(extents) but \(range.count) bytes of data")
      }
      if type == .double, axes == nil {
        self.init(type, extents: extents, elements: .doubles(ElementFormat.doubles(try source.bytes(range))))
      } else if type.format.isFloat {
        self = try Self.decoded(source, range, type, extents, axes)
      } else {
        let integers = type.format.integers(try source.bytes(range))
        self.init(type, extents: extents, elements: .integers(integers))
      }
      return
    }
    func checked<Value>(_ values: [Value]) throws -> [Value] {
      guard values.count == count else { throw fail("has the shape \(extents) but \(values.count) elements") }
      return values
    }
    switch type {
    case .float:
      let tensor = Tensor(Shape(extents), elements: try checked(message.floatData))
      self.init(
        type, extents: extents,
        elements: try axes.map { .turned(try Device().permuted(tensor, $0), axes: $0) } ?? .floats(tensor))
    case .double:
      self.init(type, extents: extents, elements: .doubles(try checked(message.doubleData)))
    case .float16, .bfloat16:
      // Sixteen bits in the lower half of an integer each.
      let halves = try checked(message.int32Data).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8 & 0xFF)] }
      self = try Self.decoded(ByteSource(Data(halves)), 0..<halves.count, type, extents, axes)
    case .int64:
      self.init(
        type, extents: extents, elements: .integers(try checked(message.int64Data).map { Int($0) }))
    case .uint32, .uint64:
      self.init(
        type, extents: extents, elements: .integers(try checked(message.uint64Data).map { Int(clamping: $0) })
      )
    case .uint8, .int8, .uint16, .int16, .int32, .bool:
      self.init(
        type, extents: extents,
        elements: .integers(try checked(message.int32Data).map { type.wrapped(Int($0)) }))
    }
  }

  /// Floats decoded some outermost slices at a time, so that only the result is in memory whole.
  private static func decoded(
    _ source: ByteSource, _ range: Range<Int>, _ type: ONNXElement, _ extents: [Int], _ axes: [Int]?
  ) throws -> ONNXConstant {
    guard let outer = extents.first, range.count > 0 else {
      let tensor = Tensor(Shape(extents), decoding: try source.bytes(range), as: type.format)
      return ONNXConstant(type, extents: extents, elements: .floats(tensor))
    }
    let axes = axes ?? Array(extents.indices)
    let slice = range.count / outer
    var whole = Tensor(Shape(axes.map { extents[$0] })) { (_: inout MutableSpan<Float>) in }
    let place = axes.firstIndex(of: 0) ?? 0
    let step = max(1, (1 << 20) / slice)
    for first in stride(from: 0, to: outer, by: step) {
      let last = min(first + step, outer)
      let bytes = try source.bytes(range.lowerBound + first * slice..<range.lowerBound + last * slice)
      let part = Tensor(Shape([last - first] + extents.dropFirst()), decoding: bytes, as: type.format)
      whole.replace(first..<last, ofAxis: place, with: try Device().permuted(part, axes))
    }
    let isTurned = axes != Array(extents.indices)
    return ONNXConstant(
      type, extents: extents, elements: isTurned ? .turned(whole, axes: axes) : .floats(whole))
  }

  /// Bytes that lie in a file of their own, which must be inside one of the model's folders.
  private static func external(
    _ message: Onnx_TensorProto, folders: [String], _ fail: (String) -> Malformed
  ) throws -> (ByteSource, Range<Int>) {
    let entries = Dictionary(message.externalData.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    guard let location = entries["location"], !location.isEmpty else { throw fail("says no external file") }
    guard !folders.isEmpty else {
      throw fail("lies in the external file '\(location)', which cannot be found from here")
    }
    let parts = location.split(whereSeparator: { $0 == "/" || $0 == "\\" })
    let path = FileSystem.resolved(found(location, folders))
    let isInside = folders.contains { folder in
      guard let path, let root = FileSystem.resolved(folder) else { return true }
      return path.utf8.starts(with: (root == "/" ? root : root + "/").utf8)
    }
    guard !location.hasPrefix("/"), !parts.contains(".."), isInside else {
      throw fail("lies in '\(location)', outside the model's folder; external data must stay inside it")
    }
    guard let path, let kind = FileKind(path) else {
      throw fail("lies in the external file '\(location)', which is missing")
    }
    guard kind == .file else { throw fail("lies in '\(location)', which is no plain file") }
    guard let source = try? ByteSource(file: path) else {
      throw fail("lies in the external file '\(location)', which cannot be read")
    }
    let size = UInt64(source.count)
    let offset = UInt64(entries["offset"] ?? "0") ?? UInt64.max
    let length = entries["length"].map { UInt64($0) ?? UInt64.max } ?? (size >= offset ? size - offset : 0)
    guard offset <= size, length <= size - offset else {
      throw fail("lies at bytes \(offset) to \(length) of '\(location)', which has only \(size)")
    }
    return (source, Int(offset)..<Int(offset + length))
  }

  /// The path of external data: in the first folder that has it.
  static func found(_ location: String, _ folders: [String]) -> String {
    let paths = folders.map { $0 + "/" + location }
    return paths.first { FileSystem.exists($0) } ?? paths.first ?? location
  }
}
