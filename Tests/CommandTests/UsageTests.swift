import Foundation
import Testing

@Suite struct Usage {
  @Test(arguments: ["inspect", "run", "classify", "features", "figure", "project", "ablate", "audit"])
  func `help shows an example that begins as a person would type it`(command: String) throws {
    let help = try Command.run(command, "--help")
    #expect(help.status == 0 && help.errors.isEmpty)
    #expect(help.output.contains("EXAMPLE") && help.output.contains("switchback \(command) "))
    for flag in ["--threads", "--seed", "--quiet", "--json"] { #expect(help.output.contains(flag)) }
  }

  @Test func `help lists the commands, and the version is said`() throws {
    let help = try Command.run("--help")
    #expect(help.status == 0)
    for command in ["inspect", "run", "classify", "features", "project"] {
      #expect(help.output.contains(command))
    }
    #expect(help.output.contains("EXAMPLE"))
    let version = try Command.run("--version")
    #expect(version.status == 0)
    for part in ["switchback ", "oneDNN ", "instruction set ", "threads "] {
      #expect(version.output.contains(part))
    }
  }

  @Test func `what a name holds cannot move the terminal's cursor`() throws {
    let hostile = "no\u{1B}[2J\u{7}\u{9B}31m\r\u{7F}where\n.onnx"
    for arguments in [
      ["inspect", hostile], ["features", hostile, hostile, "--out", "/nowhere/x"], [hostile],
    ] {
      let outcome = try Command.run(arguments)
      #expect(outcome.status == 2 && outcome.errors.contains("where"))
      let controls = outcome.errors.unicodeScalars.filter {
        $0 != "\n" && $0.properties.generalCategory == .control
      }
      #expect(controls.isEmpty, "\(arguments): \(controls)")
    }
  }

  @Test(arguments: ["bash", "zsh", "fish"]) func `a shell's completions are written`(shell: String) throws {
    let script = try Command.run("--generate-completion-script", shell)
    #expect(script.status == 0 && script.output.contains("features") && script.output.contains("switchback"))
    if shell == "bash" {
      let check = Process()
      check.executableURL = URL(fileURLWithPath: "/bin/bash")
      check.arguments = ["-n", "-c", script.output]
      try check.run()
      check.waitUntilExit()
      #expect(check.terminationStatus == 0)
    }
  }

  @Test func `a shell is told the layers of the network that the line names`() throws {
    let workplace = try Workplace()
    let model = try workplace.plain()
    let words = ["switchback", "features", model, "pictures", "--layers", "conv1,co"]
    let names = try Command.run(["---completion", "features", "--", "--layers", "5", "8"] + words)
    #expect(names.status == 0 && names.output.contains("conv1,conv2"), "\(names)")
  }

  @Test(arguments: [
    ["frobnicate"], ["inspect"], ["inspect", "a.onnx", "b.onnx"], ["inspect", "a.onnx", "--frobnicate"],
    ["inspect", "a.onnx", "--threads", "0"], ["inspect", "a.onnx", "--threads", "many"],
    ["inspect", "a.onnx", "--seed", "-1"], ["classify", "a.onnx", "b", "--top", "0"],
    ["features", "a.onnx", "b"], ["features", "a.onnx", "b", "--out", "c", "--units", "some"],
    ["features", "a.onnx", "b", "--out", "c", "--units", "5..<5"],
    ["features", "a.onnx", "b", "--out", "c", "--units", "1,,2"],
    ["features", "a.onnx", "b", "--out", "c", "--top", "0"],
    ["features", "a.onnx", "b", "--out", "c", "--rule", "sideways"],
    ["project", "a.onnx", "b.jpg", "--out", "c"],
    ["project", "a.onnx", "b.jpg", "--out", "c", "--layer", "conv1", "--score", "3"],
    ["project", "a.onnx", "b.jpg", "--out", "c", "--layer", "conv1", "--map", "--at", "1,2"],
    ["run", "a.onnx", "--input", "x"],
  ]) func `arguments that cannot be meant are refused`(arguments: [String]) throws {
    try Command.refusal(arguments, naming: ["switchback"])
  }

  @Test func `a mistyped command is told the near one`() throws {
    try Command.refusal(
      ["featurs", "a.onnx", "b", "--out", "c"], naming: ["no command 'featurs'", "`switchback features`"])
    try Command.refusal(["qqqqqqqqqqqqqqqq"], naming: ["no command", "switchback --help"])
  }

  @Test(arguments: [
    ["--channels", "RGBA"], ["--mean", "1,2"], ["--mean", "a,b,c"], ["--std", "1,0,1"], ["--std", ""],
    ["--crop", "0"], ["--resize", "99999"], ["--resize", "12x"], ["--resize", "1x2x3"], ["--rounding", "up"],
    ["--scale", "nan"], ["--scale", "inf"],
  ]) func `flags that no picture can be prepared with are refused`(flags: [String]) throws {
    let workplace = try Workplace()
    let model = try workplace.classifier()
    let pictures = try workplace.pictures(1)
    try Command.refusal(["classify", model, pictures, "--quiet"] + flags, naming: [])
  }

  @Test func `standard output that is full, closed or no longer read ends without a crash`() throws {
    let workplace = try Workplace()
    let model = try workplace.plain()
    try Command.refusal(["inspect", model], shell: "exec \"$@\" >/dev/full", naming: ["standard output"])
    try Command.refusal(["inspect", model, "--json"], shell: "exec \"$@\" >&-", naming: ["standard output"])
    let piped = try Command.run("inspect", model, shell: "\"$@\" | head -c 5")
    #expect(piped.status == 0 && piped.output.count == 5 && piped.errors.isEmpty, "\(piped.errors)")
    let ignored = try Command.run("inspect", model, shell: "trap '' PIPE; \"$@\" | true")
    #expect(!ignored.errors.contains("Fatal"), "\(ignored.errors)")
    let silent = try Command.run("inspect", model, shell: "exec \"$@\" 2>&-")
    #expect(silent.status == 0 && silent.output.contains("conv1"))
    let mute = try Command.run("inspect", "nowhere.onnx", shell: "exec \"$@\" 2>&-")
    #expect(mute.status == 2)
  }
}
