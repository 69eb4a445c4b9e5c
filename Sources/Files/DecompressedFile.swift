internal import CZlib
public import Foundation
internal import Tensors

/// The bytes of a file, decompressed where it is gzipped and as they are where it is not.
///
/// - Parameters:
///   - path: The file.
///   - limit: The most bytes that are taken; a small file can stand for very many.
/// - Returns: All of them.
/// - Throws: ``FileError`` where the file is missing, cut short, damaged or larger than the limit.
public func decompressedBytes(of path: String, limit: Int = 1 << 30) throws(FileError) -> Data {
  guard let file = unsafe gzopen(path.fileNameForC, "rb") else {
    throw FileError(path: path, reason: "cannot be opened. Check that it is there and readable.")
  }
  var isOpen = true
  defer { if isOpen { unsafe gzclose(file) } }
  var bytes = Data()
  var block = [UInt8](repeating: 0, count: 1 << 20)
  while true {
    let count = unsafe block.withUnsafeMutableBytes { unsafe gzread(file, $0.baseAddress, UInt32($0.count)) }
    guard count >= 0 else {
      var code: Int32 = 0
      let text = unsafe gzerror(file, &code)
      let reason = unsafe text.map { unsafe String(cString: $0) } ?? "zlib says \(code)"
      throw FileError(path: path, reason: "cannot be decompressed: \(reason).")
    }
    if count == 0 { break }
    guard bytes.count + Int(count) <= limit else {
      throw FileError(path: path, reason: "holds more than the \(limit) bytes that are taken of it.")
    }
    bytes += block[..<Int(count)]
  }
  isOpen = false
  // Only closing tells that the compressed stream had no end.
  guard unsafe gzclose(file) == Z_OK else {
    throw FileError(path: path, reason: "is cut short: its compressed bytes have no end.")
  }
  return bytes
}

/// Bytes that zlib compressed (RFC 1950), as they were.
///
/// - Parameters:
///   - bytes: The compressed ones.
///   - limit: The most that are taken.
/// - Returns: The plain ones; nil where the others are damaged or stand for more than the limit.
package func inflated(_ bytes: [UInt8], limit: Int) -> [UInt8]? {
  var capacity = min(limit, max(bytes.count * 4, 1 << 12))
  while true {
    var plain = [UInt8](repeating: 0, count: capacity)
    var count = uLongf(capacity)
    let code = unsafe uncompress(&plain, &count, bytes, uLong(bytes.count))
    if code == Z_OK { return Array(plain[..<Int(count)]) }
    guard code == Z_BUF_ERROR, capacity < limit else { return nil }
    capacity = min(limit, capacity * 4)
  }
}
