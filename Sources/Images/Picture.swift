internal import CImaging
internal import Tensors

/// A picture upright in 8-bit sRGB: rows x columns x (red, green, blue).
public struct Picture: Hashable, Sendable {
  public let rows: Int
  public let columns: Int
  public let pixels: [UInt8]

  /// - Parameters:
  ///   - rows: Rows of pixels.
  ///   - columns: Pixels a row.
  ///   - pixels: Rows x columns x (red, green, blue), one byte each; another number of bytes is our own mistake.
  public init(rows: Int, columns: Int, pixels: [UInt8]) {
    precondition(pixels.count == rows * columns * 3, "\(pixels.count) bytes for \(rows) x \(columns) pixels")
    self.rows = rows
    self.columns = columns
    self.pixels = pixels
  }

  /// Decodes a file by its content, whatever its name says: JPEG, PNG, WebP, GIF (the first frame), TIFF, BMP, PPM
  /// and its kin, and JPEG 2000, HEIC and AVIF where libvips has them.
  ///
  /// Turned upright by its EXIF orientation, brought to sRGB by its profile, laid over white where it is
  /// transparent. Samples of other formats are scaled by the format's range, floats from 0 to 1.
  ///
  /// - Parameters:
  ///   - file: A path.
  ///   - limit: The most pixels that are decoded; the header tells before any memory is taken.
  /// - Throws: ``ImageError/unreadable(file:reason:)`` for a file that is missing, empty, truncated, too large, no
  ///   picture, or one whose samples do not keep to their format's range or reach less than a 255th of it.
  public init(decoding file: String, limit: Int = 100_000_000) throws(ImageError) {
    var failure = Failure()
    let decoded = unsafe failure.result { unsafe imaging_decode(file.fileNameForC, Double(limit), $0, $1) }
    guard let decoded else { throw .unreadable(file: file, reason: failure.text) }
    self.init(rows: decoded.rows, columns: decoded.columns, pixels: decoded.bytes)
  }

  /// Decodes a file's bytes, as ``init(decoding:limit:)`` does a file.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - name: What a message calls it.
  ///   - limit: The most pixels that are decoded.
  /// - Throws: ``ImageError/unreadable(file:reason:)`` for what is no picture.
  public init(decoding bytes: [UInt8], named name: String, limit: Int = 100_000_000) throws(ImageError) {
    var failure = Failure()
    let decoded = unsafe failure.result { error, result in
      unsafe imaging_decode_bytes(bytes, bytes.count, Double(limit), error, result)
    }
    guard let decoded else { throw .unreadable(file: name, reason: failure.text) }
    self.init(rows: decoded.rows, columns: decoded.columns, pixels: decoded.bytes)
  }

  /// The extents that a file's picture has once it stands upright, from its header alone.
  public static func extents(of file: String) throws(ImageError) -> (rows: Int, columns: Int) {
    var failure = Failure()
    var (rows, columns): (Int32, Int32) = (0, 0)
    let status = unsafe failure.status { unsafe imaging_extents(file.fileNameForC, &rows, &columns, $0) }
    guard status == 0 else { throw .unreadable(file: file, reason: failure.text) }
    return (Int(rows), Int(columns))
  }

  /// Whether a file's content is a picture of a kind that is read, by its header.
  public static func isReadable(_ file: String) -> Bool { (try? extents(of: file)) != nil }

  /// How pixels are weighed when a picture changes size, as Pillow and torchvision do by these names.
  public enum Resampling: String, Codable, Hashable, Sendable, CaseIterable {
    case nearest, bilinear, bicubic, lanczos
  }

  /// The picture at another size.
  ///
  /// - Parameters:
  ///   - toRows: The rows that it is to have.
  ///   - toColumns: The columns.
  ///   - resampling: How pixels are weighed.
  ///   - isAntialiased: Whether shrinking averages over all that a pixel covers.
  /// - Returns: The picture at that size.
  /// - Throws: ``ImageError/preparation(reason:)`` where there is no such size, or not enough memory.
  public func resized(
    rows toRows: Int, columns toColumns: Int, by resampling: Resampling = .bilinear,
    antialiased isAntialiased: Bool = true
  ) throws(ImageError) -> Picture {
    if toRows == rows, toColumns == columns { return self }
    guard toRows > 0, toColumns > 0 else { throw .preparation(reason: "a size of \(toRows) x \(toColumns)") }
    let kernel =
      switch resampling {
      case .nearest: imaging_nearest
      case .bilinear: imaging_bilinear
      case .bicubic: imaging_bicubic
      case .lanczos: imaging_lanczos
      }
    var failure = Failure()
    let resized = unsafe failure.result { result, error in
      unsafe imaging_resize(
        pixels, Int32(rows), Int32(columns), Int32(toRows), Int32(toColumns), kernel, isAntialiased ? 1 : 0,
        result, error)
    }
    guard let resized else { throw .preparation(reason: failure.text) }
    return Picture(rows: resized.rows, columns: resized.columns, pixels: resized.bytes)
  }

  /// The part inside a box, which must lie inside the picture.
  public func cropped(to box: Box) -> Picture {
    precondition(
      box.top >= 0 && box.left >= 0 && box.bottom <= rows && box.right <= columns && box.rows >= 0
        && box.columns >= 0,
      "box \(box) of \(rows) x \(columns)")
    var part: [UInt8] = []
    part.reserveCapacity(box.rows * box.columns * 3)
    for row in box.top..<box.bottom {
      let start = (row * columns + box.left) * 3
      part += pixels[start..<start + box.columns * 3]
    }
    return Picture(rows: box.rows, columns: box.columns, pixels: part)
  }
}

/// A call into the shim: its result copied out, or the reason it failed.
struct Failure {
  private(set) var text = ""

  mutating func status(_ call: (UnsafeMutablePointer<CChar>) -> Int32) -> Int32 {
    var error = [CChar](repeating: 0, count: Int(IMAGING_ERROR))
    let status = unsafe error.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return Int32(-1) }
      return unsafe call(base)
    }
    if status != 0 {
      text = String(decoding: error.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    return status
  }

  mutating func result(
    _ call: (UnsafeMutablePointer<imaging_result>, UnsafeMutablePointer<CChar>) -> Int32
  ) -> (rows: Int, columns: Int, bytes: [UInt8])? {
    var result = unsafe imaging_result()
    let status = unsafe status { unsafe call(&result, $0) }
    guard status == 0, let bytes = unsafe result.bytes else { return nil }
    defer { unsafe imaging_free(bytes) }
    return unsafe (
      Int(result.rows), Int(result.columns), Array(UnsafeBufferPointer(start: bytes, count: result.count))
    )
  }
}
