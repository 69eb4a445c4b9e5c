public import Datasets
internal import Dispatch
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Synchronization
internal import Tensors

/// Which pictures two data sets share, even resized, recompressed or cropped.
public struct AuditPictures: Study {
  public static let kind = "audit"

  /// One of the two data sets.
  public enum Side: String, Codable, CaseIterable, Sendable {
    case train, test
  }

  public let training: Dataset
  public let test: Dataset
  public let audit: Audit
  public let excluded: Side
  private let isStrict: Bool

  /// One set of pictures given twice, however it is called, is held against itself; the list of exclusions names pictures of
  /// the side `excluded`.
  public init(
    _ training: Dataset, _ test: Dataset, audit: Audit = Audit(), excluding excluded: Side = .train,
    strict isStrict: Bool = false
  ) {
    self.training = training
    self.test = test
    self.audit = audit
    self.excluded = excluded
    self.isStrict = isStrict
  }

  /// What a run is a function of.
  public struct Configuration: Encodable, Sendable {
    var train: String
    var test: String
    var trainDigest: String
    var testDigest: String
    var threshold: Float
    var mirrored: Bool
    var closest: Int
    var exclude: Side
  }

  public func configuration() throws -> Configuration {
    Configuration(
      train: training.title, test: test.title, trainDigest: training.digest, testDigest: test.digest,
      threshold: audit.threshold, mirrored: audit.findsMirrored, closest: audit.closest, exclude: excluded)
  }

  private var isOneSet: Bool { training.isSame(as: test) }

  private func dataset(_ side: Side) -> Dataset { side == .train ? training : test }

  /// What is kept of a picture while pairs are looked for.
  struct Entry: Codable {
    /// The thumbnail's levels; none for a picture that is flat or cannot be read.
    var levels: Data?
    var reason: String?
  }

  /// Pictures that are read between two files.
  private static let stretch = 1024

  public func result(_ work: Work) throws -> AuditReport {
    // One unit of work with a stage of its own: reading, which takes the time, is kept stretch by stretch.
    let stage = Stage<Int, AuditReport>(units: [0], isCollective: true, file: { _ in "audit" }) { _, _ in
      [try found(work)]
    }
    guard let report = try work.findings(of: stage).compactMap({ $0 }).first else {
      throw StudyError("nothing was audited.")
    }
    try work.skip(training.unread + (isOneSet ? [] : test.unread), strict: isStrict)
    try work.skip(report.skipped ?? [])
    try work.first { FileSystem.remove(work.run.path(of: "thumbnails")) }
    return report
  }

  private func found(_ work: Work) throws -> AuditReport {
    let one = try entries(of: .train, work)
    let other = isOneSet ? one : try entries(of: .test, work)
    let skipped = skipped(.train, one) + (isOneSet ? [] : skipped(.test, other))
    return AuditReport(
      training: side(.train, one), test: side(.test, other), threshold: audit.threshold,
      findsMirrored: audit.findsMirrored,
      pairs: try pairs(one, other, work).map {
        AuditReport.Pair(
          training: training.items[$0.training].path, test: test.items[$0.test].path,
          correlation: $0.correlation, alignment: $0.alignment)
      }, skipped: skipped.isEmpty ? nil : skipped)
  }

  /// Every picture of a side, read once.
  private func entries(of side: Side, _ work: Work) throws -> [Entry] {
    let dataset = dataset(side)
    let count = dataset.items.count
    let starts = Array(stride(from: 0, to: count, by: Self.stretch))
    let stage = Stage<Int, [Entry]>(
      units: starts, title: side == .train ? "training images" : "test images", counted: "stretches read",
      file: { "thumbnails/\(side.rawValue)-\($0 / Self.stretch)" },
      isSound: { start, entries in entries.count == min(Self.stretch, count - start) }
    ) { starts, _ in try starts.map { try read(dataset, $0..<min($0 + Self.stretch, count), work) } }
    return try work.findings(of: stage).flatMap { $0 ?? [] }
  }

  private func read(_ dataset: Dataset, _ ids: Range<Int>, _ work: Work) throws -> [Entry] {
    let isStrict = isStrict
    return try Pool.map(over: ids, threads: work.threads, cancellation: work.cancellation) { id in
      var entry = Entry()
      do throws(ImageError) {
        entry.levels = Thumbnail(try dataset.picture(id)).map { Data($0.levels) }
      } catch {
        let named = error.naming("\(dataset.name)/\(dataset.items[id].path)")
        if isStrict { throw named }
        entry.reason = named.description
      }
      return entry
    }
  }

