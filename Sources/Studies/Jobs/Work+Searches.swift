internal import Communication
internal import Datasets
internal import Files
internal import Foundation
internal import Peaks
internal import Tensors

extension Work {
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

  /// Whether the run has a search, or parts of one that are to be joined, as rank 0 sees it.
  func containsSearch(_ file: String) throws -> Bool {
    try decided { SearchCheckpoint.isBegun(file, in: run) }
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
