public import Tensors
package import Foundation

/// Named float arrays in a safetensors file.
///
/// Reading turns every number type into float32; writing is float32 in the order of the names, so the same
/// arrays give the same bytes.
public struct SafeTensors: Sendable {
  public var tensors: [String: Tensor]
  public var metadata: [String: String]

  /// - Parameters:
  ///   - tensors: Arrays by name; their axes are written in the order they have.
  ///   - metadata: Texts by name, written into the header.
  public init(_ tensors: [String: Tensor], metadata: [String: String] = [:]) {
    self.tensors = tensors
    self.metadata = metadata
  }

  /// Reads a file.
  ///
  /// - Throws: ``FileError`` naming the array and what is wrong with it.
  public init(reading path: String) throws(FileError) {
    guard let bytes = FileSystem.contents(of: path) else {
      throw FileError(path: path, reason: "there is no such file, or it cannot be read.")
    }
    try self.init(bytes: bytes, of: path)
  }

  /// Reads the bytes of a whole file.
  ///
  /// - Throws: ``FileError`` naming the file.
  package init(bytes: Data, of path: String) throws(FileError) {
    let (header, data) = try Self.parts(of: bytes.startIndex == 0 ? bytes : Data(bytes), path)
    tensors = [:]
    metadata = header["__metadata__"] as? [String: String] ?? [:]
    for (name, entry) in header where name != "__metadata__" {
      tensors[name] = try Self.tensor(named: name, entry, data) { FileError(path: path, reason: $0) }
    }
  }

  /// One array of a file, or a slice of it along its first axis, without the file's other numbers in memory.
  ///
  /// - Parameters:
  ///   - name: The array.
  ///   - slice: Which slice; it comes without the first axis.
  ///   - path: The file.
  /// - Returns: The numbers; nil where the file, the array or the slice is not there.
  /// - Throws: ``FileError`` where the file is damaged.
  package static func array(
    _ name: String, slice: Int? = nil, in path: String
  ) throws(FileError) -> Tensor? {
    guard let bytes = FileSystem.mapped(path) else { return nil }
    let (header, data) = try parts(of: bytes, path)
    guard var entry = header[name] as? [String: Any] else { return nil }
    if let slice, let extents = entry["shape"] as? [Int], let ends = entry["data_offsets"] as? [Int] {
      guard let count = extents.first, 0 <= slice, slice < count else { return nil }
      guard ends.count == 2, 0 <= ends[0], ends[0] <= ends[1], ends[1] <= data.count,
        (ends[1] - ends[0]).isMultiple(of: count)
      else {
        throw FileError(path: path, reason: "array '\(name)' lies at bytes \(ends) of \(data.count).")
      }
      let each = (ends[1] - ends[0]) / count
      entry["shape"] = Array(extents.dropFirst())
      entry["data_offsets"] = [ends[0] + slice * each, ends[0] + (slice + 1) * each]
    }
    return try tensor(named: name, entry, data) { FileError(path: path, reason: $0) }
  }

  /// What a file's bytes say of its arrays, and the arrays' bytes.
  private static func parts(
    of bytes: Data, _ path: String
  ) throws(FileError) -> (header: [String: Any], data: Data) {
    func malformed(_ reason: String) -> FileError { FileError(path: path, reason: reason) }
    guard bytes.count >= 8 else { throw malformed("is too short for a safetensors file.") }
    let headerLength = bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard headerLength <= UInt64(bytes.count - 8), headerLength < 100 << 20 else {
      throw malformed(
        "is not a safetensors file, or is cut short: its header claims \(headerLength) bytes.")
    }
    let start = 8 + Int(headerLength)
    guard let header = try? JSONSerialization.jsonObject(with: bytes[8..<start]) as? [String: Any] else {
      throw malformed("is not a safetensors file: its header is not a JSON object.")
    }
    return (header, bytes[start...])
  }

  private static func tensor(
    named name: String, _ entry: Any, _ data: Data, _ malformed: (String) -> FileError
  ) throws(FileError) -> Tensor {
    guard let entry = entry as? [String: Any], let type = entry["dtype"] as? String,
      let extents = entry["shape"] as? [Int], let offsets = entry["data_offsets"] as? [Int],
      offsets.count == 2
    else { throw malformed("array '\(name)' lacks dtype, shape or data_offsets.") }
    guard let format = formats[type] else {
      throw malformed("array '\(name)' has elements of type \(type), which is not supported.")
    }
    guard offsets[0] >= 0, offsets[1] >= offsets[0], offsets[1] <= data.count else {
      throw malformed(
        "array '\(name)' lies at bytes \(offsets) of \(data.count): the file is cut short.")
    }
    let length = offsets[1] - offsets[0]
    guard (extents + [format.size]).checkedProduct == length else {
      throw malformed(
        "array '\(name)' has shape \(extents) of \(type) but \(length) bytes.")
    }
    let first = data.startIndex + offsets[0]
    return Tensor(Shape(extents), decoding: data[first..<first + length], as: format)
  }

  /// The types of a safetensors file that hold numbers.
  private static let formats: [String: ElementFormat] = [
    "F64": .float64, "F32": .float32, "F16": .float16, "BF16": .bfloat16, "I64": .int64, "I32": .int32,
    "I16": .int16, "I8": .int8, "U8": .uint8, "BOOL": .uint8,
  ]

  /// The whole file's bytes.
  package func bytes() -> [UInt8] {
    let names = tensors.keys.sorted()
    let arrays = names.compactMap { name in tensors[name].map { (name: name, shape: $0.shape) } }
    var file = SafeTensorsWriter.header(of: arrays, metadata).bytes
    for name in names { file.append(tensors[name]?.bytes ?? Data()) }
    return [UInt8](file)
  }

  /// Writes all arrays, durably.
  public func write(to path: String) throws(FileError) {
    let names = tensors.keys.sorted()
    let writer = try SafeTensorsWriter(
      path: path, arrays: names.compactMap { name in tensors[name].map { (name, $0.shape) } },
      metadata: metadata)
    for name in names {
      if let tensor = tensors[name] { try writer.write(tensor, into: name, at: 0) }
    }
    try writer.finish()
  }
}
