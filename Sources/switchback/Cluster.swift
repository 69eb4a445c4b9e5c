internal import ArgumentParser
internal import Foundation
internal import Switchback
internal import Synchronization

/// The processes that `mpirun` or `srun` started together, if they did.
enum Cluster {
  private static let joined = Mutex(Ranks.alone)

  static var ranks: Ranks { joined.withLock { $0 } }

  /// Joins the other ranks; all but the first are silent from here on.
  ///
  /// - Throws: `RankError` where MPI cannot start, or the program was built without it.
  static func join() throws(RankError) {
    let ranks = try Ranks.joined()
    joined.withLock { $0 = ranks }
    guard ranks.count > 1 else { return }
    // The signal that mpirun hands on to every rank without ending any itself.
    Interrupts.begin([SIGUSR1])
    if !ranks.isFirst { Terminal.mute() }
  }

  /// - Throws: `StudyError` for a command that several ranks have no use for.
  static func check(_ command: any ParsableCommand) throws(StudyError) {
    let name = type(of: command)._commandName
    guard ranks.count > 1, !(command is any StudyCommand), name != "help" else { return }
    throw StudyError("'\(name)' is work for one process: start it without mpirun.")
  }

  /// Tells the others of an error; what this rank has to say of it, nil where another says it.
  static func message(of error: any Error, _ message: String) -> String? {
    let ranks = ranks
    guard ranks.count > 1 else { return message }
    if !ranks.hasMet { _ = try? ranks.each { () -> Bool in throw error } }
    if ranks.isFirst { return message }
    return ranks.othersKnow
      ? nil : message.replacing("error: ", with: "error: \(ranks.name): ", maxReplacements: 1)
  }

  /// Ends this rank, with the others where they know of it, and else with all of them at once.
  static func end(_ code: Int32) -> Never {
    let ranks = ranks
    if ranks.othersKnow {
      try? ranks.end()
      // The first rank's code is the job's.
      _exit(ranks.isFirst ? code : 0)
    }
    ranks.abort(code)
    _exit(code)
  }
}

/// A command that performs a study, which several ranks or parts can divide.
protocol StudyCommand: ParsableCommand {
  var cluster: ClusterOptions { get }
}

/// How a job is divided.
struct ClusterOptions: ParsableArguments {
  @Option(
    help: .value(
      "i/n", "Perform part i of n, in a run folder of its own; `switchback merge` joins the parts."))
  var shard: String?

  // `merge` gives it.
  @Option(help: .hidden) var join: [String] = []

  func validate() throws { _ = try part() }

  private func part() throws -> Part? {
    do throws(StudyError) {
      return try shard.map { text throws(StudyError) in
        try Part(text, arguments: Array(CommandLine.exactArguments.dropFirst()))
      }
    } catch {
      throw ValidationError("--shard: \(error)")
    }
  }

  /// Performs a study, and tells what it came to.
  ///
  /// - Parameters:
  ///   - study: The study.
  ///   - folder: The run's folder.
  ///   - common: The flags of every command.
  ///   - json: What `--json` prints.
  ///   - last: What is printed last; nil for the run's page.
  /// - Throws: What the study throws, or `Interruption`.
  func perform<S: Study, JSON: Encodable>(
    _ study: S, in folder: String, _ common: CommonOptions, json: (Job<S>.Outcome) -> JSON,
    last: ((Job<S>.Outcome) -> String)? = nil
  ) throws {
    let part = try part()
    let parts = try join.isEmpty ? nil : FinishedParts(join)
    let outcome = try Interrupts.heeded { cancellation in
      try Job(
        study, threads: common.workers, ranks: Cluster.ranks, part: part, joining: parts,
        cancellation: cancellation,
        listener: Terminal.listener(quiet: common.quiet)
      ).perform(in: folder)
    }
    guard Cluster.ranks.isFirst else { return }
    if common.json {
      return try Terminal.print(
        json: json(outcome), assumed: study.subjects.contains(where: \.assumesPreprocessing))
    }
    guard !common.quiet else { return }
    let unread = outcome.skipped.count { $0.count == nil }
    let unused = outcome.skipped.filter { $0.count != nil }
    let said = [
      unread == 0 ? nil : "\(unread.counted("images")) could not be read",
      unused.first.map {
        "\(unused.reduce(0) { $0 + ($1.count ?? 0) }.counted("files")) not used, such as \($0.image)"
      },
    ].compactMap(\.self)
    if !said.isEmpty {
      Terminal.say("\(said.joined(separator: ", ")): see \(outcome.run.path(of: "skipped.json"))")
    }
    for text in outcome.summary { try Terminal.print(text) }
    try Terminal.print(last?(outcome) ?? outcome.run.path(of: "index.html"))
  }
}
