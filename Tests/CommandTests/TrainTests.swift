import Foundation
import Networks
import Tensors
import TestSupport
import Testing

@Suite struct Train {
  let workplace: Workplace

  init() throws { workplace = try Workplace() }

  /// A folder for each of three classes, of the same pictures.
  private func classes(_ each: Int = 14, named name: String = "pictures") throws -> String {
    for folder in ["ant", "bee", "cat"] { try workplace.pictures(each, in: "\(name)/\(folder)") }
    return workplace.path(name)
  }

  private func arguments(_ pictures: String, out: String = "run", _ flags: [String] = []) -> [String] {
    [
      "train", pictures, "--out", workplace.path(out), "--input", "24", "--width", "0.1", "--init", "he",
      "--batch", "8",
      "--epochs", "3", "--checkpoint-every", "2", "--threads", "2", "--seed", "5", "--quiet",
    ] + flags
  }

  /// What must not depend on when the run was stopped.
  private func lasting(_ run: String) throws -> [String: Data] {
    var files = try workplace.contents(of: run).filter {
      $0.key.hasPrefix("models/") || $0.key.hasPrefix("checkpoints/")
    }
    let lines = try String(contentsOfFile: workplace.path(run + "/history.jsonl"), encoding: .utf8)
      .split(separator: "\n").map { line -> Data in
        var entry = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        entry["picturesPerSecond"] = nil
        return try JSONSerialization.data(withJSONObject: entry, options: .sortedKeys)
      }
    files["history"] = Data(lines.joined(separator: [10]))
    return files
  }

