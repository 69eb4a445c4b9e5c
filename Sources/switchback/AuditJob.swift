internal import Datasets
internal import Dispatch
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Studies
internal import Synchronization

/// An audit from pictures to pairs: reads each picture once, compares, reports.
struct AuditJob {
  /// As the caller named them: training, then test.
  let names: [String]
  let sides: [Dataset]
  let audit: Audit
  let exclude: AuditSide
  let run: RunFolder
  let isStrict: Bool
  let threads: Int
  let isQuiet: Bool
  let asJSON: Bool

  /// What is kept of a picture.
  private struct Entry: Codable {
    /// The thumbnail's levels; none for a picture that is flat or cannot be read.
    var levels: Data?
    var reason: String?
  }

  /// Pictures that are read between two files.
  private static let stretch = 1024
  /// Pairs on a sheet, and sheets.
  private static let (onSheet, sheets) = (40, 10)

  func perform() throws {
    if run.contains("audit.json") {
      return try finish(try run.read(AuditReport.self, from: "audit.json"))
    }
    let isOneSet = names[0] == names[1]
    let training = try Interrupts.heeded { try entries(of: 0) }
    let test = isOneSet ? training : try Interrupts.heeded { try entries(of: 1) }
    let pairs = try Interrupts.heeded { try self.pairs(training, test, isOneSet) }
    let report = AuditReport(
      training: side(0, training), test: side(1, test), audit: audit, pairs: pairs,
      trainingPaths: sides[0].items.map(\.path), testPaths: sides[1].items.map(\.path))
    let skipped = skipped(0, training) + (isOneSet ? [] : skipped(1, test))
    try write(report, pairs, skipped)
    try run.write(json: report, to: "audit.json")
    try? FileManager.default.removeItem(atPath: run.path(of: "thumbnails"))
    try finish(report)
  }

  /// Every picture of a side, read once; what an earlier attempt read is taken from the run.
  private func entries(of side: Int) throws -> [Entry] {
    let count = sides[side].items.count
    let label = side == 0 ? "training pictures" : "test pictures"
    var entries: [Entry] = []
    var progress: Progress?
    for start in stride(from: 0, to: count, by: Self.stretch) {
      let file = "thumbnails/\(AuditSide.allCases[side].rawValue)-\(start / Self.stretch).json"
      if run.contains(file) {
        entries += try run.read([Entry].self, from: file)
        continue
      }
      if progress == nil {
        progress = Progress(label, total: count, unit: "read", alreadyDone: start, quiet: isQuiet)
      }
      let end = min(start + Self.stretch, count)
      // Small steps, so that progress is seen and Ctrl-C heeded; whole stretches are written.
      var part: [Entry] = []
      for step in stride(from: start, to: end, by: 64) {
        try check()
        part += try read(side, step..<min(step + 64, end))
        progress?.show(min(step + 64, end))
      }
      try run.write(json: part, to: file)
      entries += part
    }
    progress?.finish(count)
    return entries
  }

  private func read(_ side: Int, _ ids: Range<Int>) throws -> [Entry] {
    let made = Mutex([Entry](repeating: Entry(), count: ids.count))
    let failures = Mutex([Int: ImageError]())
    let next = Atomic(ids.lowerBound)
    DispatchQueue.concurrentPerform(iterations: threads) { _ in
      while true {
        let id = next.add(1, ordering: .relaxed).oldValue
        guard id < ids.upperBound else { return }
        var entry = Entry()
        do throws(ImageError) {
          let picture = try sides[side].picture(id)
          entry.levels = Thumbnail(picture).map { Data($0.levels) }
        } catch {
          let error = error.naming("\(sides[side].name)/\(sides[side].items[id].path)")
          entry.reason = error.description
          if isStrict { failures.withLock { $0[id] = error } }
        }
        made.withLock { $0[id - ids.lowerBound] = entry }
      }
    }
    if let failure = failures.withLock({ $0.min { $0.key < $1.key }?.value }) { throw failure }
    return made.withLock { $0 }
  }

  private func check() throws {
    if Interrupts.isRaised { throw Interruption(description: "stopped; the same command goes on from here.") }
  }

  private func pairs(_ training: [Entry], _ test: [Entry], _ isOneSet: Bool) throws -> [Audit.Pair] {
    func thumbnails(_ entries: [Entry]) -> [Thumbnail?] {
      entries.map { $0.levels.flatMap { Thumbnail(levels: Array($0)) } }
    }
    let one = thumbnails(training)
    var comparing = Progress("every pair of pictures", total: 0, unit: "compared", quiet: isQuiet)
    var aligning: Progress?
    let pairs = try audit.pairs(
      training: one, test: isOneSet ? one : thumbnails(test), isOneSet: isOneSet, threads: threads
    ) { stage, done, total in
      switch stage {
      case .comparing:
        comparing.total = total
        comparing.show(done)
      case .aligning:
        if aligning == nil {
          comparing.finish(comparing.total)
          aligning = Progress("pairs that look alike", total: total, unit: "aligned", quiet: isQuiet)
        }
        aligning?.show(done)
      }
      return !Interrupts.isRaised
    }
    guard let pairs else {
      throw Interruption(description: "stopped; the same command compares again, and reads no picture again.")
    }
    if let aligning { aligning.finish(aligning.total) } else { comparing.finish(comparing.total) }
    return pairs
  }

