internal import ArgumentParser
internal import Foundation
internal import Switchback

/// The command: parses, runs a subcommand, turns errors into one message and an exit code.
@main
struct Switchback: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "switchback",
    abstract: "Shows what a convolutional network has learned.",
    discussion: """
      Takes a network (an ONNX file) and images, finds the images that activate each feature map most, and \
      projects those activations back to pixels through the max-pooling switches of the forward pass (Zeiler \
      & Fergus 2014).

      EXAMPLE
        switchback features model.onnx pictures/ --out run
      """,
    version: versionReport,
    subcommands: [RewriteCommand.self],
    groupedSubcommands: [
      CommandGroup(
        name: "Start",
        subcommands: [DemoCommand.self, InspectCommand.self, ClassifyCommand.self, RunCommand.self]),
      CommandGroup(
        name: "Visualize",
        subcommands: [
          FeaturesCommand.self, ExploreCommand.self, FigureCommand.self, ProjectCommand.self,
          ExplainCommand.self, TrustCommand.self, WhyCommand.self, OccludeCommand.self,
          InvarianceCommand.self,
          CorrespondCommand.self, DiagnoseCommand.self,
        ]),
      CommandGroup(
        name: "Train and compare",
        subcommands: [
          MergeCommand.self, TrainCommand.self, EvolveCommand.self, AblateCommand.self, TransferCommand.self,
          AuditCommand.self,
        ]),
    ])

  static func main() {
    Interrupts.begin()
    Interrupts.followStarter()
    var model: String?
    do {
      try Cluster.join()
      let arguments = Array(CommandLine.exactArguments.dropFirst())
      try refuseUnknownCommand(arguments.first)
      var command = try parseAsRoot(arguments)
      model = (command as? any ModelCommand)?.model
      try Cluster.check(command)
      try command.run()
      try Cluster.ranks.end()
    } catch let done as PartDone {
      Terminal.say("part \(done.part.text) is done: `switchback merge` joins the parts.")
      // Every rank has done its share of it.
      try? Cluster.ranks.end()
      _exit(0)
    } catch let interruption as Interruption {
      Terminal.say(interruption.description)
      // At once: threads may compute yet, under which an orderly end would take libraries apart.
      Cluster.end(Interrupts.code)
    } catch {
      let code = exitCode(for: error)
      let said = Cluster.message(of: error, message(of: error, model: model))
      if code == .success || error is CleanExit {
        if Cluster.ranks.count == 1 { exit(withError: error) }
        try? Terminal.print(fullMessage(for: error))
        Cluster.end(0)
      }
      if let said { Terminal.say(said, always: true) }
      let isForCaller = (error as? any BadInput)?.isForTheCallerToMend ?? false
      Cluster.end(code == .validationFailure || isForCaller ? 2 : 1)
    }
  }

  /// - Throws: `StudyError` with the near one where the first word is no command.
  private static func refuseUnknownCommand(_ word: String?) throws {
    let names = configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]
    guard let word, !word.hasPrefix("-"), !names.contains(word) else { return }
    let near = nearNames(to: word, among: names).first.map { "Did you mean `switchback \($0)`? " } ?? ""
    throw StudyError("there is no command '\(word)'. \(near)`switchback --help` lists them.")
  }

  /// One message: which file, what is wrong with it, what to do.
  private static func message(of error: any Error, model: String?) -> String {
    guard (error as? any BadInput)?.isForTheCallerToMend == true else {
      // The parser's own begin with a capital.
      return fullMessage(for: error).replacing(/^Error:/, with: "error:")
    }
    if let model, error is any ModelFault { return "error: \(model): \(error)" }
    return "error: \(error)"
  }
}
