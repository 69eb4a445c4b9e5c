internal import Foundation

/// Picture files built byte by byte, so that a reader is held against the formats and not against a writer of its own.
public enum PictureFiles {
  /// A PNG: samples row by row, channels together; 1 channel is grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
  public static func png(
    rows: Int, columns: Int, channels: Int, depth: Int = 8, samples: [Int]
  ) -> [UInt8] {
    let each = columns * channels
    var lines: [UInt8] = []
    for row in 0..<rows {
      lines.append(0)  // no filter
      for sample in samples[row * each..<(row + 1) * each] {
        if depth == 16 { lines.append(UInt8(sample >> 8)) }
        lines.append(UInt8(sample & 255))
      }
    }
    return pngSignature + pngHeader(rows: rows, columns: columns, channels: channels, depth: depth)
      + pngChunk("IDAT", stored(lines)) + pngChunk("IEND", [])
  }

  /// A PNG whose header claims a size, and whose data is a few bytes.
  public static func pngClaiming(rows: Int, columns: Int) -> [UInt8] {
    pngSignature + pngHeader(rows: rows, columns: columns, channels: 3, depth: 8)
      + pngChunk("IDAT", stored([0, 1, 2, 3])) + pngChunk("IEND", [])
  }

  private static let pngSignature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  private static func pngHeader(rows: Int, columns: Int, channels: Int, depth: Int) -> [UInt8] {
    let colour: UInt8 = [1: 0, 2: 4, 3: 2, 4: 6][channels] ?? 2
    return pngChunk("IHDR", big(columns, 4) + big(rows, 4) + [UInt8(depth), colour, 0, 0, 0])
  }

