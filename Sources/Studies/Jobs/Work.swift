package import Datasets
public import Files
internal import Images
internal import Peaks
public import Tensors

/// What a job gives to the study that it performs: the run's folder, threads, and ways to do long work in steps that are kept.
///
/// A class because it gathers what the study leaves out.
public final class Work {
  public let run: RunFolder
  /// How many pictures, or other units, are computed side by side.
  public let threads: Int
  public let cancellation: Cancellation
  public let listener: Listener
  /// Writes a report: of the whole result, or before it is found.
  private let write: (Report) throws -> Void
  /// Whether something was found that no earlier attempt had found.
  private(set) var hasFound = false
  private var prepared: [PreparedPictures] = []
  private var unread: [Skipped] = []

  init(
    run: RunFolder, threads: Int, cancellation: Cancellation, listener: Listener,
    write: @escaping (Report) throws -> Void
  ) {
    self.run = run
    self.threads = threads
    self.cancellation = cancellation
    self.listener = listener
    self.write = write
  }

  /// Pictures on their way into a network; those that cannot be read are left out, and listed with the run.
  func prepare(
    _ dataset: Dataset, _ preprocessing: Preprocessing, strict isStrict: Bool
  ) throws(DatasetError) -> PreparedPictures {
    try skip(dataset.unread, strict: isStrict)
    let pictures = PreparedPictures(dataset, preprocessing, strict: isStrict, cancellation: cancellation)
    prepared.append(pictures)
    return pictures
  }

  /// Lists pictures that were left out by other ways; the first is an error where pictures must all be read.
  func skip(_ pictures: [Skipped], strict isStrict: Bool = false) throws(DatasetError) {
    if isStrict, let first = pictures.first { throw .unlisted(first) }
    unread += pictures
  }

  /// Pictures left out so far, each once.
  var skipped: [Skipped] {
    var seen = Set<Skipped>()
    return (prepared.flatMap { $0.skipped() } + unread).filter { seen.insert($0).inserted }
  }

  /// Shows what is found so far.
  func publish(_ report: Report) throws { try write(report) }

  /// Remembers that this attempt found something, so that figures are drawn.
  func noteFinding() { hasFound = true }

  func meter(_ label: String, total: Int, unit: String, alreadyDone: Int = 0) -> Meter {
    Meter(listener, label, total: total, unit: unit, alreadyDone: alreadyDone)
  }

  /// The findings of a stage's units, in order: those that the run has are read, the others found and kept.
  ///
  /// - Returns: A finding a unit; nil for one that cannot be found.
  /// - Throws: `Interruption` where the work is cancelled, `RunError` for a damaged finding, or what finding throws.
  func findings<Unit, Finding>(of stage: Stage<Unit, Finding>) throws -> [Finding?] {
    var findings: [Finding?] = []
    var waiting: [Int] = []
    for (index, unit) in stage.units.enumerated() {
      let file = stage.file(unit) + ".json"
      guard run.contains(file) else {
        waiting.append(index)
        findings.append(nil)
        continue
      }
      let finding = try run.read(Finding.self, from: file)
      guard stage.isSound(unit, finding) else {
        throw RunError.damaged(
          file: run.path(of: file), reason: "its values do not fit each other, or this run.")
      }
      findings.append(finding)
    }
    guard !waiting.isEmpty else { return findings }
    noteFinding()
    var shown = stage.title.map { meter($0, total: waiting.count * stage.weight, unit: stage.counted) }
    for start in stride(from: 0, to: waiting.count, by: stage.group) {
      let group = Array(waiting[start..<min(start + stage.group, waiting.count)])
      try cancellation.check()
      let found = try stage.find(group.map { stage.units[$0] }) { shown?.show(start * stage.weight + $0) }
      for (index, finding) in zip(group, found) {
        guard let finding else { continue }
        try run.write(json: finding, to: stage.file(stage.units[index]) + ".json")
        findings[index] = finding
      }
      shown?.show((start + group.count) * stage.weight)
    }
    shown?.finish()
    return findings
  }