  private func expectSame(_ one: String, _ other: String, at location: SourceLocation = #_sourceLocation)
    throws
  {
    let (mine, theirs) = (try lasting(one), try lasting(other))
    #expect(mine.keys.sorted() == theirs.keys.sorted(), sourceLocation: location)
    for (file, bytes) in mine { #expect(theirs[file] == bytes, "\(file) differs", sourceLocation: location) }
  }

  @Test func `a run holds what the design promises, and its network classifies`() throws {
    let pictures = try classes()
    let outcome = try Command.run(arguments(pictures, ["--json"]))
    #expect(outcome.status == 0, "\(outcome.errors)")
    let result = try outcome.json()
    #expect((result["epochs"] as? [[String: Any]])?.count == 3)
    #expect(result["tenCrop"] != nil)
    let files = try workplace.contents(of: "run").keys
    for name in [
      "history.jsonl", "models/epoch-001.onnx", "models/epoch-003.onnx", "models/final.onnx", "run.json",
      "figures/learning.svg", "figures/learning.png", "index.html", "training.json",
    ] { #expect(files.contains(name), "\(name)") }
    #expect(!files.contains { $0.hasSuffix(".partial") })
    let network = try Network(onnx: workplace.path("run/models/final.onnx"))
    #expect(network.classes == ["ant", "bee", "cat"])
    let final = workplace.path("run/models/final.onnx")
    let first = workplace.path("run/models/epoch-001.onnx")
    let alone = try Command.run("classify", final, pictures, "--json", "--quiet").json()
    let crops = try Command.run("classify", final, pictures, "--json", "--quiet", "--ten-crop").json()
    let averaged = try Command.run(
      "classify", final, pictures, "--json", "--quiet", "--ensemble", first, final
    ).json()
    let other = try Command.run("classify", first, pictures, "--json", "--quiet").json()
    func probability(_ result: [String: Any], _ picture: Int) throws -> [Int: Double] {
      let entries = try #require(result["pictures"] as? [[String: Any]])
      let top = try #require(entries[picture]["top"] as? [[String: Any]])
      return try top.reduce(into: [:]) {
        $0[try #require($1["index"] as? Int)] = try #require($1["probability"] as? Double)
      }
    }
    for picture in [0, 20, 41] {
      let (one, two) = (try probability(alone, picture), try probability(other, picture))
      for (index, value) in try probability(averaged, picture) {
        let expected = (2 * (one[index] ?? 0) + (two[index] ?? 0)) / 3
        #expect(abs(value - expected) < 1e-5)
      }
      #expect(abs(try probability(crops, picture).values.reduce(0, +) - 1) < 1e-4)
      #expect(try probability(crops, picture) != one)
    }
  }

  @Test(.timeLimit(.minutes(20))) func `killed at ten moments and resumed, it ends with the same bytes`()
    throws
  {
    let pictures = try classes()
    let started = Date()
    #expect(try Command.run(arguments(pictures, out: "whole")).status == 0)
    let whole = Date().timeIntervalSince(started)
    var generator = SeededGenerator(seed: 1)
    var kills = 0
    for turn in 0..<10 {
      let run = try Command.start(
        turn == 0 || !FileManager.default.fileExists(atPath: workplace.path("run/run.json"))
          ? arguments(pictures) : ["train", "--resume", workplace.path("run"), "--quiet"])
      usleep(UInt32(Double.random(in: 0.03...0.3, using: &generator) * whole * 1e6))
      run.send(SIGKILL)
      if try run.outcome().status == 128 + SIGKILL { kills += 1 }
    }
    #expect(kills >= 2)
    let last = try Command.run("train", "--resume", workplace.path("run"), "--quiet")
    #expect(last.status == 0, "\(last.errors)")
    try expectSame("whole", "run")
    #expect(!(try workplace.contents(of: "run").keys.contains { $0.hasSuffix(".partial") }))
    #expect(try Command.run(arguments(pictures)).status == 0, "a finished run is run again")
    try expectSame("whole", "run")
  }

  @Test func `Ctrl-C leaves a run that goes on`() throws {
    let pictures = try classes()
    #expect(try Command.run(arguments(pictures, out: "whole", ["--epochs", "40"])).status == 0)
    let run = try Command.start(
      arguments(pictures, ["--epochs", "40"]), shell: "exec env --default-signal=INT \"$@\"")
    let end = Date().addingTimeInterval(30)
    while !FileManager.default.fileExists(atPath: workplace.path("run/models/epoch-001.onnx")), Date() < end {
      usleep(1000)
    }
    run.send(SIGINT)
    let outcome = try run.outcome()
    #expect(outcome.status == 130)
    #expect(outcome.errors.contains("--resume"))
    #expect(try Command.run("train", "--resume", workplace.path("run"), "--quiet").status == 0)
    try expectSame("whole", "run")
  }

  @Test func `flags that differ from the run's are named`() throws {
    let pictures = try classes()
    #expect(try Command.run(arguments(pictures)).status == 0)
    let run = workplace.path("run")
    try Command.refusal(
      ["train", "--resume", run, "--rate", "0.5", "--batch", "4", "--threads", "1"],
      naming: ["rate was", "is 0.5", "batch was 8, is 4", "threads was 2, is 1"])
    try Command.refusal(
      ["train", "--resume", run, "--arch", "alexnet"], naming: ["architecture", "alexnet"])
    try Command.refusal(["train", "--resume", workplace.path("none")], naming: ["none", "run.json"])
    let relative = try Command.run(
      arguments("pictures", out: "relative"), shell: "cd '\(workplace.folder.path)' && exec \"$@\"")
    #expect(relative.status == 0, "\(relative.errors)")
    try Command.refusal(
      ["train", "--resume", workplace.path("relative")], shell: "cd / && exec \"$@\"",
      naming: ["pictures: there is no such folder", "resume it there"])
    try Command.refusal(arguments(pictures, ["--momentum", "0.5"]), naming: ["momentum was", "0.5"])
  }

  @Test func `data and recipes that cannot be are refused, with what to do`() throws {
    let pictures = try classes()
    try Command.refusal(arguments(pictures, ["--batch", "500"]), naming: ["500", "--batch"])
    try workplace.pictures(9, in: "single/only")
    try Command.refusal(
      arguments(workplace.path("single"), out: "b"), naming: ["only", "nothing to tell apart"])
    try workplace.pictures(4, in: "flat")
    try Command.refusal(arguments(workplace.path("flat"), out: "c"), naming: ["folder for each class"])
    try Command.refusal(arguments(workplace.path("absent"), out: "d"), naming: ["absent"])
    try Command.refusal(arguments(pictures, out: "e", ["--rate", "-1"]), naming: ["learning rate"])
    try Command.refusal(arguments(pictures, out: "f", ["--arch", "vgg"]), naming: ["vgg", "zfnet"])
    try workplace.pictures(4, in: "others/dog")
    try workplace.pictures(4, in: "others/elk")
    try Command.refusal(
      arguments(pictures, out: "g", ["--validation", workplace.path("others")]),
      naming: ["other classes", "dog"])
    try FileManager.default.createDirectory(
      atPath: workplace.path("hollow/none"), withIntermediateDirectories: true)
    try Command.refusal(arguments(workplace.path("hollow"), out: "h"), naming: ["no images"])
    try Command.refusal(["train", pictures], naming: ["--out"])
  }

  @Test func `pictures of a list are left out, and belong to what the run is`() throws {
    let pictures = try classes()
    let list = try workplace.folder.write(Data("# leaked\nant/3.png\nbee/0.jpg\n".utf8), to: "list.txt")
    #expect(try Command.run(arguments(pictures, ["--exclude", list])).status == 0)
    // Another list, or none, is another run; the run itself needs the file no more.
    try Command.refusal(
      arguments(pictures), naming: ["excluded was [\"ant/3.png\",\"bee/0.jpg\"], is absent"])
    try FileManager.default.removeItem(atPath: list)
    #expect(try Command.run("train", "--resume", workplace.path("run"), "--quiet").status == 0)
    // What is left out is as if it were not there.
    for file in ["ant/3.png", "bee/0.jpg"] {
      try FileManager.default.removeItem(atPath: pictures + "/" + file)
    }
    #expect(try Command.run(arguments(pictures, out: "without")).status == 0)
    try expectSame("run", "without")
    let strangers = try workplace.folder.write(Data("ant/99.png\nbee/1.png\n".utf8), to: "others.txt")
    try Command.refusal(
      arguments(pictures, out: "b", ["--exclude", strangers]), naming: ["ant/99.png", "ant/0.jpg"])
    try Command.refusal(
      arguments(pictures, out: "c", ["--exclude", workplace.path("none.txt")]), naming: ["none.txt"])
  }

  @Test func `the first layer's filters can be others`() throws {
    let pictures = try classes()
    #expect(try Command.run(arguments(pictures, ["--first-layer", "5/1", "--epochs", "1"])).status == 0)
    let network = try Network(onnx: workplace.path("run/models/final.onnx"))
    guard case .convolution(let first) = network.nodes.first(where: { $0.name == "conv1" })?.operation else {
      Issue.record("no conv1")
      return
    }
    #expect(first.rule.window == [5, 5] && first.rule.strides == [1, 1])
    try Command.refusal(
      arguments(pictures, ["--first-layer", "7/2", "--epochs", "1"]), naming: ["firstLayer was", "7"])
    for wrong in ["7", "7/0", "a/2", "7/2/1"] {
      try Command.refusal(arguments(pictures, out: "b", ["--first-layer", wrong]), naming: ["11/4"])
    }
    try Command.refusal(
      arguments(pictures, out: "b", ["--first-layer", "3/24"]), naming: ["pool1", "window"])
  }

  @Test func `a learning rate that diverges ends with what to try`() throws {
    let pictures = try classes()
    let outcome = try Command.run(
      arguments(pictures, ["--rate", "1e20", "--no-renormalization"]))
    #expect(outcome.status == 1)
    for word in ["no longer a number", "epoch 1, step", "--rate"] { #expect(outcome.errors.contains(word)) }
  }

  @Test func `a disk that takes no more is told, and leaves nothing half written`() throws {
    let pictures = try classes()
    // A limit on files' size stands for a full disk.
    let message = try Command.refusal(
      arguments(pictures), shell: "trap '' XFSZ; ulimit -f 8; exec \"$@\"",
      naming: ["checkpoints/step-000000000-000000.onnx: cannot be written: File too large."])
    #expect(!message.contains(".."))
    #expect(!(try workplace.contents(of: "run").keys.contains { $0.hasPrefix("checkpoints/") }))
    #expect(try Command.run(arguments(pictures)).status == 0, "with room, the same command goes on")
  }

  @Test func `a picture that cannot be read is left out and listed, or an error with --strict`() throws {
    let pictures = try classes()
    try workplace.folder.write(Data("no picture".utf8), to: "pictures/ant/broken.jpg")
    #expect(try Command.run(arguments(pictures)).status == 0)
    let skipped = try #require(try workplace.contents(of: "run")["skipped.json"])
    #expect(String(decoding: skipped, as: UTF8.self).contains("ant/broken.jpg"))
    try Command.refusal(arguments(pictures, out: "strict", ["--strict"]), naming: ["broken.jpg"])
  }

  @Test func `pictures of several classes are learned each class alone, and judged by average precision`()
    throws
  {
    let voc = try workplace.voc(train: 40, validation: 16)
    var arguments = arguments(voc, ["--json", "--loss", "binary-cross-entropy"])
    arguments.removeAll { $0 == "--quiet" }
    let outcome = try Command.run(arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    for words in [
      "each class is learned alone", "No training image shows bicycle, bird", "and 11 more",
      "validation mean average precision",
    ] { #expect(outcome.errors.contains(words), "\(outcome.errors)") }
    let crops = try #require(try outcome.json()["tenCrop"] as? [String: Any])
    #expect(crops["top1"] == nil && (0...1).contains(crops["meanAveragePrecision"] as? Double ?? -1))
    let history = try String(contentsOfFile: workplace.path("run/history.jsonl"), encoding: .utf8)
    #expect(history.contains("meanAveragePrecision") && !history.contains("op1"), "\(history)")
    let notes = try #require(try workplace.contents(of: "run")["notes.json"])
    #expect(try JSONDecoder().decode([String].self, from: notes).count == 2)
    let page = try String(contentsOfFile: workplace.path("run/index.html"), encoding: .utf8)
    #expect(page.contains("mean AP") && page.contains("each class is learned alone"))
    let head = try #require(try Network(onnx: workplace.path("run/models/final.onnx")).classHead())
    #expect(head.squashing == .sigmoid && head.classes == 20 && head.notes.isEmpty)
    try Command.refusal(
      self.arguments(voc, out: "softmax", ["--loss", "cross-entropy"]),
      naming: ["these can hold several", "binary-cross-entropy"])
    #expect(
      !FileManager.default.fileExists(atPath: workplace.path("softmax")), "refused before anything is made")
  }

  @Test func `a run of several labels a picture that is killed goes on to the same bytes`() throws {
    let voc = try workplace.voc(train: 40, validation: 8)
    #expect(try Command.run(arguments(voc, out: "whole")).status == 0)
    let run = try Command.start(arguments(voc))
    let end = Date().addingTimeInterval(30)
    while !FileManager.default.fileExists(atPath: workplace.path("run/models/epoch-001.onnx")), Date() < end {
      usleep(1000)
    }
    run.send(SIGKILL)
    #expect(try run.outcome().status == 128 + SIGKILL)
    #expect(try Command.run("train", "--resume", workplace.path("run"), "--quiet").status == 0)
    try expectSame("whole", "run")
  }

  @Test func `binary cross-entropy tells two classes apart by one score, and more each alone`() throws {
    let three = try classes()
    let loss = ["--loss", "binary-cross-entropy", "--epochs", "1", "--hold-out", "0"]
    #expect(try Command.run(arguments(three, out: "three", loss)).status == 0)
    let alone = try #require(try Network(onnx: workplace.path("three/models/final.onnx")).classHead())
    #expect(alone.squashing == .sigmoid && alone.classes == 3)
    try FileManager.default.removeItem(atPath: three + "/cat")
    let outcome = try Command.run(arguments(three, out: "two", loss + ["--json"]))
    #expect(outcome.status == 0, "\(outcome.errors)")
    let network = try Network(onnx: workplace.path("two/models/final.onnx"))
    let head = try #require(try network.classHead())
    #expect(head.squashing == .sigmoid && head.classes == 1 && head.notes.isEmpty)
    #expect(network.classes == ["ant", "bee"] && network.name(ofClass: 0) == "bee")
    #expect(
      try Command.run("classify", workplace.path("two/models/final.onnx"), three, "--quiet").status == 0)
  }
}
