import Foundation
import Images
import Kernels
import NetworkFixtures
import Networks
import ONNXMessages
import Tensors
import TestSupport
import Testing

@Suite struct BadModels {
  let workplace: Workplace
  let pictures: String

  init() throws {
    workplace = try Workplace()
    pictures = try workplace.pictures(2)
  }

  /// Every command that reads a model refuses this one, by name and for a reason.
  private func refused(
    _ model: String, naming words: String..., at location: SourceLocation = #_sourceLocation
  ) throws {
    try workplace.folder.write([], to: "x.safetensors")
    for arguments in [
      ["inspect", model], ["classify", model, pictures],
      ["features", model, pictures, "--out", workplace.path("run")],
      ["project", model, pictures + "/0.jpg", "--layer", "conv1", "--out", workplace.path("p.png")],
      [
        "run", model, "--input", workplace.path("x.safetensors"), "--output", workplace.path("y.safetensors"),
      ],
    ] {
      try Command.refusal(arguments, naming: [model] + words, at: location)
    }
    for name in ["run", "p.png", "y.safetensors"] {
      #expect(!FileManager.default.fileExists(atPath: workplace.path(name)), sourceLocation: location)
    }
  }

  @Test func `what is no ONNX file is refused`() throws {
    try refused(workplace.path("missing.onnx"), naming: "no such file")
    try refused(pictures, naming: "folder")
    try refused(pictures + "/0.jpg", naming: "no ONNX file")
    try refused(try workplace.folder.write([], to: "empty.onnx"), naming: "no graph")
    var generator = SeededGenerator(seed: 4)
    let random = (0..<5000).map { _ in UInt8.random(in: 0...255, using: &generator) }
    try refused(try workplace.folder.write(random, to: "random.onnx"), naming: "no ONNX file")
    let whole = try Data(contentsOf: URL(fileURLWithPath: workplace.plain()))
    for share in [1, 30, 70, 99] {
      let cut = try workplace.folder.write(whole.prefix(whole.count * share / 100), to: "cut\(share).onnx")
      try refused(cut, naming: "cut short")
    }
  }

