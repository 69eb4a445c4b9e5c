import Files
import Foundation
import Images
import Networks
import Studies
import Tensors
import TestSupport
import Testing

@Suite struct TransferCommands {
  let workplace: Workplace
  let model: String

  init() throws {
    workplace = try Workplace()
    model = try workplace.classifier()
  }

  /// A folder for each of three classes; the classes differ in their colour.
  @discardableResult
  private func classes(_ each: Int = 8, in name: String = "pictures") throws -> String {
    for (label, folder) in ["ant", "bee", "cat"].enumerated() {
      for number in 0..<each {
        var picture = Workplace.picture(100 * label + number)
        var pixels = picture.pixels
        for index in stride(from: label, to: pixels.count, by: 3) { pixels[index] = 255 - pixels[index] / 4 }
        picture = Picture(rows: picture.rows, columns: picture.columns, pixels: pixels)
        try workplace.folder.write(try picture.encodedPNG(), to: "\(name)/\(folder)/\(number).png")
      }
    }
    return workplace.path(name)
  }

  /// The same in `train` and `val`.
  private func divided() throws -> String {
    try classes(8, in: "divided/train")
    try classes(4, in: "divided/val")
    return workplace.path("divided")
  }

  private func arguments(_ pictures: String, out: String = "run", _ flags: [String]) -> [String] {
    ["transfer", model, pictures, "--out", workplace.path(out), "--threads", "2"] + flags
  }

  private func table(_ run: String = "run") throws -> TransferTable {
    try JSONDecoder().decode(
      TransferTable.self, from: Data(contentsOf: URL(fileURLWithPath: workplace.path(run + "/transfer.json")))
    )
  }

  @Test func `a run holds what the contract has, and tells classes apart`() throws {
    let outcome = try Command.run(
      arguments(
        try divided(),
        ["--layers", "conv1,fc1", "--pooling", "average", "--square-root", "--normalize", "--json"]))
    #expect(outcome.status == 0, "\(outcome.errors)")
    let result = try outcome.json()
    let rows = try #require(result["rows"] as? [[String: Any]])
    #expect(rows.map { $0["layer"] as? String } == ["conv1", "conv1", "fc1", "fc1"])
    #expect(rows.map { $0["classifier"] as? String } == ["svm", "softmax", "svm", "softmax"])
    for row in rows {
      #expect(row["pooling"] as? String == "average" && row["perClass"] as? Int == 8)
      #expect((0.5...1).contains(row["accuracy"] as? Double ?? 0), "\(row)")
      #expect(row["deviation"] as? Double == 0)
    }
    let files = try workplace.contents(of: "run")
    for file in [
      "transfer.json", "transfer.csv", "transfer.md", "classes.csv", "index.html", "skipped.json",
      "figures/by-layer.svg", "figures/by-layer.png", "features/conv1-average/00000.safetensors",
    ] { #expect(files[file] != nil, "\(file)") }
    let shard = try SafeTensors(reading: workplace.path("run/features/conv1-average/00000.safetensors"))
    #expect(
      shard.tensors["features"]?.shape == [36, 8]
        && shard.tensors["images"]?.elements == (0..<36).map(Float.init))
  }

  @Test func `draws give a curve over pictures a class, with deviations`() throws {
    let outcome = try Command.run(
      arguments(
        try classes(10),
        ["--layers", "pool", "--per-class", "1,2,4", "--folds", "3", "--test-per-class", "5", "--normalize"]))
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains(#/pool +none +160 +svm +4 /#), "\(outcome.output)")
    let table = try table()
    #expect(
      table.rows.map(\.perClass) == [1, 1, 2, 2, 4, 4] && table.rows.allSatisfy { $0.folds.count == 3 })
    #expect(try workplace.contents(of: "run")["figures/by-pictures.svg"] != nil)
    #expect(table.classNames == ["ant", "bee", "cat"] && table.rows[0].classes.count == 3)
  }