  private func pairs(_ one: [Entry], _ other: [Entry], _ work: Work) throws -> [Audit.Pair] {
    func thumbnails(_ entries: [Entry]) -> [Thumbnail?] {
      entries.map { $0.levels.flatMap { Thumbnail(levels: Array($0)) } }
    }
    let first = thumbnails(one)
    var shown: (stage: Audit.Stage, meter: Meter)?
    let pairs = try audit.pairs(
      training: first, test: isOneSet ? first : thumbnails(other), isOneSet: isOneSet, threads: work.threads
    ) { stage, done, total in
      if shown?.stage != stage {
        shown?.meter.finish()
        let (label, unit) =
          stage == .comparing ? ("every pair of images", "compared") : ("pairs that look alike", "aligned")
        shown = (stage, work.meter(label, total: total, unit: unit))
      }
      shown?.meter.show(done)
      try work.cancellation.check("stopped; the same command compares again, and reads no image again.")
    }
    shown?.meter.finish()
    return pairs
  }

  private func side(_ side: Side, _ entries: [Entry]) -> AuditReport.Side {
    let dataset = dataset(side)
    let flat = entries.indices.filter { entries[$0].levels == nil && entries[$0].reason == nil }
    return AuditReport.Side(
      name: dataset.title, pictures: entries.count, flat: flat.map { dataset.items[$0].path },
      unreadable: entries.count { $0.reason != nil })
  }

  private func skipped(_ side: Side, _ entries: [Entry]) -> [Skipped] {
    zip(dataset(side).items, entries).compactMap { item, entry in
      entry.reason.map { Skipped(image: item.path, reason: $0) }
    }
  }

  // MARK: Report

  /// Pairs on a sheet, and sheets.
  private static let (pairsOnSheet, sheets) = (40, 10)

  public func report(_ result: AuditReport, _ work: Work) throws -> Report {
    let listed = result.shared(by: excluded == .train ? \.training : \.test)
    let other = dataset(excluded == .train ? .test : .train).title
    let note =
      "\(listed.count) images of \(dataset(excluded).title) (\(excluded.rawValue)) that \(other) has too,\n"
      + "by a correlation of \(audit.threshold) or more; for --exclude of switchback train and transfer."
    let lines = ResultTable(
      headings: ["train", "test", "correlation", "mirrored", "top", "left", "bottom", "right"],
      rows: result.pairs.map { pair in
        let alignment = pair.alignment
        func number(_ value: Float) -> String { Double(value).fixed(decimals: 3) }
        return [
          pair.training, pair.test, number(pair.correlation), alignment.isMirrored ? "yes" : "no",
          number(alignment.top), number(alignment.left), number(alignment.bottom), number(alignment.right),
        ]
      })
    let starts = stride(from: 0, to: result.pairs.count, by: Self.pairsOnSheet).prefix(Self.sheets)
    let figures = starts.enumerated().map { number, start in
      let range = start..<min(start + Self.pairsOnSheet, result.pairs.count)
      return Report.Figure(
        file: "figures/pairs-\(number + 1)", description: "pairs of images that are one"
      ) {
        try work.cancellation.check()
        return try sheet(result.pairs[range], "Pairs \(range.lowerBound + 1) to \(range.upperBound)")
      }
    }
    func says(_ side: AuditReport.Side) -> String {
      "\(side.name): \(side.pictures.grouped) images"
        + (side.flat.isEmpty ? "" : ", \(side.flat.count) of them flat")
        + (side.unreadable == 0 ? "" : ", \(side.unreadable) unreadable")
    }
    return Report(
      title: "Images in both sets",
      facts: [
        ("train", says(result.training)), ("test", says(result.test)), ("pairs", "\(result.pairs.count)"),
      ],
      sections: [
        Report.Section(
          "Pairs", .figures(figures),
          .text(
            "How to read this: each pair is a training image and a test image that correlate by \(result.threshold) or more, at "
              + "48 x 48 points, once one is aligned with the other; the number is the correlation. In the table top, left, "
              + "bottom and right are the shares of the side cut from the training image, below zero from the test image. Look "
              + "before you exclude: series of one scene look alike too."), .table(lines))
      ], json: [("audit.json", result)],
      texts: [("exclusions.txt", Exclusions(listed).text(note: note)), ("pairs.csv", lines.csv)],
      summary: [
        "\(result.pairs.count.counted("pairs")): \(result.shared(by: \.training).count.grouped) of "
          + "\(result.training.pictures.grouped) training and \(result.shared(by: \.test).count.grouped) of "
          + "\(result.test.pictures.counted("test images"))"
      ])
  }

  private func sheet(_ pairs: ArraySlice<AuditReport.Pair>, _ title: String) throws -> Drawing {
    let ids = [training.idsByPath, test.idsByPath]
    let shown = try pairs.map { pair -> Drawing.Pair in
      let pictures = try zip([training, test], zip(ids, [pair.training, pair.test])).compactMap {
        dataset, named in try named.0.exact(named.1).first.map { try dataset.picture($0) }
      }
      let mirrored = pair.alignment.isMirrored ? ", mirrored" : ""
      return (
        pictures, Double(pair.correlation).fixed(decimals: 3) + mirrored, [pair.training, pair.test]
      )
    }
    return try .pairs(shown, title: title, sides: (training.title, test.title))
  }
}
