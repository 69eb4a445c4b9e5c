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
  let part: Part?
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
  func shareSkipped() throws {
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
}

extension Dataset {
  /// What the user called it.
  package var title: String { specification ?? name }
}
