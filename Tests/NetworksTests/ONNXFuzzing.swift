import Foundation
import NetworkFixtures
import Networks
import ONNXMessages
import SwiftProtobuf
import Tensors
import TestSupport
import Testing

/// Files mutated by the thousand from fixed seeds: each is read or refused, never worse.
@Suite struct ONNXFuzzing {
  /// What came of the mutated files.
  struct Tally {
    var read = 0
    var refused = 0
  }

  /// Reads a file, and asks everything that does not need pictures of what it holds.
  ///
  /// - Returns: Whether it was read.
  private func attempt(_ bytes: Data) -> Bool {
    let network: Network
    do {
      network = try Network(onnxBytes: bytes, file: "fuzzed.onnx", folder: nil)
    } catch {
      #expect(error.description.hasPrefix("fuzzed.onnx"))
      return false
    }
    for images in [1, 3] {
      do throws(NetworkError) {
        let shape = try network.inputShape(images: images)
        let shapes = try network.shapes(inputs: [network.inputs[0].name: shape])
        for layer in network.layers.suffix(2) { _ = network.fields(below: layer.output, shapes: shapes) }
      } catch {
        #expect(!error.description.isEmpty)
      }
    }
    _ = try? network.account()
    _ = try? network.onnxBytes(file: "fuzzed.onnx")
    _ = network.scores
    return true
  }

  private func fuzz(_ original: Data, _ others: [Data], count: Int, seed: UInt64) -> Tally {
    var generator = SeededGenerator(seed: seed)
    var tally = Tally()
    for turn in 0..<count {
      let bytes = Mutation.random(using: &generator).applied(to: original, others, using: &generator)
      let start = ContinuousClock.now
      if attempt(bytes) { tally.read += 1 } else { tally.refused += 1 }
      let time = ContinuousClock.now - start
      #expect(time < .seconds(5), "turn \(turn) of seed \(seed) took \(time)")
    }
    return tally
  }

  @Test(arguments: ["plain", "residual", "branches", "classifier"])
  func `mutated files of small networks are read or refused, never worse`(name: String) throws {
    let originals = try ["plain", "residual", "branches", "classifier"].map {
      try TinyNetworks.named($0).onnxBytes(file: $0)
    }
    let original = try TinyNetworks.named(name).onnxBytes(file: name)
    let tally = fuzz(original, originals, count: 1500, seed: UInt64(name.utf8.count))
    #expect(tally.read > 50 && tally.refused > 200, "\(tally)")
  }

  /// Numbers, names and operators exchanged in the messages themselves, so that what follows the parser is reached.
  @Test(arguments: 1...4) func `mutated graphs are read or refused, never worse`(seed: UInt64) throws {
    var originals = [Self.everything().model]
    for name in ["plain", "residual", "branches", "classifier"] {
      originals.append(
        try Onnx_ModelProto(serializedBytes: try TinyNetworks.named(name).onnxBytes(file: name)))
    }
    var generator = SeededGenerator(seed: seed)
    var tally = Tally()
    for turn in 0..<3000 {
      var model = originals[turn % 2 == 0 ? 0 : Int.random(in: 0..<originals.count, using: &generator)]
      for _ in 0..<Int.random(in: 1...4, using: &generator) { model.graph.mutate(using: &generator) }
      let bytes: Data = try model.serializedBytes()
      let start = ContinuousClock.now
      if attempt(bytes) { tally.read += 1 } else { tally.refused += 1 }
      let time = ContinuousClock.now - start
      #expect(time < .seconds(5), "turn \(turn) took \(time)")
    }
    #expect(tally.read > 100 && tally.refused > 300, "\(tally)")
  }

  /// A file that is nearly all graph and hardly any weights, so that most mutations hit the graph.
  @Test func `mutated files without weights are read or refused, never worse`() throws {
    let original = try Self.everything().bytes
    let tally = fuzz(original, [original], count: 6000, seed: 11)
    #expect(tally.read > 100 && tally.refused > 1000, "\(tally)")
  }

  @Test(
    .enabled(if: SharedData.isPresent, "\(SharedData.reason)"),
    arguments: ["light_squeezenet", "light_bvlc_alexnet"])
  func `mutated files of real architectures are read or refused, never worse`(name: String) throws {
    let original = try Data(
      contentsOf: URL(fileURLWithPath: SharedData.path("golden/onnx-light/\(name).onnx")))
    let tally = fuzz(original, [original], count: 60, seed: 5)
    #expect(tally.refused > 5, "\(tally)")
  }

