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
}
