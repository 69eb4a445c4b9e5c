internal import Communication
package import Datasets
public import Files
internal import Foundation
internal import Images
internal import Peaks
public import Tensors
internal import Training

/// What a job gives to the study that it performs: the run's folder, threads, and ways to do long work in steps that are kept.
///
/// A class because it gathers what the study leaves out.
public final class Work {
  public let run: RunFolder
  /// How many pictures, or other units, are computed side by side.
  public let threads: Int
  public let cancellation: Cancellation
  public let listener: Listener
  /// Who does the work together; while a report is made, rank 0 alone.
  private(set) var ranks: Ranks
  /// Which part of the work is done; nil for all of it.
  private let part: Part?
  /// Writes a report: of the whole result, or before it is found.
  private let write: (Report) throws -> Void
  /// Whether something was found that no earlier attempt had found.
  private(set) var hasFound = false
  private var prepared: [PreparedPictures] = []
  private var unread: [Skipped] = []
  private var recalled: [Skipped] = []

  init(
    run: RunFolder, threads: Int, ranks: Ranks, part: Part?, cancellation: Cancellation, listener: Listener,
    write: @escaping (Report) throws -> Void
  ) {
    self.run = run
    self.threads = threads
    self.ranks = ranks
    self.part = part
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

  /// Pictures left out so far, each once; those of an earlier attempt too, where nothing is found anew.
  var skipped: [Skipped] {
    var seen = Set<Skipped>()
    return ((hasFound ? [] : recalled) + prepared.flatMap { $0.skipped() } + unread).filter {
      seen.insert($0).inserted
    }
  }

  /// Takes note of what an earlier attempt left out.
  func recallSkipped() throws {
    recalled = try decided {
      run.contains(Self.skippedFile) ? (try? run.read([Skipped].self, from: Self.skippedFile)) ?? [] : []
    }
  }

  /// Lists with the run what was left out.
  func writeSkipped() throws(RunError) { try run.write(json: skipped, to: Self.skippedFile) }

  private static let skippedFile = "skipped.json"

  /// Shows what is found so far.
  func publish(_ report: @autoclosure () throws -> Report) throws {
    try first {
      try writeSkipped()
      try write(try report())
    }
  }

  /// What is done from here on, rank 0 does alone.
  func leaveRanks() { ranks = .alone }

  /// Remembers that this attempt found something, so that figures are drawn.
  func noteFinding() { hasFound = true }

  func meter(_ label: String, total: Int, unit: String, alreadyDone: Int = 0) -> Meter {
    Meter(listener, label, total: total, unit: unit, alreadyDone: alreadyDone)
  }

  // MARK: Ranks

  /// What rank 0 makes, on every rank: for all that looks into the run's folder or writes there, so that every rank goes the
  /// same way.
  func decided<Value: Codable>(_ make: () throws -> Value) throws -> Value { try ranks.decided(make) }

  /// Work of rank 0 alone, for which the others wait.
  func first(_ work: () throws -> Void) throws {
    _ = try decided {
      try work()
      return true
    }
  }

  /// Whether the run has a file, as rank 0 sees it.
  func contains(_ file: String) throws -> Bool { try decided { run.contains(file) } }

  /// How many workers all ranks have for training together.
  func workers() throws -> Int { try decided { threads * ranks.count } }

  /// The checkpoint that training goes on from, on every rank; rank 0 clears away what else there is.
  func latest(in folder: CheckpointFolder) throws -> CheckpointFolder.Checkpoint? {
    var latest: CheckpointFolder.Checkpoint?
    let isThere = try decided {
      latest = try folder.latest()
      return latest != nil
    }
    return ranks.isFirst || !isThere ? latest : try folder.latest(clearing: false)
  }

  /// Does pieces of work that write their own files, each on whichever rank is free.
  ///
  /// - Parameters:
  ///   - pieces: How many there are.
  ///   - perform: Does one, and returns what `keep` is to take.
  ///   - keep: Takes it, on rank 0 alone.
  /// - Throws: `Interruption` where the work is cancelled, or what fails on any rank.
  func deal(
    _ pieces: Int, perform: (Int) throws -> Data, keep: (Int, Data) throws -> Void
  ) throws {
    try ranks.deal(
      pieces,
      perform: { piece in
        try cancellation.check()
        return try perform(piece)
      }, keep: keep)
    try shareSkipped()
  }

  /// Lists on every rank what any could not read.
  private func shareSkipped() throws {
    guard ranks.count > 1 else { return }
    let own = try PropertyListEncoder().encode(prepared.map { $0.skipped() })
    for other in try ranks.gathered(own) {
      for (pictures, skipped) in zip(
        prepared, try PropertyListDecoder().decode([[Skipped]].self, from: other))
      where !skipped.isEmpty {
        pictures.skip(skipped)
      }
    }
  }

  /// The units of so many that are to be found here: all, or those of the part that was asked for.
  func units(of total: Int) -> [Int] { part?.units(of: total) ?? Array(0..<total) }

  /// Ends the work where only a part of it was asked for.
  ///
  /// - Throws: ``PartDone``, as what comes next needs all parts.
  func endPart() throws {
    if let part { throw PartDone(part) }
  }

  // MARK: Stages

  /// The findings of a stage's units, in order: those that the run has are read, the others found and kept.
  ///
  /// - Returns: A finding a unit; nil for one that cannot be found.
  /// - Throws: `Interruption` where the work is cancelled, ``PartDone`` where a part was asked for and is done, `RunError`
  ///   for a damaged finding, or what finding throws.
  func findings<Unit, Finding>(of stage: Stage<Unit, Finding>) throws -> [Finding?] {
    let files = stage.units.map { stage.file($0) + ".json" }
    var kept = try decided { try files.map { run.contains($0) ? try run.bytes(of: $0) : Data() } }
    var findings = try zip(stage.units.indices, kept).map { index, bytes -> Finding? in
      guard !bytes.isEmpty else { return nil }
      let finding = try run.decoded(Finding.self, bytes, from: files[index])
      guard stage.isSound(stage.units[index], finding) else {
        throw RunError.damaged(
          file: run.path(of: files[index]), reason: "its values do not fit each other, or this run.")
      }
      return finding
    }
    // What ranks find together, parts do too: each does its part of every unit.
    let own = stage.isCollective ? Array(files.indices) : units(of: files.count)
    let waiting = own.filter { kept[$0].isEmpty }
    guard !waiting.isEmpty else {
      try endPart()
      return findings
    }
    noteFinding()
    // Every rank is to have some.
    let size = try decided { min(stage.group, (waiting.count + ranks.count - 1) / ranks.count) }
    let groups = Swift.stride(from: 0, to: waiting.count, by: size).map {
      Array(waiting[$0..<min($0 + size, waiting.count)])
    }
    var shown = stage.title.map { meter($0, total: waiting.count * stage.weight, unit: stage.counted) }
    var done = 0
    func find(_ piece: Int) throws -> Data {
      let found = try stage.find(groups[piece].map { stage.units[$0] }) {
        shown?.show(done * stage.weight + $0)
      }
      return try PropertyListEncoder().encode(
        try found.map { try $0.map { try JSONEncoder.inKeyOrder.encode($0) } ?? Data() })
    }
    func keep(_ piece: Int, _ made: Data) throws {
      for (index, bytes) in zip(groups[piece], try PropertyListDecoder().decode([Data].self, from: made))
      where !bytes.isEmpty {
        try run.write(bytes: bytes, to: files[index])
        kept[index] = bytes
      }
      done += groups[piece].count
      shown?.show(done * stage.weight)
    }
    if stage.isCollective {
      for piece in groups.indices {
        if try ranks.stop(cancellation.isRaised) { throw Interruption() }
        do {
          let made = try find(piece)
          try first { try keep(piece, made) }
        } catch is PartDone {
          // Another unit has parts of its own.
          continue
        }
      }
    } else {
      try deal(groups.count, perform: find, keep: keep)
    }
    shown?.finish()
    try endPart()
    let made = try decided { waiting.map { kept[$0] } }
    for (index, bytes) in zip(waiting, made) where !bytes.isEmpty {
      findings[index] = try run.decoded(Finding.self, bytes, from: files[index])
    }
    return findings
  }

  // MARK: Searches

  /// The strongest activations, `depth` of each unit of some values, over all pictures that can be read.
  ///
  /// It goes on from the state that `file` keeps in the run. `parts` are the positions that are looked at, where not all
  /// are; the file does not say which.
  ///
  /// - Throws: `Interruption` where the work is cancelled, ``PartDone`` where a part was asked for and is done, `PeakError`, or
  ///   ``StudyError`` where no picture could be read.
  func search(
    _ values: [String], keeping depth: Int, within parts: [String: PeakSearch.Part] = [:],
    of subject: Subject, in pictures: PreparedPictures, file: String, title: String
  ) throws -> PeakTable {
    let empty = PeakTable(units: values.map { ($0, subject.units(of: $0)) }, keeping: depth)
    let range = part?.pictures(of: pictures.count) ?? 0..<pictures.count
    let checkpoint = SearchCheckpoint(run: run, file: file, part: part, pictures: pictures)
    var state = PeakSearch.State(peaks: empty, next: range.lowerBound)
    state.next = try decided {
      try checkpoint.join(state)
      state = try checkpoint.restored(state, within: range)
      return state.next
    }
    try shareSkipped()
    if state.next < range.upperBound {
      noteFinding()
      let search = try PeakSearch(subject.network, values: values, within: parts, threads: threads)
      var shown = meter(
        title, total: range.count, unit: "images", alreadyDone: state.next - range.lowerBound)
      // The first is kept soon: whoever looks on has something to see.
      var lastSave = ContinuousClock.now - .seconds(8)
      var round = Rounds(ranks: ranks.count)
      do {
        while state.next < range.upperBound {
          let end = min(range.upperBound, state.next + (try decided { round.pictures }))
          let blocks = Swift.stride(from: state.next, to: end, by: Rounds.block).map {
            $0..<min($0 + Rounds.block, end)
          }
          // What the others find is joined to what rank 0 has.
          var found = ranks.isFirst ? state.peaks : empty
          var done = state.next - range.lowerBound
          try deal(blocks.count) { block in
            found = try peaks(of: subject, search, found, blocks[block], pictures)
            return Data()
          } keep: { block, _ in
            done += blocks[block].count
            shown.show(done)
          }
          try ranks.joined(&found) {
            try checkpoint.bytes(.init(peaks: $0, next: end))
          } join: {
            $0.merge(try checkpoint.peaks($1, like: empty))
          }
          state = .init(peaks: found, next: end)
          round.end()
          if ranks.isFirst, ContinuousClock.now - lastSave > .seconds(10) || end == range.upperBound {
            try checkpoint.save(state)
            lastSave = .now
          }
        }
        shown.finish()
      } catch is Interruption {
        if ranks.isFirst { try checkpoint.save(state) }
        throw Interruption(
          "stopped after \(state.next - range.lowerBound) of \(range.count) images; the same command goes on from there."
        )
      }
    }
    try endPart()
    try requireReadable(pictures)
    guard ranks.count > 1 else { return state.peaks }
    let whole = try ranks.broadcast(ranks.isFirst ? try checkpoint.bytes(state) : Data())
    return ranks.isFirst ? state.peaks : try checkpoint.peaks(whole, like: empty)
  }

  /// Takes in the peaks of some pictures.
  private func peaks(
    of subject: Subject, _ search: PeakSearch, _ known: PeakTable, _ block: Range<Int>,
    _ pictures: PreparedPictures
  ) throws -> PeakTable {
    do {
      return try search.run(
        from: .init(peaks: known, next: block.lowerBound), count: block.upperBound,
        hash: { pictures.dataset.pathHash($0) }, input: { try pictures.tensor($0) }
      ) { _ in true }.peaks
    } catch PeakError.notANumber(let value, let image) {
      throw StudyError(notFinite: value, in: pictures.dataset.items[image].path, of: subject.model)
    }
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
    let saved = try decided { SavedSearch(run.path(of: file)) }
    guard let saved, !values.contains(where: saved.depths.keys.contains) || saved.depth != nil else {
      return try search(values, depth, file)
    }
    let found = values.filter(saved.depths.keys.contains)
    guard let kept = saved.depth, kept >= depth, !found.isEmpty || saved.next == pictures.count else {
      listener.note(
        "the earlier search kept fewer peaks, or was of other layers; the images are searched again.")
      try first { try run.remove(file) }
      return try search(values, depth, file)
    }
    // A search that was stopped is ended first, of what is still asked for.
    if saved.next < pictures.count { _ = try search(found, kept, file) }
    let missing = values.filter { !saved.depths.keys.contains($0) }
    let addition = file + ".new"
    if !missing.isEmpty {
      try first {
        let begun = SavedSearch(run.path(of: addition))
        let isOfThese = begun.map({ Set($0.depths.keys) }) == Set(missing) && begun?.depth == kept
        if !isOfThese { try run.remove(addition) }
      }
      _ = try search(missing, kept, addition)
      try first { try SavedSearch.join(run.path(of: addition), to: run.path(of: file)) }
    }
    try first { try run.remove(addition) }
    return try search(values, kept, file)
  }

  /// - Throws: ``StudyError`` where none of the pictures could be read.
  func requireReadable(_ pictures: PreparedPictures) throws {
    try first {
      let skipped = pictures.skipped()
      if skipped.count == pictures.count, let first = skipped.first {
        throw StudyError(
          "none of the \(pictures.count) images in \(pictures.dataset.title) could be read: \(first.reason)")
      }
    }
  }
}

extension Dataset {
  /// What the user called it.
  package var title: String { specification ?? name }
}
