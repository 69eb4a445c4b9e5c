internal import ArgumentParser
internal import Switchback

struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Joins the parts of a job that were performed with --shard.",
    discussion: """
      Copies what the parts found into RUN and performs the rest of the job there: RUN ends with the bytes that one \
      process would have written. The parts' folders stay as they are. Give all parts; networks and images are looked for \
      where the parts' command named them. Interrupted, the same command resumes.

      EXAMPLE
        switchback features model.onnx pictures/ --shard 1/2 --out part1
        switchback features model.onnx pictures/ --shard 2/2 --out part2
        switchback merge part1 part2 --out run
      """)

  @Argument(help: "The parts' run folders, in any order.", completion: .directory) var parts: [String]
  @Option(help: .run, completion: .directory) var out: String
  @OptionGroup var common: CommonOptions

  func run() throws {
    let parts = try FinishedParts(parts)
    try Interrupts.heeded {
      try parts.join(in: out, cancellation: $0, listener: Terminal.listener(quiet: common.quiet))
    }
    var command = try Switchback.parseAsRoot(arguments(parts.arguments))
    try command.run()
  }

  /// The command that performed a part, as it performs the whole in the joined folder.
  private func arguments(_ words: [String]) -> [String] {
    var kept: [String] = []
    var isValue = false
    for word in words {
      let name = word.prefix { $0 != "=" }
      if isValue {
        isValue = false
      } else if ["--shard", "--out", "--threads"].contains(name) {
        isValue = name == word
      } else if !["--quiet", "--json"].contains(word) {
        kept.append(word)
      }
    }
    return kept + ["--out", out] + (common.threads.map { ["--threads", "\($0)"] } ?? [])
      + (common.quiet ? ["--quiet"] : []) + (common.json ? ["--json"] : [])
  }
}