  /// Shape chains, folding, slices, pads and splits over a few weights.
  private static func everything() -> ModelBuilder {
    var build = ModelBuilder(input: [nil, 3, nil, nil])
    build.weights("w", [4, 3, 1, 1])
    build.node(
      "Conv", ["x", "w"], ["c"],
      [attribute("pads", [1, 0, 1, 2]), attribute("strides", [2, 2]), attribute("group", 1)])
    build.node("Shape", ["c"], ["shape"])
    build.integers("zero", [0])
    build.node("Gather", ["shape", "zero"], ["images"], [attribute("axis", 0)])
    build.integers("rest", [2, -1])
    build.node("Concat", ["images", "rest"], ["target"], [attribute("axis", 0)])
    build.node("MaxPool", ["c"], ["p"], [attribute("kernel_shape", [3, 3]), attribute("ceil_mode", 1)])
    build.integers("pads", [0, 0, 1, 1, 0, 0, 0, 2])
    build.node("Pad", ["p", "pads"], ["padded"])
    build.integers("starts", [1])
    build.integers("ends", [-1])
    build.integers("axes", [2])
    build.integers("steps", [2])
    build.node("Slice", ["padded", "starts", "ends", "axes", "steps"], ["s"])
    build.integers("sizes", [1, 3])
    build.node("Split", ["s", "sizes"], ["one", "two"], [attribute("axis", 1)])
    build.node("ReduceMean", ["two"], ["mean"], [attribute("axes", [1]), attribute("keepdims", 1)])
    build.node("Add", ["one", "mean"], ["sum"])
    build.node("Transpose", ["sum"], ["turned"], [attribute("perm", [0, 2, 3, 1])])
    build.node("Softmax", ["turned"], ["soft"], [attribute("axis", -1)])
    build.node("Reshape", ["p", "target"], ["flat"])
    build.node("LRN", ["p"], ["n"], [attribute("size", 3), attribute("alpha", Float(0.5))])
    build.node("AveragePool", ["n"], ["a"], [attribute("kernel_shape", [2, 2])])
    build.output("soft", [nil, nil, nil, nil])
    build.output("flat", [])
    build.output("a", [nil, 4, nil, nil])
    return build
  }
}

/// One way to spoil a file.
enum Mutation: CaseIterable {
  case flip
  case overwrite
  case cut
  case splice
  case remove
  case longInteger
  case repeated

  static func random(using generator: inout SeededGenerator) -> Mutation {
    allCases[Int.random(in: 0..<allCases.count, using: &generator)]
  }

  func applied(to original: Data, _ others: [Data], using generator: inout SeededGenerator) -> Data {
    var bytes = [UInt8](original)
    func place() -> Int { Int.random(in: 0..<bytes.count, using: &generator) }
    func span() -> Range<Int> {
      let start = place()
      return start..<min(bytes.count, start + Int.random(in: 1...40, using: &generator))
    }
    switch self {
    case .flip:
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        bytes[place()] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      }
    case .overwrite:
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        bytes[place()] = UInt8.random(in: 0...255, using: &generator)
      }
    case .cut:
      bytes.removeSubrange(place()...)
    case .splice:
      let other = [UInt8](others[Int.random(in: 0..<others.count, using: &generator)])
      let start = Int.random(in: 0..<other.count, using: &generator)
      bytes.replaceSubrange(
        span(), with: other[start..<min(other.count, start + Int.random(in: 1...60, using: &generator))])
    case .remove:
      bytes.removeSubrange(span())
    case .longInteger:
      // The largest and the most negative number that ten bytes of a variable-length integer hold, and one between.
      let ends: [UInt8] = [0x01, 0x7F, 0x00]
      let last = ends[Int.random(in: 0..<3, using: &generator)]
      let start = place()
      let long = [UInt8](repeating: last == 0 ? 0x80 : 0xFF, count: 9) + [last]
      bytes.replaceSubrange(start..<min(bytes.count, start + 10), with: long)
    case .repeated:
      let part = bytes[span()]
      bytes.insert(contentsOf: (0..<20).flatMap { _ in part }, at: place())
    }
    return Data(bytes)
  }
}

