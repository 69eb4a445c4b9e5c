internal import ArgumentParser
internal import Foundation
internal import Switchback

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Trains a small network on generated images and runs every kind of visualization on it.",
    discussion: """
      Needs no model and no images: trains a small ZFNet on scenes:, then makes the gallery of every layer, \
      the evolution of features, the diagnosis and occlusion maps. It prints each command that it runs; the \
      same commands work on your own networks and images. You can interrupt it; running the same command \
      again resumes.

      EXAMPLE
        switchback demo --out demo
      """)

  @Option(help: .value("folder", "The demo's folder; created if missing."), completion: .directory)
  var out = "switchback-demo"

  @Flag(help: "A smaller network and fewer images: one minute instead of four.") var quick = false

  @OptionGroup var common: CommonOptions

  private struct Configuration: Encodable {
    var quick: Bool
    var seed: UInt64
    var threads: Int
  }

  func run() throws {
    let folder = try RunFolder.open(
      at: out, kind: "demo",
      configuration: Configuration(quick: quick, seed: common.seed, threads: common.workers))
    let plan = DemoPlan(folder: out, isQuick: quick)
    for stage in DemoPlan.Stage.allCases where stage != .highlights { try perform(plan.line(stage)) }
    let report = try DemoReport(plan)
    try perform(plan.line(.highlights, units: report.highlights))
    try folder.write(json: report.findings, to: "demo.json")
    try folder.write(bytes: Data(try report.page().html().utf8), to: "index.html")
    if common.json { return try Terminal.print(json: report.findings) }
    guard !common.quiet else { return }
    for sentence in report.sentences { try Terminal.print(sentence) }
    try Terminal.print(
      "Every unit in the browser: \(DemoPlan.typed(["explore", out]))")
    try Terminal.print(folder.path(of: "index.html"))
  }

  /// Runs another command as if its line had been typed.
  private func perform(_ arguments: [String]) throws {
    var flags = ["--threads", "\(common.workers)", "--seed", "\(common.seed)"]
    // Under --json standard output is the demo's alone.
    if common.quiet || common.json { flags.append("--quiet") }
    if common.strict { flags.append("--strict") }
    if !common.quiet { Terminal.say("$ " + DemoPlan.typed(arguments)) }
    var command = try Switchback.parseAsRoot(arguments + flags)
    do {
      try command.run()
    } catch is Interruption {
      throw Interruption("stopped; the same demo goes on from there.")
    }
  }
}
