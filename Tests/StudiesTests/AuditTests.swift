import Datasets
import Foundation
import Images
import Studies
import Tensors
import TestSupport
import Testing

@Suite struct Thumbnails {
  private func picture(_ rows: Int, _ columns: Int, _ level: (Int, Int) -> Int) -> Picture {
    Picture(
      rows: rows, columns: columns,
      pixels: (0..<rows).flatMap { row in
        (0..<columns).flatMap { column in [UInt8](repeating: UInt8(level(row, column)), count: 3) }
      })
  }

  @Test func `two halves are a deviation from the mean each`() throws {
    // Half the squares are 40 and half 200: mean 120, deviation 80, so 128 - 25 and 128 + 25.
    for (rows, columns) in [(64, 64), (128, 256), (10, 2), (100, 70)] {
      let thumbnail = try #require(Thumbnail(picture(rows, columns) { $1 < columns / 2 ? 40 : 200 }))
      #expect(Set(thumbnail.levels) == [103, 153], "\(rows) x \(columns)")
      #expect(thumbnail.levels[31] == 103 && thumbnail.levels[32] == 153)
    }
  }

  @Test func `brightness and contrast make no difference, colour only by its brightness`() throws {
    let pixels = Scenes(.init(size: 64, count: 1)).scene(0).picture.pixels.map { $0 & ~1 }
    let (one, other) = (
      try #require(Thumbnail(Picture(rows: 64, columns: 64, pixels: pixels))),
      try #require(Thumbnail(Picture(rows: 64, columns: 64, pixels: pixels.map { $0 / 2 + 60 })))
    )
    // Brightness is whole levels: half a level of a deviation of some ten is a step or two of 25.
    #expect(zip(one.levels, other.levels).allSatisfy { abs(Int($0) - Int($1)) <= 2 })
  }

  @Test func `a flat picture has none`() {
    #expect(Thumbnail(picture(30, 40) { _, _ in 77 }) == nil)
    // One pixel of 4096 off by one deviates by 1/64.
    #expect(Thumbnail(picture(64, 64) { row, column in row == 3 && column == 5 ? 78 : 77 }) == nil)
    #expect(Thumbnail(picture(64, 64) { row, _ in row < 32 ? 77 : 79 }) != nil)
    #expect(Thumbnail(levels: [1, 2, 3]) == nil)
  }

  /// The same as ``SummedThumbnail/vector(of:count:mirrored:)``, slow and obvious.
  private func reference(_ thumbnail: Thumbnail, _ window: Thumbnail.Window, _ count: Int) -> [Double] {
    func cover(_ low: Double, _ high: Double, _ square: Int) -> Double {
      max(0, min(high, Double(square + 1)) - max(low, Double(square)))
    }
    let high = Double(window.bottom - window.top) / Double(count)
    let wide = Double(window.right - window.left) / Double(count)
    var values: [Double] = []
    for row in 0..<count {
      for column in 0..<count {
        let (top, left) = (
          Double(window.top) + Double(row) * high, Double(window.left) + Double(column) * wide
        )
        var sum = 0.0
        for y in 0..<Thumbnail.side {
          let down = cover(top, top + high, y)
          guard down > 0 else { continue }
          for x in 0..<Thumbnail.side {
            sum += down * cover(left, left + wide, x) * Double(thumbnail.levels[y * Thumbnail.side + x])
          }
        }
        values.append(sum)
      }
    }
    let mean = values.reduce(0, +) / Double(values.count)
    let length = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }.squareRoot()
    return values.map { ($0 - mean) / length }
  }

  @Test(arguments: [5, 16, 48]) func `sums give the means of a window's parts, as adding up does`(count: Int)
    throws
  {
    let thumbnail = try #require(Thumbnail(Scenes(.init(size: 96, count: 4)).scene(3).picture))
    let windows: [Thumbnail.Window] = [(0, 0, 64, 64), (3.2, 0, 64, 57.6), (6.4, 1.1, 60.03, 63.9)]
    for window in windows {
      let found = SummedThumbnail(thumbnail).vector(of: window, count: count)
      let expected = reference(thumbnail, window, count)
      // Sums reach 64 * 64 * 128 and lose 2^-24 of that, twice a part, against parts of a length near `count`.
      #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-4 })
      let mirrored = SummedThumbnail(thumbnail).vector(of: window, count: count, mirrored: true)
      // The mean is summed in another order: the last bits of a sum of `count` x `count` may differ.
      let reversed = (0..<count).flatMap { found[$0 * count..<($0 + 1) * count].reversed() }
      #expect(zip(mirrored, reversed).allSatisfy { abs($0 - $1) < 1e-6 })
    }
  }
}

