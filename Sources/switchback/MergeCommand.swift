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
    let finished = try FinishedParts(parts)
    var command = try Switchback.parseAsRoot(arguments(finished.arguments))
    do {
      try command.run()
    } catch let error as any BadInput where error.isForTheCallerToMend {
      let model = error is any ModelFault ? (command as? any ModelCommand).map { $0.model + ": " } ?? "" : ""
      guard let folder = finished.workingFolder, folder != FileSystem.resolved(".") else {
        throw StudyError("\(model)\(error)")
      }
      throw StudyError(
        "\(model)\(error) The parts were started in \(folder), from where their paths lead: start merge there."
      )
    }
  }

  /// The command that performed a part, as it joins the parts and does the rest.
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
    return kept + parts.map { "--join=" + $0 } + ["--out", out]
      + (common.threads.map { ["--threads", "\($0)"] } ?? [])
      + (common.quiet ? ["--quiet"] : []) + (common.json ? ["--json"] : [])
  }
}
