import Foundation
import Testing

/// The built command, run as a child beside the tests.
struct Command {
  /// What a run left.
  struct Outcome {
    /// The exit code; where a signal ended it, 128 and the signal's number.
    let status: Int32
    let output: String
    let errors: String

    /// The result of `--json`.
    func json() throws -> [String: Any] {
      try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
    }
  }

  /// A command that has been started.
  final class Running {
    let process: Process
    private let folder: URL

    fileprivate init(_ process: Process, _ folder: URL) {
      self.process = process
      self.folder = folder
    }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// What it has written so far, once there is a whole line of it.
    func firstLine(within seconds: Double = 60) throws -> String {
      let end = Date().addingTimeInterval(seconds)
      while Date() < end, process.isRunning {
        let file = folder.appendingPathComponent("output")
        let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
        if let line = text.split(separator: "\n").first, text.contains("\n") { return String(line) }
        usleep(5000)
      }
      let errors = try Data(contentsOf: folder.appendingPathComponent("errors"))
      Issue.record("it wrote no line: \(String(decoding: errors, as: UTF8.self))")
      return ""
    }

    /// Waits until it has ended; one that takes longer than it may is killed, and the test fails.
    func outcome(within seconds: Double = 60) throws -> Outcome {
      let end = Date().addingTimeInterval(seconds)
      while process.isRunning {
        if Date() > end {
          kill(process.processIdentifier, SIGKILL)
          Issue.record("\(process.arguments ?? []) still ran after \(seconds) seconds")
          process.waitUntilExit()
          break
        }
        usleep(2000)
      }
      let status = process.terminationStatus + (process.terminationReason == .uncaughtSignal ? 128 : 0)
      func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: folder.appendingPathComponent(name)), as: UTF8.self)
      }
      let outcome = Outcome(status: status, output: try text("output"), errors: try text("errors"))
      try FileManager.default.removeItem(at: folder)
      return outcome
    }
  }

  static let path =
    Bundle.main.executableURL?.deletingLastPathComponent().appendingPathComponent("switchback").path
    ?? "switchback"

  /// Starts the command; with `shell`, a line of sh in which "$@" stands for it.
  static func start(_ arguments: [String], shell: String? = nil) throws -> Running {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("command-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let process = Process()
    if let shell {
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-c", shell, "sh", path] + arguments
    } else {
      process.executableURL = URL(fileURLWithPath: path)
      process.arguments = arguments
    }
    for name in ["output", "errors"] {
      let file = folder.appendingPathComponent(name)
      try Data().write(to: file)
      let handle = try FileHandle(forWritingTo: file)
      if name == "output" { process.standardOutput = handle } else { process.standardError = handle }
    }
    process.standardInput = FileHandle.nullDevice
    try process.run()
    return Running(process, folder)
  }

  static func run(_ arguments: String..., shell: String? = nil) throws -> Outcome {
    try start(arguments, shell: shell).outcome()
  }

  static func run(_ arguments: [String], shell: String? = nil) throws -> Outcome {
    try start(arguments, shell: shell).outcome()
  }

  /// Runs what must be refused: exit code 2, nothing on standard output, and one message, which names what it should.
  @discardableResult
  static func refusal(
    _ arguments: [String], shell: String? = nil, naming words: [String],
    at location: SourceLocation = #_sourceLocation
  ) throws -> String {
    let outcome = try run(arguments, shell: shell)
    let message = outcome.errors
    #expect(outcome.status == 2, "\(arguments): \(message)", sourceLocation: location)
    #expect(outcome.output.isEmpty, "\(outcome.output)", sourceLocation: location)
    let errors = message.split(separator: "\n").filter { $0.lowercased().hasPrefix("error:") }
    #expect(errors.count == 1, "\(message)", sourceLocation: location)
    #expect(
      !message.contains("Fatal error") && !message.contains("NSError") && !message.contains("Domain="),
      "\(message)", sourceLocation: location)
    for word in words where !word.isEmpty {
      #expect(message.contains(word), "'\(word)' is not in: \(message)", sourceLocation: location)
    }
    return message
  }
}
