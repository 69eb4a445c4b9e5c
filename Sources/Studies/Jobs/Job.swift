public import Communication
public import Datasets
internal import Figures
public import Files
internal import Foundation
internal import Images
internal import Kernels
public import Tensors

/// How any study is performed: opens the run's folder, goes on where an earlier attempt stopped, and writes what was found.
///
/// ```swift
/// let gallery = Features(try Subject(model: "model.onnx"), try Dataset.parse("pictures/"))
/// try Job(gallery).perform(in: "run")
/// ```
/// A job that was killed at any moment is gone on with by performing the same study in the same folder, and ends with the
/// same bytes; a study with another configuration is refused there.
public struct Job<S: Study> {
  /// What performing a study left.
  public struct Outcome {
    public let result: S.Result
    /// Pictures that could not be read.
    public let skipped: [Skipped]
    /// What a person is told.
    public let summary: [String]
    public let run: RunFolder
  }

  public let study: S
  public var threads: Int
  public var ranks: Ranks
  public var part: Part?
  public var parts: FinishedParts?
  public var cancellation: Cancellation
  public var listener: Listener

  /// - Parameters:
  ///   - study: What is performed.
  ///   - threads: How many pictures, or other units, are computed side by side; by default one a core, where several ranks
  ///     are on one host their share of its cores.
  ///   - ranks: The processes that do the job together: each of them performs the same study in the same folder, which all
  ///     their hosts see.
  ///   - part: Which part of the job is done; nil for all of it.
  ///   - parts: The finished parts of this very job, whose findings are taken; nil where there are none.
  ///   - cancellation: Asked often; once raised, the job ends with what it has, to be gone on with later.
  ///   - listener: Told how the job goes.
  public init(
    _ study: S, threads: Int? = nil, ranks: Ranks = .alone, part: Part? = nil,
    joining parts: FinishedParts? = nil, cancellation: Cancellation = .never, listener: Listener = Listener()
  ) {
    self.study = study
    self.threads = max(1, threads ?? ProcessInfo.processInfo.activeProcessorCount / ranks.localCount)
    self.ranks = ranks
    self.part = part
    self.parts = parts
    self.cancellation = cancellation
    self.listener = listener
  }

  /// Performs the study, or goes on with it.
  ///
  /// - Parameter folder: The run's folder; made if it is not there.
  /// - Returns: The result, and what was left out; on ranks other than the first, the result alone.
  /// - Throws: ``PartDone`` where a part was asked for and is done, `RankError` for what ranks cannot do together or another
  ///   rank's failure, `RunError.otherRun(folder:differences:)` where the folder holds another run, `Interruption` where the job is
  ///   cancelled, and what the study throws.
  @discardableResult
  public func perform(in folder: String) throws -> Outcome {
    guard part == nil || S.isDivisible else {
      throw StudyError("\(S.kind) is not done in parts: leave --shard out, or start it with mpirun.")
    }
    if let parts {
      _ = try ranks.decided {
        let description = try RunFolder.description(kind: S.kind, try configuration(), folder + "/run.json")
        try parts.join(in: folder, as: description, cancellation, listener)
        return true
      }
    }
    let run = try opened(folder)
    let work = Work(
      run: run, threads: threads, ranks: ranks, part: part, cancellation: cancellation,
      listener: ranks.isFirst ? listener : Listener(), write: { try Self.write($0, to: run, drawing: true) })
    let result: S.Result
    do {
      try work.first { try PartRecord.begin(part, in: run) }
      try work.recallSkipped()
      result = try study.result(work)
    } catch let interruption as Interruption where interruption == Interruption() {
      throw Interruption("stopped; the same command goes on from there.")
    } catch let done as PartDone {
      try work.first {
        try work.writeSkipped()
        try PartRecord.end(done.part, in: run)
      }
      throw done
    }
    var outcome = Outcome(result: result, skipped: [], summary: [], run: run)
    try work.first {
      work.leaveRanks()
      outcome = try written(result, work)
    }
    return outcome
  }

  /// Writes what a study came to.
  private func written(_ result: S.Result, _ work: Work) throws -> Outcome {
    let run = work.run
    let skipped = work.skipped
    try work.writeSkipped()
    var report = try study.report(result, work)
    let notes = study.notes
    if !notes.isEmpty { try run.write(json: notes, to: "notes.json") }
    report.facts += notes.map { ("note", $0) }
    if !skipped.isEmpty {
      let lines = ResultTable(headings: ["image", "reason"], rows: skipped.map { [$0.image, $0.reason] })
      report.sections.append(Report.Section("Skipped images", .table(lines)))
    }
    // The page is written last: where it stands and nothing is new, so do the figures.
    let isDrawn = !work.hasFound && !S.isAlwaysDrawn && run.contains("index.html")
    try Self.write(report, to: run, drawing: !isDrawn)
    return Outcome(result: result, skipped: skipped, summary: report.summary, run: run)
  }

