internal import CImaging

/// How pixels become the bytes of a file.
public enum ImageEncoding: Hashable, Sendable {
  /// Every pixel as it is.
  case png
  /// For photographs; quality 1 to 100. Colours are kept at half the resolution of light up to quality 89.
  case jpeg(quality: Int)
  /// The same with colours as sharp as light.
  case sharpJPEG(quality: Int)
  /// For photographs, smaller than JPEG, and with parts that let through what lies below; quality 1 to 100.
  case webp(quality: Int)
  /// Every pixel as it is, in fewer bytes than PNG.
  case losslessWebP
}

extension Picture {
  /// The bytes of a file.
  ///
  /// - Parameters:
  ///   - encoding: The kind of file.
  ///   - opacity: Rows x columns values, from 0 where what lies below is seen to 255 where the picture is; nil for a
  ///     picture that hides all below it. JPEG has none.
  /// - Returns: The whole file.
  /// - Throws: ``ImageError/encoding(reason:)``, above all for a picture without pixels.
  public func encoded(as encoding: ImageEncoding, opacity: [UInt8]? = nil) throws(ImageError) -> [UInt8] {
    guard rows > 0, columns > 0 else { throw .encoding(reason: "it has \(rows) x \(columns) pixels") }
    let (format, quality) =
      switch encoding {
      case .png: (imaging_png, 0)
      case .jpeg(let quality): (imaging_jpeg, quality)
      case .sharpJPEG(let quality): (imaging_jpeg_sharp, quality)
      case .webp(let quality): (imaging_webp, quality)
      case .losslessWebP: (imaging_webp_lossless, 0)
      }
    precondition(
      opacity == nil || ![imaging_jpeg, imaging_jpeg_sharp].contains(format), "a JPEG hides all below it")
    let samples = opacity.map(withOpacity) ?? pixels
    let bands = Int32(opacity == nil ? 3 : 4)
    var failure = Failure()
    let file = unsafe failure.result { result, error in
      unsafe imaging_encode(
        samples, Int32(rows), Int32(columns), bands, format, Int32(min(max(quality, 1), 100)), result, error)
    }
    guard let file else { throw .encoding(reason: failure.text) }
    return file.bytes
  }

  private func withOpacity(_ opacity: [UInt8]) -> [UInt8] {
    precondition(opacity.count == rows * columns, "\(opacity.count) values for \(rows) x \(columns) pixels")
    var samples: [UInt8] = []
    samples.reserveCapacity(4 * opacity.count)
    for place in opacity.indices {
      samples += pixels[place * 3..<place * 3 + 3]
      samples.append(opacity[place])
    }
    return samples
  }

  /// The bytes of a PNG file.
  public func encodedPNG() throws(ImageError) -> [UInt8] { try encoded(as: .png) }

  /// The bytes of a JPEG file, quality 1 to 100.
  public func encodedJPEG(quality: Int) throws(ImageError) -> [UInt8] {
    try encoded(as: .jpeg(quality: quality))
  }
}
