import Foundation
import Images
import Synchronization
import Tensors
import TestSupport
import Testing

@Suite struct Decoding {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func decoded(_ bytes: some Sequence<UInt8>, as name: String = "picture") throws -> Picture {
    try Picture(decoding: folder.write(bytes, to: name))
  }

  /// The reason that a file is refused, once the message was seen to name it.
  private func refusal(of bytes: some Sequence<UInt8>, as name: String) throws -> String {
    let path = try folder.write(bytes, to: name)
    let error = #expect(throws: ImageError.self) { try Picture(decoding: path) }
    #expect(error?.description.contains(path) == true, "\(error?.description ?? "")")
    guard case .unreadable(_, let reason) = error else { return "" }
    return reason
  }

  /// Every pixel another colour.
  private let motley = Picture(
    rows: 7, columns: 5, pixels: (0..<105).map { UInt8(($0 * 37 + 11) % 256) })

  @Test func `a PNG gives back every pixel`() throws {
    #expect(try decoded(motley.encodedPNG(), as: "a.png") == motley)
  }

  @Test func `a JPEG gives back smooth pictures to within a few levels`() throws {
    var pixels: [UInt8] = []
    for row in 0..<40 {
      for column in 0..<56 { pixels += [UInt8(row * 5), UInt8(column * 4), UInt8(100 + row)] }
    }
    let smooth = Picture(rows: 40, columns: 56, pixels: pixels)
    let again = try decoded(smooth.encodedJPEG(quality: 95), as: "a.jpg")
    #expect((again.rows, again.columns) == (40, 56))
    // Chroma is stored at half the resolution, so a slope of 5 a pixel errs by as much.
    #expect(largestDifference(again.pixels.map(Float.init), pixels.map(Float.init)) <= 10)
    let coarse = try smooth.encodedJPEG(quality: 5).count
    #expect(try coarse < smooth.encodedJPEG(quality: 95).count)
  }

  @Test func `a sharp JPEG keeps colours that change from pixel to pixel`() throws {
    let pixels = (0..<32 * 32).flatMap { place -> [UInt8] in
      (place % 32 + place / 32) % 2 == 0 ? [200, 100, 60] : [60, 130, 200]
    }
    let stripes = Picture(rows: 32, columns: 32, pixels: pixels)
    func error(_ encoding: ImageEncoding) throws -> Double {
      largestDifference(
        try decoded(stripes.encoded(as: encoding)).pixels.map(Float.init), pixels.map(Float.init))
    }
    let (sharp, coarse) = try (error(.sharpJPEG(quality: 80)), error(.jpeg(quality: 80)))
    #expect(2 * sharp < coarse, "\(sharp) and \(coarse)")
  }

  @Test func `a WebP gives back smooth pictures to within a few levels, and lets through what lies below`()
    throws
  {
    var pixels: [UInt8] = []
    for row in 0..<40 {
      for column in 0..<56 { pixels += [UInt8(row * 3), UInt8(column * 2), UInt8(100 + row)] }
    }
    let smooth = Picture(rows: 40, columns: 56, pixels: pixels)
    let again = try decoded(smooth.encoded(as: .webp(quality: 90)), as: "a.webp")
    #expect((again.rows, again.columns) == (40, 56))
    #expect(largestDifference(again.pixels.map(Float.init), pixels.map(Float.init)) <= 10)
    #expect(try smooth.encoded(as: .webp(quality: 20)).count < smooth.encoded(as: .webp(quality: 90)).count)
    #expect(try decoded(smooth.encoded(as: .losslessWebP), as: "b.webp") == smooth)
    // A picture is decoded over white.
    let opacity = (0..<40 * 56).map { UInt8($0 % 56 < 20 ? 0 : 255) }
    for encoding in [ImageEncoding.png, .losslessWebP, .webp(quality: 80)] {
      let half = try decoded(smooth.encoded(as: encoding, opacity: opacity), as: "half")
      for place in opacity.indices where opacity[place] == 0 {
        #expect(half.pixels[place * 3..<place * 3 + 3].allSatisfy { $0 == 255 })
      }
      #expect(abs(Int(half.pixels[40 * 3 + 1]) - 80) <= 10, "\(encoding)")
    }
  }

