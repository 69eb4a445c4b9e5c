import Foundation
import Images
import TestSupport
import Testing

/// Jobs whose parts are performed alone, and joined.
@Suite struct Parts {
  let workplace: Workplace
  let model: String
  let pictures: String

  init() throws {
    workplace = try Workplace()
    model = try workplace.whole()
    pictures = try workplace.classes()
  }

  private func part(_ words: [String], _ number: Int, of count: Int, out: String? = nil) throws {
    let outcome = try Command.run(
      words + ["--shard", "\(number)/\(count)", "--out", workplace.path(out ?? "part\(number)"), "--quiet"])
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  private func merge(_ parts: [String], out: String = "run") -> [String] {
    ["merge"] + parts.map(workplace.path) + ["--out", workplace.path(out)]
  }

  @Test(arguments: Jobs.divided) func `parts joined are the bytes of one process`(job: Jobs) throws {
    let words = job.words(workplace, model, pictures)
    #expect(try Command.run(words + ["--out", workplace.path("whole"), "--quiet"]).status == 0)
    for number in 1...3 { try part(words, number, of: 3) }
    // In any order, and over a picture folder that no part has seen whole.
    let outcome = try Command.run(merge(["part3", "part1", "part2"]))
    #expect(outcome.status == 0, "\(outcome.errors)")
    try workplace.expectSame("whole", "run")
    #expect(try Command.run(merge(["part1", "part2", "part3"])).status == 0, "joined again")
    try workplace.expectSame("whole", "run")
  }

  @Test func `a part and a merge that were killed go on`() throws {
    let words = Jobs.features.words(workplace, model, try workplace.links(600, to: pictures + "/ant"))
    #expect(try Command.run(words + ["--out", workplace.path("whole"), "--quiet"]).status == 0)
    for number in 1...2 {
      let run = try Command.start(
        words + ["--shard", "\(number)/2", "--out", workplace.path("part\(number)"), "--quiet"])
      usleep(150_000)
      run.send(SIGKILL)
      _ = try run.outcome()
      try part(words, number, of: 2)
    }
    for delay in [UInt32(30_000), 120_000, 300_000] {
      let run = try Command.start(merge(["part1", "part2"]))
      usleep(delay)
      run.send(SIGKILL)
      _ = try run.outcome()
    }
    #expect(try Command.run(merge(["part1", "part2"])).status == 0)
    try workplace.expectSame("whole", "run")
  }

  @Test func `what cannot be joined is refused by name`() throws {
    let words = Jobs.features.words(workplace, model, pictures)
    try part(words, 1, of: 3)
    try part(words, 2, of: 3)
    try part(words, 2, of: 3, out: "twin")
    try part(words + ["--top", "3"], 3, of: 3)
    try part(words, 2, of: 2, out: "halves")
    try Command.refusal(merge(["part1", "part2"]), naming: ["one is missing", "3/3"])
    try Command.refusal(merge(["part1", "part2", "twin"]), naming: ["part2", "twin", "2/3"])
    try Command.refusal(merge(["part1", "part2", "part3"]), naming: ["part1", "part3", "top was 9, is 3"])
    try Command.refusal(merge(["part1", "halves"]), naming: ["1/3", "2/2"])
    try Command.refusal(merge(["part1", "pictures"]), naming: ["pictures", "part.json"])
    try workplace.folder.write(
      Array(#"{"isDone":false,"part":{"arguments":[],"count":3,"index":1}}"#.utf8), to: "part2/part.json")
    try Command.refusal(merge(["part1", "part2"]), naming: ["part2", "not done"])
    #expect(!FileManager.default.fileExists(atPath: workplace.path("run")))
  }

  @Test func `what is not there as the parts had it is told before anything is copied`() throws {
    let words = Jobs.features.words(workplace, "whole.onnx", pictures)
    let there = "cd '\(workplace.path("."))' && exec \"$@\""
    for number in 1...2 {
      let shard = ["--shard", "\(number)/2", "--out", workplace.path("part\(number)"), "--quiet"]
      #expect(try Command.run(words + shard, shell: there).status == 0)
    }
    let parts = merge(["part1", "part2"])
    try Command.refusal(parts, naming: ["whole.onnx", "no such file", "started in", "start merge there"])
    try FileManager.default.moveItem(
      atPath: workplace.path("pictures/bee/short.jpg"), toPath: workplace.path("short.jpg"))
    try Command.refusal(parts, shell: there, naming: ["another job", "picturesDigest"])
    #expect(!FileManager.default.fileExists(atPath: workplace.path("run")))
  }

  @Test func `a damaged part is told before anything is copied, and may be made anew`() throws {
    let words = Jobs.features.words(workplace, model, pictures)
    #expect(try Command.run(words + ["--out", workplace.path("whole"), "--quiet"]).status == 0)
    for number in 1...2 { try part(words, number, of: 2) }
    let file = workplace.path("part2/search.safetensors.part-2-of-2")
    let sound = try Data(contentsOf: URL(fileURLWithPath: file))
    try sound.prefix(sound.count / 2).write(to: URL(fileURLWithPath: file))
    try Command.refusal(merge(["part1", "part2"]), naming: ["part2", "damaged"])
    #expect(!FileManager.default.fileExists(atPath: workplace.path("run")))
    try sound.write(to: URL(fileURLWithPath: file))
    #expect(try Command.run(merge(["part1", "part2"])).status == 0)
    try workplace.expectSame("whole", "run")
  }

  @Test func `a part's folder holds that part alone`() throws {
    let words = Jobs.features.words(workplace, model, pictures)
    try part(words, 1, of: 2)
    let out = ["--out", workplace.path("part1"), "--quiet"]
    try Command.refusal(words + out, naming: ["part1", "1/2"])
    try Command.refusal(words + ["--shard", "2/2"] + out, naming: ["part1", "1/2"])
    #expect(try Command.run(words + ["--out", workplace.path("whole"), "--quiet"]).status == 0)
    try Command.refusal(
      words + ["--shard", "1/2", "--out", workplace.path("whole")], naming: ["whole", "another --out"])
  }

  @Test(arguments: ["9/8", "0/8", "8", "a/b", "1/2/3", "-1/2"])
  func `a part that is none is refused`(text: String) throws {
    try Command.refusal(
      Jobs.features.words(workplace, model, pictures)
        + ["--shard=" + text, "--out", workplace.path("run")], naming: ["--shard", text])
  }

  @Test func `training is not done in parts`() throws {
    try Command.refusal(
      Jobs.train.words(workplace, model, pictures) + ["--shard", "1/2", "--out", workplace.path("run")],
      naming: ["train", "--shard"])
    #expect(!FileManager.default.fileExists(atPath: workplace.path("run")))
  }
}

/// Jobs on a small network, as the command is told.
enum Jobs: String, CaseIterable {
  case features, occlude, invariance, explain, diagnose, transfer, fineTuned, train

  static let divided: [Jobs] = [.features, .occlude, .invariance, .explain, .diagnose, .transfer]

  /// The command's words but for `--out` and `--threads`.
  func words(_ workplace: Workplace, _ model: String, _ pictures: String) -> [String] {
    switch self {
    case .features: ["features", model, pictures, "--units", "all", "--arrays"]
    case .occlude: ["occlude", model, pictures, "--size", "6", "--stride", "5"]
    case .invariance: ["invariance", model, pictures]
    case .explain: ["explain", model, pictures, "--method", "gradient,deeplift"]
    case .diagnose: ["diagnose", model, pictures]
    case .transfer:
      ["transfer", model, pictures, "--layers", "conv1,conv2", "--per-class", "4", "--folds", "2"]
    case .fineTuned:
      ["transfer", model, pictures, "--layers", "conv2", "--per-class", "4", "--folds", "1"]
        + ["--fine-tune", "--epochs", "2"]
    case .train:
      ["train", pictures, "--input", "24", "--width", "0.1", "--init", "he", "--batch", "8", "--epochs", "3"]
        + ["--checkpoint-every", "2", "--seed", "5"]
    }
  }
}

extension Workplace {
  /// A folder for each of three classes, and a picture that cannot be read.
  func classes() throws -> String {
    for folder in ["ant", "bee", "cat"] { try pictures(8, in: "pictures/\(folder)") }
    let jpeg = try Self.picture(1).encodedJPEG(quality: 90)
    try folder.write(Array(jpeg.prefix(jpeg.count / 2)), to: "pictures/bee/short.jpg")
    return path("pictures")
  }

  /// Expects the same files in two runs, byte by byte; but how fast a training was.
  func expectSame(_ one: String, _ other: String, at location: SourceLocation = #_sourceLocation) throws {
    func lasting(_ run: String) throws -> [String: Data] {
      try contents(of: run).filter { file, _ in
        !["history.jsonl", "training.json"].contains { file == $0 || file.hasSuffix("/" + $0) }
      }
    }
    let (mine, theirs) = (try lasting(one), try lasting(other))
    #expect(mine.keys.sorted() == theirs.keys.sorted(), sourceLocation: location)
    for (file, bytes) in mine { #expect(theirs[file] == bytes, "\(file) differs", sourceLocation: location) }
  }
}
