import Execution
import Files
import Foundation
import NetworkFixtures
import Networks
import Tensors
import TestSupport
import Testing

@Suite struct InspectAndRun {
  let workplace: Workplace

  init() throws { workplace = try Workplace() }

  @Test func `a table names every layer three ways`() throws {
    let outcome = try Command.run("inspect", try workplace.plain())
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    let lines = outcome.output.split(separator: "\n")
    let heads = ["name", "node", "op", "output", "shape", "parameters", "MACs", "field", "stride"]
    #expect(lines[0].split(separator: " ").map(String.init) == heads)
    let third = try #require(lines.first { $0.hasPrefix("conv3") })
    // 12 filters of 3 x 3 x 10 and 12 biases; 1080 products at each of 5 x 6 places.
    #expect(third.contains("12x5x6") && third.contains("1,092") && third.contains("32,400"))
    #expect(outcome.output.contains("multiply-accumulates per image"))
  }

  @Test func `layers go by the modules of the program that was exported`() throws {
    var build = TinyNetworks.Builder(seed: 3)
    build.convolution("node_Conv_1", 4, of: 3, window: 3, padding: 1)
    build.nodes[0].modules = ["layer1.0.conv1", "layer1.0.bn1"]
    build.relu("node_relu")
    build.nodes[1].modules = ["layer1.0.relu"]
    let model = workplace.path("modules.onnx")
    try build.network(rows: 16, columns: 16).writeONNX(to: model)
    let rows = try Command.run("inspect", model).output.split(separator: "\n").map {
      $0.split(separator: " ").map(String.init)
    }
    #expect(rows[0].last == "also")
    #expect(rows[1].first == "layer1.0.conv1" && rows[1].suffix(2) == ["layer1.0.bn1", "conv1"])
    #expect(rows[2].first == "layer1" && rows[2].suffix(2) == ["layer1.0", "layer1.0.relu"])
    let layers = try #require(
      try Command.run("inspect", model, "--json").json()["layers"] as? [[String: Any]])
    #expect(layers[0]["aliases"] as? [String] == ["layer1.0.bn1", "conv1"])
    let picture = try workplace.pictures(1) + "/0.jpg"
    func project(_ layer: String) throws -> Command.Outcome {
      try Command.run(
        "project", model, picture, "--layer", layer, "--resize", "16", "--crop", "16", "--out",
        workplace.path("out.png"), "--json", "--quiet")
    }
    #expect(try project("layer1").json()["layer"] as? String == "layer1")
    #expect(try project("layer1.0.conv2").errors.contains("Near names: layer1.0.conv1"))
    let run = try Command.run(
      "features", model, workplace.path("pictures"), "--layers", "layer1.0.conv1,layer1", "--resize", "16",
      "--crop",
      "16", "--out", workplace.path("run"), "--quiet", "--json")
    #expect(run.status == 0, "\(run.errors)")
    let page = try String(contentsOfFile: workplace.path("run/index.html"), encoding: .utf8)
    #expect(page.contains("layer1.0.conv1"))
  }

  @Test func `JSON gives the same for programs`() throws {
    let model = try workplace.plain()
    let outcome = try Command.run("inspect", model, "--json", "--quiet")
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    let json = try outcome.json()
    #expect(json["model"] as? String == model)
    let layers = try #require(json["layers"] as? [[String: Any]])
    #expect(layers.count == 9)
    let first = layers[0]
    #expect(first["name"] as? String == "conv1" && first["output"] as? String == "conv1.out")
    #expect(first["operation"] as? String == "Conv" && first["node"] as? String == "conv1")
    #expect(first["shape"] as? [Int] == [1, 8, 23, 26] && first["parameters"] as? Int == 608)
    #expect(first["receptiveField"] as? [Int] == [5, 5] && first["stride"] as? [Int] == [2, 2])
    #expect(first["multiplyAccumulates"] as? Int == 600 * 23 * 26)
  }

  /// Writes an input of as many images, and gives it in this package's order.
  private func input(_ images: Int, to name: String) throws -> Tensor {
    var generator = SeededGenerator(seed: 9)
    let input = Tensor.random([images, 47, 53, 3], using: &generator)
    try SafeTensors(["input": input.inONNXOrder()]).write(to: workplace.path(name))
    return input
  }

  @Test func `raw inference gives outputs and what is kept, in ONNX's order`() throws {
    let model = try workplace.plain()
    let input = try input(2, to: "x.safetensors")
    let outcome = try Command.run(
      "run", model, "--input", workplace.path("x.safetensors"), "--output", workplace.path("y.safetensors"),
      "--keep",
      "conv1", "conv2.out", "pool1", "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let shapes = try outcome.json().mapValues { $0 as? [Int] ?? [] }
    #expect(shapes["conv1"] == [2, 8, 23, 26] && shapes["relu3.out"] == [2, 12, 5, 6])
    let results = try SafeTensors(reading: workplace.path("y.safetensors")).tensors
    #expect(Set(results.keys) == ["conv1", "conv2.out", "pool1", "relu3.out"])
    let trace = try Runner(
      Network(onnx: model), keeping: ["relu1.out", "conv2.out", "pool1.out", "relu3.out"]
    ).forward(input)
    for (name, value) in [
      ("conv1", "relu1.out"), ("conv2.out", "conv2.out"), ("pool1", "pool1.out"), ("relu3.out", "relu3.out"),
    ] {
      let expected = try #require(try trace[value]?.inONNXOrder())
      #expect(results[name]?.shape == expected.shape)
      let scale = Double(expected.elements.map(abs).max() ?? 0)
      #expect(
        largestDifference(results[name]?.elements ?? [], expected.elements)
          <= Tolerance.sum(of: 75, magnitude: scale))
    }
  }

  /// The plain network with its rows and columns open, its channels first or last.
  private func open(channelsLast isLast: Bool) throws -> String {
    let plain = try Network(onnx: workplace.plain())
    let network = try Network(
      name: "open",
      inputs: [.init(name: "input", extents: [nil, 3, nil, nil], isChannelsLast: isLast)],
      nodes: plain.nodes, outputs: plain.outputs)
    let path = workplace.path(isLast ? "last.onnx" : "first.onnx")
    try network.writeONNX(to: path)
    return path
  }

  @Test func `pixels may be last, and arrays have the file's order`() throws {
    let input = try input(2, to: "x.safetensors")
    try SafeTensors(["input": input]).write(to: workplace.path("last.safetensors"))
    let (first, last) = (try open(channelsLast: false), try open(channelsLast: true))
    for (model, given, output) in [
      (first, "x.safetensors", "a.safetensors"), (last, "last.safetensors", "b.safetensors"),
    ] {
      let outcome = try Command.run(
        "run", model, "--input", workplace.path(given), "--output", workplace.path(output), "--quiet",
        "--keep",
        "input")
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    let one = try SafeTensors(reading: workplace.path("a.safetensors")).tensors
    let other = try SafeTensors(reading: workplace.path("b.safetensors")).tensors
    #expect(one["relu3.out"]?.bytes == other["relu3.out"]?.bytes)
    #expect(other["input"]?.shape == [2, 47, 53, 3] && other["input"]?.elements == input.elements)
    try Command.refusal(
      [
        "run", last, "--input", workplace.path("x.safetensors"), "--output",
        workplace.path("refused.safetensors"),
      ], naming: ["any x any x 3", "2x3x47x53"])
  }

  @Test func `a size is rows x columns, for every command that reads a network`() throws {
    let model = try open(channelsLast: true)
    let outcome = try Command.run("inspect", model, "--size", "47x53", "--json", "--quiet")
    let layers = try outcome.json()["layers"] as? [[String: Any]]
    #expect(layers?.first?["shape"] as? [Int] == [1, 8, 23, 26])
    for size in ["48", "48x", "x48", "0x48", "48x320x3", "48,320", "-48x320", "48x99999", "wide"] {
      let wrong = try Command.run("inspect", model, "--size=\(size)")
      #expect(wrong.status != 0 && wrong.errors.contains("rows x columns of 1 to 16384 pixels, as 48x320"))
    }
    let occluded = try Command.run(
      "occlude", model, workplace.path("none"), "--out", workplace.path("run"), "--input-size", "48")
    #expect(occluded.errors.contains("--input-size is rows x columns"))
    try Command.refusal(
      ["inspect", try workplace.plain(), "--size", "48x320"], naming: ["47 x 53 pixels", "48 x 320"])
  }

  @Test func `what does not fit the network is refused, with both shapes`() throws {
    let model = try workplace.plain()
    func refused(_ tensors: [String: Tensor], _ words: String..., flags: [String] = []) throws {
      try SafeTensors(tensors).write(to: workplace.path("x.safetensors"))
      let output = workplace.path("refused.safetensors")
      try Command.refusal(
        ["run", model, "--input", workplace.path("x.safetensors"), "--output", output] + flags, naming: words)
      #expect(!FileManager.default.fileExists(atPath: output))
    }
    try refused(["data": Tensor([1, 3, 47, 53])], "x.safetensors", "'input'", "data")
    try refused([:], "'input'")
    try refused(["input": Tensor([1, 3, 47, 52])], "3 x 47 x 53", "1x3x47x52", "x.safetensors")
    try refused(["input": Tensor([3, 47, 53])], "3 x 47 x 53")
    try refused(["input": Tensor([1, 3, 47, 53])], "conv9", "conv3", flags: ["--keep", "conv9"])
    try Command.refusal(
      ["run", model, "--input", workplace.path("none.safetensors"), "--output", workplace.path("y")],
      naming: ["none.safetensors"])
    try workplace.folder.write(Array("{}".utf8), to: "short.safetensors")
    try Command.refusal(
      ["run", model, "--input", workplace.path("short.safetensors"), "--output", workplace.path("y")],
      naming: ["short.safetensors"])
    _ = try input(1, to: "good.safetensors")
    try Command.refusal(
      [
        "run", model, "--input", workplace.path("good.safetensors"), "--output", workplace.path("no/where/y"),
      ],
      naming: ["no/where/y", "folder"])
  }
}
