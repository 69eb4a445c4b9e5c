import Foundation
import Networks
import ONNXMessages
import SwiftProtobuf
import Tensors
import TestSupport
import Testing

/// Files that are no network, each refused by one error that says which file and why.
@Suite struct ONNXRefusals {
  private func refusal(_ build: ModelBuilder, folder: String? = nil) -> String {
    do {
      _ = try build.network(folder: folder)
      return "nothing"
    } catch {
      return "\(error)"
    }
  }

  private func sound() -> ModelBuilder {
    var build = ModelBuilder(input: [nil, 2])
    build.node("Relu", ["x"], ["y"], name: "relu")
    build.output("y")
    return build
  }

  @Test func `all nodes that cannot be run are named in one error, and none that could`() {
    var build = ModelBuilder()
    build.weights("w", [4, 3, 1, 1])
    build.node("Conv", ["x", "w"], ["c"], name: "good")
    build.node("NonMaxSuppression", ["c"], ["n"], name: "first")
    build.node("Relu", ["n"], ["r"], name: "victim")
    build.node("Conv", ["x", "w"], ["d"], [attribute("auto_pad", "SIDEWAYS")], name: "second")
    build.node("RoiAlign", ["c"], ["roi"])
    build.node("LSTM", ["r"], ["l"], name: "behind")
    for output in ["l", "d", "roi"] { build.output(output) }
    guard
      case .unsupported("built.onnx", let nodes)? = #expect(
        throws: ONNXError.self, performing: { try build.network() })
    else { return }
    #expect(nodes.count == 4)
    #expect(nodes[0].node == "first (NonMaxSuppression)")
    #expect(nodes[1].node == "second (Conv)" && nodes[1].reason.contains("SIDEWAYS"))
    #expect(nodes.contains { $0.node == "RoiAlign making 'roi'" })
    #expect(nodes.contains { $0.node == "behind (LSTM)" }, "also behind another that cannot be run")
  }

  /// Each trapped, or took all memory.
  @Test func `extents beyond all bounds are refused`() {
    var pooled = ModelBuilder(input: [1, 1, 4, 4])
    pooled.node("LpPool", ["x"], ["y"], [attribute("kernel_shape", [1 << 40, 1 << 40])])
    pooled.output("y")
    var volume = ModelBuilder(input: [1, 1, 1, 1, 1])
    volume.weights("w", [1, 1, 1, 1, 1])
    volume.node("ConvTranspose", ["x", "w"], ["y"], [attribute("pads", [5, 5, 5, 5, 5, 5])])
    volume.output("y")
    var slices = ModelBuilder(input: [nil, 1 << 18])
    slices.integers("shape", [1 << 16, 1])
    slices.node("ConstantOfShape", ["shape"], ["zeros"], [attribute("value", ModelBuilder.tensor("v", [0]))])
    slices.node("GatherND", ["x", "zeros"], ["y"])
    slices.output("y")
    var sum = ModelBuilder(input: [nil, 2])
    sum.weights("w", [2])
    sum.node("Einsum", ["", "w"], ["e"], [attribute("equation", ",a->a")])
    sum.node("Add", ["x", "e"], ["y"])
    sum.output("y")
    for (build, word) in [
      (pooled, "LpPool"), (volume, "ConvTranspose"), (slices, "GatherND"), (sum, "Einsum"),
    ] {
      #expect(refusal(build).contains(word), "\(refusal(build))")
    }
  }

  @Test func `nodes of one operator and one reason are counted, and three of them named`() {
    var build = ModelBuilder(input: [nil, 2])
    build.node("Relu", ["x"], ["v0"])
    for index in 0..<100 {
      build.node("LSTM", ["v0"], ["v\(index + 1)"], name: "lstm\(index)")
      build.output("v\(index + 1)")
    }
    build.node("RoiAlign", ["v0"], ["y"], name: "roi")
    build.output("y")
    #expect(
      refusal(build)
        == "built.onnx has 101 nodes that this build cannot run: 100 nodes, lstm0 (LSTM), lstm1 (LSTM), "
        + "lstm2 (LSTM) and 97 more: this operator is not supported; roi (RoiAlign): this operator is not "
        + "supported. `ARCHITECTURE.md` lists the operators.")
  }

  @Test func `a node that no output needs may be of any operator`() throws {
    var build = sound()
    build.node("NonMaxSuppression", ["y"], ["n"])
    #expect(try build.network().nodes.count == 1)
  }

  @Test func `operators of another domain are not taken for ONNX's own`() {
    var build = sound()
    build.graph.node[0].domain = "com.microsoft"
    #expect(refusal(build).contains("com.microsoft"))
  }

  @Test func `a cycle is named by its nodes`() {
    var build = sound()
    build.node("Add", ["y", "b"], ["a"], name: "one")
    build.node("Exp", ["a"], ["b"], name: "two")
    build.node("Neg", ["b"], ["after"], name: "after")
    #expect(refusal(build) == "built.onnx: \(NetworkError.cycle(nodes: ["one (Add)", "two (Exp)"]))")
  }

  @Test func `a value that nothing makes is named`() {
    var build = sound()
    build.node("Exp", ["nowhere"], ["z"], name: "reader")
    #expect(refusal(build).contains("node reader (Exp) reads 'nowhere', which nothing makes"))
    build = sound()
    build.output("missing")
    #expect(refusal(build).contains("'missing', which nothing makes"))
  }

  @Test(arguments: ["y", "x", "w"]) func `a value that is made twice is named`(name: String) {
    var build = sound()
    build.weights("w", [1])
    build.node("Exp", ["x"], [name], name: "again")
    #expect(refusal(build).contains("'\(name)'") && refusal(build).contains("one maker"))
  }

  @Test func `shapes that do not fit name the node and both shapes`() {
    var build = ModelBuilder(input: [1, 3, 8, 8])
    build.weights("w", [4, 5, 3, 3])
    build.node("Conv", ["x", "w"], ["y"], name: "conv")
    build.output("y")
    #expect(refusal(build).contains("node conv: filters of 4x3x3x5"))
    build = ModelBuilder(input: [1, 3, 8, 8])
    build.weights("w", [4, 3, 9, 9])
    build.node("Conv", ["x", "w"], ["y"], name: "conv")
    build.output("y")
    #expect(refusal(build).contains("a window of 9 does not fit in 8"))
  }

  @Test func `an output declared with other channels than the nodes make is noted`() throws {
    var build = sound()
    build.graph.output = [ModelBuilder.value("y", [nil, 3])]
    let network = try build.network()
    #expect(network.notes.count == 1 && network.notes[0].contains("declared as ?x3, but the nodes make 1x2"))
    #expect(try sound().network().notes.isEmpty)
  }

  @Test(arguments: [Float.nan, .infinity], [true, false])
  func `weights that are not finite are refused`(value: Float, inNode: Bool) {
    var build = ModelBuilder(input: [nil, 2])
    if inNode {
      var tensor = Onnx_TensorProto()
      (tensor.dims, tensor.dataType, tensor.floatData) = ([2], 1, [1, value])
      build.node("Constant", [], ["w"], [attribute("value", tensor)])
    } else {
      build.weights("w", [2], [1, value])
    }
    build.node("Add", ["x", "w"], ["y"])
    build.output("y")
    #expect(refusal(build).contains("not all finite numbers"))
  }

  @Test(arguments: [
    ([2, 2], [1, 2, 3] as [Float], "3 elements"), ([-1], [], "shape [-1]"),
    ([1 << 40, 1 << 40], [], "shape"), ([Int.max, 2], [], "shape"), ([1 << 40, 0, 1 << 40], [], "shape"),
    ([1, 1, 1, 1, 1, 1, 1, 1, 1], [1], "9 axes"),
  ]) func `weights whose shape and data disagree are refused`(extents: [Int], data: [Float], reason: String) {
    var build = sound()
    build.weights("w", extents, data)
    #expect(refusal(build).contains("tensor 'w'") && refusal(build).contains(reason), "\(refusal(build))")
  }

  @Test func `weights of a type that is not known are refused`() {
    var build = sound()
    build.weights("w", [1], [1])
    build.graph.initializer[0].dataType = 99
    #expect(refusal(build).contains("type 99"))
  }

  @Test func `files that are no model are refused in words`() throws {
    let folder = try TemporaryFolder()
    func reading(_ bytes: Data) throws -> String {
      let path = try folder.write(bytes, to: "model.onnx")
      do {
        _ = try Network(onnx: path)
        return "nothing"
      } catch {
        return error.description
      }
    }
    #expect(try reading(Data()).contains("no graph"))
    var generator = SeededGenerator(seed: 4)
    let noise = Data((0..<4000).map { _ in UInt8.random(in: 0...255, using: &generator) })
    #expect(try reading(noise).contains("no ONNX file"))
    let whole = try sound().bytes
    for count in 1..<whole.count {
      let found = try reading(whole.prefix(count))
      #expect(found != "nothing" && found.contains("model.onnx"), "\(count) of \(whole.count) bytes")
    }
    #expect(try reading(whole) == "nothing")
    let error = #expect(throws: ONNXError.self) { try Network(onnx: folder.file("absent.onnx")) }
    #expect(error?.description.contains("no such file") == true)
  }

  @Test(arguments: [
    ([1 << 19, 1 << 19], "fits in memory"), ([1, 3, 1 << 19, 1 << 19], "fits in memory"),
    ([1, 3, 1 << 21, 8], "extent of 2097152"), ([1, 3, -8, 8], "extent of -8"),
    ([1, 1, 1, 1, 1, 1, 1], "7 axes"),
  ]) func `an input larger than memory, or of no sound extent, is refused`(extents: [Int], reason: String) {
    var build = ModelBuilder(input: extents)
    build.node("Relu", ["x"], ["y"])
    build.output("y")
    #expect(refusal(build).contains(reason), "\(refusal(build))")
  }

  @Test func `a network that would need more memory than there is fails before it runs`() throws {
    var build = ModelBuilder(input: [nil, 1, 64, 64])
    build.integers("pads", [0, 0, 0, 0, 0, 0, 1 << 19, 1 << 19])
    build.node("Pad", ["x", "pads"], ["y"], name: "blow-up")
    build.output("y")
    #expect(refusal(build).contains("node blow-up") && refusal(build).contains("fits in memory"))
    // What fits for the file's own size need not fit for a larger one.
    var open = ModelBuilder(input: [nil, 1, nil, nil])
    open.integers("pads", [0, 0, 0, 0, 0, 0, 1 << 14, 1 << 14])
    open.node("Pad", ["x", "pads"], ["y"], name: "pad")
    open.output("y")
    let network = try open.network()
    #expect(throws: NetworkError.self) {
      try network.shapes(inputs: ["x": Shape(images: 4096, rows: 224, columns: 224, channels: 1)])
    }
  }

  @Test func `constants that are worked out stay within memory`() {
    var build = ModelBuilder(input: [nil, 2])
    build.integers("target", [1 << 20, 1 << 20])
    build.node("ConstantOfShape", ["target"], ["big"], name: "filler")
    build.output("big")
    #expect(refusal(build).contains("filler"))
    build = ModelBuilder(input: [nil, 2])
    build.weights("d0", [1 << 10])
    for step in 0..<40 {
      build.node("Concat", ["d\(step)", "d\(step)"], ["d\(step + 1)"], [attribute("axis", 0)])
    }
    build.node("Add", ["x", "d40"], ["y"])
    build.output("y")
    #expect(refusal(build).contains("more than fits in memory"))
  }

  /// A chain of a hundred thousand nodes takes no stack, and no more than seconds.
  @Test func `a very long chain is read without recursion`() throws {
    var build = ModelBuilder(input: [1, 2, 2, 2])
    build.weights("w", [8, 2])
    build.node("Flatten", ["x"], ["v0"])
    for step in 0..<100_000 { build.node("Relu", ["v\(step)"], ["v\(step + 1)"]) }
    build.node("Gemm", ["v100000", "w"], ["y"])
    build.output("y")
    let start = ContinuousClock.now
    let network = try build.network()
    let shapes = try network.shapes(inputs: ["x": [1, 2, 2, 2]])
    _ = try network.inONNXOrder(Tensor([1, 8]), of: "v100000", shapes: shapes)
    #expect(network.nodes.count == 100_002)
    #expect(ContinuousClock.now - start < .seconds(30))
  }

  @Test func `many constants at once are read in time`() throws {
    var build = sound()
    for index in 0..<50_000 { build.node("Constant", [], ["c\(index)"], [attribute("value_int", index)]) }
    let start = ContinuousClock.now
    _ = try build.network()
    #expect(ContinuousClock.now - start < .seconds(20))
  }

  // MARK: External data

  private func external(_ entries: [String: String]) -> ModelBuilder {
    var build = ModelBuilder(input: [nil, 2])
    var tensor = Onnx_TensorProto()
    (tensor.name, tensor.dims, tensor.dataType, tensor.dataLocation) = ("w", [2], 1, 1)
    tensor.externalData = entries.sorted { $0.key < $1.key }.map { key, value in
      var entry = Onnx_StringStringEntryProto()
      (entry.key, entry.value) = (key, value)
      return entry
    }
    build.graph.initializer.append(tensor)
    build.node("Add", ["x", "w"], ["y"])
    build.output("y")
    return build
  }

  private static let data = Tensor([3], elements: [7, 1.5, -2]).bytes

  @Test func `weights in a file beside the model are read`() throws {
    let folder = try TemporaryFolder()
    try folder.write(Self.data, to: "model/weights/all.bin")
    let build = external(["location": "weights/all.bin", "offset": "4", "length": "8"])
    let network = try build.network(folder: folder.file("model"))
    #expect(try network.computed(Tensor([1, 2])).elements == [1.5, -2])
    // A name that only looks as if it left the folder.
    try folder.write(Self.data.dropFirst(4), to: "model/a..b")
    #expect(
      try external(["location": "a..b"]).network(folder: folder.file("model")).computed(Tensor([1, 2]))
        .elements == [1.5, -2])
  }

  @Test(arguments: [
    "../secret.bin", "weights/../../secret.bin", "..\\secret.bin", "ABSOLUTE", "link.bin", "way/secret.bin",
  ])
  func `weights outside the model's folder are refused`(location: String) throws {
    let folder = try TemporaryFolder()
    let secret = try folder.write(Self.data.prefix(8), to: "secret.bin")
    try folder.write(Self.data, to: "model/weights/all.bin")
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("model/link.bin"), withDestinationPath: secret)
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("model/way"), withDestinationPath: folder.path)
    let location = location == "ABSOLUTE" ? secret : location
    let found = refusal(external(["location": location]), folder: folder.file("model"))
    #expect(found.contains("outside the model's folder"), "\(found)")
  }

  @Test func `a neighbour whose name begins alike is outside the folder`() throws {
    let folder = try TemporaryFolder()
    try folder.write(Self.data.prefix(8), to: "model-other/w.bin")
    try folder.write(Data(), to: "model/empty")
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("model/near.bin"), withDestinationPath: folder.file("model-other/w.bin"))
    #expect(
      refusal(external(["location": "near.bin"]), folder: folder.file("model")).contains("outside"))
  }

  @Test(arguments: [
    (["location": "absent.bin"], "missing"), (["location": "w.bin", "offset": "100"], "only 8"),
    (["location": "w.bin", "length": "9"], "only 8"), (["location": "w.bin", "length": "4"], "4 bytes"),
    (["location": "w.bin", "offset": "-1"], "only 8"), ([:], "no external file"),
    (["location": "."], "outside"),
    (["location": "folder"], "no plain file"), (["location": "pipe"], "no plain file"),
  ]) func `external data that is not there is refused`(entries: [String: String], reason: String) throws {
    let folder = try TemporaryFolder()
    try folder.write(Self.data.prefix(8), to: "w.bin")
    try folder.write(Self.data, to: "folder/w.bin")
    let pipe = try Process.run(URL(fileURLWithPath: "/usr/bin/mkfifo"), arguments: [folder.file("pipe")])
    pipe.waitUntilExit()
    let found = refusal(external(entries), folder: folder.path)
    #expect(found.contains(reason), "\(found)")
  }

  @Test func `without a folder external data is refused`() {
    #expect(refusal(external(["location": "w.bin"])).contains("cannot be found from here"))
  }
}
