internal import CZlib
public import Foundation

/// The bytes of a file, decompressed where it is gzipped and as they are where it is not.
///
/// - Parameters:
///   - path: The file.
///   - limit: The most bytes that are taken; a small file can stand for very many.
/// - Returns: All of them.
/// - Throws: ``FileError`` where the file is missing, cut short, damaged or larger than the limit.
public func decompressedBytes(of path: String, limit: Int = 1 << 30) throws(FileError) -> Data {
  guard let file = unsafe gzopen(path, "rb") else {
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
