import Foundation
import Images
import Kernels
import NetworkFixtures
import Networks
import ONNXMessages
import SwiftProtobuf
import Tensors
import TestSupport

/// A folder with tiny networks and pictures, gone when its owner is.
struct Workplace {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  func path(_ name: String) -> String { folder.file(name) }

  /// Three convolutions with pools and contrast normalisation, 47 x 53 pixels.
  @discardableResult
  func plain(_ name: String = "plain.onnx", _ change: (inout Network) -> Void = { _ in }) throws -> String {
    var network = try TinyNetworks.plain()
    network.preprocessing = Preprocessing(
      resize: .init(rows: 47, columns: 53), crop: nil, scale: 1 / 64, mean: [2], std: [1])
    change(&network)
    try network.writeONNX(to: path(name))
    return path(name)
  }

  /// Five classes of pictures of 16 x 20 pixels.
  static let classes = ["ant", "cat", "dog, hound", "n01440764 tench, Tinca tinca", "emu"]

  @discardableResult
  func classifier(_ name: String = "classifier.onnx", _ change: (inout Network) -> Void = { _ in }) throws
    -> String
  {
    var network = try TinyNetworks.classifier()
    network.preprocessing = Preprocessing(
      resize: .init(rows: 16, columns: 20), crop: nil, scale: 1 / 64, mean: [2], std: [1])
    network.classes = Self.classes
    change(&network)
    try network.writeONNX(to: path(name))
    return path(name)
  }

  /// The same bytes with the file's message changed.
  @discardableResult
  func edited(_ model: String, as name: String, _ change: (inout Onnx_ModelProto) -> Void) throws -> String {
    var message = try Onnx_ModelProto(serializedBytes: Data(contentsOf: URL(fileURLWithPath: model)))
    change(&message)
    return try folder.write(try message.serializedBytes() as Data, to: name)
  }

  /// A picture of blobs that no other number gives.
  static func picture(_ number: Int, rows: Int = 40, columns: Int = 60) -> Picture {
    var generator = SeededGenerator(seed: UInt64(number))
    let blobs = (0..<6).map { _ in
      (
        Int.random(in: 0..<rows, using: &generator), Int.random(in: 0..<columns, using: &generator),
        Int.random(in: 0..<3, using: &generator), Int.random(in: 2...9, using: &generator)
      )
    }
    var pixels = [UInt8](repeating: UInt8(60 + number % 90), count: rows * columns * 3)
    for (row, column, channel, size) in blobs {
      for at in max(0, row - size)..<min(rows, row + size) {
        for across in max(0, column - size)..<min(columns, column + size) {
          pixels[(at * columns + across) * 3 + channel] = UInt8.random(in: 150...255, using: &generator)
        }
      }
    }
    return Picture(rows: rows, columns: columns, pixels: pixels)
  }

  /// Writes pictures `0.jpg`, `1.png` and so on.
  @discardableResult
  func pictures(_ count: Int, in name: String = "pictures") throws -> String {
    for number in 0..<count {
      let picture = Self.picture(number, rows: 40 + number % 7, columns: 60 - number % 5)
      let isPNG = number % 2 == 1
      try folder.write(
        isPNG ? picture.encodedPNG() : picture.encodedJPEG(quality: 92),
        to: "\(name)/\(number).\(isPNG ? "png" : "jpg")")
    }
    return path(name)
  }

  /// A folder as PASCAL VOC 2012 has it: every picture shows some of an aeroplane (red), a cat (green) and a dog (blue);
  /// every eighth shows them difficult alone.
  func voc(train: Int, validation: Int, in name: String = "voc") throws -> String {
    for (list, range) in [("train", 0..<train), ("val", train..<train + validation)] {
      for number in range {
        var picture = Self.picture(number)
        var objects = ""
        for (place, label) in ["aeroplane", "cat", "dog"].enumerated() where number >> place & 1 == 1 {
          var pixels = picture.pixels
          for row in 0..<picture.rows {
            for column in place * 20..<place * 20 + 16 {
              for channel in 0..<3 {
                pixels[(row * picture.columns + column) * 3 + channel] = channel == place ? 250 : 10
              }
            }
          }
          picture = Picture(rows: picture.rows, columns: picture.columns, pixels: pixels)
          objects +=
            "<object><name>\(label)</name><difficult>\(number % 8 == 7 ? 1 : 0)</difficult><bndbox>"
            + "<xmin>\(place * 20 + 1)</xmin><ymin>1</ymin><xmax>\(place * 20 + 16)</xmax><ymax>40</ymax></bndbox></object>"
        }
        try folder.write(try picture.encodedJPEG(quality: 95), to: "\(name)/JPEGImages/\(number).jpg")
        try folder.write(
          Array("<annotation>\(objects)</annotation>".utf8), to: "\(name)/Annotations/\(number).xml")
      }
      try folder.write(
        Array(range.map { "\($0)\n" }.joined().utf8), to: "\(name)/ImageSets/Main/\(list).txt")
    }
    return "voc2012:" + path(name)
  }

  /// A folder of as many links to the pictures of another.
  func links(_ count: Int, to pictures: String, named name: String = "links") throws -> String {
    let files = try FileManager.default.contentsOfDirectory(atPath: pictures).sorted()
    try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
    for number in 0..<count {
      let file = files[number % files.count]
      try FileManager.default.createSymbolicLink(
        atPath: path(name) + "/\(number)-\(file)", withDestinationPath: pictures + "/" + file)
    }
    return path(name)
  }

  /// Every kind of file that is no readable picture, by name, with a word of the reason.
  func badPictures(in name: String = "bad") throws -> [(path: String, reason: String)] {
    let picture = Self.picture(1)
    let jpeg = try picture.encodedJPEG(quality: 90)
    let files: [(String, [UInt8], String)] = [
      ("truncated.jpg", Array(jpeg.prefix(jpeg.count / 2)), "cut short"),
      ("truncated.png", Array(try picture.encodedPNG().prefix(400)), "cut short"), ("zero.jpg", [], "empty"),
      ("text.jpg", Array("not a picture at all\n".utf8), "not an image"),
      ("pixel.png", PictureFiles.png(rows: 1, columns: 1, channels: 3, samples: [1, 2, 3]), "one pixel"),
      ("huge.png", PictureFiles.pngClaiming(rows: 30_000, columns: 30_000), "30000 x 30000"),
      ("drawing.jpg", Array("<svg xmlns=\"http://www.w3.org/2000/svg\"/>".utf8), "not an image"),
    ]
    return try files.map { (try folder.write($0.1, to: name + "/" + $0.0), $0.2) }
  }

  /// Every file below a folder but locks, with its bytes.
  func contents(of name: String) throws -> [String: Data] {
    let root = path(name)
    var found: [String: Data] = [:]
    for file in try FileManager.default.subpathsOfDirectory(atPath: root) where !file.hasSuffix("run.lock") {
      let path = root + "/" + file
      let type = try FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
      if type == .typeRegular { found[file] = try Data(contentsOf: URL(fileURLWithPath: path)) }
    }
    return found
  }
}
