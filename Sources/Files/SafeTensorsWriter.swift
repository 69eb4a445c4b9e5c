public import Tensors
internal import Foundation

/// Writes a safetensors file whose shapes are known beforehand, piece by piece and in any order.
///
/// So an array far larger than memory can be written. Pieces never written are zero.
public final class SafeTensorsWriter {
  private let file: DurableFile
  private let starts: [String: (offset: Int, shape: Shape)]

  /// - Parameters:
  ///   - path: The file; it comes to be when ``finish()`` is called.
  ///   - arrays: Names, each once, and shapes in the order in which the arrays lie in the file.
  ///   - metadata: Texts by name, written into the header.
  /// - Throws: ``FileError`` where the file cannot be made.
  public init(path: String, arrays: [(name: String, shape: Shape)], metadata: [String: String] = [:])
    throws(FileError)
  {
    let (header, starts) = Self.header(of: arrays, metadata)
    self.starts = starts
    file = try DurableFile(path: path)
    try file.write(header)
    if let end = starts.values.map({ $0.offset + $0.shape.count * 4 }).max(), end > header.count {
      try file.write(Data([0]), at: end - 1)
    }
  }

  /// What stands before the arrays, and where each of them begins in the file.
  static func header(
    of arrays: [(name: String, shape: Shape)], _ metadata: [String: String]
  ) -> (bytes: Data, starts: [String: (offset: Int, shape: Shape)]) {
    var entries: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map {
        "\($0.key.quotedAsJSON):\($0.value.quotedAsJSON)"
      }
      entries.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    var starts: [String: (offset: Int, shape: Shape)] = [:]
    for (name, shape) in arrays {
      let end = offset + shape.count * 4
      let extents = shape.dimensions.map(String.init).joined(separator: ",")
      entries.append(
        "\(name.quotedAsJSON):{\"dtype\":\"F32\",\"shape\":[\(extents)],\"data_offsets\":[\(offset),\(end)]}")
      starts[name] = (offset, shape)
      offset = end
    }
    var header = Data("{\(entries.joined(separator: ","))}".utf8)
    // The format asks for data that starts at a multiple of eight bytes.
    header.append(contentsOf: [UInt8](repeating: 0x20, count: (8 - header.count % 8) % 8))
    let length = UInt64(header.count)
    let base = 8 + header.count
    return (
      Data((0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }) + header,
      starts.mapValues { ($0.offset + base, $0.shape) }
    )
  }

  /// Writes elements into an array.
  ///
  /// - Parameters:
  ///   - tensor: The elements, of any shape, in row-major order.
  ///   - name: An array that was announced; another name is our own mistake.
  ///   - start: The first element's place in the array, counted in elements; what does not fit is our own mistake.
  /// - Throws: ``FileError``, on a full disk above all.
  public func write(_ tensor: Tensor, into name: String, at start: Int) throws(FileError) {
    guard let (offset, shape) = starts[name] else { preconditionFailure("no array '\(name)' was announced") }
    precondition(
      start >= 0 && start + tensor.shape.count <= shape.count, "\(tensor.shape) at \(start) of \(shape)")
    try file.write(tensor.bytes, at: offset + start * 4)
  }

  /// Makes the file durable and puts it in its place.
  ///
  /// - Throws: ``FileError`` where it cannot be written.
  public func finish() throws(FileError) {
    try file.finish()
  }
}

extension String {
  /// The text as a JSON string that stands on one line.
  package var quotedAsJSON: String {
    let scalars = unicodeScalars.map { scalar in
      switch scalar {
      case "\"", "\\": "\\\(scalar)"
      case _ where Character(scalar).isNewline || scalar.value < 32: String(format: "\\u%04x", scalar.value)
      default: String(scalar)
      }
    }
    return "\"" + scalars.joined() + "\""
  }
}
