internal import ArgumentParser
internal import Foundation
internal import Kernels

/// Flags that every command takes.
struct CommonOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Pictures computed side by side (default: the machine's cores).", valueName: "n"))
  var threads: Int?

  @Option(help: ArgumentHelp("Seed of everything drawn by chance.", valueName: "n"))
  var seed: UInt64 = 0

  @Flag(help: "No progress on standard error.")
  var quiet = false

  @Flag(help: "The result as JSON on standard output.")
  var json = false

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads must be between 1 and 1024, not \(threads).")
    }
  }

  var workers: Int { threads ?? max(1, ProcessInfo.processInfo.activeProcessorCount) }
}

/// How signals pass rectifiers, as an argument.
enum RuleChoice: String, CaseIterable, ExpressibleByArgument {
  case deconvnet, gradient, guided

  var rule: RectifierRule {
    switch self {
    case .deconvnet: .deconvnet
    case .gradient: .gradient
    case .guided: .guided
    }
  }
}
