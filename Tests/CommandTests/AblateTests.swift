import Foundation
import Networks
import Tensors
import TestSupport
import Testing

@Suite struct Ablate {
  let workplace: Workplace

  init() throws { workplace = try Workplace() }

  private static let small = """
    base: zfnet
    input: 24
    width: 0.05
    data: {pictures: "scenes:size=24,count=60,validation=30"}
    recipe: {epochs: 2, batch: 8, init: he, augment: none, checkpoint-every: 3}
    seeds: [1, 2]
    variants:
      - {name: Whole, published: [33.1, 38.4, 16.5]}
      - {name: "without 3,4", removing: [3, 4], published: [41.8, 45.4, 22.1]}
      - {name: fine, base: alexnet, first-layer: {size: 5, stride: 1}, resizing: {6: 24, 7: 16}}
    """

  private func spec(_ edit: (inout String) -> Void = { _ in }, named name: String = "spec.yaml") throws
    -> String
  {
    var text = Self.small
    edit(&text)
    return try workplace.folder.write(Data(text.utf8), to: name)
  }

  private func arguments(_ spec: String, out: String = "run") -> [String] {
    ["ablate", spec, "--out", workplace.path(out), "--threads", "2", "--quiet"]
  }

  /// What must not depend on when the run was stopped: networks, and the table without its times.
  private func lasting(_ run: String) throws -> [String: Data] {
    var files = try workplace.contents(of: run).filter {
      $0.key.contains("/models/") || $0.key.contains("/checkpoints/")
    }
    func timeless(_ value: Any) -> Any {
      if let list = value as? [Any] { return list.map(timeless) }
      guard let keys = value as? [String: Any] else { return value }
      return keys.filter { $0.key != "seconds" }.mapValues(timeless)
    }
    let table = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: workplace.path(run + "/ablation.json"))))
    files["table"] = try JSONSerialization.data(withJSONObject: timeless(table), options: .sortedKeys)
    return files
  }

  @Test(.timeLimit(.minutes(20)))
  func `each variant is trained with each seed, once, and the table says what it came to`() throws {
    let path = try spec()
    let outcome = try Command.run(arguments(path) + ["--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let rows = try #require(try outcome.json()["rows"] as? [[String: Any]])
    #expect(rows.compactMap { $0["name"] as? String } == ["Whole", "without 3,4", "fine"])
    for row in rows {
      let outcomes = try #require(row["outcomes"] as? [[String: Any]])
      #expect(outcomes.count == 2 && row["deviation"] != nil)
    }
    let files = try workplace.contents(of: "run")
    for name in [
      "ablation.json", "ablation.csv", "ablation.md", "figures/ablation.svg", "figures/ablation.png",
      "index.html",
      "variants/without-3,4/seed-2/models/final.onnx", "variants/fine/seed-1/history.jsonl",
    ] { #expect(files[name] != nil, "\(name)") }
    let network = try Network(onnx: workplace.path("run/variants/fine/seed-2/models/final.onnx"))
    let shapes = try network.shapes(inputs: ["input": network.inputShape(images: 1)])
    #expect(shapes["fc6"] == [1, 24] && shapes["fc7"] == [1, 16] && shapes["fc8"] == [1, 10])
    // Validation errors are the last epoch's; the training error is what classify finds of the finished network.
    let whole = workplace.path("run/variants/whole/seed-1")
    let judged = try Command.run(
      "classify", whole + "/models/final.onnx", "scenes:size=24,count=60,split=train", "--json", "--quiet"
    ).json()
    let errors = try #require(
      (rows[0]["outcomes"] as? [[String: Any]])?.first?["errors"] as? [String: Double])
    let trained = try #require(judged["top1"] as? Double)
    let trainError = try #require(errors["trainTop1"])
    #expect(abs(trainError - 100 * (1 - trained)) < 1e-4)
    let last = try #require(
      String(contentsOfFile: whole + "/history.jsonl", encoding: .utf8).split(separator: "\n").last)
    let entry = try #require(try JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any])
    let held = try #require(entry["top1"] as? Double)
    let error = try #require(errors["top1"])
    #expect(abs(error - 100 * (1 - held)) < 1e-4)
    // Each is a run of train; and nothing is trained twice, though variants and seeds are added.
    let before = try lasting("run")
    let more = try spec({
      $0 = $0.replacing("seeds: [1, 2]", with: "seeds: [1, 2, 3]") + "\n  - {name: short, removing: [7]}\n"
    })
    #expect(try Command.run(arguments(more)).status == 0)
    let after = try lasting("run")
    for (name, bytes) in before where name != "table" {
      #expect(after[name] == bytes, "\(name) was made again")
    }
    #expect(after["variants/short/seed-3/models/final.onnx"] != nil)
    #expect(
      try Command.run("train", "--resume", whole, "--quiet").status == 0, "a variant is a run of train")
  }

  @Test(.timeLimit(.minutes(20)))
  func `killed at any moment, the same command ends with the same table and networks`() throws {
    let path = try spec()
    let started = Date()
    #expect(try Command.run(arguments(path, out: "whole")).status == 0)
    let whole = Date().timeIntervalSince(started)
    var generator = SeededGenerator(seed: 2)
    var kills = 0
    for _ in 0..<6 {
      let run = try Command.start(arguments(path))
      usleep(UInt32(Double.random(in: 0.03...0.25, using: &generator) * whole * 1e6))
      run.send(SIGKILL)
      if try run.outcome().status == 128 + SIGKILL { kills += 1 }
    }
    #expect(kills >= 2)
    let last = try Command.run(arguments(path))
    #expect(last.status == 0, "\(last.errors)")
    let (mine, theirs) = (try lasting("run"), try lasting("whole"))
    #expect(mine.keys.sorted() == theirs.keys.sorted())
    for (file, bytes) in mine { #expect(theirs[file] == bytes, "\(file) differs") }
  }

  @Test func `Ctrl-C says which network it was at, and the same command goes on`() throws {
    let path = try spec { $0 = $0.replacing("epochs: 2", with: "epochs: 20") }
    let run = try Command.start(arguments(path), shell: "exec env --default-signal=INT \"$@\"")
    let end = Date().addingTimeInterval(30)
    while !FileManager.default.fileExists(
      atPath: workplace.path("run/variants/whole/seed-1/history.jsonl")), Date() < end
    { usleep(1000) }
    run.send(SIGINT)
    let outcome = try run.outcome()
    #expect(outcome.status == 130)
    for word in ["1/6 Whole, seed 1", "stopped at epoch", "the same command goes on"] {
      #expect(outcome.errors.contains(word), "\(outcome.errors)")
    }
    #expect(try Command.run("classify", "--help").status == 0)
    #expect(
      try Command.run(
        "train", "--resume", workplace.path("run/variants/whole/seed-1"), "--quiet"
      ).status == 0)
  }

  @Test func `a spec that cannot be is refused before anything is trained, naming variant and key`() throws {
    func refused(
      _ from: String, _ to: String, _ words: String..., at location: SourceLocation = #_sourceLocation
    )
      throws
    {
      let path = try spec({ $0 = $0.replacing(from, with: to) }, named: "wrong.yaml")
      try Command.refusal(arguments(path, out: "wrong"), naming: ["wrong.yaml"] + words, at: location)
      #expect(!FileManager.default.fileExists(atPath: workplace.path("wrong")), sourceLocation: location)
    }
    try refused("removing: [3, 4]", "removing: [9]", "'without 3,4'", "no layer 9", "1, 2, 3")
    try refused("removing: [3, 4]", "removing: 3", "line 9", "'without 3,4', removing", "a list such as")
    try refused("removing: [3, 4]", "removign: [3]", "'without 3,4', removign", "no such key", "removing")
    try refused("{6: 24, 7: 16}", "{8: 24}", "'fine'", "classifier")
    try refused("{6: 24, 7: 16}", "{six: 24}", "'fine', resizing", "a layer is a number, not 'six'")
    try refused("size: 5, stride: 1", "size: 40, stride: 1", "'fine'", "conv1", "window of 40", "3x24x24")
    try refused("size: 5, stride: 1", "size: big", "'fine', first-layer, size", "'big'")
    try refused("base: alexnet", "base: vgg", "'fine', base", "vgg", "zfnet-b")
    try refused("batch: 8", "batch: 8.5", "recipe, batch", "whole number")
    try refused("batch: 8", "btach: 8", "recipe, btach", "no such key")
    try refused("init: he", "init: me", "recipe, init", "gaussian, he")
    try refused("epochs: 2", "rate: -1", "recipe", "learning rate")
    try refused("seeds: [1, 2]", "seeds: [1, 1]", "seeds")
    try refused("seeds: [1, 2]", "seeds: 1", "seeds", "list")
    try refused("name: fine", "name: whole", "two variants", "whole")
    try refused("[33.1, 38.4, 16.5]", "[33.1, 38.4]", "'Whole', published", "three errors")
    try refused("width: 0.05", "width: 0", "width")
    try refused("width: 0.05", "width: 0.05\nwidth: 1", "comes twice")
    try refused("data:", "daat:", "daat", "no such key")
    try refused("variants:", "seeds: [", "line")
    let empty = try workplace.folder.write(Data(), to: "empty.yaml")
    try Command.refusal(arguments(empty), naming: ["empty.yaml is empty"])
    try Command.refusal(arguments(workplace.path("none.yaml")), naming: ["none.yaml is not there"])
    try Command.refusal(["ablate", try spec()], naming: ["--out"])
    let many = try spec({ $0 = $0.replacing("batch: 8", with: "batch: 800") })
    try Command.refusal(arguments(many, out: "many"), naming: ["800"])
  }

  @Test func `a variant that was changed is another run`() throws {
    let short = { (text: inout String) in text = text.replacing("seeds: [1, 2]", with: "seeds: [1]") }
    #expect(try Command.run(arguments(spec(short))).status == 0)
    let changed = try spec {
      short(&$0); $0 = $0.replacing("removing: [3, 4]", with: "removing: [3]")
    }
    try Command.refusal(
      arguments(changed),
      naming: ["variants/without-3,4/seed-1 is another run", "removing was [3,4], is [3]"])
    let recipe = try spec {
      short(&$0); $0 = $0.replacing("epochs: 2", with: "epochs: 3")
    }
    try Command.refusal(arguments(recipe), naming: ["epochs was 2, is 3"])
  }

  @Test func `the experiments that ship build, with the paper's parameters`() throws {
    let experiments = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Documentation/experiments").path
    func parameters(_ name: String, _ classes: String) throws -> [String: Int] {
      let outcome = try Command.run(
        "ablate", experiments + "/" + name, "--dry-run", "--classes", classes, "--json")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let lines = try #require(
        try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]])
      return try lines.reduce(into: [:]) { found, line in
        found[try #require(line["variant"] as? String)] =
          try #require((line["cost"] as? [String: Int])?["parameters"])
      }
    }
    let full = try parameters("table3.yaml", "1000")
    #expect(full.count == 12)
    #expect(full["zfnet"] == 62_357_608 && full["alexnet"] == 62_378_344)
    // By hand: layer 3 takes 384*(9*256+1), layer 4 384*(9*384+1), and layer 5 then sees 128 maps fewer.
    #expect(full["alexnet without 3,4"] == 62_378_344 - 885_120 - 1_327_488 - 256 * 9 * 128)
    #expect(full["alexnet without 7"] == 62_378_344 - 4096 * 4097)
    #expect(full["alexnet without 6,7"] == 3_747_200 + 1000 * 9217)
    #expect(full["alexnet, 6,7 of 2048"] == 3_747_200 + 2048 * 9217 + 2048 * 2049 + 1000 * 2049)
    // Layers 1 and 2 as they are, then 512, 1024 and 512 maps, 8192 units twice.
    #expect(
      full["zfnet, both"] == 96 * 148 + 256 * 2401 + 512 * 2305 + 1024 * (9 * 512 + 1) + 512 * (9 * 1024 + 1)
        + 8192 * (36 * 512 + 1) + 8192 * 8193 + 1000 * 8193)
    let small = try parameters("table3-small.yaml", "10")
    #expect(small.count == 4 && small["whole"] == 2_345_258)
  }
}
