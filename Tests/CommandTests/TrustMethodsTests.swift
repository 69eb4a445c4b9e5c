import Foundation
import Kernels
import Networks
import Studies
import Tensors
import TestSupport
import Testing

@Suite struct TrustMethodsCommand {
  let workplace: Workplace

  init() throws { workplace = try Workplace() }

  private static let scenes = ["airplane", "bicycle", "bird", "butterfly", "car"]

  private func rows(_ run: String) throws -> [String: MethodRow] {
    let data = try Data(contentsOf: URL(fileURLWithPath: workplace.path(run + "/trust.json")))
    let table = try JSONDecoder().decode(TrustTable.self, from: data)
    return Dictionary(uniqueKeysWithValues: table.methods.map { ($0.method, $0) })
  }

  @Test func `methods stand beside maps that know nothing, and the known object`() throws {
    let model = try workplace.whole(classes: Self.scenes)
    let line = [
      "trust", model, "scenes:split=validation,count=20,size=32", "--methods",
      "gradient,gradcam,lrp-epsilon-plus,rise", "--points", "20", "--class", "bicycle", "--sample", "20",
      "--out", workplace.path("run"),
    ]
    let outcome = try Command.run(line)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("control: random") && outcome.output.contains("No number passes"))
    let found = try rows("run")
    let methods = ["gradient", "gradcam", "lrp-epsilon-plus", "rise"]
    #expect(Set(found.keys) == Set(methods + ["random", "centre", "sobel"]))
    let first = try #require(found["gradient"])
    for row in found.values {
      #expect(row.isControl == !methods.contains(row.method) && row.images == 20)
      #expect(row.deletionCurve.count == 51 && row.insertionCurve.count == 51)
      // All begin and end alike: the whole picture, and nothing of it.
      #expect(abs(row.deletionCurve[0] - first.deletionCurve[0]) < 1e-9)
      #expect(abs(row.deletionCurve[50] - first.deletionCurve[50]) < 1e-9)
      #expect(abs(row.insertionCurve[50] - row.deletionCurve[0]) < 1e-9)
      let area = zip(row.deletionCurve, row.deletionCurve.dropFirst()).reduce(0) { $0 + $1.0 + $1.1 } / 100
      #expect(abs(area - (try #require(row.deletion))) < 1e-9)
      let (infidelity, road) = (try #require(row.infidelity), try #require(row.road))
      #expect((0...1).contains(infidelity) && (-1...1).contains(road))
      // Two of the twenty show a bicycle.
      #expect(row.located == 2 && row.onObject != nil && row.onDecisivePart != nil)
      #expect(try #require(row.energy) <= 1 && #require(row.massAccuracy) <= #require(row.energy) + 1e-9)
      let isAsked = !row.isControl && row.method != "rise"
      #expect((row.sensitivity != nil) == isAsked && (row.entropyRise != nil) == isAsked)
      #expect(row.fromTop.last?.share == (isAsked ? 1 : nil))
      #expect(row.fromTop.last?.rank == row.fromBottom.last?.rank)
    }
    // Killed before its end and run again, it ends with the same bytes.
    let before = try workplace.contents(of: "run")
    let images = before.keys.filter { $0.hasPrefix("trust/images/") && $0.hasSuffix(".json") }.sorted()
    #expect(images.count == 20)
    for file in [images[3], "trust/weights/top-100.json"] {
      try FileManager.default.removeItem(atPath: workplace.path("run/" + file))
    }
    #expect(try Command.run(line + ["--threads", "1"]).status == 0)
    #expect(try workplace.contents(of: "run")["trust.json"] == before["trust.json"])
    // A finding whose curves were cut short is named, not read beyond its end.
    let path = URL(fileURLWithPath: workplace.path("run/" + images[0]))
    var damaged = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: path)) as? [String: Any])
    var maps = try #require(damaged["maps"] as? [String: [String: Any]])
    maps["gradient"]?["curves"] = [
      "mean": [
        "probability": ["mostFirst": [1], "leastFirst": [1]], "score": ["mostFirst": [1], "leastFirst": [1]],
      ]
    ]
    damaged["maps"] = maps
    try JSONSerialization.data(withJSONObject: damaged).write(to: path)
    try Command.refusal(line, naming: [images[0]])
  }

  /// A linear network: what each pixel adds is known, and maps that say it predict what hiding does.
  @Test func `of a linear network contributions predict every square, and their order is the best`() throws {
    let side = 16 * 20 * 3
    let model = try workplace.whole("linear.onnx") { nodes in
      var generator = SeededGenerator(seed: 4)
      nodes = [
        .init(name: "flat", operation: .flatten, inputs: ["input"], outputs: ["flat.out"]),
        .init(
          name: "fc",
          operation: .innerProduct(
            InnerProduct(
              weights: .random([5, side], in: -0.01...0.01, using: &generator), bias: nil)),
          inputs: ["flat.out"], outputs: ["fc.out"]),
      ]
    }
    let outcome = try Command.run([
      "trust", model, try workplace.pictures(4), "--methods",
      "input-x-gradient,integrated-gradients,deeplift,gradient", "--class", "cat", "--out",
      workplace.path("run"), "--quiet",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let found = try rows("run")
    func area(_ row: MethodRow) throws -> (most: Double, least: Double) {
      let area = try #require(row.areas.first { $0.fill == "mean" && $0.of == "score" })
      return (area.mostFirst, area.leastFirst)
    }
    let best = try area(try #require(found["input-x-gradient"]))
    for name in ["input-x-gradient", "integrated-gradients", "deeplift"] {
      let row = try #require(found[name])
      #expect(try #require(row.infidelity) < 1e-5, "\(name)")
      let own = try area(row)
      #expect(abs(own.most - best.most) < 1e-3 && abs(own.least - best.least) < 1e-3)
    }
    for row in found.values {
      let own = try area(row)
      // No order hides more sooner than that of the contributions themselves.
      #expect(own.most >= best.most - 1e-6 && own.least <= best.least + 1e-6, "\(row.method)")
    }
    #expect(try #require(found["random"]?.infidelity) > 0.2)
    // A linear map does not move with the picture.
    #expect(try #require(found["gradient"]?.sensitivity) < 1e-6)
    #expect(found["gradient"]?.located == 0 && found["gradient"]?.pointing == nil)
  }

  @Test func `what methods cannot be compared on is refused in a sentence`() throws {
    let (model, pictures) = (try workplace.whole(), try workplace.pictures(2))
    for (flags, words) in [
      (["--methods", ""], ["no method"]), (["--methods", "gradcan"], ["gradcan", "gradcam"]),
      (["--class", "cat"], ["--methods"]),
      (["--methods", "gradient", "--class", "caat"], ["cat"]),
      (["--methods", "gradient", "--sample", "0"], ["--sample"]),
      (["--methods", "gradient", "--metrics", "rode"], ["rode", "road"]),
    ] {
      try Command.refusal(["trust", model, pictures, "--out", workplace.path("none")] + flags, naming: words)
      #expect(!FileManager.default.fileExists(atPath: workplace.path("none")))
    }
    try Command.refusal(
      ["trust", try workplace.plain(), pictures, "--methods", "gradient", "--out", workplace.path("none")],
      naming: ["class"])
    let few = try Command.run([
      "trust", model, pictures, "--methods", "gradient", "--metrics", "road", "--out", workplace.path("few"),
    ])
    #expect(few.status == 0, "\(few.errors)")
    let row = try #require(try rows("few")["gradient"])
    #expect(row.road != nil && row.deletion == nil && row.sensitivity == nil && row.fromTop.isEmpty)
    // With layers named, projections are looked at too.
    let both = try Command.run([
      "trust", model, pictures, "--methods", "gradient", "--layers", "conv2", "--units", "2", "--images",
      "2", "--out", workplace.path("both"),
    ])
    #expect(both.status == 0, "\(both.errors)")
    let data = try Data(contentsOf: URL(fileURLWithPath: workplace.path("both/trust.json")))
    let table = try JSONDecoder().decode(TrustTable.self, from: data)
    #expect(table.layers.map(\.layer) == ["conv2"] && table.methods.count == 4)
  }
}