  private func side(_ number: Int, _ entries: [Entry]) -> AuditReport.Side {
    let flat = entries.indices.filter { entries[$0].levels == nil && entries[$0].reason == nil }
    return AuditReport.Side(
      name: names[number], pictures: entries.count, flat: flat.map { sides[number].items[$0].path },
      unreadable: entries.count { $0.reason != nil })
  }

  private func skipped(_ number: Int, _ entries: [Entry]) -> [Skipped] {
    zip(sides[number].items, entries).compactMap { item, entry in
      entry.reason.map { Skipped(image: item.path, reason: $0) }
    }
  }

  private func write(_ report: AuditReport, _ pairs: [Audit.Pair], _ skipped: [Skipped]) throws {
    let listed = exclude == .train ? report.shared(by: \.training) : report.shared(by: \.test)
    let other = exclude == .train ? names[1] : names[0]
    let note =
      "\(listed.count) pictures of \(exclude == .train ? names[0] : names[1]) (\(exclude.rawValue)) that \(other) has too,\n"
      + "by a correlation of \(audit.threshold) or more; for --exclude of switchback train and transfer."
    try run.write(bytes: Data(Exclusions(listed).text(note: note).utf8), to: "exclusions.txt")
    let lines = ResultTable(
      headings: ["train", "test", "correlation", "mirrored", "top", "left", "bottom", "right"],
      rows: report.pairs.map { pair in
        [pair.training, pair.test, pair.correlation.thousandths, pair.alignment.isMirrored ? "yes" : "no"]
          + [pair.alignment.top, pair.alignment.left, pair.alignment.bottom, pair.alignment.right].map(
            \.thousandths)
      })
    try run.write(bytes: Data(lines.csv.utf8), to: "pairs.csv")
    try run.write(json: skipped, to: "skipped.json")
    var figures: [(file: String, columns: Int, rows: Int, description: String)] = []
    for number in 0..<min(Self.sheets, (pairs.count + Self.onSheet - 1) / Self.onSheet) {
      try check()
      let range = number * Self.onSheet..<min((number + 1) * Self.onSheet, pairs.count)
      let drawing = try sheet(pairs[range], report, "Pairs \(range.lowerBound + 1) to \(range.upperBound)")
        .drawing()
      let file = "figures/pairs-\(number + 1)"
      try run.write(bytes: Data(try drawing.svg().utf8), to: file + ".svg")
      try run.write(bytes: Data(try drawing.picture().encodedPNG()), to: file + ".png")
      figures.append((file, drawing.columns, drawing.rows, "pairs of pictures that are one"))
    }
    try run.write(bytes: Data(page(report, lines, figures).html().utf8), to: "index.html")
  }

  private func sheet(_ pairs: ArraySlice<Audit.Pair>, _ report: AuditReport, _ title: String) throws
    -> PairSheet
  {
    try PairSheet(
      title: title, sides: (names[0], names[1]),
      pairs: pairs.enumerated().map { _, pair in
        let paths = [sides[0].items[pair.training].path, sides[1].items[pair.test].path]
        return PairSheet.Pair(
          pictures: [try sides[0].picture(pair.training), try sides[1].picture(pair.test)],
          caption: pair.correlation.thousandths + (pair.alignment.isMirrored ? ", mirrored" : ""),
          names: paths)
      })
  }

  private func page(
    _ report: AuditReport, _ lines: ResultTable,
    _ figures: [(file: String, columns: Int, rows: Int, description: String)]
  ) -> RunPage {
    func side(_ side: AuditReport.Side) -> String {
      "\(side.name): \(side.pictures.grouped) pictures"
        + (side.flat.isEmpty ? "" : ", \(side.flat.count) of them flat")
        + (side.unreadable == 0 ? "" : ", \(side.unreadable) unreadable")
    }
    let says =
      "A pair's pictures correlate by \(report.threshold) or more, at 48 x 48 points, once the one is laid over the other: "
      + "top, left, bottom and right are the shares of the side cut from the training picture, below zero from the test "
      + "picture. Look before you exclude: series of one scene look alike too."
    return RunPage(
      title: "Pictures in both",
      facts: [
        ("train", side(report.training)), ("test", side(report.test)), ("pairs", "\(report.pairs.count)"),
      ],
      sections: [
        RunPage.Section(
          title: "Pairs",
          bodies: [.figures(figures), .text(says), .table(headings: lines.headings, rows: lines.rows)])
      ])
  }

  private func finish(_ report: AuditReport) throws {
    if asJSON { return try Terminal.print(json: report) }
    guard !isQuiet else { return }
    for side in [report.training, report.test] where side.unreadable > 0 || !side.flat.isEmpty {
      Terminal.say(
        "\(side.name): \(side.unreadable) pictures could not be read, \(side.flat.count) are flat; see "
          + run.path(of: "skipped.json"))
    }
    try Terminal.print(
      "\(report.pairs.count) pairs: \(report.shared(by: \.training).count) of \(report.training.pictures) training and "
        + "\(report.shared(by: \.test).count) of \(report.test.pictures) test pictures")
    try Terminal.print(run.path(of: "index.html"))
  }
}

extension Float {
  /// With three decimals, always.
  fileprivate var thousandths: String {
    let rounded = Int((abs(self) * 1000).rounded())
    let digits = String(rounded % 1000)
    return (self < 0 && rounded > 0 ? "-" : "") + "\(rounded / 1000)."
      + String(repeating: "0", count: 3 - digits.count)
      + digits
  }
}
