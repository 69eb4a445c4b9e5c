internal import CImaging

extension Picture {
  /// The bytes of a PNG file.
  public func encodedPNG() throws(ImageError) -> [UInt8] {
    try encoded(quality: 0)
  }

  /// The bytes of a JPEG file, quality 1 to 100.
  public func encodedJPEG(quality: Int) throws(ImageError) -> [UInt8] {
    try encoded(quality: min(max(quality, 1), 100))
  }

  private func encoded(quality: Int) throws(ImageError) -> [UInt8] {
    guard rows > 0, columns > 0 else { throw .encoding(reason: "it has \(rows) x \(columns) pixels") }
    var failure = Failure()
    let file = unsafe failure.result { result, error in
      unsafe imaging_encode(pixels, Int32(rows), Int32(columns), Int32(quality), result, error)
    }
    guard let file else { throw .encoding(reason: failure.text) }
    return file.bytes
  }

  /// One line of text as a mask: for each pixel how much of it the letters cover, 0 to 255.
  ///
  /// - Parameters:
  ///   - string: The line; white space alone gives an empty mask.
  ///   - height: The font's size in pixels.
  ///   - bold: Whether its strokes are heavy.
  /// - Returns: Rows x columns values, as large as the letters.
  /// - Throws: ``ImageError/encoding(reason:)`` where there is no font.
  public static func text(
    _ string: String, height: Int, bold: Bool = false
  ) throws(ImageError) -> (rows: Int, columns: Int, coverage: [UInt8]) {
    if string.allSatisfy(\.isWhitespace) { return (0, 0, []) }
    var failure = Failure()
    let mask = unsafe failure.result { unsafe imaging_text(string, Int32(height), bold ? 1 : 0, $0, $1) }
    guard let mask else { throw .encoding(reason: failure.text) }
    return (mask.rows, mask.columns, mask.bytes)
  }
}