  /// The strongest activations, `depth` of each unit of some values, over all pictures that can be read.
  ///
  /// It goes on from the state that `file` keeps in the run. `parts` are the positions that are looked at, where not all
  /// are; the file does not say which.
  ///
  /// - Throws: `Interruption` where the work is cancelled, `PeakError`, or ``StudyError`` where no picture could be read.
  func search(
    _ values: [String], keeping depth: Int, within parts: [String: PeakSearch.Part] = [:],
    of subject: Subject, in pictures: PreparedPictures, file: String, title: String
  ) throws -> PeakTable {
    let count = pictures.count
    let empty = PeakTable(units: values.map { ($0, subject.units(of: $0)) }, keeping: depth)
    let checkpoint = SearchCheckpoint(path: try run.preparedPath(of: file), pictures: pictures)
    let start = try checkpoint.restored(.init(peaks: empty))
    var state = start
    if start.next < count {
      noteFinding()
      let search = try PeakSearch(subject.network, values: values, within: parts, threads: threads)
      var shown = meter(title, total: count, unit: "images", alreadyDone: start.next)
      // The first is kept soon: whoever looks on has something to see.
      var lastSave = ContinuousClock.now - .seconds(8)
      do {
        state = try search.run(
          from: start, count: count, hash: { pictures.dataset.pathHash($0) },
          input: { try pictures.tensor($0) }
        ) { latest in
          state = latest
          shown.show(latest.next)
          if ContinuousClock.now - lastSave > .seconds(10) || latest.next == count {
            try checkpoint.save(latest)
            lastSave = .now
          }
          return true
        }
        shown.finish()
      } catch is Interruption {
        try checkpoint.save(state)
        throw Interruption(
          "stopped after \(state.next) of \(count) images; the same command goes on from there.")
      } catch PeakError.notANumber(let value, let image) {
        throw StudyError(notFinite: value, in: pictures.dataset.items[image].path, of: subject.model)
      }
    }
    try requireReadable(pictures)
    return state.peaks
  }

  /// The same from a search that may have been for other values, or for more peaks: what it found is taken, and only the
  /// values that it lacks are searched, to be kept with the others.
  ///
  /// - Parameters:
  ///   - values: The values that are searched.
  ///   - depth: How many peaks a unit keeps, at least; a search that kept fewer is begun again.
  ///   - parts: The positions that are looked at, where not all are: the same for every search of the file.
  ///   - subject: The network.
  ///   - pictures: The pictures.
  ///   - file: Where the run keeps the search.
  ///   - title: What progress is called.
  /// - Returns: The peaks of the values asked for.
  /// - Throws: As `search(_:keeping:within:of:in:file:title:)`.
  func search(
    _ values: [String], keepingAtLeast depth: Int, within parts: [String: PeakSearch.Part],
    of subject: Subject, in pictures: PreparedPictures, file: String, title: String
  ) throws -> PeakTable {
    func search(_ values: [String], _ depth: Int, _ file: String) throws -> PeakTable {
      try self.search(
        values, keeping: depth, within: parts, of: subject, in: pictures, file: file, title: title)
    }
    let saved = SavedSearch(try run.preparedPath(of: file))
    guard let saved, !values.contains(where: saved.depths.keys.contains) || saved.depth != nil else {
      return try search(values, depth, file)
    }
    let found = values.filter(saved.depths.keys.contains)
    guard let kept = saved.depth, kept >= depth, !found.isEmpty || saved.next == pictures.count else {
      listener.note(
        "the earlier search kept fewer peaks, or was of other layers; the images are searched again.")
      try run.remove(file)
      return try search(values, depth, file)
    }
    // A search that was stopped is ended first, of what is still asked for.
    if saved.next < pictures.count { _ = try search(found, kept, file) }
    let missing = values.filter { !saved.depths.keys.contains($0) }
    let addition = file + ".new"
    if !missing.isEmpty {
      let begun = SavedSearch(run.path(of: addition))
      let isOfThese = begun.map({ Set($0.depths.keys) }) == Set(missing) && begun?.depth == kept
      if !isOfThese { try run.remove(addition) }
      _ = try search(missing, kept, addition)
      try SavedSearch.join(run.path(of: addition), to: run.path(of: file))
    }
    try run.remove(addition)
    return try search(values, kept, file)
  }

  /// - Throws: ``StudyError`` where none of the pictures could be read.
  func requireReadable(_ pictures: PreparedPictures) throws(StudyError) {
    let skipped = pictures.skipped()
    if skipped.count == pictures.count, let first = skipped.first {
      throw StudyError(
        "none of the \(pictures.count) images in \(pictures.dataset.title) could be read: \(first.reason)")
    }
  }
}

extension Dataset {
  /// What the user called it.
  package var title: String { specification ?? name }
}