  @Test func `content decides, not the ending`() throws {
    #expect(try decoded(motley.encodedPNG(), as: "really-a-png.jpg") == motley)
    #expect(try decoded(motley.encodedPNG(), as: "really-a-png.txt") == motley)
    let jpeg = try decoded(motley.encodedJPEG(quality: 90), as: "really-a-jpeg.png")
    #expect((jpeg.rows, jpeg.columns) == (7, 5))
  }

  @Test func `an animation gives its first frame`() throws {
    let picture = try decoded(PictureFiles.gif, as: "a.gif")
    #expect(
      picture
        == Picture(rows: 2, columns: 3, pixels: Array([[UInt8]](repeating: [255, 0, 0], count: 6).joined())))
  }

  @Test func `a WebP without loss gives every pixel`() throws {
    let pixels = Array([[UInt8]](repeating: [10, 200, 30], count: 5).joined()) + [250, 5, 60]
    #expect(try decoded(PictureFiles.webp, as: "a.webp") == Picture(rows: 2, columns: 3, pixels: pixels))
  }

  @Test func `a TIFF gives every pixel`() throws {
    let bytes = PictureFiles.tiff(rows: 7, columns: 5, channels: 3, samples: motley.pixels.map(Int.init))
    #expect(try decoded(bytes, as: "a.tif") == motley)
  }

  @Test func `sixteen bits become the eight that count`() throws {
    let samples = [0, 255, 256, 0x8000, 0x80FF, 0xFFFF, 0x1234, 0xABCD, 0x7F00]
    let high = samples.map { UInt8($0 >> 8) }
    let expected = Picture(rows: 1, columns: 3, pixels: high)
    let png = PictureFiles.png(rows: 1, columns: 3, channels: 3, depth: 16, samples: samples)
    #expect(try decoded(png) == expected)
    let tiff = PictureFiles.tiff(rows: 1, columns: 3, channels: 3, depth: 16, samples: samples)
    #expect(try decoded(tiff) == expected)
  }

  @Test func `grey becomes three equal channels`() throws {
    let expected = Picture(rows: 2, columns: 2, pixels: [0, 0, 0, 7, 7, 7, 200, 200, 200, 255, 255, 255])
    let samples = [0, 7, 200, 255]
    #expect(try decoded(PictureFiles.png(rows: 2, columns: 2, channels: 1, samples: samples)) == expected)
    #expect(try decoded(PictureFiles.tiff(rows: 2, columns: 2, channels: 1, samples: samples)) == expected)
    let wide = samples.map { $0 * 257 }
    let deep = PictureFiles.png(rows: 2, columns: 2, channels: 1, depth: 16, samples: wide)
    #expect(try decoded(deep) == expected)
  }

  @Test func `what is transparent lies over white`() throws {
    // Solid, clear, and a red half seen through: 255 * (1 - 128/255) = 127 of white shows.
    let samples = [9, 8, 7, 255, 1, 2, 3, 0, 255, 0, 0, 128]
    let expected = [9, 8, 7, 255, 255, 255, 255, 127, 127]
    for bytes in [
      PictureFiles.png(rows: 1, columns: 3, channels: 4, samples: samples),
      PictureFiles.tiff(rows: 1, columns: 3, channels: 4, samples: samples, hasAlpha: true),
    ] {
      let found = try decoded(bytes).pixels
      #expect(zip(found, expected).allSatisfy { abs(Int($0) - $1) <= 1 }, "\(found)")
    }
    let grey = try decoded(PictureFiles.png(rows: 1, columns: 2, channels: 2, samples: [40, 255, 40, 0]))
    #expect(grey.pixels == [40, 40, 40, 255, 255, 255])
    let deep = PictureFiles.png(
      rows: 1, columns: 2, channels: 4, depth: 16,
      samples: [0x4040, 0x4040, 0x4040, 0xFFFF, 0x4040, 0x4040, 0x4040, 0])
    #expect(try decoded(deep).pixels == [64, 64, 64, 255, 255, 255])
  }

  @Test func `inks become light`() throws {
    let red = try decoded(PictureFiles.cmykJPEG, as: "print.jpg")
    #expect((red.rows, red.columns) == (8, 8))
    #expect(red.pixels[0] > 180 && red.pixels[1] < 90 && red.pixels[2] < 90, "\(red.pixels[..<3])")
    let samples = [0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0]
    let tiff = try decoded(PictureFiles.tiff(rows: 1, columns: 3, channels: 4, samples: samples)).pixels
    #expect(tiff[..<3].allSatisfy { $0 > 245 }, "no ink is white: \(tiff)")
    #expect(tiff[3..<6].allSatisfy { $0 < 80 }, "black ink is dark: \(tiff)")
    #expect(tiff[6] < 100 && tiff[8] > 150, "cyan ink is not red: \(tiff)")
  }

  @Test func `an embedded profile is brought to sRGB`() throws {
    let samples = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]
    let bytes = PictureFiles.tiff(
      rows: 1, columns: 4, channels: 3, samples: samples, profile: PictureFiles.swappedProfile)
    let found = try decoded(bytes).pixels
    let expected = [0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255]
    #expect(zip(found, expected).allSatisfy { abs(Int($0) - $1) <= 6 }, "\(found)")
  }

  @Test func `a profile that makes no sense is passed over`() throws {
    let bytes = PictureFiles.tiff(
      rows: 7, columns: 5, channels: 3, samples: motley.pixels.map(Int.init),
      profile: [UInt8](repeating: 0xEE, count: 200))
    #expect(try decoded(bytes) == motley)
  }

  /// The stored place that each EXIF orientation shows at a row and column of the upright picture.
  private func stored(_ orientation: Int, _ row: Int, _ column: Int, of rows: Int, _ columns: Int) -> (
    Int, Int
  ) {
    switch orientation {
    case 2: (row, columns - 1 - column)
    case 3: (rows - 1 - row, columns - 1 - column)
    case 4: (rows - 1 - row, column)
    case 5: (column, row)
    case 6: (rows - 1 - column, row)
    case 7: (rows - 1 - column, columns - 1 - row)
    case 8: (column, columns - 1 - row)
    default: (row, column)
    }
  }

  @Test(arguments: 1...8) func `a picture is turned upright, its extents with it`(orientation: Int) throws {
    let bytes = PictureFiles.tiff(
      rows: 7, columns: 5, channels: 3, samples: motley.pixels.map(Int.init), orientation: orientation)
    let path = try folder.write(bytes, to: "turned.tif")
    let picture = try Picture(decoding: path)
    let expected = orientation < 5 ? (7, 5) : (5, 7)
    #expect((picture.rows, picture.columns) == expected)
    #expect(try Picture.extents(of: path) == expected)
    for row in 0..<picture.rows {
      for column in 0..<picture.columns {
        let (from, at) = stored(orientation, row, column, of: 7, 5)
        let found = picture.pixels[
          (row * picture.columns + column) * 3..<(row * picture.columns + column + 1) * 3]
        #expect(Array(found) == Array(motley.pixels[(from * 5 + at) * 3..<(from * 5 + at + 1) * 3]))
      }
    }
  }

  @Test(arguments: 1...8) func `a JPEG is turned upright by its EXIF block`(orientation: Int) throws {
    // Blocks of 16 pixels, so that neighbours do not bleed into a block's middle.
    var pixels: [UInt8] = []
    for row in 0..<32 {
      for column in 0..<48 { pixels += [UInt8(row / 16 * 200), UInt8(column / 16 * 100), 90] }
    }
    let jpeg = try Picture(rows: 32, columns: 48, pixels: pixels).encodedJPEG(quality: 95)
    let picture = try decoded(PictureFiles.jpeg(jpeg, orientation: orientation), as: "camera.jpg")
    #expect((picture.rows, picture.columns) == (orientation < 5 ? (32, 48) : (48, 32)))
    for row in stride(from: 8, to: picture.rows, by: 16) {
      for column in stride(from: 8, to: picture.columns, by: 16) {
        let (from, at) = stored(orientation, row, column, of: 32, 48)
        let place = (row * picture.columns + column) * 3
        #expect(abs(Int(picture.pixels[place]) - from / 16 * 200) < 12)
        #expect(abs(Int(picture.pixels[place + 1]) - at / 16 * 100) < 12)
      }
    }
  }

  @Test func `one pixel is a picture`() throws {
    let pixel = Picture(rows: 1, columns: 1, pixels: [1, 2, 3])
    #expect(try decoded(pixel.encodedPNG()) == pixel)
    #expect(try decoded(pixel.encodedJPEG(quality: 90)).pixels.count == 3)
  }

  @Test func `a file cut short is refused`() throws {
    let picture = Picture(rows: 64, columns: 64, pixels: (0..<64 * 64 * 3).map { UInt8(($0 * $0) % 251) })
    let tiff = PictureFiles.tiff(rows: 64, columns: 64, channels: 3, samples: picture.pixels.map { Int($0) })
    let files: [([UInt8], String)] = [
      (try picture.encodedPNG(), "cut.png"), (try picture.encodedJPEG(quality: 90), "cut.jpg"),
      (tiff, "cut.tif"),
    ]
    for (bytes, name) in files {
      for share in [2, 10, 50, 90] {
        #expect(try !refusal(of: bytes.prefix(bytes.count * share / 100), as: name).isEmpty)
      }
    }
    #expect(try !refusal(of: PictureFiles.webp.prefix(30), as: "cut.webp").isEmpty)
    #expect(try !refusal(of: PictureFiles.gif.prefix(40), as: "cut.gif").isEmpty)
  }

  @Test func `what is no picture is refused, and says so`() throws {
    #expect(try refusal(of: [], as: "empty.jpg").contains("empty"))
    #expect(try refusal(of: Array("a shopping list\nmilk\n".utf8), as: "list.jpg").contains("not an image"))
    #expect(try refusal(of: [0xFF], as: "byte.jpg").contains("not an image"))
    let missing = folder.file("missing.jpg")
    let error = #expect(throws: ImageError.self) { try Picture(decoding: missing) }
    #expect(error?.description.contains(missing) == true)
    let nothing = #expect(throws: ImageError.self) { try Picture(decoding: folder.path) }
    #expect(nothing?.description.contains("folder") == true, "\(nothing?.description ?? "")")
    #expect(throws: ImageError.self) { try Picture.extents(of: missing) }
  }

  @Test(.timeLimit(.minutes(20))) func `what is no file is refused without waiting for it`() throws {
    let pipe = folder.file("pipe.jpg")
    try #require(unsafe mkfifo(pipe, 0o600) == 0)
    let error = #expect(throws: ImageError.self) { try Picture(decoding: pipe) }
    #expect(error?.description.contains("no file") == true, "\(error?.description ?? "")")
  }

  @Test(arguments: [
    ("drawing.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"4\" height=\"4\"><rect/></svg>"),
    ("page.pdf", "%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"),
    ("bright.hdr", "#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\nabcd"),
    ("table.csv", "1,2,3\n4,5,6\n"), ("script.ps", "%!PS-Adobe-3.0\nshowpage\n"),
    ("star.fits", "SIMPLE  =                    T / standard\n"), ("magick.miff", "id=ImageMagick\n"),
  ]) func `formats that this program does not trust are refused`(name: String, text: String) throws {
    #expect(try refusal(of: Array(text.utf8), as: name).contains("not an image"))
  }

  @Test func `a portable pixmap is read`() throws {
    let ppm = try decoded(Array("P3 2 1 255 1 2 3 4 5 6\n".utf8), as: "a.ppm")
    #expect(ppm == Picture(rows: 1, columns: 2, pixels: [1, 2, 3, 4, 5, 6]))
    #expect(try decoded(Array("P2 2 1 255 7 9\n".utf8), as: "a.pgm").pixels == [7, 7, 7, 9, 9, 9])
    #expect(Picture.isReadable(folder.file("a.ppm")) && !Picture.isReadable(folder.path))
  }

  /// libvips reads what is missing of these as zeros: `P17777777`, nine bytes, was a picture and took a minute.
  @Test(arguments: [
    "P2 2 2 255 7 9 1", "P3 1 1 255 1 2", "P1 2 2 1 0 1", "P1 4 1 1010", "P4 64 2 12345678", "P17777777",
    "P1", "P2 2", "P2 2 2 255", "P2 99999999999 2 255 1 2", "P2 x 2 255 1 2", "P2 2 2 255 # 1 2 3 4",
    "P5 2 2 255 abc", "P6 1 1 255 ab",
  ]) func `a portable map that is cut short is refused`(text: String) throws {
    let reason = try refusal(of: Array(text.utf8), as: "a.ppm")
    #expect(reason.contains("cut short") || reason.contains("not a picture"), "\(reason)")
    #expect(reason.contains("without blanks") == text.hasPrefix("P1"), "\(reason)")
  }

  @Test func `a portable map that is whole is read, comments and all`() throws {
    let white: [UInt8] = [255, 255, 255]
    let bits = try decoded(Array("P1\n# two\n2 1 #x\n1 0\n".utf8), as: "a.pbm")
    #expect(bits.pixels == [0, 0, 0] + white)
    #expect(
      try decoded(Array("P4 8 2\n".utf8) + [0xFF, 0x7F], as: "a.pbm").pixels.suffix(24).prefix(3)
        == white[...])
    #expect(try decoded(Array("P2\n2 1\n255\n7 #x\n9".utf8), as: "a.pgm").pixels == [7, 7, 7, 9, 9, 9])
  }

  /// A Windows bitmap of two rows and three columns.
  private func bitmap(
    depth: Int, compression: Int = 0, colours: [Int] = [], isUpright: Bool = false, rows: [[UInt8]]
  )
    -> [UInt8]
  {
    func little(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let table = colours.flatMap { little($0, 4) }
    return Array("BM".utf8) + little(0, 8) + little(54 + table.count, 4) + little(40, 4) + little(3, 4)
      + little(isUpright ? -2 : 2, 4) + little(1, 2) + little(depth, 2) + little(compression, 4)
      + little(0, 20) + table
      + rows.flatMap { $0 + [UInt8](repeating: 0, count: (4 - $0.count % 4) % 4) }
  }

  @Test func `a bitmap of Windows is read at every depth without compression`() throws {
    let right: [UInt8] = [255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0, 255, 0]
    let colours = [0xFF0000, 0x00FF00, 0x0000FF, 0, 0xFFFFFF]
    let top: [UInt8] = [0, 0, 255, 0, 255, 0, 255, 0, 0]
    let bottom: [UInt8] = [0, 0, 0, 255, 255, 255, 0, 255, 0]
    func wide(_ row: [UInt8]) -> [UInt8] {
      stride(from: 0, to: 9, by: 3).flatMap { [row[$0], row[$0 + 1], row[$0 + 2], 7] }
    }
    let files = [
      bitmap(depth: 24, rows: [bottom, top]), bitmap(depth: 24, isUpright: true, rows: [top, bottom]),
      bitmap(depth: 32, rows: [wide(bottom), wide(top)]),
      bitmap(depth: 32, compression: 3, colours: [0xFF0000, 0xFF00, 0xFF], rows: [wide(bottom), wide(top)]),
      bitmap(depth: 16, rows: [[0, 0, 0xFF, 0x7F, 0xE0, 0x03], [0x00, 0x7C, 0xE0, 0x03, 0x1F, 0]]),
      bitmap(depth: 8, colours: colours, rows: [[3, 4, 1], [0, 1, 2]]),
      bitmap(depth: 4, colours: colours, rows: [[0x34, 0x10], [0x01, 0x20]]),
    ]
    for (index, file) in files.enumerated() {
      #expect(try decoded(file, as: "a.bmp").pixels == right, "file \(index)")
      #expect(try !refusal(of: file.dropLast(13), as: "cut.bmp").isEmpty)
    }
    let bits = bitmap(depth: 1, colours: [0, 0xFFFFFF], rows: [[0b1010_0000], [0b0100_0000]])
    #expect(
      try decoded(bits, as: "b.bmp").pixels == [
        0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255,
      ])
    #expect(try refusal(of: bitmap(depth: 8, compression: 1, rows: []), as: "r.bmp").contains("compressed"))
  }

  /// A grey ramp in samples of other formats: kinds are TIFF's, 1 unsigned, 2 signed, 3 floats.
  @Test(arguments: [
    (32, 3, [0, Int(Float(0.5).bitPattern), Int(Float(1).bitPattern)], [0, 128, 255]),
    (32, 1, [0, 1 << 31, 0xFFFF_FFFF], [0, 128, 255]), (32, 2, [0, 1 << 30, 0x7FFF_FFFF], [0, 128, 255]),
    (16, 2, [0, 0x4000, 0x7FFF], [0, 128, 255]), (8, 2, [0, 64, 127], [0, 129, 255]),
    (16, 1, [0, 0x8000, 0xFFFF], [0, 128, 255]),
  ]) func `samples of every format are scaled by its range`(
    depth: Int, kind: Int, samples: [Int], right: [Int]
  )
    throws
  {
    for channels in [1, 3] {
      let tiff = PictureFiles.tiff(
        rows: 1, columns: 3, channels: channels, depth: depth,
        samples: samples.flatMap { Array(repeating: $0, count: channels) }, sampleFormat: kind)
      let found = try decoded(tiff, as: "ramp.tif").pixels
      #expect(zip(found, right.flatMap { [$0, $0, $0] }).allSatisfy { abs(Int($0) - $1) <= 1 }, "\(found)")
    }
  }

  @Test(arguments: [
    (32, 3, [0, Int(Float(255).bitPattern)], "32-bit float samples are from 0 to 255"),
    (32, 3, [0, Int(Float(-0.5).bitPattern)], "32-bit float samples are from -0.5 to 0"),
    (32, 3, [0, Int(Float.nan.bitPattern)], "NaN"),
    (32, 1, [0, 4095], "32-bit unsigned samples are from 0 to 4095"),
    (16, 2, [0, 0xFFFF], "16-bit signed samples are from -1 to 0"),
    (16, 3, [0, 0x3C00], "16-bit or 64-bit floats"),
    (64, 3, [0, Int(1.0.bitPattern)], "16-bit or 64-bit floats"),
  ]) func `samples that do not keep to their format's range are refused by name`(
    depth: Int, kind: Int, samples: [Int], part: String
  ) throws {
    let tiff = PictureFiles.tiff(
      rows: 1, columns: 2, channels: 1, depth: depth, samples: samples, sampleFormat: kind)
    let reason = try refusal(of: tiff, as: "x.tif")
    #expect(reason.contains(part), "\(reason)")
  }

  @Test func `a picture of five bands is refused by name`() throws {
    let tiff = PictureFiles.tiff(rows: 1, columns: 2, channels: 5, samples: Array(0..<10), sampleFormat: 1)
    #expect(try refusal(of: tiff, as: "five.tif").contains("5 bands"))
  }

  @Test func `a picture that claims to be huge is refused by its header`() throws {
    let reason = try refusal(of: PictureFiles.pngClaiming(rows: 30_000, columns: 30_000), as: "huge.png")
    #expect(reason.contains("30000 x 30000") && reason.contains("100 million"), "\(reason)")
    let path = try folder.write(motley.encodedPNG(), to: "small.png")
    #expect(throws: ImageError.self) { try Picture(decoding: path, limit: 34) }
    #expect(try Picture(decoding: path, limit: 35) == motley)
  }

  @Test func `each file's reason is its own, however many are read at once`() throws {
    let cut = try folder.write(try motley.encodedPNG().dropLast(60), to: "cut.png")
    let text = try folder.write(Array("no picture".utf8), to: "text.jpg")
    let wrong = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: 400) { index in
      let path = index % 2 == 0 ? cut : text
      do {
        _ = try Picture(decoding: path)
        wrong.add(1, ordering: .relaxed)
      } catch {
        let word = index % 2 == 0 ? "cut short" : "not an image"
        if !"\(error)".contains(word) { wrong.add(1, ordering: .relaxed) }
      }
    }
    #expect(wrong.load(ordering: .relaxed) == 0)
  }

  @Test func `mutated files are read or refused, never worse`() throws {
    var generator = SeededGenerator(seed: 11)
    let seeds = [
      try motley.encodedPNG(), try motley.encodedJPEG(quality: 80), PictureFiles.gif, PictureFiles.webp,
      PictureFiles.cmykJPEG,
      PictureFiles.tiff(
        rows: 3, columns: 4, channels: 3, samples: Array(0..<36), profile: PictureFiles.swappedProfile),
      bitmap(depth: 8, colours: [1, 2, 3, 4, 5], rows: [[3, 4, 1], [0, 1, 2]]),
      Array("P3 2 1 255 1 2 3 4 5 6\n".utf8),
    ]
    var refused = 0
    for round in 0..<1200 {
      var bytes = seeds[round % seeds.count]
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(
          in: 0...255, using: &generator)
      }
      do {
        let picture = try Picture(decoding: folder.write(bytes, to: "mutated"), limit: 1_000_000)
        #expect(picture.pixels.count == picture.rows * picture.columns * 3)
      } catch is ImageError {
        refused += 1
      }
    }
    #expect(refused > 100)
  }
}
