import Images
import Tensors
import TestSupport
import Testing

@Suite struct Framings {
  @Test func `the shorter side is resized and the middle cropped`() throws {
    let framing = try Framing(rows: 500, columns: 375, .imageNet)
    #expect((framing.resizedRows, framing.resizedColumns) == (341, 256))
    #expect((framing.cropTop, framing.cropLeft, framing.cropRows, framing.cropColumns) == (58, 16, 224, 224))
    let whole = framing.original(Box(top: -58, left: -16, bottom: 283, right: 240))
    #expect(whole == Box(top: 0, left: 0, bottom: 500, right: 375))
  }

  @Test func `an odd remainder is rounded down, or to even as torchvision does`() throws {
    // int(round((size - 8) / 2)) in Python, which rounds a half to the even number.
    let right = [8: 0, 9: 0, 10: 1, 11: 2, 12: 2, 13: 2, 14: 3, 15: 4, 16: 4, 17: 4, 19: 6]
    for (size, start) in right {
      var preprocessing = Preprocessing(resize: nil, crop: .init(center: 8))
      #expect(try Framing(rows: size, columns: 40, preprocessing).cropTop == (size - 8) / 2)
      preprocessing.rounding = .even
      #expect(try Framing(rows: size, columns: 40, preprocessing).cropTop == start)
      #expect(try Framing(rows: 40, columns: size, preprocessing).cropLeft == start)
    }
  }

  @Test func `pixels of a picture that stays as it is map to themselves`() throws {
    let framing = try Framing(rows: 40, columns: 30, Preprocessing(resize: nil, crop: nil))
    let box = Box(top: 3, left: 4, bottom: 9, right: 30)
    #expect(framing.original(box) == box)
    let cropped = try Framing(rows: 40, columns: 30, Preprocessing(resize: nil, crop: .init(center: 20)))
    #expect(
      cropped.original(Box(top: 0, left: 0, bottom: 1, right: 2))
        == Box(top: 10, left: 5, bottom: 11, right: 7))
  }

  @Test func `a box maps back to the least that covers it, inside the picture`() throws {
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<2000 {
      let rows = Int.random(in: 1...900, using: &generator)
      let columns = Int.random(in: 2...900, using: &generator)
      let side = Int.random(in: 20...300, using: &generator)
      let crop = Int.random(in: 1...side, using: &generator)
      guard max(rows, columns) * side / min(rows, columns) <= 1 << 16 else { continue }
      let framing = try Framing(
        rows: rows, columns: columns,
        Preprocessing(resize: .init(shorterSide: side), crop: .init(center: crop)))
      #expect(min(framing.resizedRows, framing.resizedColumns) == side)
      let top = Int.random(in: 0..<crop, using: &generator)
      let left = Int.random(in: 0..<crop, using: &generator)
      let box = Box(
        top: top, left: left, bottom: Int.random(in: top + 1...crop, using: &generator),
        right: Int.random(in: left + 1...crop, using: &generator))
      let original = framing.original(box)
      #expect(original.top >= 0 && original.bottom <= rows && original.left >= 0 && original.right <= columns)
      #expect(original.rows > 0 && original.columns > 0)
      // Forward again, the edges lie at or outside the box's, by less than one pixel of the original.
      let perRow = Double(framing.resizedRows) / Double(rows)
      let slack = 1e-9
      let backTop = Double(original.top) * perRow - Double(framing.cropTop)
      let backBottom = Double(original.bottom) * perRow - Double(framing.cropTop)
      #expect(backTop <= Double(box.top) + slack && backTop > Double(box.top) - perRow - slack)
      #expect(backBottom >= Double(box.bottom) - slack && backBottom < Double(box.bottom) + perRow + slack)
    }
  }

  @Test func `a larger box maps to a larger one`() throws {
    let framing = try Framing(rows: 333, columns: 517, .imageNet)
    for edge in 1..<112 {
      let inner = framing.original(Box(top: edge, left: edge, bottom: 224 - edge, right: 224 - edge))
      let outer = framing.original(Box(top: edge - 1, left: edge - 1, bottom: 225 - edge, right: 225 - edge))
      #expect(outer.top <= inner.top && outer.left <= inner.left)
      #expect(outer.bottom >= inner.bottom && outer.right >= inner.right)
    }
  }

  @Test func `a picture smaller than its crop, or too long, is refused`() {
    #expect(throws: ImageError.self) {
      try Framing(rows: 20, columns: 300, Preprocessing(resize: nil, crop: .init(center: 21)))
    }
    #expect(throws: ImageError.self) { try Framing(rows: 1, columns: 10_000, .imageNet) }
    #expect(throws: ImageError.self) { try Framing(rows: 1, columns: 1, .imageNet) }
    #expect(throws: Never.self) { try Framing(rows: 1, columns: 1, Preprocessing(resize: nil, crop: nil)) }
    #expect(throws: Never.self) { try Framing(rows: 1, columns: 2, .imageNet) }
    let named = ImageError.preparation(reason: "it is small").naming("a.jpg")
    #expect(named == .unprepared(file: "a.jpg", reason: "it is small"))
    #expect(ImageError.encoding(reason: "x").naming("a.jpg") == .encoding(reason: "x"))
  }

  @Test func `the header alone tells the framing`() throws {
    let folder = try TemporaryFolder()
    let jpeg = try Picture(rows: 30, columns: 60, pixels: [UInt8](repeating: 9, count: 5400)).encodedJPEG(
      quality: 90)
    let path = try folder.write(PictureFiles.jpeg(jpeg, orientation: 6), to: "a.jpg")
    let (rows, columns) = try Picture.extents(of: path)
    let framing = try Framing(rows: rows, columns: columns, .imageNet)
    #expect((framing.originalRows, framing.originalColumns) == (60, 30))
    #expect(try framing == Picture(decoding: path).prepared(.imageNet).framing)
  }
}
