package import Foundation

/// Bytes that are read a piece at a time, of a file or of memory, so that a large file is never in memory whole.
package struct ByteSource: Sendable {
  package let count: Int
  private let read: @Sendable (Range<Int>) throws(FileError) -> Data

  package init(_ bytes: Data) {
    count = bytes.count
    read = { range in bytes[bytes.startIndex + range.lowerBound..<bytes.startIndex + range.upperBound] }
  }

  /// - Throws: ``FileError`` where there is no such file, or it cannot be read.
  package init(file path: String) throws(FileError) {
    guard let file = OpenFile(path) else {
      throw FileError(path: path, reason: "there is no such file, or it cannot be read.")
    }
    count = file.count
    read = { range throws(FileError) in
      guard let bytes = file.bytes(range) else {
        throw FileError(
          path: path, reason: "cannot be read at bytes \(range.lowerBound) to \(range.upperBound).")
      }
      return bytes
    }
  }

  /// - Throws: ``FileError`` where the file cannot be read there.
  package func bytes(_ range: Range<Int>) throws(FileError) -> Data {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "bytes \(range) of \(count)")
    return try read(range)
  }
}

/// A file open for reading.
///
/// A class because it owns a descriptor.
private final class OpenFile: Sendable {
  private let descriptor: Int32
  let count: Int

  init?(_ path: String) {
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    count = descriptor < 0 ? 0 : Int(lseek(descriptor, 0, SEEK_END))
    if descriptor < 0 || count < 0 { return nil }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func bytes(_ range: Range<Int>) -> Data? {
    var bytes = Data(count: range.count)
    let isWhole = unsafe bytes.withUnsafeMutableBytes { target in
      var filled = 0
      while filled < range.count {
        let count = unsafe pread(
          descriptor, target.baseAddress.map { unsafe $0 + filled }, range.count - filled,
          off_t(range.lowerBound + filled))
        if count <= 0 { return false }
        filled += count
      }
      return true
    }
    return isWhole ? bytes : nil
  }
}
