package import Foundation
internal import Tensors

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

/// A plain file open for reading: no folder, pipe or device.
///
/// A class because it owns a descriptor.
final class OpenFile: Sendable {
  let descriptor: Int32
  let count: Int

  init?(_ path: String) {
    // Opening a pipe that nobody writes to must not wait.
    descriptor = unsafe open(path.fileNameForC, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    var status = stat()
    guard descriptor >= 0, unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      count = 0
      return nil
    }
    count = Int(status.st_size)
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
