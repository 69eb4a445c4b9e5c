import Attribution
import Execution
import Files
import Foundation
import Images
import Kernels
import NetworkFixtures
import Networks
import Studies
import Tensors
import TestSupport
import Testing

@Suite struct Project {
  let workplace: Workplace
  let model: String
  let picture: String

  init() throws {
    workplace = try Workplace()
    model = try workplace.plain()
    picture = try workplace.pictures(1) + "/0.jpg"
  }

  private func project(_ flags: String...) throws -> Command.Outcome {
    try Command.run(["project", model, picture, "--out", workplace.path("p.png")] + flags)
  }

  @Test func `an activation goes back to its receptive field, as PNG and as array`() throws {
    let values = try maps("relu2.out").elements
    // Unit 3 of ten, of 11 x 13 positions; some way in.
    let place = try #require((3 * 13..<11 * 13).first { $0 % 13 > 2 && values[$0 * 10 + 3] > 0 })
    let (row, column) = (place / 13, place % 13)
    let outcome = try project(
      "--layer", "conv2", "--unit", "3", "--at", "\(row),\(column)", "--plain", "--array",
      workplace.path("p.safetensors"), "--json")
    #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    let json = try outcome.json()
    #expect(json["layer"] as? String == "conv2" && json["rule"] as? String == "deconvnet")
    #expect(json["unit"] as? Int == 3 && json["row"] as? Int == row && json["column"] as? Int == column)
    let network = try Network(onnx: model)
    let input = try Picture(decoding: picture).prepared(#require(network.preprocessing)).tensor
    let projector = try Projector(network, value: "relu2.out", rule: .deconvnet)
    let trace = try Runner(network, keeping: projector.keptValues, recordingSwitches: true).forward(input)
    let seed = Seed.activation(unit: 3, row: row, column: column)
    let expected = try projector.project([projector.evidence(of: seed, in: trace)])[0].placed(
      in: projector.input)
    let value = try #require(trace["relu2.out"]).elements[(row * 13 + column) * 10 + 3]
    #expect((json["value"] as? Double).map { Float($0) } == value)
    let array = try #require(SafeTensors(reading: workplace.path("p.safetensors")).tensors["projection"])
    #expect(array.shape == [1, 3, 47, 53])
    #expect(try array.elements == expected.inONNXOrder().elements)
    let field = projector.fieldInInput(of: seed)
    #expect(json["inputBox"] as? [Int] == [field.top, field.left, field.bottom, field.right])
    let box = try #require(json["box"] as? [Int])
    #expect(box[2] <= 40 && box[3] <= 60 && box[0] < box[2] && box[1] < box[3])
    let shown = try Picture(decoding: workplace.path("p.png"))
    #expect((shown.rows, shown.columns) == (field.rows, field.columns))
    for channel in 0..<3 {
      for row in 0..<47 where !(field.top..<field.bottom).contains(row) {
        for column in 0..<53 { #expect(array.elements[(channel * 47 + row) * 53 + column] == 0) }
      }
    }
  }

  @Test func `without a unit or a place the strongest is taken`() throws {
    let network = try Network(onnx: model)
    let input = try Picture(decoding: picture).prepared(#require(network.preprocessing)).tensor
    let runner = try Runner(network, keeping: ["relu3.out"], recordingSwitches: true)
    let maps = try #require(runner.forward(input)["relu3.out"])
    let json = try project("--layer", "conv3", "--json").json()
    let largest = try #require(maps.elements.max())
    #expect((json["value"] as? Double).map { Float($0) } == largest)
    let place = try #require(maps.elements.firstIndex(of: largest))
    #expect(json["unit"] as? Int == place % 12 && json["row"] as? Int == place / 12 / 6)
    let spoken = try project("--layer", "conv3")
    #expect(spoken.output.contains("conv3 unit \(place % 12) at") && spoken.output.contains("p.png"))
    let quiet = try project("--layer", "conv3", "--quiet")
    #expect(quiet.status == 0 && quiet.output.isEmpty && quiet.errors.isEmpty)
  }

  @Test(arguments: ["deconvnet", "gradient", "guided"]) func `every rule gives full-size the same`(
    rule: String
  ) throws {
    let flags = ["--layer", "pool2", "--rule", rule, "--array"]
    for name in ["part", "full"] {
      let outcome = try Command.run(
        ["project", model, picture, "--out", workplace.path("p.png")] + flags + [workplace.path(name)]
          + (name == "full" ? ["--full-size"] : []))
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    let part = try #require(SafeTensors(reading: workplace.path("part")).tensors["projection"]).elements
    let full = try #require(SafeTensors(reading: workplace.path("full")).tensors["projection"]).elements
    let scale = Double(full.map(abs).max() ?? 0)
    #expect(scale > 0 && largestDifference(part, full) <= 1e-5 * scale)
  }

  @Test func `a whole map and a class's score go back too`() throws {
    #expect(try project("--layer", "conv3", "--unit", "2", "--map", "--json").status == 0)
    let classifier = try workplace.classifier()
    for score in ["3", "emu", "Dog", "n01440764"] {
      let outcome = try Command.run(
        "project", classifier, picture, "--score", score, "--rule", "gradient", "--out",
        workplace.path("s.png"),
        "--json")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let expected = ["3": 3, "emu": 4, "Dog": 2, "n01440764": 3][score]
      #expect(try outcome.json()["unit"] as? Int == expected)
    }
    try Command.refusal(
      ["project", classifier, picture, "--score", "emo", "--out", workplace.path("s.png")],
      naming: ["'emo'", "emu"])
    // An index is told from a name that looks like one, and a name of two classes is not guessed.
    let alike = try workplace.classifier("alike.onnx") { $0.classes = ["ant", "crane", "3", "gnu", "crane"] }
    for (score, unit) in [("index:3", 3), ("index:2", 2), ("1", 1), ("ANT", 0)] {
      let outcome = try Command.run(
        "project", alike, picture, "--score", score, "--rule", "gradient", "--out", workplace.path("s.png"),
        "--json")
      #expect(try outcome.json()["unit"] as? Int == unit, "\(outcome.errors)")
    }
    for (score, words) in [("3", ["index:2 (3)", "index:3 (gnu)"]), ("Crane", ["index:1", "index:4"])] {
      try Command.refusal(
        ["project", alike, picture, "--score", score, "--out", workplace.path("s.png")], naming: words)
    }
  }

  private func maps(_ value: String) throws -> Tensor {
    let network = try Network(onnx: model)
    let input = try Picture(decoding: picture).prepared(#require(network.preprocessing)).tensor
    return try #require(Runner(network, keeping: [value]).forward(input)[value])
  }

  private func figure(_ flags: String...) throws -> (marks: [SVGMark], outcome: Command.Outcome) {
    let out = workplace.path("figure.svg")
    let outcome = try Command.run(["project", model, picture, "--out", out, "--json"] + flags)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return (try #require(SVGMark.all(of: String(contentsOfFile: out, encoding: .utf8))), outcome)
  }

  @Test func `the figure has the strongest units, each with its field framed on the picture`() throws {
    let (marks, outcome) = try figure("--layer", "conv2")
    let json = try outcome.json()
    let reports = try #require(json["projections"] as? [[String: Any]])
    let maps = try maps("relu2.out")
    let peaks = (0..<10).map { unit in
      stride(from: unit, to: maps.elements.count, by: 10).map { maps.elements[$0] }.max() ?? 0
    }
    let strongest = (0..<10).sorted { (peaks[$1], $0) < (peaks[$0], $1) }.prefix(3)
    #expect(reports.map { $0["unit"] as? Int } == Array(strongest))
    #expect(json["unit"] as? Int == strongest[0])
    // Picture, patch, projection and overlay.
    #expect(marks.filter { $0.name == "image" }.count == 12)
    let frames = marks.filter { $0.attributes["stroke"] == "#d55e00" }
    let wholes = marks.filter { $0.name == "image" }.enumerated().filter { $0.offset % 4 == 0 }.map(\.element)
    #expect(frames.count == 3)
    for (index, frame) in frames.enumerated() {
      let box = try #require(reports[index]["box"] as? [Int]).map(Double.init)
      let scale = wholes[index]["width"] / 60
      let expected = [
        wholes[index]["y"] + box[0] * scale, wholes[index]["x"] + box[1] * scale,
        wholes[index]["y"] + box[2] * scale, wholes[index]["x"] + box[3] * scale,
      ]
      let found = [
        frame.points.map(\.row).min(), frame.points.map(\.column).min(), frame.points.map(\.row).max(),
        frame.points.map(\.column).max(),
      ].compactMap(\.self)
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 0.02 }, "\(found) \(expected)")
    }
    let texts = marks.map(\.text).joined(separator: "\n")
    for word in ["conv2 in 0.jpg", "plain.onnx", "unit \(strongest[2]): activation", "rule deconvnet"] {
      #expect(texts.contains(word), "\(word)")
    }
  }

  @Test func `rules stand side by side`() throws {
    let (marks, outcome) = try figure(
      "--layer", "conv2", "--unit", "3", "--rules", "guided,gradient,deconvnet")
    let reports = try #require(outcome.json()["projections"] as? [[String: Any]])
    #expect(reports.map { $0["rule"] as? String } == ["guided", "gradient", "deconvnet"])
    let heads = marks.filter { $0.text.hasPrefix("projection, rule") }
    #expect(heads.map(\.text) == ["guided", "gradient", "deconvnet"].map { "projection, rule \($0)" })
    let images = marks.filter { $0.name == "image" }
    #expect(images.count == 6 && images[2...4].map { $0["x"] } == heads.map { $0["x"] })
    try refused("--layer", "conv2", "--rules", "guided,sideways", naming: ["guided,sideways"])
    try refused("--layer", "conv2", "--rules", "guided,guided", naming: ["guided,guided"])
  }

  @Test func `an activation of zero is said, and is no grey tile`() throws {
    let maps = try maps("relu2.out")
    let dead = try #require(maps.elements.firstIndex(of: 0))
    let (unit, row, column) = (dead % 10, dead / 10 / 13, dead / 10 % 13)
    let (marks, outcome) = try figure("--layer", "conv2", "--unit", "\(unit)", "--at", "\(row),\(column)")
    let json = try outcome.json()
    #expect(json["isZero"] as? Bool == true && json["value"] as? Double == 0)
    #expect(outcome.errors.contains("note: conv2 unit \(unit) is 0 at \(row),\(column)"), "\(outcome.errors)")
    #expect(outcome.errors.contains("Its strongest position is"))
    #expect(marks.contains { $0.text == "the activation is 0" })
    #expect(marks.filter { $0.name == "image" }.count == 2)
    try refused(
      "--layer", "conv2", "--unit", "\(unit)", "--at", "\(row),\(column)", "--strict",
      naming: ["its projection is zero"])
    let other = try figure("--layer", "conv2", "--unit", "\(unit)").outcome
    #expect(try other.json()["isZero"] as? Bool == false && other.errors.isEmpty)
  }

  @Test func `a place alone takes the strongest units there`() throws {
    let maps = try maps("relu2.out")
    let here = (0..<10).map { maps.elements[(4 * 13 + 6) * 10 + $0] }
    let reports = try figure("--layer", "conv2", "--at", "4,6", "--top", "2").outcome.json()
    let order: [Int] = (0..<10).sorted { (here[$1], $0) < (here[$0], $1) }
    let strongest = order.prefix(2).filter { here[$0] > 0 }
    let found = try #require(reports["projections"] as? [[String: Any]])
    #expect(found.map { $0["unit"] as? Int } == strongest && !strongest.isEmpty)
  }

  @Test func `the ending of the file is what is written`() throws {
    for (name, start) in [("a.png", [0x89, 0x50]), ("a.jpg", [0xFF, 0xD8]), ("a.pdf", Array("%PDF".utf8))] {
      let out = workplace.path(name)
      for flags in [[], ["--plain"]] where name != "a.pdf" || flags.isEmpty {
        let outcome = try Command.run(["project", model, picture, "--layer", "conv2", "--out", out] + flags)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: out)).starts(with: start), "\(name)")
      }
    }
    for (name, flags) in [("a.gif", [String]()), ("a", []), ("a.svg", ["--plain"])] {
      let out = workplace.path("new-" + name)
      try Command.refusal(
        ["project", model, picture, "--layer", "conv2", "--out", out] + flags, naming: [out, ".png", ".jpg"])
      #expect(!FileManager.default.fileExists(atPath: out))
    }
  }

  private func refused(_ flags: String..., naming words: [String]) throws {
    let out = workplace.path("refused.png")
    try Command.refusal(["project", model, picture, "--out", out] + flags, naming: words)
    #expect(!FileManager.default.fileExists(atPath: out))
  }

  @Test func `a layer, unit or place that does not exist is refused, with near names`() throws {
    try refused("--layer", "cnv2", naming: ["plain.onnx", "'cnv2'", "conv2"])
    try refused("--layer", "conv12", naming: ["conv1", "conv2"])
    try refused("--layer", "conv2", "--unit", "10", naming: ["plain.onnx", "conv2", "10", "0 to 9"])
    try refused("--layer", "conv2", "--unit=-1", naming: ["conv2", "0 to 9"])
    for (place, words) in [("11,0", ["11 x 13"]), ("0,13", ["11 x 13"])]
      + ["-1,0", "4", "4,5,6", "a,b"].map({ ($0, ["a row and a column"]) })
    {
      try refused(
        "--layer", "conv2", "--unit", "1", "--at=\(place)", naming: ["--at", "'\(place)'"] + words)
    }
  }

  @Test func `a picture that cannot be read is refused by name`() throws {
    for (path, reason) in try workplace.badPictures() {
      let out = workplace.path("bad.png")
      try Command.refusal(
        ["project", model, path, "--layer", "conv1", "--out", out], naming: [path, reason])
      #expect(!FileManager.default.fileExists(atPath: out))
    }
    let missing = workplace.path("missing.jpg")
    try Command.refusal(
      ["project", model, missing, "--layer", "conv1", "--out", workplace.path("p.png")], naming: [missing])
    try Command.refusal(
      ["project", model, workplace.path("pictures"), "--layer", "conv1", "--out", workplace.path("p.png")],
      naming: [workplace.path("pictures"), "folder"])
    let long = try workplace.folder.write(
      Picture(rows: 1, columns: 3000, pixels: [UInt8](repeating: 1, count: 9000)).encodedPNG(), to: "long.png"
    )
    try Command.refusal(
      [
        "project", try workplace.classifier(), long, "--layer", "conv1", "--resize", "300", "--crop", "16",
        "--out",
        workplace.path("p.png"),
      ], naming: [])
  }

  @Test func `an output that cannot be written is refused, and nothing left`() throws {
    for out in [workplace.path("no/where.png"), "/proc/nowhere.png", workplace.folder.path] {
      try Command.refusal(["project", model, picture, "--layer", "conv1", "--out", out], naming: [out])
    }
  }

  /// ReLU6: the strongest activations are its bound, of which the gradient is zero.
  @Test func `a value beyond its activation's upper bound is carried back as if there were none`() throws {
    for (name, activation) in [("six", Activation.clip(minimum: 0, maximum: 0.01)), ("plain", .relu)] {
      var build = TinyNetworks.Builder(seed: 5)
      build.convolution("conv1", 4, of: 3, window: 5)
      build.add("relu1", .activation(activation))
      try build.network(rows: 20, columns: 20).writeONNX(to: workplace.path(name + ".onnx"))
    }
    func project(_ name: String, _ flags: String...) throws -> Command.Outcome {
      try Command.run(
        [
          "project", workplace.path(name + ".onnx"), picture, "--layer", "conv1", "--rule", "gradient",
          "--out",
          workplace.path("s.png"), "--array", workplace.path(name + ".safetensors"),
        ] + flags)
    }
    let said = try project("six")
    #expect(
      said.status == 0 && said.errors.contains("conv1's activation passes on 0.01 at most"), "\(said.errors)")
    let (six, plain) = (try project("six", "--json").json(), try project("plain", "--json").json())
    #expect(six["isSaturated"] as? Bool == true && plain["isSaturated"] as? Bool == false)
    #expect(six["upperBound"] as? Double == 0.01 && plain["upperBound"] == nil)
    #expect(six["value"] as? Double == plain["value"] as? Double)
    let array = try #require(SafeTensors(reading: workplace.path("six.safetensors")).tensors["projection"])
    #expect(array.elements.contains { $0 != 0 })
    let expected = try SafeTensors(reading: workplace.path("plain.safetensors")).tensors["projection"]
    #expect(array.elements == expected?.elements)
  }

