import Foundation
import Studies
import TestSupport
import Testing

@Suite struct Evolve {
  let workplace: Workplace

  init() throws { workplace = try Workplace() }

  /// A run of three epochs of a tiny network.
  private func trained() throws -> String {
    for folder in ["ant", "bee"] { try workplace.pictures(20, in: "pictures/\(folder)") }
    let outcome = try Command.run(
      "train", workplace.path("pictures"), "--out", workplace.path("trained"), "--input", "24", "--width",
      "0.1",
      "--init", "he", "--batch", "8", "--epochs", "3", "--threads", "2", "--quiet")
    #expect(outcome.status == 0, "\(outcome.errors)")
    return workplace.path("trained")
  }

  private func table(_ path: String) throws -> EvolutionTable {
    try JSONDecoder().decode(
      EvolutionTable.self, from: Data(contentsOf: URL(fileURLWithPath: path + "/evolution.json")))
  }

  @Test func `a run's evolution stands in its folder, as table, figures and page`() throws {
    let run = try trained()
    let outcome = try Command.run("evolve", run, "--units", "2", "--threads", "2")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let found = try table(run + "/evolution")
    #expect(found.epochs == [1, 2, 3] && found.layers.count == 5)
    #expect(found.layers.allSatisfy { $0.units.count == 2 && $0.settledShare.last == 1 })
    let files = try workplace.contents(of: "trained/evolution").keys
    for name in [
      "evolution.csv", "index.html", "skipped.json", "figures/evolution.png", "figures/settling.svg",
    ] {
      #expect(files.contains(name), "\(name)")
    }
  }

  @Test(.timeLimit(.minutes(20))) func `killed at any moment and run again, it ends with the same bytes`()
    throws
  {
    let run = try trained()
    // Many pictures of few files, so that a search takes a while.
    for folder in ["ant", "bee"] {
      _ = try workplace.links(300, to: workplace.path("pictures/\(folder)"), named: "many/\(folder)")
    }
    func arguments(_ out: String) -> [String] {
      [
        "evolve", run, "--pictures", workplace.path("many"), "--out", workplace.path(out), "--threads", "2",
        "--quiet",
      ]
    }
    let started = Date()
    #expect(try Command.run(arguments("whole")).status == 0)
    let whole = Date().timeIntervalSince(started)
    var kills = 0
    for share in [0.2, 0.4, 0.6, 0.8] {
      let command = try Command.start(arguments("again"))
      usleep(UInt32(whole * share * 1e6))
      command.send(SIGKILL)
      if try command.outcome().status == 128 + SIGKILL { kills += 1 }
    }
    #expect(kills >= 1)
    #expect(try Command.run(arguments("again")).status == 0)
    let (mine, theirs) = (try workplace.contents(of: "again"), try workplace.contents(of: "whole"))
    #expect(mine.keys.filter { !$0.hasSuffix(".partial") }.sorted() == theirs.keys.sorted())
    for (file, bytes) in theirs { #expect(mine[file] == bytes, "\(file) differs") }
  }

  @Test func `bad input is refused with what is wrong`() throws {
    let run = try trained()
    try Command.refusal(["evolve", run, "--epochs", "1,9"], naming: ["9"])
    try Command.refusal(["evolve", run, "--layers", "conv9"], naming: ["conv9"])
    try Command.refusal(["evolve", run, "--units", "0"], naming: ["--units"])
    try Command.refusal(["evolve", workplace.path("pictures")], naming: ["epoch-NNN.onnx"])
    try Command.refusal(
      ["evolve", run, "--pictures", workplace.path("none")], naming: [workplace.path("none")])
  }
}
