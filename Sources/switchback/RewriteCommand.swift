internal import ArgumentParser
internal import Switchback

/// Reads a network and writes it back: what a check against another runtime compares.
struct RewriteCommand: ParsableCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "rewrite", abstract: "Writes a network back as ONNX.",
    discussion: "EXAMPLE\n  switchback rewrite model.onnx --out copy.onnx", shouldDisplay: false)

  @Argument(help: .network) var model: String
  @Option(help: "Where the copy goes.") var out: String
  @OptionGroup var reading: ReadingOptions

  func run() throws {
    try reading.network(model).writeONNX(to: out)
  }
}