extension Onnx_GraphProto {
  private static let operators = [
    "Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "LRN", "BatchNormalization",
    "Gemm",
    "MatMul", "Relu", "Clip", "PRelu", "Softmax", "LogSoftmax", "Concat", "Split", "Add", "Sub", "Mul", "Div",
    "Max", "Pow", "Sum", "Mean", "Pad", "Slice", "ReduceMean", "Flatten", "Reshape", "Squeeze", "Unsqueeze",
    "Transpose", "Dropout", "Identity", "Cast", "Gather", "ConstantOfShape", "Range", "Shape", "Constant",
    "InstanceNormalization", "LayerNormalization", "Expand", "Resize", "DepthToSpace", "SpaceToDepth",
    "Where",
    "ReduceSum", "ReduceMax", "ConvTranspose", "Mish", "Selu", "Celu", "Softsign", "Equal", "Size", "Tile",
  ]
  private static let attributes = [
    "axis", "axes", "pads", "strides", "dilations", "kernel_shape", "group", "ceil_mode", "perm", "keepdims",
    "starts", "ends", "split", "to", "size", "transA", "transB", "blocksize", "start", "end", "shape",
  ]

  /// Exchanges one number, name, operator or node.
  mutating func mutate(using generator: inout SeededGenerator) {
    func pick(_ count: Int) -> Int { count == 0 ? 0 : Int.random(in: 0..<count, using: &generator) }
    func extreme() -> Int64 {
      let all: [Int64] = [
        .min, .min + 1, .min + 2, .max, .max - 1, -1, 0, 1, 2, 3, 7, 255, 1 << 15, 1 << 20, 1 << 31, 1 << 32,
        1 << 40, 1 << 62, -(1 << 31), -(1 << 62), -2, -3,
      ]
      return all[pick(all.count)]
    }
    let values = node.flatMap { $0.input + $0.output } + initializer.map(\.name) + ["", "x"]
    let place = pick(node.count)
    switch pick(12) {
    case 0 where !node.isEmpty:
      node[place].opType = Self.operators[pick(Self.operators.count)]
    case 1 where !node.isEmpty && !node[place].input.isEmpty:
      node[place].input[pick(node[place].input.count)] = values[pick(values.count)]
    case 2 where !node.isEmpty:
      node[place].input.append(values[pick(values.count)])
    case 3 where !node.isEmpty && !node[place].input.isEmpty:
      node[place].input.remove(at: pick(node[place].input.count))
    case 4 where !node.isEmpty && !node[place].attribute.isEmpty:
      let index = pick(node[place].attribute.count)
      node[place].attribute[index].i = extreme()
      if !node[place].attribute[index].ints.isEmpty {
        node[place].attribute[index].ints[pick(node[place].attribute[index].ints.count)] = extreme()
      }
    case 5 where !node.isEmpty:
      let name = Self.attributes[pick(Self.attributes.count)]
      var added = attribute(name, (0..<pick(5)).map { _ in Int(extreme()) })
      added.i = extreme()
      node[place].attribute.append(added)
    case 6 where !initializer.isEmpty:
      let index = pick(initializer.count)
      if !initializer[index].int64Data.isEmpty {
        initializer[index].int64Data[pick(initializer[index].int64Data.count)] = extreme()
      } else if !initializer[index].dims.isEmpty {
        initializer[index].dims[pick(initializer[index].dims.count)] = extreme()
      }
    case 7 where !initializer.isEmpty:
      let index = pick(initializer.count)
      // As many elements in another shape, or of none.
      let count = initializer[index].dims.reduce(1) { $0 &* $1 }
      initializer[index].dims =
        [[count], [1, count, 1], [count, 1, 1, 1], [0, extreme(), extreme()], []][pick(5)]
    case 8 where !input.isEmpty && !input[0].type.tensorType.shape.dim.isEmpty:
      let index = pick(input[0].type.tensorType.shape.dim.count)
      input[0].type.tensorType.shape.dim[index].dimValue = extreme()
    case 9 where !input.isEmpty:
      input[0].type.tensorType.shape.dim.append(.with { $0.dimValue = extreme() })
    case 10 where node.count > 1:
      node.remove(at: place)
    default:
      guard !node.isEmpty else { return }
      var again = node[place]
      again.output = again.output.map { $0 + "'" }
      node.append(again)
      output.append(.with { $0.name = again.output.first ?? "" })
    }
  }
}
