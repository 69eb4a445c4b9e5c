internal import ArgumentParser
internal import Explorer
internal import Foundation
internal import Switchback

struct ExploreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explore",
    abstract: "Opens a run in the browser: a page for every unit, and your own image live.",
    discussion: """
      RUN is a folder made by `features`. Every unit of its layers has a page, drawn or not: projections are computed \
      when a page asks for them. With a model and images in place of a run, they are searched first, into --out.

      The address that is printed opens the explorer for you alone: it listens on this machine only, and asks for the \
      token in the address. Ctrl-C ends it.

      EXAMPLE
        switchback explore run
        switchback explore model.onnx images/ --out run
      """)

  @Argument(
    help: .init("A finished run of `features`; or a model and images.", valueName: "run"),
    completion: .directory)
  var what: [String]

  @Option(help: "With a model and images: the run's folder.", completion: .directory) var out: String?
  @Option(help: .value("n", "The port (default: any that is free).")) var port = 0
  @Option(
    help: .value(
      "address", "The address that is listened on. Others than this machine's own need --allow-host."))
  var host = "127.0.0.1"
  @Option(
    parsing: .singleValue,
    help: .value("name", "A host name by which the explorer may be asked for; may be given again."))
  var allowHost: [String] = []
  @Flag(inversion: .prefixedNo, help: "Open the browser.") var open = true

  @Option(
    help: .value(
      "folder",
      "Write a copy of the pages that opens from the disk and from any host, in place of serving them."),
    completion: .directory)
  var export: String?
  @Option(help: .value("a,b", "With --export: the layers (default: all of the run)."), completion: .layers)
  var layers: String?
  @Option(
    help: .value("units", "With --export: units of each layer, as 0..<64, 1,5,8 or all (default: all)."),
    transform: { try UnitChoice($0) })
  var units: UnitChoice?

  @Option(help: "Where the model is now, if it was moved.", completion: .onnx) var model: String?
  @Option(help: "Where the images are now, if they were moved.", completion: .directory) var pictures: String?

  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard what.count == 1 || (what.count == 2 && out != nil) else {
      throw ValidationError(
        what.count == 2
          ? "--out is missing: the run's folder, into which \(what[1]) is searched."
          : "give a run's folder, or a model and images.")
    }
    guard what.count == 2 || out == nil else {
      throw ValidationError("--out goes with a model and images; \(what[0]) is taken for a run.")
    }
    guard export != nil || (layers == nil && units == nil) else {
      throw ValidationError("--layers and --units choose what --export writes; all units are served.")
    }
    guard (0...65535).contains(port) else {
      throw ValidationError("--port must be between 0 and 65535, not \(port).")
    }
    guard ["127.0.0.1", "::1", "localhost"].contains(host) || !allowHost.isEmpty else {
      throw ValidationError(
        "--host \(host) lets others on the network ask: name the host by which they do with --allow-host NAME."
      )
    }
  }

  func run() throws {
    let folder = what.count == 2 ? try searched() : what[0]
    let explorer = try Explorer(run: folder, model: model, pictures: pictures, threads: common.workers)
    if let export { return try write(explorer, to: export) }
    let server = Server(explorer, host: host, port: port, allowing: allowHost)
    if !["127.0.0.1", "::1", "localhost"].contains(host) {
      Terminal.say(
        "note: \(host) is open to the network: whoever sees the address with its token sees your images.")
    }
    let (isJSON, isOpened) = (common.json, open)
    let failure = waited {
      try await server.run { address in
        try? Terminal.print(isJSON ? "{\"url\":\"\(address)\"}" : address)
        if isOpened { Self.open(address) }
      }
    }
    if let failure { throw failure }
  }

  /// Writes the copy.
  private func write(_ explorer: Explorer, to folder: String) throws {
    let (names, common) = (layers?.split(separator: ",").map(String.init), common)
    let units = try units ?? UnitChoice("all")
    let failure = Interrupts.heeded { cancellation in
      waited {
        let plan = try await explorer.copyPlan(layers: names, units: units)
        common.note(
          "\(folder): about \(max(1, plan.bytes / 1_000_000)) MB for \(plan.count.units.counted("units")) and "
            + "\(plan.count.images.counted("images")), which go along: mind who may see them.")
        try await explorer.copy(
          plan, to: folder, cancellation: cancellation, listener: Terminal.listener(quiet: common.quiet))
      }
    }
    if let failure { throw failure }
    if common.json { return try Terminal.print(json: ["export": folder]) }
    if !common.quiet { try Terminal.print(folder + "/index.html") }
  }

  /// Searches the images first, where there is no run yet.
  private func searched() throws -> String {
    let (model, pictures, folder) = (what[0], what[1], out ?? "")
    let features = try Features(
      try Subject(model: model), try Dataset.parse(pictures), onlySearching: true, strict: common.strict)
    try common.tell(features.subject.notes, of: model)
    _ = try Interrupts.heeded { cancellation in
      try Job(
        features, threads: common.workers, cancellation: cancellation,
        listener: Terminal.listener(quiet: common.quiet)
      ).perform(in: folder)
    }
    return folder
  }

  /// Opens the browser, where there is a screen.
  private static func open(_ address: String) {
    let environment = ProcessInfo.processInfo.environment
    guard environment["DISPLAY"] != nil || environment["WAYLAND_DISPLAY"] != nil else { return }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["xdg-open", address]
    process.standardError = FileHandle.nullDevice
    try? process.run()
  }
}

/// Waits for work that is asynchronous.
///
/// - Returns: What it threw; nil where it ended.
private func waited(_ work: @escaping @Sendable () async throws -> Void) -> (any Error)? {
  let outcome = Outcome()
  Task {
    do { try await work() } catch { outcome.error = error }
    outcome.done.signal()
  }
  outcome.done.wait()
  return outcome.error
}

/// What a task came to: written before the signal, and read after it.
private final class Outcome: @unchecked Sendable {
  let done = DispatchSemaphore(value: 0)
  var error: (any Error)?
}