@Suite struct Audits {
  private static func scenes(_ count: Int, seed: UInt64, size: Int = 96) -> [Picture] {
    let scenes = Scenes(.init(size: size, count: count, seed: seed))
    return (0..<count).map { scenes.scene($0).picture }
  }

  /// Copies of a picture as copies come about, by name.
  private static func copies(_ picture: Picture, number: Int, _ folder: TemporaryFolder) throws -> [String:
    Picture]
  {
    func recompressed(_ picture: Picture, _ quality: Int) throws -> Picture {
      let file = try folder.write(picture.encodedJPEG(quality: quality), to: "copy.jpg")
      return try Picture(decoding: file)
    }
    func cropped(_ top: Double, _ left: Double, _ bottom: Double, _ right: Double) -> Picture {
      let (rows, columns) = (Double(picture.rows), Double(picture.columns))
      return picture.cropped(
        to: Box(
          top: Int(top * rows), left: Int(left * columns), bottom: Int((1 - bottom) * rows),
          right: Int((1 - right) * columns)))
    }
    func lit(_ change: (Double) -> Double) -> Picture {
      Picture(
        rows: picture.rows, columns: picture.columns,
        pixels: picture.pixels.map { UInt8(min(max(change(Double($0)), 0), 255)) })
    }
    return [
      "copy": picture, "quality 50": try recompressed(picture, 50),
      "quality 10": try recompressed(picture, 10),
      "half": try picture.resized(rows: picture.rows / 2, columns: picture.columns / 2),
      "twice": try picture.resized(rows: picture.rows * 2, columns: picture.columns * 2, by: .lanczos),
      "squashed": try picture.resized(rows: 70, columns: 110),
      "centre 95 %": cropped(0.025, 0.025, 0.025, 0.025),
      "centre 90 %": cropped(0.05, 0.05, 0.05, 0.05), "corner 95 %": cropped(0.05, 0, 0, 0.05),
      "corner 90 %": cropped(0, 0.1, 0.1, 0), "a side less": cropped(0, 0, 0, 0.1),
      "brighter": lit { $0 * 1.2 + 10 },
      "darker": lit { $0 * 0.6 }, "gamma": lit { 255 * pow($0 / 255, 0.7) },
      "all at once": try recompressed(
        cropped(0.04, 0.01, 0.02, 0.05).resized(rows: 64, columns: 64), 40),
    ]
  }

