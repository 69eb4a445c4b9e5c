internal import Datasets
internal import Files
internal import Foundation
internal import Peaks
internal import Tensors

/// How far a search is, in a file: what a stopped run goes on from.
struct SearchCheckpoint {
  private let run: RunFolder
  /// The file in the run.
  private let file: String
  /// Whether it is of some pictures only.
  private let isPart: Bool
  private let pictures: PreparedPictures

  /// How the name of a part's file goes on where the whole search's ends.
  private static let suffix = ".part-"

  init(run: RunFolder, file: String, part: Part? = nil, pictures: PreparedPictures) {
    self.run = run
    self.file = file + (part.map { "\(Self.suffix)\($0.index + 1)-of-\($0.count)" } ?? "")
    isPart = part != nil
    self.pictures = pictures
  }

  private var path: String { run.path(of: file) }

  /// Files in the run that parts of a search left.
  private static func parts(of file: String, in run: RunFolder) -> [String] {
    let folder = FileSystem.folder(of: file)
    return run.names(in: folder).map { folder == "." ? $0 : folder + "/" + $0 }.filter {
      $0.hasPrefix(file + suffix)
    }
  }

  /// Whether the run holds a search, or parts of one.
  static func isBegun(_ file: String, in run: RunFolder) -> Bool {
    run.contains(file) || !parts(of: file, in: run).isEmpty
  }

  /// What the file holds beside the peaks.
  private struct Progressed: Codable {
    var next: Int
    var skipped: [Skipped]
  }

  /// The state that was saved; the one given where none was.
  ///
  /// - Parameters:
  ///   - start: An empty table of the units that are searched.
  ///   - range: The pictures that are searched; nil for all.
  /// - Returns: Where to go on.
  /// - Throws: `PeakError.checkpoint(path:reason:)` for a file of another search.
  func restored(_ start: PeakSearch.State, within range: Range<Int>? = nil) throws -> PeakSearch.State {
    guard FileSystem.exists(path) else { return start }
    return try state(SafeTensors(reading: path), path, start, range ?? 0..<pictures.count)
  }

  /// Puts one file in place of those of its parts, where they stand beside it.
  ///
  /// - Parameter start: An empty table of the units that are searched.
  /// - Throws: `PeakError.checkpoint(path:reason:)` for a file of another search.
  func join(_ start: PeakSearch.State) throws {
    _ = try run.preparedPath(of: file)
    let parts = isPart ? [] : Self.parts(of: file, in: run)
    if FileSystem.exists(path) {
      // They were joined before, and not yet removed.
      for part in parts { try run.remove(part) }
      return
    }
    guard let count = parts.first?.split(separator: "-").last.flatMap({ Int($0) }) else { return }
    guard parts.count == count else {
      throw PeakError.checkpoint(path: path, reason: "of its \(count) parts, \(parts.count) are there")
    }
    var joined = start
    for file in parts.map(run.path) {
      let part = try state(SafeTensors(reading: file), file, start, 0..<pictures.count)
      joined.peaks.merge(part.peaks)
      joined.next = max(joined.next, part.next)
    }
    try save(joined)
    for part in parts { try run.remove(part) }
  }

  private func state(
    _ saved: SafeTensors, _ path: String, _ start: PeakSearch.State, _ range: Range<Int>
  ) throws -> PeakSearch.State {
    guard let text = saved.metadata["progress"],
      let progress = try? JSONDecoder().decode(Progressed.self, from: Data(text.utf8)),
      (range.lowerBound...range.upperBound).contains(progress.next)
    else { throw PeakError.checkpoint(path: path, reason: "it does not say how far it is") }
    var state = start
    try state.peaks.restore(saved, path: path, pictures: pictures.count, hash: pictures.dataset.pathHash)
    state.next = progress.next
    pictures.skip(progress.skipped)
    return state
  }

  private func arrays(_ state: PeakSearch.State) throws -> SafeTensors {
    let progress = try JSONEncoder.inKeyOrder.encode(
      Progressed(next: state.next, skipped: pictures.skipped(below: state.next)))
    return state.peaks.safeTensors(metadata: ["progress": String(decoding: progress, as: UTF8.self)])
  }

  func save(_ state: PeakSearch.State) throws { try arrays(state).write(to: path) }

  /// What the file would hold.
  func bytes(_ state: PeakSearch.State) throws -> Data { Data(try arrays(state).bytes()) }

  /// The peaks in ``bytes(_:)`` of another rank.
  func peaks(_ bytes: Data, like empty: PeakTable) throws -> PeakTable {
    try state(
      SafeTensors(bytes: bytes, of: path), path, .init(peaks: empty), 0..<pictures.count
    ).peaks
  }
}

/// How many pictures a search takes until what it found is joined and kept.
struct Rounds {
  /// Pictures that one rank takes at a time.
  static let block = 64

  private let ranks: Int
  private(set) var pictures: Int
  private var began = ContinuousClock.now

  init(ranks: Int) {
    self.ranks = ranks
    pictures = Self.block * (ranks > 1 ? 2 * ranks : 1)
  }

  /// Several ranks have rounds of about ten seconds, so that joining takes little of them.
  mutating func end() {
    guard ranks > 1 else { return }
    let factor = min(4, max(0.25, 10 / max(began.duration(to: .now).seconds, 0.01)))
    let blocks = Int((Double(pictures) * factor / Double(Self.block)).rounded())
    pictures = min(1 << 22, max(2 * ranks, blocks) * Self.block)
    began = .now
  }
}

/// What is in the file of a search, whatever it was of.
struct SavedSearch: Codable {
  /// Pictures below this were searched.
  let next: Int
  /// How many peaks a unit of each value keeps.
  let depths: [String: Int]

  /// The number of peaks that units of every value keep; nil where that differs, as in a damaged file.
  var depth: Int? { Set(depths.values).count == 1 ? depths.values.first : nil }

  /// - Returns: nil where there is no such file, or it is none of a search.
  init?(_ path: String) {
    guard let saved = try? SafeTensors(reading: path),
      let progress = saved.metadata["progress"].flatMap({
        try? JSONDecoder().decode(Progressed.self, from: Data($0.utf8))
      })
    else { return nil }
    next = progress.next
    depths = PeakTable.values(in: saved).mapValues { $0.rank == 3 ? $0[1] : 0 }
  }

  private struct Progressed: Decodable { var next: Int }

  /// Adds what a search of other values over the same pictures found.
  static func join(_ addition: String, to path: String) throws {
    var joined = try SafeTensors(reading: addition)
    joined.tensors.merge(try SafeTensors(reading: path).tensors) { one, _ in one }
    try joined.write(to: path)
  }
}
