import Foundation
import ONNXMessages
import TestSupport
import Testing

/// What is noted about a network is said by every command that reads one, and is an error with `--strict`.
@Suite struct Strict {
  let workplace: Workplace
  /// A network that does not say how pictures are prepared.
  let silent: String
  /// One with an output that does not depend on its input.
  let odd: String

  init() throws {
    workplace = try Workplace()
    silent = try workplace.edited(try workplace.classifier(), as: "silent.onnx") { message in
      message.metadataProps.removeAll { $0.key == "switchback.preprocessing" }
    }
    odd = try workplace.edited(try workplace.classifier(), as: "odd.onnx") { message in
      var output = Onnx_ValueInfoProto()
      output.name = message.graph.initializer.first?.name ?? ""
      message.graph.output.append(output)
    }
    for folder in ["ant", "cat"] { try workplace.pictures(2, in: "pictures/\(folder)") }
  }

  /// The line of each command that reads a network.
  private func lines(_ model: String) throws -> [[String]] {
    let (pictures, out) = (workplace.path("pictures"), workplace.path("out"))
    let picture = pictures + "/ant/0.jpg"
    let parts = try workplace.folder.write(
      Array(#"{"pictures":["0.jpg","1.png"],"parts":{"eye":[[1,1,9,9],[1,1,9,9]]}}"#.utf8),
      to: "pictures/ant/parts.json")
    try workplace.folder.write(Data(contentsOf: URL(fileURLWithPath: model)), to: "run/models/epoch-001.onnx")
    return [
      ["classify", model, pictures], ["features", model, pictures, "--out", out],
      ["project", model, picture, "--layer", "conv1", "--out", out + ".png"],
      ["project", model, picture, "--score", "cat", "--out", out + ".png"],
      ["occlude", model, pictures, "--out", out, "--size", "8"],
      ["invariance", model, pictures, "--out", out],
      ["correspond", model, "--parts", parts, "--out", out],
      ["diagnose", workplace.path("classifier.onnx"), model, pictures, "--out", out],
      ["transfer", model, pictures, "--out", out, "--per-class", "1"],
      ["evolve", workplace.path("run"), "--pictures", pictures, "--out", out],
    ]
  }

  @Test func `an assumed preparation is an error with --strict`() throws {
    for line in try lines(silent) {
      try Command.refusal(line + ["--strict", "--quiet"], naming: ["; assumed: ", ".onnx: the note above"])
    }
  }

  @Test func `an output left aside is an error with --strict`() throws {
    for line in try lines(odd) + [["inspect", odd], ["run", odd, "--input", "x", "--output", "y"]] {
      try Command.refusal(line + ["--strict"], naming: ["is left aside: it does not depend", "--strict"])
    }
  }

  @Test func `without --strict notes are said, and the work is done`() throws {
    let pictures = workplace.path("pictures")
    for line in [
      ["inspect", odd],
      ["project", odd, pictures + "/ant/0.jpg", "--layer", "conv1", "--out", workplace.path("p.png")],
      ["evolve", workplace.path("run"), "--pictures", pictures, "--out", workplace.path("evolution")],
    ] {
      _ = try lines(odd)
      let outcome = try Command.run(line + ["--quiet"])
      #expect(outcome.status == 0 && outcome.errors.contains("is left aside"), "\(line): \(outcome.errors)")
    }
    let notes = try String(contentsOfFile: workplace.path("evolution/notes.json"), encoding: .utf8)
    #expect(notes.contains("is left aside"))
  }

  @Test func `flags that say all of a preparation leave nothing assumed`() throws {
    let pixels = ["--scale", "1", "--mean", "0", "--std", "1", "--channels", "rgb"]
    let line = ["classify", silent, workplace.path("pictures"), "--strict", "--quiet"]
    let outcome = try Command.run(line + pixels + ["--resize", "16x20"])
    #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    try Command.refusal(line + pixels, naming: ["assumed"])
    try Command.refusal(line + pixels.dropLast(2) + ["--resize", "16x20"], naming: ["assumed"])
  }
}