  @Test func `planted copies are found, and nothing else`() throws {
    let folder = try TemporaryFolder()
    let training = Self.scenes(240, seed: 1)
    var test = Self.scenes(240, seed: 2)
    var planted: [Int: (training: Int, kind: String)] = [:]
    for number in 0..<6 {
      for (kind, picture) in try Self.copies(training[number * 31], number: number, folder).sorted(by: {
        $0.key < $1.key
      }) {
        planted[test.count] = (number * 31, kind)
        test.append(picture)
      }
    }
    let pairs = try Audit().pairs(
      training: training.map { Thumbnail($0) }, test: test.map { Thumbnail($0) }, threads: 2)
    let found = Set(pairs.filter { planted[$0.test]?.training == $0.training }.map(\.test))
    let missed = planted.filter { !found.contains($0.key) }.map(\.value.kind)
    let wrong = pairs.filter { planted[$0.test]?.training != $0.training }
    // Recall of 97 % and precision of 99 % at the usual threshold.
    #expect(Double(found.count) >= 0.97 * Double(planted.count), "missed \(missed) of \(planted.count)")
    #expect(Double(wrong.count) <= 0.01 * Double(pairs.count), "\(wrong)")
    #expect(pairs.map(\.correlation) == pairs.map(\.correlation).sorted(by: >))
    for pair in pairs where planted[pair.test]?.kind == "copy" { #expect(pair.correlation > 0.9999) }
  }

  @Test func `an alignment says what was cut from which picture`() throws {
    let whole = Self.scenes(1, seed: 5, size: 200)[0]
    let part = whole.cropped(to: Box(top: 20, left: 0, bottom: 200, right: 190))
    let (one, other) = (Thumbnail(whole), Thumbnail(part))
    let forth = try #require(try Audit().pairs(training: [one], test: [other], threads: 1).first)
    let back = try #require(try Audit().pairs(training: [other], test: [one], threads: 1).first)
    // A hundredth is two pixels of this picture, and two thirds of a square.
    func near(_ one: Float, _ other: Float) -> Bool { abs(one - other) < 0.01 }
    #expect(near(forth.alignment.top, 0.1) && near(forth.alignment.right, 0.05), "\(forth.alignment)")
    #expect(near(forth.alignment.left, 0) && near(forth.alignment.bottom, 0), "\(forth.alignment)")
    #expect(near(back.alignment.top, -0.1) && near(back.alignment.right, -0.05), "\(back.alignment)")
  }

  @Test func `mirrored pictures count where that is asked for`() throws {
    let scenes = Self.scenes(40, seed: 3)
    let training = scenes.map { Thumbnail($0) }
    let test = [7, 20].map { Thumbnail(scenes[$0].mirrored()) }
    #expect(try Audit().pairs(training: training, test: test, threads: 2).isEmpty)
    let pairs = try Audit(findsMirrored: true).pairs(training: training, test: test, threads: 2)
    #expect(Set(pairs.map { [$0.training, $0.test] }) == [[7, 0], [20, 1]])
    #expect(pairs.allSatisfy { $0.alignment.isMirrored && $0.correlation > 0.999 })
  }

  @Test func `one set's pairs are found once, flat and missing pictures pair with nothing`() throws {
    var pictures = Self.scenes(12, seed: 4).map { Thumbnail($0) }
    pictures += [pictures[3], nil, nil, pictures[8], pictures[3]]
    let pairs = try Audit().pairs(training: pictures, test: pictures, isOneSet: true, threads: 2)
    #expect(Set(pairs.map { [$0.training, $0.test] }) == [[3, 12], [3, 16], [12, 16], [8, 15]])
    #expect(try Audit().pairs(training: [nil], test: [nil, nil], threads: 2).isEmpty)
    #expect(try Audit().pairs(training: [], test: [], threads: 2).isEmpty)
  }

  @Test func `threads and order make no difference, and the closest are kept`() throws {
    let picture = Thumbnail(Self.scenes(1, seed: 6)[0])
    let training = [Thumbnail?](repeating: picture, count: 300)
    let audit = Audit(closest: 5)
    let pairs = try audit.pairs(training: training, test: [picture, picture], threads: 1)
    // All are as close: the first five stand for a test picture.
    #expect(pairs.map(\.training).sorted() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    #expect(try audit.pairs(training: training, test: [picture, picture], threads: 3) == pairs)
  }

  @Test func `it ends where it is told to`() throws {
    let pictures = Self.scenes(4, seed: 8).map { Thumbnail($0) }
    for ending in [Audit.Stage.comparing, .aligning] {
      #expect(throws: Interruption()) {
        try Audit().pairs(training: pictures, test: pictures, threads: 1) { stage, _, _ in
          if stage == ending { throw Interruption() }
        }
      }
    }
  }
}
