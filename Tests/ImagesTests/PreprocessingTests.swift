import Foundation
import Images
import Tensors
import TestSupport
import Testing

@Suite struct Preparing {
  private func decoded(_ json: String) throws -> Preprocessing {
    try JSONDecoder().decode(Preprocessing.self, from: Data(json.utf8))
  }

  @Test(arguments: [
    Warp.scale(1e-300), .scale(0), .shift(rows: 1e300, columns: -.infinity), .shift(rows: .nan, columns: 0),
  ])
  func `a warp that looks nowhere ends no program`(warp: Warp) {
    let map = Tensor([1, 3, 4, 1], repeating: 2)
    for border in [WarpBorder.constant([0]), .reflect] {
      #expect(map.warped(by: warp, border: border).shape == map.shape)
    }
    #expect(map.blurred(deviation: 1e300).shape == map.shape)
  }

  @Test func `beyond the map stands a value a channel, or another map's own places`() {
    var generator = SeededGenerator(seed: 5)
    let (map, other) = (
      Tensor.random([1, 3, 4, 2], using: &generator), Tensor.random([1, 3, 4, 2], using: &generator)
    )
    for shift in [Warp.shift(rows: 0.5, columns: 100), .shift(rows: -100.25, columns: 0.75)] {
      #expect(
        largestDifference(map.warped(by: shift, border: .picture(other)).elements, other.elements) < 1e-6)
      let constant = map.warped(by: shift, border: .constant([0.25, -2])).elements
      #expect(constant == Array(repeating: [0.25, -2], count: 12).flatMap(\.self))
    }
    let half = map.warped(by: .shift(rows: 2, columns: 0), border: .picture(other))
    #expect(half.elements.prefix(16) == other.elements.prefix(16))
    #expect(half.elements.suffix(8) == map.elements.prefix(8))
  }

  @Test func `its JSON reads back as the same`() throws {
    for each in [
      .imageNet,
      Preprocessing(
        resize: .init(shorterSide: 256), crop: .init(center: 227), channels: .bgr, mean: [104, 117, 123]),
      Preprocessing(
        resize: .init(rows: 20, columns: 30), crop: nil, channels: .grey, scale: 0.5, mean: [0.25]),
      Preprocessing(resize: nil, crop: nil),
    ] {
      let again = try JSONDecoder().decode(Preprocessing.self, from: JSONEncoder().encode(each))
      #expect(again == each)
      #expect(each.isSound)
    }
  }

  @Test func `the design's example reads as it is meant`() throws {
    let json = """
      {"resize":{"shorterSide":256},"crop":{"center":224},"channels":"BGR","scale":0.00392156862745098,
      "mean":[0.1,0.2,0.3],"std":[1,2,3]}
      """
    let read = try decoded(json)
    #expect(read.resize == .init(shorterSide: 256) && read.crop == .init(center: 224))
    #expect(read.channels == .bgr && read.scale == Float(1) / 255)
    #expect(read.mean == [0.1, 0.2, 0.3] && read.std == [1, 2, 3])
    #expect(try decoded("{}") == Preprocessing(resize: nil, crop: nil))
    #expect(try decoded(#"{"mean":[5]}"#).mean == [5, 5, 5])
    let even = try decoded(#"{"crop":{"center":9},"rounding":"even"}"#)
    #expect(even.rounding == .even && even.description.contains("rounded to even"))
    #expect(try decoded(String(decoding: JSONEncoder().encode(even), as: UTF8.self)) == even)
    #expect(try !String(decoding: JSONEncoder().encode(read), as: UTF8.self).contains("rounding"))
    #expect(try decoded(#"{"channels":"GRAY","mean":[5]}"#).mean == [5])
  }

  @Test(arguments: [
    #"{"channels":"rgba"}"#, #"{"std":[1,0,1]}"#, #"{"mean":[1,2]}"#, #"{"mean":[]}"#, #"{"std":[1,2,3,4]}"#,
    #"{"crop":{"center":0}}"#, #"{"crop":{"center":99999}}"#, #"{"crop":{}}"#,
    #"{"resize":{"shorterSide":-3}}"#, #"{"rounding":"up"}"#,
    #"{"resize":{}}"#, #"{"resize":{"rows":5}}"#, #"{"resize":{"shorterSide":5,"rows":5,"columns":5}}"#,
    #"{"scale":1e60}"#, #"{"channels":"GRAY","mean":[1,2,3]}"#, #"{"mean":"grey"}"#, "[]", "",
  ]) func `what no picture can be prepared with is refused`(json: String) {
    #expect(throws: DecodingError.self) { try decoded(json) }
  }

  private let two = Picture(rows: 1, columns: 2, pixels: [0, 100, 200, 255, 10, 20])

  @Test func `a value is the pixel scaled, less the mean, over the deviation, in the network's order`() throws
  {
    let rgb = Preprocessing(resize: nil, crop: nil, scale: 0.5, mean: [1, 2, 3], std: [1, 2, 4])
    let (values, framing) = try two.prepared(rgb)
    #expect(values.shape == [1, 1, 2, 3])
    #expect(values.elements == [-1, 24, 24.25, 126.5, 1.5, 1.75])
    #expect((framing.cropRows, framing.cropColumns) == (1, 2))
    let bgr = Preprocessing(resize: nil, crop: nil, channels: .bgr, mean: [1, 2, 3], std: [1, 2, 4])
    #expect(try two.prepared(bgr).tensor.elements == [199, 49, -0.75, 19, 4, 63])
  }

  @Test func `grey is brightness, as Pillow has it`() throws {
    let grey = Preprocessing(resize: nil, crop: nil, channels: .grey)
    let (values, _) = try two.prepared(grey)
    #expect(values.shape == [1, 1, 2, 1])
    // Pillow's convert("L") of (0, 100, 200) and (255, 10, 20).
    #expect(values.elements == [82, 84])
    let flat = Picture(rows: 1, columns: 3, pixels: [0, 0, 0, 77, 77, 77, 255, 255, 255])
    #expect(try flat.prepared(grey).tensor.elements == [0, 77, 255])
  }

  @Test func `what is meant for colours serves a network of one channel`() {
    let adapted = Preprocessing.imageNet.adapted(toChannels: 1)
    #expect(adapted?.channels == .grey && adapted?.mean.count == 1 && adapted?.isSound == true)
    #expect(abs((adapted?.mean[0] ?? 0) - 0.449) < 1e-3)
    #expect(Preprocessing.imageNet.adapted(toChannels: 3) == .imageNet)
    #expect(Preprocessing.imageNet.adapted(toChannels: 4) == nil)
    #expect(adapted?.adapted(toChannels: 3) == nil)
  }

  @Test func `what the network sees is the resized middle`() throws {
    let picture = Picture(
      rows: 50, columns: 70, pixels: (0..<50 * 70 * 3).map { UInt8(truncatingIfNeeded: $0 * 7) })
    let preprocessing = Preprocessing(resize: .init(shorterSide: 25), crop: .init(center: 20))
    let (seen, framing) = try picture.framed(preprocessing)
    #expect((seen.rows, seen.columns) == (20, 20))
    let resized = try picture.resized(rows: 25, columns: 35)
    #expect(seen == resized.cropped(to: Box(top: 2, left: 7, bottom: 22, right: 27)))
    #expect((framing.cropTop, framing.cropLeft) == (2, 7))
    #expect(seen.values(preprocessing).elements == seen.pixels.map(Float.init))
  }
}
