import Files
import Foundation
import Images
import Networks
import TestSupport
import Testing

@Suite struct Figure {
  let workplace: Workplace
  let run: String

  init() throws {
    workplace = try Workplace()
    run = workplace.path("run")
    let outcome = try Command.run(
      "features", try workplace.plain(), try workplace.pictures(6), "--layers", "conv2,conv3", "--units",
      "0..<4",
      "--top", "4", "--out", run, "--quiet")
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  private func figure(_ name: String, _ flags: String...) throws -> Command.Outcome {
    try Command.run(["figure", run, "--out", workplace.path(name)] + flags)
  }

  private func marks(_ flags: String...) throws -> [SVGMark] {
    let outcome = try Command.run(["figure", run, "--out", workplace.path("f.svg")] + flags)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try #require(SVGMark.all(of: String(contentsOfFile: workplace.path("f.svg"), encoding: .utf8)))
  }

  /// How many of the run's activations of a unit are not zero.
  private func active(_ unit: (layer: String, number: Int)) throws -> Int {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: run + "/features.json"))
    let table = try #require(JSONSerialization.jsonObject(with: bytes) as? [String: Any])
    let layers = try #require(table["layers"] as? [[String: Any]])
    let layer = try #require(layers.first { $0["layer"] as? String == unit.layer })
    let top = try #require((layer["units"] as? [[String: Any]])?[unit.number]["top"] as? [[String: Any]])
    return top.count { ($0["value"] as? Double ?? 0) > 0 }
  }

  @Test func `units of several layers stand in a figure of a real width`() throws {
    let marks = try marks("--units", "conv3:1", "conv2:3,0", "--width", "8.5cm")
    #expect(
      marks[0].attributes["width"] == "85mm" && marks[0].attributes["viewBox"]?.hasPrefix("0 0 850 ") == true)
    let texts = marks.filter { $0.name == "text" }
    #expect(
      texts.map { $0.text.split(separator: ",")[0] } == ["conv3", "unit 1", "conv2", "unit 3", "unit 0"])
    // Eight points, in tenths of a millimetre.
    #expect(texts.allSatisfy { abs($0["font-size"] - 8.0 / 72 * 254) < 0.01 })
    let images = marks.filter { $0.name == "image" }
    #expect(images.allSatisfy { $0["x"] >= 0 && $0["x"] + $0["width"] <= 850.01 })
    // A projection and a patch for each picture that makes a unit active.
    #expect(
      try images.count == 2 * [("conv3", 1), ("conv2", 3), ("conv2", 0)].reduce(0) { try $0 + active($1) })
    #expect(texts[3]["x"] < 10 && texts[4]["x"] > 425 && texts[3]["y"] == texts[4]["y"])
    let first = try images.prefix(2 * active(("conv3", 1)))
    let left = stride(from: 0, to: first.count, by: 2).map { first[$0]["x"] }
    let right = stride(from: 1, to: first.count, by: 2).map { first[$0]["x"] }
    #expect(try #require(left.max()) < #require(right.min()))
  }

  @Test func `what the run has not kept is computed again, to the same figure`() throws {
    let kept = try marks("--units", "conv2:2").map(\.attributes)
    try FileManager.default.removeItem(atPath: run + "/projections")
    let made = try marks("--units", "conv2:2").map(\.attributes)
    #expect(kept == made)
    #expect(try marks("--units", "conv2:9").contains { $0.text.hasPrefix("unit 9, max ") })
    let other = try marks("--units", "conv2:2", "--rule", "gradient").map(\.attributes)
    #expect(other != kept)
  }

  @Test func `a PDF has the width that was asked for, and is light`() throws {
    let outcome = try figure("f.pdf", "--units", "conv2:0,1,2", "--width", "170mm", "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: workplace.path("f.pdf")))
    #expect(bytes.starts(with: Array("%PDF".utf8)) && bytes.count < 2_000_000)
    let text = String(decoding: bytes, as: Unicode.ASCII.self)
    let box = try #require(text.firstMatch(of: /MediaBox \[ 0 0 ([0-9.]+) ([0-9.]+) \]/))
    let width = try #require(Double(box.1))
    #expect(abs(width - 170 / 25.4 * 72) < 0.01)
    let json = try outcome.json()
    #expect(json["bytes"] as? Int == bytes.count)
    #expect((json["caption"] as? String)?.contains("deconvnet") == true)
    #expect(try figure("f.png", "--units", "conv2:0", "--width", "60mm", "--dpi", "254").status == 0)
    #expect(try Picture(decoding: workplace.path("f.png")).columns == 600)
  }

  @Test func `the field beyond the picture is hatched, and holds no pixels`() throws {
    let marks = try marks("--units", "conv3:0,1,2,3")
    let images = marks.filter { $0.name == "image" }
    let widest = images.map { $0["width"] }.max() ?? 0
    let cut = images.filter { $0["width"] < widest - 1 }
    let hatches = marks.filter { $0.name == "polyline" && $0.attributes["stroke"] == "#d9dce0" }
    #expect(cut.isEmpty == hatches.isEmpty && !cut.isEmpty)
  }

  @Test func `what moved or changed is asked for`() throws {
    try Command.refusal(
      ["figure", run, "--units", "conv2:10", "--out", workplace.path("x.pdf")], naming: ["conv2", "0 to 9"])
    try Command.refusal(
      ["figure", run, "--units", "conv1:0", "--out", workplace.path("x.pdf")],
      naming: ["conv1", "conv2, conv3"])
    try Command.refusal(
      ["figure", run, "--units", "conv2", "--out", workplace.path("x.pdf")],
      naming: ["'conv2'", "conv5:9,17,30"])
    try Command.refusal(
      ["figure", run, "--units", "conv2:0", "--out", workplace.path("x.gif")], naming: ["x.gif", ".pdf"])
    try Command.refusal(["figure", run, "--units", "conv2:0"], naming: ["--out"])
    try Command.refusal(
      ["figure", workplace.path("pictures"), "--units", "conv2:0", "--out", workplace.path("x.pdf")],
      naming: ["not a run"])
    let moved = workplace.path("moved")
    try FileManager.default.moveItem(atPath: workplace.path("pictures"), toPath: moved)
    try Command.refusal(
      ["figure", run, "--units", "conv2:0", "--out", workplace.path("x.pdf")], naming: ["--pictures"])
    #expect(try figure("x.pdf", "--units", "conv2:0", "--pictures", moved).status == 0)
    try FileManager.default.removeItem(atPath: moved + "/0.jpg")
    try Command.refusal(
      ["figure", run, "--units", "conv2:0", "--out", workplace.path("y.pdf"), "--pictures", moved],
      naming: ["other images"])
  }

  @Test func `a model that is another, or gone, is said where it is needed`() throws {
    let other = try workplace.plain("plain.onnx") { $0.preprocessing?.scale = 1 / 32 }
    #expect(try figure("x.pdf", "--units", "conv2:0").status == 0)
    let again = ["figure", run, "--units", "conv2:7", "--out", workplace.path("y.pdf")]
    try Command.refusal(again, naming: [other, "not the model", "--model"])
    try FileManager.default.removeItem(atPath: other)
    try Command.refusal(again, naming: [other, "--model"])
  }

  @Test func `without units the run's figures are listed`() throws {
    let outcome = try Command.run("figure", run)
    #expect(outcome.status == 0 && outcome.output.contains("\(run)/figures/conv2.svg"))
    #expect(outcome.errors.contains("--units conv2:0,1,2"))
    for file in outcome.output.split(separator: "\n") {
      #expect(FileManager.default.fileExists(atPath: String(file)))
    }
  }

  @Test func `every study's figure is there for paper too`() throws {
    let other = workplace.path("diagnosis")
    let made = try Command.run(
      "diagnose", try workplace.plain(), workplace.path("pictures"), "--out", other, "--quiet")
    #expect(made.status == 0, "\(made.errors)")
    let outcome = try Command.run("figure", other)
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    let files = outcome.output.split(separator: "\n").map(String.init)
    #expect(files == ["pdf", "png", "svg"].map { "\(other)/figures/diagnosis.\($0)" })
    #expect(try Data(contentsOf: URL(fileURLWithPath: files[0])).starts(with: Array("%PDF".utf8)))
  }
}