  private static func pngChunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + data
    return big(data.count, 4) + body + big(Int(checksum(body)), 4)
  }

  /// A zlib stream of blocks that are stored, not compressed.
  private static func stored(_ bytes: [UInt8]) -> [UInt8] {
    var stream: [UInt8] = [0x78, 0x01]
    var start = 0
    repeat {
      let end = min(start + 65535, bytes.count)
      let count = end - start
      stream.append(end == bytes.count ? 1 : 0)
      stream += little(count, 2) + little(~count & 0xFFFF, 2) + bytes[start..<end]
      start = end
    } while start < bytes.count
    var (one, two) = (1, 0)
    for byte in bytes {
      one = (one + Int(byte)) % 65521
      two = (two + one) % 65521
    }
    return stream + big(two << 16 | one, 4)
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var register = UInt32.max
    for byte in bytes {
      register ^= UInt32(byte)
      for _ in 0..<8 { register = register & 1 == 1 ? register >> 1 ^ 0xEDB8_8320 : register >> 1 }
    }
    return ~register
  }

  /// An uncompressed TIFF.
  ///
  /// - Parameters:
  ///   - rows: Stored rows.
  ///   - columns: Stored columns.
  ///   - channels: 1 is grey, 3 RGB, 4 CMYK or, with `hasAlpha`, RGB and alpha.
  ///   - depth: Bits a sample: 8, 16, 32 or 64.
  ///   - samples: Row by row, channels together.
  ///   - orientation: As in EXIF: which way up it is meant.
  ///   - hasAlpha: Whether the fourth channel is alpha.
  ///   - profile: An ICC profile to carry.
  ///   - sampleFormat: 1 for unsigned samples, 2 for signed ones, 3 for floats.
  /// - Returns: The file's bytes.
  public static func tiff(
    rows: Int, columns: Int, channels: Int, depth: Int = 8, samples: [Int], orientation: Int = 1,
    hasAlpha: Bool = false, profile: [UInt8] = [], sampleFormat: Int? = nil
  ) -> [UInt8] {
    var data = samples.flatMap { little($0, depth / 8) }
    if data.count % 2 == 1 { data.append(0) }
    let profileStart = 8 + data.count
    let depthsStart = profileStart + profile.count + profile.count % 2
    let formatsStart = depthsStart + 2 * channels
    let directory = formatsStart + (sampleFormat == nil ? 0 : 2 * channels)
    let photometric = channels == 1 || channels > 4 ? 1 : channels == 4 && !hasAlpha ? 5 : 2
    var entries: [(tag: Int, type: Int, count: Int, value: Int)] = [
      (256, 4, 1, columns), (257, 4, 1, rows),
      (258, 3, channels, channels <= 2 ? (channels == 2 ? depth << 16 | depth : depth) : depthsStart),
      (259, 3, 1, 1), (262, 3, 1, photometric), (273, 4, 1, 8), (274, 3, 1, orientation),
      (277, 3, 1, channels), (278, 4, 1, rows), (279, 4, 1, samples.count * depth / 8),
    ]
    if hasAlpha { entries.append((338, 3, 1, 2)) }
    if let sampleFormat { entries.append((339, 3, channels, channels == 1 ? sampleFormat : formatsStart)) }
    if !profile.isEmpty { entries.append((34675, 7, profile.count, profileStart)) }
    var file = Array("II*\0".utf8) + little(directory, 4) + data + profile
    if profile.count % 2 == 1 { file.append(0) }
    for value in [depth, sampleFormat].compactMap(\.self) {
      for _ in 0..<channels { file += little(value, 2) }
    }
    file += little(entries.count, 2)
    for entry in entries {
      file += little(entry.tag, 2) + little(entry.type, 2) + little(entry.count, 4) + little(entry.value, 4)
    }
    return file + little(0, 4)
  }

  /// A JPEG with an EXIF block that says which way up it is meant, put behind the start of another.
  public static func jpeg(_ jpeg: [UInt8], orientation: Int) -> [UInt8] {
    let exif =
      Array("Exif\0\0II*\0".utf8) + little(8, 4) + little(1, 2) + little(274, 2) + little(3, 2) + little(1, 4)
      + little(orientation, 4) + little(0, 4)
    return Array(jpeg[..<2]) + [0xFF, 0xE1] + big(exif.count + 2, 2) + exif + jpeg[2...]
  }

  /// An ICC profile of sRGB's primaries with red and blue changed over, and a plain gamma of 2.2.
  public static var swappedProfile: [UInt8] {
    func fixed(_ value: Double) -> [UInt8] { big(Int((value * 65536).rounded()), 4) }
    func colour(_ x: Double, _ y: Double, _ z: Double) -> [UInt8] {
      Array("XYZ ".utf8) + big(0, 4) + fixed(x) + fixed(y) + fixed(z)
    }
    let gamma = Array("curv".utf8) + big(0, 4) + big(1, 4) + big(0x0233, 2) + big(0, 2)
    let name = Array("swapped\0".utf8)
    let description =
      Array("desc".utf8) + big(0, 4) + big(name.count, 4) + name + [UInt8](repeating: 0, count: 80)
    let tags: [(String, [UInt8])] = [
      ("desc", description), ("wtpt", colour(0.9642, 1, 0.8249)), ("rXYZ", colour(0.1431, 0.0606, 0.7141)),
      ("gXYZ", colour(0.3851, 0.7169, 0.0971)), ("bXYZ", colour(0.4361, 0.2225, 0.0139)), ("rTRC", gamma),
      ("gTRC", gamma), ("bTRC", gamma),
    ]
    var table = big(tags.count, 4)
    var data: [UInt8] = []
    let start = 128 + 4 + 12 * tags.count
    for (tag, bytes) in tags {
      table += Array(tag.utf8) + big(start + data.count, 4) + big(bytes.count, 4)
      data += bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
    }
    let header =
      big(start + data.count, 4) + big(0, 4) + big(0x0210_0000, 4) + Array("mntrRGB XYZ ".utf8)
      + [UInt8](repeating: 0, count: 12) + Array("acsp".utf8) + [UInt8](repeating: 0, count: 28)
      + fixed(0.9642) + fixed(1) + fixed(0.8249)
    return header + [UInt8](repeating: 0, count: 128 - header.count) + table + data
  }

  /// Two frames of 2 x 3 pixels: red, then blue (Pillow made it).
  public static let gif = bytes(
    "R0lGODlhAwACAIEAAP8AAAAAAAAAAAAAACH5BAAKAAAALAAAAAADAAIAAAgGAAEIHBgQACH5BAEKAAEALAAAAAADAAIAgQAA"
      + "/wAAAAAAAAAAAAgGAAEIHBgQADs=")

  /// 2 x 3 pixels of (10, 200, 30), the last (250, 5, 60), without loss (Pillow made it).
  public static let webp = bytes("UklGRigAAABXRUJQVlA4TBsAAAAvAkAAAA/wguFD6J9HfP5DCwrSNmDR/iL6HzcA")

  /// 8 x 8 pixels of full magenta and yellow and no cyan or black, which is red ink (Pillow made it).
  public static let cmykJPEG = bytes(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ4SEA0OEQ4LCxAWEBETFBUVFQwPFxgW"
      + "FBgSFBUU/8AAFAgACAAIBEMRAE0RAFkRAEsRAP/EABQAAQAAAAAAAAAAAAAAAAAAAAn/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oADgRDAE0A"
      + "WQBLAAA/AFTFUKoqb//Z")

  private static func bytes(_ text: String) -> [UInt8] { Array(Data(base64Encoded: text) ?? Data()) }

  private static func big(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  private static func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