  /// What people give first, by its first bytes, and the words that lead on.
  static let foreign: [(name: String, bytes: [UInt8], words: [String])] = [
    ("m.pt", Array("PK\u{3}\u{4}\0\0\0\0archive/data.pkl".utf8), ["PyTorch", "torch.onnx.export"]),
    ("old.pth", [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46], ["PyTorch", "torch.onnx.export"]),
    ("m.keras", Array("PK\u{3}\u{4}\0\0\0\0metadata.json".utf8), ["Keras", "load_model('m.keras')"]),
    ("m.h5", [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0], ["HDF5", "--keras m.h5"]),
    ("m.tflite", [0x1C, 0, 0, 0] + Array("TFL3".utf8) + [0, 0], ["TensorFlow Lite", "--tflite m.tflite"]),
    ("saved_model.pb", [8, 1, 0x12, 4, 0xFF, 0xFE, 0xFD, 0xFC], ["SavedModel", "--saved-model"]),
    (
      "frozen.pb", [0x0A, 20, 0x0A, 1, 0x78, 0x12, 11] + Array("Placeholder".utf8) + [0xFF, 0xFF],
      ["TensorFlow graph", "--graphdef frozen.pb"]
    ),
    ("m.zip", Array("PK\u{3}\u{4}\0\0\0\0model.onnx".utf8), ["ZIP", "unzip m.zip"]),
    (
      "m.safetensors", [40, 0, 0, 0, 0, 0, 0, 0] + Array("{\"w\":{\"dtype\":\"F32\",\"shape\":[1]}}".utf8),
      ["safetensors", "torch.onnx.export"]
    ),
    ("m.caffemodel", [0x0A, 7] + Array("AlexNet".utf8), ["Caffe", "--caffemodel m.caffemodel"]),
    ("m.pdmodel", [0x0A, 7, 0, 0], ["PaddlePaddle", "--params_filename m.pdiparams"]),
    ("lfs.onnx", Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8), ["git lfs pull"]),
    ("page.onnx", Array("\n<!DOCTYPE html>\n<html></html>".utf8), ["web page", "/resolve/"]),
  ]

  @Test(arguments: foreign.indices) func `what is another program's is recognised, and the way to ONNX told`(
    index: Int
  ) throws {
    let (name, bytes, words) = Self.foreign[index]
    try Command.refusal(["inspect", try workplace.folder.write(bytes, to: name)], naming: [name] + words)
  }

  @Test(.timeLimit(.minutes(20))) func `a pipe is refused without waiting for it`() throws {
    try #require(unsafe mkfifo(workplace.path("pipe.onnx"), 0o600) == 0)
    try Command.refusal(["inspect", workplace.path("pipe.onnx")], naming: ["pipe.onnx"])
  }

  @Test func `an operator that cannot be run is named`() throws {
    let model = try workplace.edited(try workplace.plain(), as: "odd.onnx") { message in
      let relu = message.graph.node.firstIndex { $0.opType == "Relu" } ?? 0
      message.graph.node[relu].opType = "Frobnicate"
    }
    try refused(model, naming: "Frobnicate", "relu1")
  }

  @Test func `a cycle is refused, with its nodes`() throws {
    let model = try workplace.edited(try workplace.plain(), as: "cycle.onnx") { message in
      let conv2 = message.graph.node.firstIndex { $0.name == "conv2" }
      if let conv2 { message.graph.node[conv2].input[0] = "relu3.out" }
    }
    try refused(model, naming: "cycle", "conv2")
  }

  @Test func `shapes that do not fit are refused, with the node`() throws {
    let model = try workplace.edited(try workplace.plain(), as: "misfit.onnx") { message in
      message.graph.input[0].type.tensorType.shape.dim[1].dimValue = 5
    }
    try refused(model, naming: "conv1")
    let weights = try workplace.edited(try workplace.plain(), as: "weights.onnx") { message in
      let index = message.graph.initializer.firstIndex { $0.dims.count == 4 } ?? 0
      message.graph.initializer[index].dims[0] += 1
    }
    try refused(weights, naming: "bytes of data")
    let tiny = try workplace.edited(try workplace.plain(), as: "tiny.onnx") { message in
      for axis in 2...3 { message.graph.input[0].type.tensorType.shape.dim[axis].dimValue = 2 }
    }
    try refused(tiny, naming: "window")
  }

  @Test func `weights that are not numbers are refused, by name`() throws {
    for value in [Float.nan, .infinity] {
      let model = try workplace.edited(try workplace.plain(), as: "nan.onnx") { message in
        let index = message.graph.initializer.firstIndex { $0.dims.count == 4 } ?? 0
        let bits = (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32($0))) }
        message.graph.initializer[index].rawData.replaceSubrange(8..<12, with: bits)
      }
      try refused(model, naming: "not all finite")
    }
  }

  @Test(arguments: ["../secret.bin", "/etc/hostname", "a/../../secret.bin", "missing.bin", "pictures"])
  func `external data must be a file in the model's folder`(location: String) throws {
    try workplace.folder.write([1, 2, 3, 4], to: "secret.bin")
    let model = try workplace.edited(try workplace.plain(), as: "models/external.onnx") { message in
      let index = message.graph.initializer.firstIndex { $0.dims.count == 4 } ?? 0
      message.graph.initializer[index].rawData = Data()
      message.graph.initializer[index].clearRawData()
      message.graph.initializer[index].dataLocation = 1
      var entry = Onnx_StringStringEntryProto()
      entry.key = "location"
      entry.value = location
      message.graph.initializer[index].externalData = [entry]
    }
    try refused(model, naming: location)
  }

  @Test func `networks that do not take pictures are refused`() throws {
    let model = try workplace.edited(try workplace.plain(), as: "flat.onnx") { message in
      message.graph.input[0].type.tensorType.shape.dim.removeLast()
    }
    try Command.refusal(["inspect", model], naming: ["flat.onnx"])
    var build = TinyNetworks.Builder(seed: 1)
    build.add("sum", .arithmetic(.add), from: ["input", "other"])
    let two = try Network(
      name: "two",
      inputs: [
        .init(name: "input", extents: [nil, 3, 8, 8]), .init(name: "other", extents: [nil, 3, 8, 8]),
      ],
      nodes: build.nodes, outputs: ["sum.out"])
    try two.writeONNX(to: workplace.path("two.onnx"))
    try Command.refusal(
      ["classify", workplace.path("two.onnx"), pictures], naming: ["two.onnx", "2 inputs", "other"])
    var last = TinyNetworks.Builder(seed: 1)
    last.add("rectified", .activation(.relu))
    let network = try Network(
      name: "narrow", inputs: [.init(name: "input", extents: [nil, 2, 2, 3])], nodes: last.nodes,
      outputs: ["rectified.out"])
    try network.writeONNX(to: workplace.path("narrow.onnx"))
    try Command.refusal(
      ["classify", workplace.path("narrow.onnx"), pictures],
      naming: ["narrow.onnx", "2 channels, and images are preprocessed with 3"])
  }

  @Test func `pictures prepared for another size are refused before any is read`() throws {
    let model = try workplace.plain()
    try Command.refusal(
      ["features", model, pictures, "--out", workplace.path("run"), "--crop", "40"],
      naming: [model, "40 x 40", "47 x 53"])
    try Command.refusal(
      ["features", model, pictures, "--out", workplace.path("run"), "--resize", "0"],
      naming: [model, "47 x 53"])
    #expect(!FileManager.default.fileExists(atPath: workplace.path("run")))
  }
}
