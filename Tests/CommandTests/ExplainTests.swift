import Attribution
import Files
import Foundation
import Images
import Kernels
import Networks
import Tensors
import TestSupport
import Testing

@Suite struct ExplainCommand {
  let workplace: Workplace

  init() throws { workplace = try Workplace() }

  private func finding(_ run: String, _ name: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: workplace.path("\(run)/explanations/\(name).json")))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test func `every method's array stands beside what is known of it`() throws {
    let (model, pictures) = (try workplace.whole(), try workplace.pictures(3))
    let outcome = try Command.run([
      "explain", model, pictures, "--method", "all", "--points", "30", "--class", "cat", "--out",
      workplace.path("run"),
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let files = try workplace.contents(of: "run").keys
    #expect(files.contains("index.html") && files.contains("figures/explanations.svg"))
    let maps: Set = ["gradcam", "hirescam", "layercam", "rise", "occlusion"]
    for name in ["0", "1", "2"] {
      let found = try finding("run", name)
      #expect(found["class"] as? Int == 1)
      let score = try #require(found["score"] as? Double)
      let arrays = try SafeTensors(reading: workplace.path("run/explanations/\(name).safetensors"))
      let methods = try #require(found["methods"] as? [String: [String: Any]])
      #expect(Set(methods.keys) == Set(arrays.tensors.keys) && methods.count == Method.allCases.count)
      for (method, array) in arrays.tensors {
        #expect(array.shape == (maps.contains(method) ? [16, 20] : [16, 20, 3]), "\(method)")
        #expect(array.elements.contains { $0 != 0 }, "\(method)")
      }
      let integrated = try #require(methods["integrated-gradients"])
      #expect(integrated["points"] as? Int == 30 && integrated["baseline"] as? String == "mean")
      #expect(try #require(integrated["completenessError"] as? Double) < 0.2)
      // Epsilon keeps what biases do not take; input x gradient is the same up to epsilon in a network of ReLUs.
      let sums = ["lrp-epsilon", "input-x-gradient"].compactMap { methods[$0]?["sum"] as? Double }
      #expect(sums.count == 2 && abs(sums[0] - sums[1]) <= 2e-3 * max(abs(score), 1))
    }
    // Killed before its end and run again, it ends with the same bytes.
    try FileManager.default.removeItem(atPath: workplace.path("run/explanations/1.json"))
    let before = try workplace.contents(of: "run")
    let again = try Command.run([
      "explain", model, pictures, "--method", "all", "--points", "30", "--class", "cat", "--out",
      workplace.path("run"),
      "--threads", "1",
    ])
    #expect(again.status == 0, "\(again.errors)")
    let after = try workplace.contents(of: "run")
    for (file, bytes) in before where file.hasPrefix("explanations/") {
      #expect(after[file] == bytes, "\(file)")
    }
    #expect(after["explanations/1.json"] != nil)
  }

  @Test func `a unit and a probability are explained too`() throws {
    let (model, pictures) = (try workplace.whole(), try workplace.pictures(2))
    let unit = try Command.run([
      "explain", model, pictures, "--unit", "conv2:3", "--method",
      "gradient,integrated-gradients,lrp-epsilon-plus",
      "--out", workplace.path("unit"), "--quiet",
    ])
    #expect(unit.status == 0, "\(unit.errors)")
    let found = try finding("unit", "0")
    #expect(found["unit"] as? String == "conv2:3" && found["class"] == nil)
    let share = try Command.run([
      "explain", model, pictures, "--target", "probability", "--method", "integrated-gradients", "--out",
      workplace.path("share"), "--quiet", "--json",
    ])
    #expect(share.status == 0, "\(share.errors)")
    let score = try #require(try finding("share", "0")["score"] as? Double)
    #expect((0...1).contains(score))
  }

  @Test func `what cannot be explained is refused in a sentence, and nothing is written`() throws {
    let (model, pictures) = (try workplace.whole(), try workplace.pictures(2))
    let out = workplace.path("none")
    for (flags, words) in [
      (["--method", "gradcan"], ["gradcan", "gradcam"]), (["--class", "caat"], ["cat"]),
      (["--class", "7"], ["7"]), (["--unit", "conv2:99"], ["99"]), (["--unit", "conv9:1"], ["conv9"]),
      (["--unit", "conv2"], ["conv2"]), (["--layer", "flat"], ["--layer"]),
      (["--class", "cat", "--unit", "conv2:1"], ["--unit"]), (["--points", "0"], ["--points"]),
      (["--class", "true"], ["true"]), (["--unit", "conv2:1", "--target", "probability"], ["probability"]),
    ] {
      try Command.refusal(["explain", model, pictures, "--out", out] + flags, naming: words)
      #expect(!FileManager.default.fileExists(atPath: out), "\(flags)")
    }
    // A product of computed values has no rule of relevance: its node is named, and gradients work.
    let gated = try workplace.classifier()
    try Command.refusal(
      ["explain", gated, pictures, "--method", "lrp-epsilon-plus", "--out", out],
      naming: ["scale", "no rule"])
    let gradients = try Command.run([
      "explain", gated, pictures, "--method", "gradient", "--out", out, "--quiet",
    ])
    #expect(gradients.status == 0, "\(gradients.errors)")
    // Without scores units can be explained.
    let maps = try workplace.plain()
    try Command.refusal(["explain", maps, pictures, "--out", workplace.path("maps")], naming: ["--unit"])
    let unit = try Command.run([
      "explain", maps, pictures, "--unit", "conv3:0", "--method", "gradient,hirescam", "--out",
      workplace.path("maps"), "--quiet",
    ])
    #expect(unit.status == 0, "\(unit.errors)")
  }

  @Test func `one unreadable image among many is listed, and a value that is no number is named`() throws {
    let (model, pictures) = (try workplace.whole(), try workplace.pictures(3))
    try Data("no image".utf8).write(to: URL(fileURLWithPath: pictures + "/torn.jpg"))
    let arguments = [
      "explain", model, pictures, "--method", "gradient", "--out", workplace.path("run"), "--json",
    ]
    let outcome = try Command.run(arguments)
    #expect(outcome.status == 0 && outcome.output.contains("torn.jpg"), "\(outcome.errors)")
    #expect(try workplace.contents(of: "run").keys.filter { $0.hasSuffix(".safetensors") }.count == 3)
    try Command.refusal(
      ["explain", model, pictures, "--method", "gradient", "--out", workplace.path("strict"), "--strict"],
      naming: ["torn.jpg"])
    let broken = try workplace.whole("broken.onnx") { nodes in
      for place in nodes.indices where nodes[place].name == "fc" {
        guard case .innerProduct(var product) = nodes[place].operation else { continue }
        product.weights = Tensor(product.weights.shape, repeating: 3e38)
        nodes[place].operation = .innerProduct(product)
      }
    }
    try Command.refusal(
      ["explain", broken, pictures, "--method", "gradient", "--out", workplace.path("broken")],
      naming: ["not finite"])
    #expect(!(try workplace.contents(of: "broken").keys.contains { $0.hasPrefix("explanations/") }))
  }
}
