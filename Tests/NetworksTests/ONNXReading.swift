import Execution
import Foundation
import Images
import Kernels
import Networks
import ONNXMessages
import SwiftProtobuf
import Tensors
import TestSupport
import Testing

@Suite struct ONNXReading {
  private func picture(_ shape: Shape = [1, 3, 8, 8], seed: UInt64 = 3) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return Tensor.random(shape, using: &generator)
  }

  @Test(arguments: 7...21) func `operator sets from 7 on are read`(version: Int64) throws {
    var build = ModelBuilder(version: version)
    build.weights("w", [4, 3, 3, 3])
    build.node("Conv", ["x", "w"], ["c"], [attribute("pads", [1, 1, 1, 1])])
    if version < 11 {
      build.node("Clip", ["c"], ["r"], [attribute("min", Float(0)), attribute("max", Float(0.5))])
    } else {
      build.weights("low", [], [0])
      build.weights("high", [], [0.5])
      build.node("Clip", ["c", "low", "high"], ["r"])
    }
    if version < 18 {
      build.node("ReduceMean", ["r"], ["m"], [attribute("axes", [2, 3]), attribute("keepdims", 0)])
    } else {
      build.integers("axes", [2, 3])
      build.node("ReduceMean", ["r", "axes"], ["m"], [attribute("keepdims", 0)])
    }
    build.output("m", [nil, 4])
    let made = try build.network().computed(picture())
    #expect(made.shape == [1, 4])
    #expect(made.elements.allSatisfy { (0...0.5).contains($0) } && Set(made.elements).count == 4)
  }

  @Test(arguments: [Int64(1), 6]) func `an operator set before 7 is refused by number`(version: Int64) {
    var build = ModelBuilder(version: version)
    build.node("Relu", ["x"], ["y"])
    build.output("y")
    let error = #expect(throws: ONNXError.self) { try build.network() }
    #expect(error?.description.contains("operator set \(version)") == true)
  }

  enum Coding: CaseIterable {
    case float, rawFloat, half, rawHalf, double, rawDouble, brainFloat

    func tensor(_ values: [Float]) -> Onnx_TensorProto {
      var message = Onnx_TensorProto()
      message.name = "w"
      message.dims = [Int64(values.count)]
      func raw<Pattern: FixedWidthInteger>(_ patterns: [Pattern]) -> Data {
        var bytes = Data()
        for pattern in patterns {
          for byte in 0..<Pattern.bitWidth / 8 {
            bytes.append(UInt8(truncatingIfNeeded: pattern >> (8 * byte)))
          }
        }
        return bytes
      }
      switch self {
      case .float: (message.dataType, message.floatData) = (1, values)
      case .rawFloat: (message.dataType, message.rawData) = (1, raw(values.map(\.bitPattern)))
      case .half:
        (message.dataType, message.int32Data) = (10, values.map { Int32(Float16($0).bitPattern) })
      case .rawHalf: (message.dataType, message.rawData) = (10, raw(values.map { Float16($0).bitPattern }))
      case .double: (message.dataType, message.doubleData) = (11, values.map(Double.init))
      case .rawDouble:
        (message.dataType, message.rawData) = (11, raw(values.map { Double($0).bitPattern }))
      case .brainFloat:
        (message.dataType, message.int32Data) = (16, values.map { Int32($0.bitPattern >> 16) })
      }
      return message
    }
  }

  /// Values that every coding holds exactly.
  @Test(arguments: Coding.allCases) func `weights of every float type are read`(coding: Coding) throws {
    let values: [Float] = [0.5, -1.25, 96]
    var build = ModelBuilder(input: [nil, 3])
    build.graph.initializer.append(coding.tensor(values))
    build.node("Add", ["x", "w"], ["y"])
    build.output("y")
    #expect(try build.network().computed(Tensor([1, 3])).elements == values)
  }

  @Test func `weights in Constant nodes are read`() throws {
    var build = ModelBuilder(input: [nil, 2])
    build.node("Constant", [], ["tensor"], [attribute("value", Coding.half.tensor([2, 4]))])
    build.node("Constant", [], ["number"], [attribute("value_float", Float(3))])
    var floats = attribute("value_floats", Float(0))
    floats.floats = [10, 20]
    build.node("Constant", [], ["numbers"], [floats])
    build.node("Constant", [], ["target"], [attribute("value_ints", [-1, 1, 2])])
    build.node("Constant", [], ["whole"], [attribute("value_int", 1)])
    build.node("Cast", ["whole"], ["one"], [attribute("to", 1)])
    build.node("Mul", ["x", "tensor"], ["a"])
    build.node("Add", ["a", "number"], ["b"])
    build.node("Sub", ["numbers", "b"], ["c"])
    build.node("Add", ["c", "one"], ["d"])
    build.node("Reshape", ["d", "target"], ["y"])
    build.output("y")
    let made = try build.network().computed(Tensor([1, 2], elements: [1, 2]))
    #expect(made.shape == [1, 1, 2])
    // 10 - (1 * 2 + 3) + 1 and 20 - (2 * 4 + 3) + 1.
    #expect(made.elements == [6, 10])
  }

  /// ONNX's rule: a window is divided by the part of it inside the map and the declared pads, and not by the room that
  /// `ceil_mode` adds.
  @Test(arguments: [
    (1, 1, [1.5555556, 3.3333333, 2, 6.3333333, 11, 6, 4.5, 7.5, 4] as [Double]),
    (1, 0, [3.5, 5, 6, 9.5, 11, 12, 13.5, 15, 16]),
    (0, 1, [6, 7.5, 12, 13.5]),
  ])
  func `an average that rounds up does not count the room it adds`(
    pad: Int, counts: Int, expected: [Double]
  ) throws {
    var build = ModelBuilder(input: [1, 1, 4, 4])
    build.node(
      "AveragePool", ["x"], ["y"],
      [
        attribute("kernel_shape", [3, 3]), attribute("strides", [2, 2]),
        attribute("pads", [pad, pad, pad, pad]),
        attribute("ceil_mode", 1), attribute("count_include_pad", counts),
      ])
    build.output("y")
    let made = try build.network().computed(Tensor([1, 1, 4, 4], elements: (1...16).map(Float.init)))
    #expect(largestDifference(made.elements, expected) <= 1e-6)
  }

  /// What exporters write for `x.view(x.size(0), -1)` and its like.
  @Test(arguments: [1, 3]) func `a target worked out from the shape is folded, the batch left open`(
    images: Int
  ) throws {
    var build = ModelBuilder(input: [nil, 4, 2, 2])
    build.node("Shape", ["x"], ["shape"])
    build.integers("zero", [0], scalar: true)
    build.node("Gather", ["shape", "zero"], ["n"], [attribute("axis", 0)])
    build.node("Cast", ["n"], ["n64"], [attribute("to", 7)])
    build.integers("axis", [0])
    build.node("Unsqueeze", ["n64", "axis"], ["first"])
    build.integers("one", [1])
    build.integers("three", [3])
    build.node("Slice", ["shape", "one", "three"], ["middle"])
    build.integers("two", [2])
    build.node("Mul", ["middle", "two"], ["doubled"])
    build.node("Div", ["doubled", "two"], ["same"])
    build.integers("last", [-1])
    build.node("Concat", ["first", "same", "last"], ["target"], [attribute("axis", 0)])
    build.node("Reshape", ["x", "target"], ["y"])
    build.output("y")
    let network = try build.network()
    #expect(network.nodes.count == 1)
    let input = picture([images, 4, 2, 2])
    let made = try network.computed(input)
    #expect(made.shape == [images, 4, 2, 2] && made.elements == input.elements)
  }

  @Test(arguments: [
    ("SAME_UPPER", [5, 5]), ("SAME_LOWER", [5, 5]), ("VALID", [3, 3]), ("NOTSET", [4, 3]),
  ]) func `padding is read as ONNX means it`(mode: String, places: [Int]) throws {
    var build = ModelBuilder(input: [1, 1, 9, 9])
    build.weights("w", [1, 1, 4, 4])
    var attributes = [attribute("strides", [2, 2]), attribute("auto_pad", mode)]
    if mode == "NOTSET" { attributes.append(attribute("pads", [1, 0, 1, 0])) }
    build.node("Conv", ["x", "w"], ["y"], attributes)
    build.output("y")
    #expect(try build.network().computed(picture([1, 1, 9, 9])).shape == Shape([1, 1] + places))
  }

  /// By hand: over 1...4 a window of two ones at stride 1 sums neighbours, and the odd place goes after or before.
  @Test(arguments: [("SAME_UPPER", [3, 5, 7, 4] as [Float]), ("SAME_LOWER", [1, 3, 5, 7])])
  func `the odd place of padding goes after the map for SAME_UPPER and before it for SAME_LOWER`(
    mode: String, expected: [Float]
  ) throws {
    var build = ModelBuilder(input: [1, 1, 1, 4])
    build.weights("w", [1, 1, 1, 2], [1, 1])
    build.node("Conv", ["x", "w"], ["y"], [attribute("auto_pad", mode)])
    build.output("y")
    #expect(try build.network().computed(Tensor([1, 1, 1, 4], elements: [1, 2, 3, 4])).elements == expected)
  }

  @Test(arguments: [1, 4]) func `flattened maps meet their weights in ONNX's order`(images: Int) throws {
    var build = ModelBuilder(input: [nil, 2, 2, 3])
    build.weights("w", [12, 2], (0..<24).map { Float($0) })
    build.node("Flatten", ["x"], ["f"])
    build.node("Relu", ["f"], ["r"])
    build.node("Gemm", ["r", "w"], ["y"])
    build.output("y")
    let network = try build.network()
    guard case .flatten = network.nodes[0].operation else {
      Issue.record("the flattening is not a view")
      return
    }
    let input = picture([images, 2, 2, 3])
    let elements = input.elements
    var expected: [Float] = []
    for image in 0..<images {
      for unit in 0..<2 {
        var sum: Float = 0
        for index in 0..<12 { sum += max(elements[image * 12 + index], 0) * Float(index * 2 + unit) }
        expected.append(sum)
      }
    }
    let made = try network.computed(input).elements
    #expect(largestDifference(made, expected) <= Tolerance.sum(of: 12, magnitude: 24 * 12))
    // The flattened value itself is shown to others in ONNX's order.
    let runner = try Runner(network, keeping: ["f"], threads: 1)
    let inputs = ["x": try input.fromONNXOrder()]
    let flat = try #require(try runner.forward(inputs: inputs)["f"])
    let shown = try network.inONNXOrder(
      flat, of: "f", shapes: try network.shapes(inputs: inputs.mapValues(\.shape)))
    #expect(shown.elements == elements)
  }

  @Test func `a flattened value that is also an output keeps ONNX's order`() throws {
    var build = ModelBuilder(input: [nil, 2, 2, 2])
    build.weights("w", [8, 2])
    build.node("Flatten", ["x"], ["f"])
    build.node("Gemm", ["f", "w"], ["y"])
    build.output("f")
    build.output("y")
    let input = picture([1, 2, 2, 2])
    #expect(try build.network().computed(input).elements == input.elements)
  }

  @Test func `names of preprocessing and classes travel in the metadata`() throws {
    var build = ModelBuilder()
    build.node("Relu", ["x"], ["y"])
    build.output("y")
    build.metadata = [
      "switchback.preprocessing": #"{"resize":{"shorterSide":32},"crop":{"center":8},"channels":"BGR"}"#,
      "switchback.classes": #"["cat","dog"]"#, "author": "someone",
    ]
    for network in [try build.network(), try build.network().rewritten()] {
      #expect(network.preprocessing?.crop?.center == 8)
      #expect(network.preprocessing?.channels == .bgr)
      #expect(network.classes == ["cat", "dog"])
      #expect(network.metadata == ["author": "someone"])
    }
    for (text, key) in [
      (#"{"crop":{"center":-4}}"#, "'crop' is 1 to"), (#"{"mean":[1,"x"]}"#, "'mean', '2'"),
      (#"{"mean":[1,2]}"#, "'mean' is one"), (#"{"std":[0,1,1]}"#, "'std' is one"),
      (#"{"resize":{"rows":4}}"#, "'resize' is"), (#"{"resize":256}"#, "at 'resize'"),
      (#"{"channels":"YUV"}"#, "at 'channels'"), (#"{"crop":{}}"#, "'center' is missing at 'crop'"),
      ("{", "switchback.preprocessing"),
    ] {
      build.metadata["switchback.preprocessing"] = text
      let error = #expect(throws: ONNXError.self) { try build.network() }
      let message = error?.description ?? ""
      #expect(message.contains("switchback.preprocessing") && message.contains(key), "\(message)")
    }
  }

  @Test func `what other programs write of classes and pixels is read`() throws {
    func network(_ metadata: [String: String]) throws -> Network {
      var build = ModelBuilder()
      build.node("Relu", ["x"], ["y"])
      build.output("y")
      build.metadata = metadata
      return try build.network()
    }
    let named = try network([
      "names": #"{0: 'person', 1: "bird's nest", 2: 'a\'b, {c}: d'}"#, "author": "Ultralytics",
    ])
    #expect(named.classes == ["person", "bird's nest", "a'b, {c}: d"])
    let (pixels, isAssumed) = try named.preprocessing()
    #expect(isAssumed && pixels.channels == .rgb && pixels.scale == 1 / 255)
    #expect(pixels.mean == [0, 0, 0] && pixels.std == [1, 1, 1] && pixels.crop?.center == 8)
    #expect(try network(["names": #"["a", "b"]"#]).classes == ["a", "b"])
    for text in ["{0: 'a', 2: 'b'}", "{0: 'a'", "{0: a}", "{}", "nobody", #"{0: 'a\"#] {
      #expect(try network(["names": text]).classes == nil, "\(text)")
    }
    let pixelKinds: [(String, String, Preprocessing.Channels, [Float])] = [
      ("Bgr8", "NominalRange_0_255", .bgr, [0, 255]), ("Rgba8", "Normalized_0_1", .rgb, [0, 1]),
      ("Rgb8", "Normalized_1_1", .rgb, [-1, 1]),
    ]
    for (format, range, channels, values) in pixelKinds {
      let network = try network(["Image.BitmapPixelFormat": format, "Image.NominalPixelRange": range])
      let found = try network.preprocessing().preprocessing
      #expect(found.channels == channels)
      #expect([0, 255].map { ($0 * found.scale - found.mean[0]) / found.std[0] } == values, "\(range)")
      #expect(network.note(ofAssumed: found).contains("says what its pixels are"))
    }
    let strange = try network(["Image.BitmapPixelFormat": "Yuv"])
    #expect(strange.note(ofAssumed: .imageNet).contains("(Image.BitmapPixelFormat) is not understood"))
    #expect(try network([:]).note(ofAssumed: .imageNet).contains("does not say how"))
  }

  @Test(arguments: [
    ("pytorch", "switchback.export"), ("tf2onnx", "--scale 0.00784314"), ("PaddlePaddle", "inference.yml"),
    ("somebody", "override it."),
  ]) func `where preprocessing is assumed, the program that wrote the file decides the advice`(
    producer: String, words: String
  ) throws {
    var build = ModelBuilder()
    build.node("Relu", ["x"], ["y"])
    build.output("y")
    build.producer = producer
    #expect(try build.network().note(ofAssumed: .imageNet).contains(words))
    // PaddlePaddle 3 says it in the graph's name alone.
    (build.producer, build.graph.name) = ("", producer)
    #expect(try build.network().note(ofAssumed: .imageNet).contains(words))
  }

  @Test(
    arguments: [
      ("Mul", 1 / 127.5, true), ("Div", 255, true), ("Sub", 123.68, true), ("Add", -104, true),
      ("Sub", 0.485, false),
      ("Mul", 2, false), ("Max", 0, false),
    ] as [(String, Float, Bool)]) func `a network that scales pixels itself is told to want them whole`(
      operation: String, constant: Float, isTold: Bool
    ) throws
  {
    var build = ModelBuilder()
    build.weights("constant", [], [constant])
    build.node("Identity", ["x"], ["same"])
    build.node(operation, ["same", "constant"], ["y"], name: "rescaling")
    build.output("y")
    build.producer = "tf2onnx"
    let note = try build.network().note(ofAssumed: .imageNet)
    #expect(note.contains("begins with 'rescaling'") == isTold)
    #expect(note.contains("Of Keras's") != isTold)
  }

  @Test func `nodes in any order are put in one that runs`() throws {
    var build = ModelBuilder(input: [nil, 2])
    build.node("Neg", ["b"], ["y"], name: "last")
    build.node("Exp", ["a"], ["b"], name: "middle")
    build.node("Relu", ["x"], ["a"], name: "first")
    build.output("y")
    #expect(try build.network().nodes.map(\.name) == ["first", "middle", "last"])
  }

  @Test func `infinity bounds a clip, and nothing else may be infinite`() throws {
    var build = ModelBuilder(input: [nil, 2])
    build.weights("low", [], [-1])
    build.weights("high", [], [.infinity])
    build.node("Clip", ["x", "low", "high"], ["y"])
    build.output("y")
    #expect(try build.network().computed(Tensor([1, 2], elements: [-5, 1e30])).elements == [-1, 1e30])
    #expect(
      try build.network().rewritten().computed(Tensor([1, 2], elements: [-5, 1e30])).elements == [-1, 1e30])
  }
}
