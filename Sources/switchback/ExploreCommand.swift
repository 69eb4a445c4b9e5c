internal import ArgumentParser
internal import Explorer
internal import Foundation
internal import Switchback

struct ExploreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explore",
    abstract: "Opens runs in the browser: a page for every unit, and your own image live.",
    discussion: """
      RUN is a folder made by `features`. Every unit of its layers has a page, drawn or not: projections are computed \
      when a page asks for them. With a model and images in place of a run, they are searched into --out while you \
      look: structure and your own image are there at once, and units fill in.

      More runs may follow, or a folder that holds several: other runs of `features` to compare with; a run of `evolve`, \
      which adds a slider over the epochs of training; and runs of any other command, whose figures link to the units \
      that they speak of.

      The address that is printed opens the explorer for you alone: it listens on this machine only, and asks for the \
      token in the address. Ctrl-C ends it.

      EXAMPLE
        switchback explore run
        switchback explore run evolution diagnosis
        switchback explore model.onnx images/ --out run
      """)

  @Argument(
    help: .init("A run of `features`, and others beside it; or a model and images.", valueName: "run"),
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

  @Option(
    help: .value(
      "pixels", "With --export: the longer side of a tile (default: what suits the field, 72 at most)."))
  var tile: Int?

  @Option(help: "Where the model is now, if it was moved.", completion: .onnx) var model: String?
  @Option(help: "Where the images are now, if they were moved.", completion: .directory) var pictures: String?

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard !what.isEmpty else { throw ValidationError("give a run's folder, or a model and images.") }
    if what[0].hasSuffix(".onnx") {
      guard what.count == 2 else {
        throw ValidationError("with a model go its images: switchback explore MODEL IMAGES --out RUN.")
      }
      guard out != nil else {
        throw ValidationError("--out is missing: the run's folder, into which \(what[1]) is searched.")
      }
      guard model == nil, pictures == nil else {
        throw ValidationError("--model and --pictures say where those of a run are now; here both are given.")
      }
    } else {
      guard out == nil else {
        throw ValidationError("--out goes with a model and images; \(what[0]) is taken for a run.")
      }
      guard try reading.sides() == nil, try preprocessing.overrides() == PreprocessingOverrides() else {
        throw ValidationError(
          "how a network is read and images become its input was settled when \(what[0]) was made; such flags go with a "
            + "model and images.")
      }
    }
    guard export != nil || (layers == nil && units == nil && tile == nil) else {
      throw ValidationError(
        "--layers, --units and --tile are for what --export writes; all units are served.")
    }
    if let tile, !(8...Explorer.mostSide).contains(tile) {
      throw ValidationError("--tile must be between 8 and \(Explorer.mostSide), not \(tile).")
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
    guard let out else {
      let explorer = try opened(what)
      if let export { return try write(explorer, to: export) }
      return try serve(explorer)
    }
    let search = try search()
    if let export {
      try perform(search, in: out)
      return try write(try opened([out]), to: export)
    }
    // The run says what it is as soon as it is begun; from then on there is something to look at.
    _ = try RunFolder.open(
      at: out, kind: Features.kind, configuration: try search.configuration(),
      changing: Features.changingSettings, adapt: search.adapt)
    let explorer = try opened([out])
    let serving = Served { try await serve(explorer, opened: $0) }
    if serving.isOpen() {
      try perform(search, in: out)
      // Ctrl-C as the search ended was the search's, and there will be no other.
      try Interrupts.check()
    }
    if let failure = serving.waited() { throw failure }
  }

  /// Opens runs, and tells what a person should know of them.
  private func opened(_ runs: [String]) throws -> Explorer {
    let explorer = try Explorer(
      runs: runs, model: model, pictures: pictures, side: tile, threads: common.workers)
    for note in explorer.notes { common.note("note: \(note)") }
    if common.strict, let note = explorer.notes.first { throw StudyError(note) }
    return explorer
  }

  private func serve(_ explorer: Explorer) throws {
    if let failure = Served({ try await serve(explorer, opened: $0) }).waited() { throw failure }
  }

  /// Serves, and prints the address.
  private func serve(_ explorer: Explorer, opened: @escaping @Sendable () -> Void) async throws {
    let server = Server(explorer, host: host, port: port, allowing: allowHost)
    if !["127.0.0.1", "::1", "localhost"].contains(host) {
      Terminal.say(
        "note: \(host) is open to the network: whoever sees the address with its token sees your images.")
    }
    let (isJSON, isOpened, run) = (common.json, open, out ?? what[0])
    try await server.run { address in
      try? Terminal.print(isJSON ? "{\"url\":\"\(address)\"}" : address)
      if isOpened { Self.open(address, from: run) }
      opened()
    }
  }

  /// Writes the copy.
  private func write(_ explorer: Explorer, to folder: String) throws {
    let (names, common) = (layers?.split(separator: ",").map(String.init), common)
    let units = try units ?? UnitChoice("all")
    let failure = Interrupts.heeded { cancellation in
      Served { _ in
        let plan = try await explorer.copyPlan(layers: names, units: units)
        common.note(
          "\(folder): about \(max(1, plan.bytes / 1_000_000)) MB for \(plan.count.units.counted("units")) and "
            + "\(plan.count.images.counted("images")), which go along: mind who may see them.")
        try await explorer.copy(
          plan, to: folder, cancellation: cancellation, listener: Terminal.listener(quiet: common.quiet))
      }.waited()
    }
    if let failure { throw failure }
    if common.json { return try Terminal.print(json: ["export": folder]) }
    if !common.quiet { try Terminal.print(folder + "/index.html") }
  }

  /// The search of the images.
  private func search() throws -> Features {
    try Features(
      try preprocessing.subject(what[0], size: try reading.sides(), common), try Dataset.parse(what[1]),
      onlySearching: true, strict: common.strict)
  }

  private func perform(_ search: Features, in folder: String) throws {
    _ = try Interrupts.heeded { cancellation in
      try Job(
        search, threads: common.workers, cancellation: cancellation,
        listener: Terminal.listener(quiet: common.quiet)
      ).perform(in: folder)
    }
  }

  /// Opens the browser, where there is a screen.
  ///
  /// It is given a file of the run that only its owner may read and that leads to the address: what a program is started with,
  /// other users of the machine can see, and so would see the token. The file goes after a minute.
  private static func open(_ address: String, from run: String) {
    let environment = ProcessInfo.processInfo.environment
    guard environment["DISPLAY"] != nil || environment["WAYLAND_DISPLAY"] != nil else { return }
    let page = "<!doctype html><meta http-equiv=\"refresh\" content=\"0; url=\(address)\">\n"
    let file = run + "/open-explorer.html"
    // Where the run cannot be written to, the address that is printed is opened by hand.
    guard (try? DurableFile.write(Data(page.utf8), to: file, isPrivate: true)) != nil else { return }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["xdg-open", file]
    process.standardError = FileHandle.nullDevice
    try? process.run()
    Task.detached {
      try? await Task.sleep(for: .seconds(60))
      FileSystem.remove(file)
    }
  }
}

/// Asynchronous work under way.
private final class Served: @unchecked Sendable {
  private let opened = DispatchSemaphore(value: 0)
  private let done = DispatchSemaphore(value: 0)
  /// Written before the signals, and read after them.
  private var isDone = false
  private var error: (any Error)?

  /// - Parameter work: The work, which is given what it calls once it serves.
  init(_ work: @escaping @Sendable (_ opened: @escaping @Sendable () -> Void) async throws -> Void) {
    Task { [self] in
      do { try await work { self.opened.signal() } } catch { self.error = error }
      isDone = true
      opened.signal()
      done.signal()
    }
  }

  /// Waits until it serves.
  ///
  /// - Returns: Whether it does; it cannot where a port is taken.
  func isOpen() -> Bool {
    opened.wait()
    return !isDone
  }

  /// Waits for its end.
  ///
  /// - Returns: What it threw; nil where it ended.
  func waited() -> (any Error)? {
    done.wait()
    return error
  }
}