  /// In the first layer nothing lies below the bound, so all is as with a plain rectifier.
  @Test func `features rank and carry back what lies beyond an upper bound`() throws {
    let pictures = try workplace.pictures(12)
    var runs: [String] = []
    for (name, activation) in [("six", Activation.clip(minimum: 0, maximum: 0.01)), ("plain", .relu)] {
      var build = TinyNetworks.Builder(seed: 5)
      build.convolution("conv1", 4, of: 3, window: 5)
      build.add("relu1", .activation(activation))
      try build.network(rows: 20, columns: 20).writeONNX(to: workplace.path(name + ".onnx"))
      let run = workplace.path("run-" + name)
      let features = try Command.run(
        "features", workplace.path(name + ".onnx"), pictures, "--rule", "gradient", "--out", run, "--quiet")
      #expect(features.status == 0, "\(features.errors)")
      runs.append(run)
    }
    func table(_ run: String) throws -> FeatureTable {
      try JSONDecoder().decode(
        FeatureTable.self, from: Data(contentsOf: URL(fileURLWithPath: run + "/features.json")))
    }
    let (six, plain) = (try table(runs[0]), try table(runs[1]))
    #expect(six.layers[0].upperBound == 0.01 && plain.layers[0].upperBound == nil)
    #expect(six.layers[0].units == plain.layers[0].units)
    let projections = runs.map { FileManager.default.contents(atPath: $0 + "/projections/conv1.safetensors") }
    #expect(projections[0] != nil && projections[0] == projections[1])
    let sheets = try runs.map { try String(contentsOfFile: $0 + "/figures/conv1.svg", encoding: .utf8) }
    #expect(sheets[0].contains("saturated at 0.01") && !sheets[1].contains("saturated"))
    let json = try String(contentsOfFile: runs[1] + "/features.json", encoding: .utf8)
    #expect(!json.contains("upperBound"))
  }

  @Test func `a network of one channel gives a grey projection`() throws {
    var build = TinyNetworks.Builder(seed: 5)
    build.convolution("conv1", 4, of: 1, window: 5)
    build.relu("relu1")
    try build.network(rows: 20, columns: 20, channels: 1).writeONNX(to: workplace.path("grey.onnx"))
    let outcome = try Command.run(
      "project", workplace.path("grey.onnx"), picture, "--layer", "conv1", "--plain", "--out",
      workplace.path("g.png"), "--array",
      workplace.path("g.safetensors"))
    #expect(outcome.status == 0, "\(outcome.errors)")
    let shown = try Picture(decoding: workplace.path("g.png"))
    let pixels = shown.pixels
    #expect(stride(from: 0, to: pixels.count, by: 3).allSatisfy { pixels[$0] == pixels[$0 + 2] })
    let array = try #require(SafeTensors(reading: workplace.path("g.safetensors")).tensors["projection"])
    #expect(array.shape == [1, 1, 20, 20])
  }
}
