import Foundation
import Images
import TestSupport
import Testing

@Suite struct AuditCommands {
  let workplace: Workplace

  init() throws { workplace = try Workplace() }

  /// Two folders that share pictures 3 and 8, the one recompressed, the other smaller; and what else may lie there.
  private func folders() throws -> (train: String, test: String) {
    try workplace.pictures(24, in: "train")
    for number in 100..<130 {
      try workplace.folder.write(
        Workplace.picture(number, rows: 50, columns: 50).encodedPNG(), to: "test/\(number).png")
    }
    let shared = try [3, 8].map { number in
      let file = "train/\(number)." + (number % 2 == 1 ? "png" : "jpg")
      return try Picture(decoding: workplace.path(file))
    }
    try workplace.folder.write(shared[0].encodedJPEG(quality: 30), to: "test/again.jpg")
    try workplace.folder.write(shared[1].resized(rows: 25, columns: 33).encodedPNG(), to: "test/small.png")
    try workplace.folder.write(
      Picture(rows: 20, columns: 20, pixels: [UInt8](repeating: 90, count: 1200)).encodedPNG(),
      to: "test/flat.png")
    try workplace.folder.write(Data("no picture".utf8), to: "train/broken.jpg")
    return (workplace.path("train"), workplace.path("test"))
  }

  private func arguments(_ train: String, _ test: String, out: String = "run", _ flags: [String] = [])
    -> [String]
  {
    ["audit", train, test, "--out", workplace.path(out), "--threads", "2", "--quiet"] + flags
  }

  @Test func `shared pictures are listed, drawn, and left out by train`() throws {
    let (train, test) = try folders()
    let outcome = try Command.run(arguments(train, test, ["--json"]))
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try outcome.json()
    let pairs = try #require(report["pairs"] as? [[String: Any]])
    #expect(Set(pairs.compactMap { $0["training"] as? String }) == ["3.png", "8.jpg"])
    #expect(Set(pairs.compactMap { $0["test"] as? String }) == ["again.jpg", "small.png"])
    #expect((report["test"] as? [String: Any])?["flat"] as? [String] == ["flat.png"])
    #expect((report["training"] as? [String: Any])?["unreadable"] as? Int == 1)
    let files = try workplace.contents(of: "run")
    for name in [
      "audit.json", "pairs.csv", "exclusions.txt", "figures/pairs-1.png", "index.html", "skipped.json",
    ] {
      #expect(files[name] != nil, "\(name)")
    }
    #expect(!files.keys.contains { $0.hasPrefix("thumbnails") })
    let list = String(decoding: try #require(files["exclusions.txt"]), as: UTF8.self)
    #expect(list.split(separator: "\n").filter { !$0.hasPrefix("#") } == ["3.png", "8.jpg"])
    #expect(list.contains("(train)"))
    #expect(String(decoding: try #require(files["skipped.json"]), as: UTF8.self).contains("broken.jpg"))
    // The same command has nothing left to do, and says the same.
    #expect(try Command.run(arguments(train, test, ["--json"])).output == outcome.output)
    // Train takes the list: pictures with class folders here, so that names are the audit's.
    for (number, name) in ["a", "b"].enumerated() {
      for index in 0..<10 {
        try workplace.folder.write(
          Workplace.picture(number * 10 + index + 50).encodedPNG(), to: "classes/\(name)/\(index).png")
      }
    }
    try workplace.folder.write(Workplace.picture(55).encodedJPEG(quality: 60), to: "held/x.jpg")
    let classes = workplace.path("classes")
    #expect(try Command.run(arguments(classes, workplace.path("held"), out: "second")).status == 0)
    let exclusions = workplace.path("second/exclusions.txt")
    #expect(try String(contentsOfFile: exclusions, encoding: .utf8).hasSuffix("\na/5.png\n"))
    let trained = try Command.run(
      "train", classes, "--exclude", exclusions, "--out", workplace.path("trained"), "--input", "24",
      "--width",
      "0.05", "--init", "he", "--batch", "4", "--epochs", "1", "--quiet")
    #expect(trained.status == 0, "\(trained.errors)")
  }

  @Test func `the test side can be listed, and one set audited against itself`() throws {
    let (train, test) = try folders()
    #expect(try Command.run(arguments(train, test, ["--exclude", "test"])).status == 0)
    let list = try String(contentsOfFile: workplace.path("run/exclusions.txt"), encoding: .utf8)
    #expect(list.hasSuffix("\nagain.jpg\nsmall.png\n"))
    try workplace.folder.write(
      Workplace.picture(110, rows: 50, columns: 50).encodedJPEG(quality: 80), to: "test/z.jpg")
    let pairs = try #require(
      try Command.run(arguments(test, test, out: "self", ["--json"])).json()["pairs"] as? [[String: Any]])
    #expect(
      pairs.count == 1 && pairs[0]["training"] as? String == "110.png"
        && pairs[0]["test"] as? String == "z.jpg")
  }

  @Test(.timeLimit(.minutes(20))) func `killed, it goes on and finds the same`() throws {
    let sides = ["scenes:size=64,count=2600", "scenes:size=64,count=1300,seed=9"]
    let started = Date()
    #expect(try Command.run(arguments(sides[0], sides[1], out: "whole")).status == 0)
    let whole = Date().timeIntervalSince(started)
    var kills = 0
    for share in [0.35, 0.6, 0.3] {
      let run = try Command.start(arguments(sides[0], sides[1]))
      usleep(UInt32(share * whole * 1e6))
      run.send(SIGKILL)
      if try run.outcome().status == 128 + SIGKILL { kills += 1 }
    }
    #expect(kills >= 1)
    #expect(try Command.run(arguments(sides[0], sides[1])).status == 0)
    let (mine, theirs) = (try workplace.contents(of: "run"), try workplace.contents(of: "whole"))
    #expect(mine.keys.sorted() == theirs.keys.sorted())
    for (file, bytes) in mine { #expect(theirs[file] == bytes, "\(file) differs") }
  }

  @Test func `what cannot be is refused`() throws {
    let (train, test) = try folders()
    try Command.refusal(arguments(train, workplace.path("absent")), naming: ["absent"])
    try Command.refusal(arguments("scene:count=3", test), naming: ["scene:"])
    try Command.refusal(arguments(train, test, ["--threshold", "0.5"]), naming: ["--threshold", "0.8"])
    try Command.refusal(arguments(train, test, ["--closest", "0"]), naming: ["--closest"])
    try Command.refusal(arguments(train, test, ["--exclude", "both"]), naming: ["both", "train", "test"])
    try Command.refusal(arguments(train, test, out: "strict", ["--strict"]), naming: ["broken.jpg"])
    try FileManager.default.createDirectory(
      atPath: workplace.path("empty"), withIntermediateDirectories: true)
    try Command.refusal(arguments(train, workplace.path("empty")), naming: ["empty", "no images"])
    #expect(try Command.run(arguments(train, test)).status == 0)
    try Command.refusal(arguments(train, test, ["--threshold", "0.9"]), naming: ["threshold was", "is 0.9"])
  }
}