  /// The run's folder: opened by rank 0 once all ranks are there to do the same job, and shared by the others.
  private func opened(_ folder: String) throws -> RunFolder {
    func open() throws -> RunFolder {
      try RunFolder.open(
        at: folder, kind: S.kind, configuration: try configuration(), changing: S.changingSettings,
        adapt: study.adapt)
    }
    guard ranks.count > 1 else { return try open() }
    let header = folder + "/run.json"
    let jobs = try ranks.each {
      try RunFolder.description(kind: S.kind, try configuration(), header)
    }
    let parts = try ranks.each { part?.text ?? "the whole" }
    var opened = RunFolder(sharing: folder)
    let known = try ranks.decided {
      if let rank = parts.firstIndex(where: { $0 != parts[0] }) {
        throw StudyError(
          "rank 0 was to do \(parts[0]) of a job, and rank \(rank) \(parts[rank]). Give all the same --shard."
        )
      }
      for (rank, job) in jobs.enumerated() where job != jobs[0] {
        let differences = try RunFolder.differences(jobs[0], job, of: header).found.joined(separator: "; ")
        throw StudyError(
          "rank 0 and rank \(rank) were to do different jobs: from the one to the other, \(differences). Start them with the "
            + "same arguments, and give them the same files.")
      }
      opened = try open()
      return try opened.bytes(of: "run.json")
    }
    try ranks.each {
      guard FileSystem.contents(of: header) == known else {
        throw StudyError(
          "\(header), which rank 0 wrote, is not there: --out must be on a file system that all hosts share. Without one, "
            + "divide the job with --shard.")
      }
      return true
    }
    return opened
  }

  /// What the study names, and that convolutions are computed exactly, where they are.
  private func configuration() throws -> Settings {
    Settings(study: try study.configuration(), isExact: ConvolutionMethod.isExact)
  }

  private struct Settings: Encodable {
    let study: S.Configuration
    let isExact: Bool

    private enum CodingKeys: CodingKey { case exact }

    func encode(to encoder: any Encoder) throws {
      try study.encode(to: encoder)
      guard isExact else { return }
      var settings = encoder.container(keyedBy: CodingKeys.self)
      try settings.encode(true, forKey: .exact)
    }
  }

  private static func write(_ report: Report, to run: RunFolder, drawing isDrawing: Bool) throws {
    for (file, value) in report.json { try run.write(json: value, to: file) }
    for (file, text) in report.texts { try run.write(bytes: Data(text.utf8), to: file) }
    guard isDrawing, !report.sections.isEmpty else { return }
    let sections = try report.sections.map { section in
      RunPage.Section(
        title: section.title,
        bodies: try section.bodies.map { body in
          switch body {
          case .figures(let figures): .figures(try figures.map { try write($0, to: run) })
          case .gallery(let gallery): .gallery(try write(gallery, titled: report.title, to: run))
          case .table(let table): .table(headings: table.headings, rows: table.rows)
          case .text(let text): .text(text)
          }
        })
    }
    let page = RunPage(title: report.title, facts: report.facts, sections: sections)
    try run.write(bytes: Data(page.html().utf8), to: "index.html")
  }

  /// Writes a gallery's script and its plain page.
  private static func write(
    _ gallery: UnitGallery, titled title: String, to run: RunFolder
  ) throws -> UnitGallery {
    try run.write(bytes: Data(try gallery.script().utf8), to: gallery.file + ".js")
    try run.write(bytes: Data(gallery.page(title: title).utf8), to: gallery.file + ".html")
    return gallery
  }

  private static func write(
    _ figure: Report.Figure, to run: RunFolder
  ) throws -> (file: String, columns: Int, rows: Int, description: String) {
    guard let draw = figure.draw else {
      return (figure.file, figure.extents.columns, figure.extents.rows, figure.description)
    }
    let (rows, columns) = try run.write(try draw(), to: figure.file)
    return (figure.file, columns, rows, figure.description)
  }
}

/// What a JSON file of another run holds; nil where it is not there, or holds something else.
func decoded<Value: Decodable>(_ type: Value.Type = Value.self, from file: String) -> Value? {
  FileSystem.contents(of: file).flatMap { try? JSONDecoder().decode(type, from: $0) }
}

extension RunFolder {
  /// Writes a figure as `FILE.svg`, `FILE.png` and, for paper, `FILE.pdf`.
  ///
  /// - Returns: Its extents in pixels.
  @discardableResult
  func write(_ drawing: Drawing, to file: String) throws -> (rows: Int, columns: Int) {
    try write(bytes: Data(try drawing.svg().utf8), to: file + ".svg")
    try write(bytes: Data(try drawing.picture().encodedPNG()), to: file + ".png")
    try write(bytes: Data(try drawing.pdf()), to: file + ".pdf")
    return (drawing.rows, drawing.columns)
  }
}
