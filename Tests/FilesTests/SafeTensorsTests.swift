import Files
import Foundation
import Tensors
import Testing

@Suite struct SafeTensorsFiles {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func file(_ header: String, data: [UInt8] = []) -> Data {
    let header = Data(header.utf8)
    return Data((0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }) + header + data
  }

  @Test func `what is written reads back, names and metadata with it`() throws {
    let path = folder.appendingPathComponent("arrays.safetensors").path
    let written = SafeTensors(
      [
        "b\"\n": Tensor([2, 2], elements: [1, -2, .pi, 1e-30]), "a": Tensor([0]),
        "scalar": Tensor([], elements: [7]),
      ],
      metadata: ["note": "a \\ \"quoted\" line"])
    try written.write(to: path)
    let read = try SafeTensors(reading: path)
    #expect(read.metadata == written.metadata)
    #expect(read.tensors.mapValues(\.shape) == written.tensors.mapValues(\.shape))
    #expect(read.tensors.mapValues(\.elements) == written.tensors.mapValues(\.elements))
    #expect(!FileManager.default.fileExists(atPath: path + ".\(getpid()).partial"))
  }

  @Test func `a slice of an array is read alone`() throws {
    let path = folder.appendingPathComponent("slices.safetensors").path
    let numbers = Tensor([3, 2, 2], elements: (0..<12).map(Float.init))
    try SafeTensors(["a": Tensor([2], elements: [7, 8]), "b": numbers]).write(to: path)
    let slice = try #require(try SafeTensors.array("b", slice: 1, in: path))
    #expect(slice.shape == [2, 2] && slice.elements == [4, 5, 6, 7])
    #expect(try SafeTensors.array("a", in: path)?.elements == [7, 8])
    for (name, index, file) in [("b", 3, path), ("b", -1, path), ("c", 0, path), ("b", 0, path + ".no")] {
      #expect(try SafeTensors.array(name, slice: index, in: file) == nil)
    }
    // Bytes beyond the file, or that are not so many slices.
    for (shape, end) in [("[2,2]", Int.max), ("[2,1]", 7), ("[3]", 4)] {
      let header = "{\"a\":{\"dtype\":\"F32\",\"shape\":\(shape),\"data_offsets\":[0,\(end)]}}"
      try file(header, data: [UInt8](repeating: 0, count: 8)).write(to: URL(fileURLWithPath: path))
      #expect(throws: FileError.self) { try SafeTensors.array("a", slice: 1, in: path) }
    }
    let header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1,2],\"data_offsets\":[0,8]}}"
    try file(header, data: [UInt8](repeating: 0, count: 8)).write(to: URL(fileURLWithPath: path))
    #expect(try SafeTensors.array("a", slice: 0, in: path) == nil)
  }

  @Test func `an unfinished file is never in its place`() throws {
    let path = folder.appendingPathComponent("cut.safetensors").path
    do {
      let writer = try SafeTensorsWriter(path: path, arrays: [("a", [4])])
      try writer.write(Tensor([2], elements: [1, 2]), into: "a", at: 1)
    }
    #expect(!FileManager.default.fileExists(atPath: path))
    #expect(!FileManager.default.fileExists(atPath: path + ".\(getpid()).partial"))
  }

  @Test func `half precision reads as its exact value`() {
    for pattern in UInt16.min...UInt16.max {
      let expected = Float(Float16(bitPattern: pattern))
      let found = pattern.asFloat16
      #expect(found == expected || found.isNaN && expected.isNaN)
    }
  }

  @Test(arguments: [
    ("", "too short"), ("[]", "not a JSON object"), ("{\"a\":{}}", "lacks dtype"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, "4 bytes"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "cut short"),
    (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, "shape [-1]"),
    (#"{"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,4]}}"#, "shape"),
    (#"{"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}}"#, "type Q4"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, "cut short"),
  ]) func `a malformed file says what is wrong`(header: String, reason: String) {
    let bytes = header.isEmpty ? Data([1, 2, 3]) : file(header, data: [0, 0, 0, 0])
    let error = #expect(throws: FileError.self) { try SafeTensors(bytes: bytes, of: "f") }
    #expect(error?.reason.contains(reason) == true, "\(error?.reason ?? "")")
  }

  @Test func `mutated files are read or refused, never worse`() throws {
    let path = folder.appendingPathComponent("seed.safetensors").path
    try SafeTensors(["one": Tensor([3, 2]), "two": Tensor([5])], metadata: ["a": "b"]).write(to: path)
    let original = try Data(contentsOf: URL(fileURLWithPath: path))
    var generator = SeededGenerator(seed: 7)
    var refused = 0
    for _ in 0..<5000 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(
          in: 0...255, using: &generator)
      }
      if Bool.random(using: &generator) {
        bytes = bytes.prefix(Int.random(in: 0...bytes.count, using: &generator))
      }
      do { _ = try SafeTensors(bytes: bytes, of: "f") } catch { refused += 1 }
    }
    #expect(refused > 1000)
  }
}
