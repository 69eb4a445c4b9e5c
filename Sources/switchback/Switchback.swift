internal import ArgumentParser
internal import Foundation
internal import Kernels
internal import Networks

/// The command: parses, runs a subcommand, turns errors into one message and an exit code.
@main
struct Switchback: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "switchback",
    abstract: "Shows what a convolutional network has learned.",
    discussion: """
      Takes a network (an ONNX file) and pictures, finds what each feature map responds to, and carries \
      those responses back to pixels through the pooling switches of the forward pass (Zeiler & Fergus \
      2014).

      EXAMPLE
        switchback features model.onnx pictures/ --out run
      """,
    version: "0.1.0",
    subcommands: [
      InspectCommand.self, RunCommand.self, ClassifyCommand.self, FeaturesCommand.self, ProjectCommand.self,
      OccludeCommand.self, InvarianceCommand.self, CorrespondCommand.self, DiagnoseCommand.self,
      TrainCommand.self, EvolveCommand.self, DemoCommand.self, AblateCommand.self, AuditCommand.self,
      TransferCommand.self,
      RewriteCommand.self,
    ])

  static func main() {
    Interrupts.begin()
    var model: String?
    do {
      var command = try parseAsRoot()
      model = (command as? any ModelCommand)?.model
      try command.run()
    } catch let interruption as Interruption {
      Terminal.say(interruption.description)
      Foundation.exit(130)
    } catch {
      let code = exitCode(for: error)
      if code == .success || error is CleanExit { exit(withError: error) }
      Terminal.say(message(of: error, model: model))
      Foundation.exit(code == .validationFailure || error.isBadInput ? 2 : 1)
    }
  }

  /// One message: which file, what is wrong with it, what to do.
  private static func message(of error: any Error, model: String?) -> String {
    guard error.isBadInput else { return fullMessage(for: error) }
    if let model, error is NetworkError || error is KernelError { return "error: \(model): \(error)" }
    return "error: \(error)"
  }
}

/// A command that is about a network in a file, which messages name.
protocol ModelCommand {
  var model: String { get }
}

/// What a command takes that runs a network over pictures into a run's folder.
struct StudyArguments: ParsableArguments {
  @Argument(help: "The network, an ONNX file.", completion: .file(extensions: ["onnx"]))
  var model: String

  @Argument(help: "A folder of pictures, one picture, or a data set as kind:path.", completion: .directory)
  var pictures: String

  @Option(
    help: ArgumentHelp("The run's folder; made if it is not there.", valueName: "run"), completion: .directory
  )
  var out: String

  @Flag(help: "A picture that cannot be read is an error.")
  var strict = false
}

/// A command that takes them.
protocol StudyCommand: ModelCommand {
  var study: StudyArguments { get }
}

extension StudyCommand {
  var model: String { study.model }
  var pictures: String { study.pictures }
  var out: String { study.out }
  var strict: Bool { study.strict }
}