  @Test func `other classifiers, numbers and layers use the features that are there`() throws {
    let pictures = try classes()
    #expect(
      try Command.run(
        arguments(pictures, ["--layers", "conv1", "--per-class", "2", "--classifiers", "svm", "--quiet"])
      ).status == 0)
    let before = try workplace.contents(of: "run").filter { $0.key.hasPrefix("features/") }
    // The pictures are gone: what is there is all that there is.
    try FileManager.default.moveItem(atPath: pictures, toPath: pictures + "-kept")
    for folder in ["ant", "bee", "cat"] {
      for number in 0..<8 { try workplace.folder.write([0], to: "pictures/\(folder)/\(number).png") }
    }
    let again = try Command.run(
      arguments(
        pictures,
        [
          "--layers", "conv1", "--per-class", "3", "--c", "cross-validation", "--square-root", "--folds", "2",
        ]))
    #expect(again.status == 0, "\(again.errors)")
    #expect(try workplace.contents(of: "run").filter { $0.key.hasPrefix("features/") } == before)
    #expect(try table().rows.allSatisfy { $0.costs.count == 2 && $0.perClass == 3 })
    let other = try Command.run(
      arguments(pictures, ["--layers", "conv1", "--per-class", "3", "--mean", "30"]))
    #expect(other.status == 2 && other.errors.contains("is another run"), "\(other.errors)")
  }

  @Test(.timeLimit(.minutes(20))) func `killed at any moment and run again, it ends with the same bytes`()
    throws
  {
    for folder in ["ant", "bee"] { try workplace.pictures(12, in: "few/\(folder)") }
    for folder in ["ant", "bee"] {
      _ = try workplace.links(400, to: workplace.path("few/\(folder)"), named: "many/\(folder)")
    }
    let flags = ["--per-class", "5", "--folds", "2", "--quiet"]
    let started = Date()
    #expect(try Command.run(arguments(workplace.path("many"), out: "whole", flags)).status == 0)
    let whole = Date().timeIntervalSince(started)
    var kills = 0
    for share in [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85] {
      let run = try Command.start(arguments(workplace.path("many"), flags))
      usleep(UInt32(whole * share * 1e6))
      run.send(SIGKILL)
      if try run.outcome().status == 128 + SIGKILL { kills += 1 }
    }
    #expect(kills >= 3)
    #expect(try Command.run(arguments(workplace.path("many"), flags)).status == 0)
    let (mine, theirs) = (try workplace.contents(of: "run"), try workplace.contents(of: "whole"))
    #expect(mine.keys.filter { !$0.hasSuffix(".partial") }.sorted() == theirs.keys.sorted())
    for (file, bytes) in theirs { #expect(mine[file] == bytes, "\(file) differs") }
  }

  @Test func `an unreadable picture among others is skipped and listed, also by a run that goes on`() throws {
    try workplace.folder.write(Array("no picture".utf8), to: "pictures/bee/bad.png")
    let flags = ["--layers", "conv1", "--per-class", "2", "--folds", "1"]
    for _ in 0..<2 {
      let outcome = try Command.run(arguments(try classes(), flags))
      #expect(
        outcome.status == 0 && outcome.errors.contains("1 image could not be read"), "\(outcome.errors)")
      let skipped = try String(contentsOfFile: workplace.path("run/skipped.json"), encoding: .utf8)
      #expect(skipped.contains("bee/bad.png"))
    }
    try Command.refusal(
      arguments(workplace.path("pictures"), out: "strict", flags + ["--strict"]), naming: ["bad.png"])
  }

  @Test func `networks are trained whole, from nothing and from what was learned, and killed they go on`()
    throws
  {
    let pictures = try divided()
    let flags = [
      "--layers", "conv1", "--classifiers", "svm", "--from-scratch", "--fine-tune", "--epochs", "3",
      "--quiet",
    ]
    #expect(try Command.run(arguments(pictures, out: "whole", flags)).status == 0)
    let rows = try table("whole").rows
    #expect(rows.map(\.classifier) == ["svm", "from-scratch", "fine-tune"])
    #expect(rows[1].layer == "all" && rows[1].perClass == 8 && rows[1].classes.count == 3)
    let run = try Command.start(arguments(pictures, flags))
    let end = Date().addingTimeInterval(20)
    while !FileManager.default.fileExists(atPath: workplace.path("run/trained")), Date() < end { usleep(500) }
    run.send(SIGKILL)
    #expect(try run.outcome().status == 128 + SIGKILL)
    #expect(try Command.run(arguments(pictures, flags)).status == 0)
    let json = URL(fileURLWithPath: workplace.path("run/transfer.json"))
    #expect(
      try Data(contentsOf: json)
        == Data(contentsOf: URL(fileURLWithPath: workplace.path("whole/transfer.json"))))
  }

  @Test func `bad input is refused with what is wrong`() throws {
    let pictures = try classes(4)
    for (flags, words) in [
      (["--per-class", "4"], ["class ant", "4 images", "--per-class 3"]),
      (["--per-class", "0"], ["--per-class"]), (["--pooling", "mean"], ["--pooling"]),
      (["--pooling", "fc1=max", "--layers", "conv1", "--per-class", "1"], ["fc1", "not among"]),
      (["--c", "-1"], ["--c"]), (["--classifiers", "tree"], ["--classifiers"]),
      (["--layers", "conv7", "--per-class", "1"], ["conv7", "conv1"]), (["--folds", "0"], ["--folds"]),
      (["--splits", "own"], ["no test images"]), (["--epochs", "0"], ["--epochs"]),
      (["--per-class", "1", "--c", "cross-validation", "--layers", "conv1"], ["cross-validation takes two"]),
    ] { try Command.refusal(arguments(pictures, flags + ["--quiet"]), naming: words) }
    try Command.refusal(
      arguments(try workplace.pictures(3, in: "flat"), ["--per-class", "1"]), naming: ["does not say what"])
    for folder in ["ant", "bee"] { try workplace.folder.write([1], to: "broken/\(folder)/1.png") }
    try Command.refusal(
      arguments(workplace.path("broken"), ["--splits", "folds", "--per-class", "1"]), naming: ["class ant"])
  }

  @Test func `excluded pictures are neither learned from nor judged, and their features are kept`() throws {
    let pictures = try classes(5)
    let flags = ["--layers", "conv1", "--folds", "1", "--classifiers", "svm", "--quiet", "--per-class"]
    #expect(try Command.run(arguments(pictures, flags + ["3"])).status == 0)
    let before = try table()
    let list = try workplace.folder.write(Array("# two\nant/0.png\nant/4.png\n".utf8), to: "list.txt")
    // Three ants are left: three to learn from leave none to judge.
    try Command.refusal(
      arguments(pictures, flags + ["3", "--exclude", list]), naming: ["class ant", "3 images"])
    #expect(try Command.run(arguments(pictures, flags + ["2", "--exclude", list])).status == 0)
    #expect(try table().rows[0].perClass == 2 && table() != before)
    let files = try workplace.contents(of: "run").keys.filter { $0.hasPrefix("features/") }
    #expect(files.count == 1)
    let strange = try workplace.folder.write(Array("ant/9.png\n".utf8), to: "strange.txt")
    try Command.refusal(
      arguments(pictures, flags + ["2", "--exclude", strange]), naming: ["ant/9.png", "left out"])
  }

  @Test func `features without difference or number are refused, by layer and picture`() throws {
    let pictures = try classes(4)
    let flags = ["--per-class", "2", "--layers", "conv1", "--quiet"]
    let dead = try workplace.classifier("dead.onnx") { network in
      network = network.replacingOperations { node in
        var operation = node.operation
        operation.withParameter(.weights) { $0 = Tensor($0.shape) }
        return operation
      }
    }
    try Command.refusal(
      ["transfer", dead, pictures, "--out", workplace.path("dead")] + flags, naming: ["conv1", "is the same"])
    let infinite = try workplace.classifier("infinite.onnx") { network in
      network = network.replacingOperations { node in
        var operation = node.operation
        operation.withParameter(.weights) { $0 = Tensor($0.shape, repeating: 3e38) }
        return operation
      }
    }
    try Command.refusal(
      ["transfer", infinite, pictures, "--out", workplace.path("infinite")] + flags,
      naming: ["conv1", "no finite number", ".png"])
  }

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.reason)"))
  func `pictures that hold several classes are judged by average precision`() throws {
    let voc = "voc2012:" + SharedData.path("images/voc2012-fixture")
    let outcome = try Command.run(
      arguments(voc, ["--layers", "conv1", "--folds", "2", "--fine-tune", "--epochs", "2", "--json"]))
    #expect(outcome.status == 0, "\(outcome.errors)")
    let table = try table()
    #expect(table.measure == .averagePrecision && table.classNames.count == 20)
    #expect(table.rows.map(\.classifier) == ["svm", "softmax", "fine-tune"])
    for row in table.rows {
      #expect(row.elevenPoint != nil && row.folds.count == 2 && (0...1).contains(row.accuracy))
      #expect(row.classes.contains(nil) && !row.classes.allSatisfy { $0 == nil })
    }
    try Command.refusal(arguments(voc, ["--per-class", "3"]), naming: ["several classes"])
  }

  @Test func `a network is trained on on pictures of several classes, killed or not`() throws {
    let voc = try workplace.voc(train: 48, validation: 24)
    let flags = [
      "--layers", "conv1", "--classifiers", "svm", "--fine-tune", "--from-scratch", "--epochs", "6",
      "--quiet",
    ]
    let outcome = try Command.run(arguments(voc, out: "whole", flags))
    #expect(outcome.status == 0, "\(outcome.errors)")
    let table = try table("whole")
    #expect(
      table.measure == .averagePrecision
        && table.rows.map(\.classifier) == ["svm", "from-scratch", "fine-tune"])
    // Half of the pictures show each class.
    for row in table.rows.dropFirst() {
      #expect(row.layer == "all" && row.elevenPoint != nil && row.overall == nil)
      #expect((0.45...1).contains(row.accuracy), "\(row)")
      #expect(row.classes.count == 20 && row.classes.count { $0 != nil } == 3)
    }
    let run = try Command.start(arguments(voc, flags))
    let end = Date().addingTimeInterval(20)
    while !FileManager.default.fileExists(atPath: workplace.path("run/trained")), Date() < end { usleep(500) }
    run.send(SIGKILL)
    #expect(try run.outcome().status == 128 + SIGKILL)
    #expect(try Command.run(arguments(voc, flags)).status == 0)
    #expect(
      try workplace.contents(of: "run")["transfer.json"] == workplace.contents(of: "whole")["transfer.json"])
  }

  @Test func `a network that tells two classes apart by one score is trained on to tell two others apart`()
    throws
  {
    let pictures = try divided()
    for split in ["train", "val"] { try FileManager.default.removeItem(atPath: pictures + "/\(split)/cat") }
    var generator = SeededGenerator(seed: 2)
    let one = workplace.path("one.onnx")
    try Network(onnx: model).classifying(["no", "yes"], scores: 1, ending: .sigmoid, using: &generator)
      .writeONNX(to: one)
    let outcome = try Command.run(
      "transfer", one, pictures, "--out", workplace.path("run"), "--layers", "conv1", "--classifiers", "svm",
      "--fine-tune", "--epochs", "20", "--quiet", "--threads", "2")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let row = try #require(try table().rows.last)
    #expect(row.classifier == "fine-tune" && row.accuracy > 0.8, "\(row)")
    let folder = try #require(
      try FileManager.default.contentsOfDirectory(atPath: workplace.path("run/trained")).first {
        !$0.hasSuffix(".json")
      })
    let head = try Network(onnx: workplace.path("run/trained/\(folder)/models/final.onnx")).classHead()
    #expect(head?.squashing == .sigmoid && head?.classes == 1)
  }
}
