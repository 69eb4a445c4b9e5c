internal import Files
internal import Foundation
internal import Studies
internal import Tensors

/// What a person writes about units, and how they did at the game: `notebook.json` of the run.
///
/// The file is read before each change, so that several explorers of one run add to the same notebook.
actor Notebook {
  struct Note: Codable, Hashable, Sendable {
    var layer: String
    var unit: Int
    var text: String
    var isPinned: Bool
  }

  /// An answer of the game.
  struct Round: Codable, Hashable, Sendable {
    var layer: String
    var round: Int
    /// Whether projections were shown, or patches.
    var shown: Game.Shown
    var isRight: Bool
  }

  struct Contents: Codable, Sendable {
    var notes: [Note] = []
    var rounds: [Round] = []

    func note(on unit: Int, of layer: String) -> Note? {
      notes.first { $0.unit == unit && $0.layer == layer }
    }
  }

  static let mostCharacters = 4000
  private static let (mostNotes, mostRounds, mostBytes) = (20_000, 100_000, 64 << 20)
  private let path: String

  init(run: String) { path = run + "/notebook.json" }

  /// All that is in it.
  ///
  /// - Throws: `StudyError` for a damaged file: nothing is written over it.
  nonisolated func contents() throws -> Contents {
    guard FileSystem.exists(path) else { return Contents() }
    guard let bytes = FileSystem.mapped(path), bytes.count <= Self.mostBytes,
      let found = try? JSONDecoder().decode(Contents.self, from: bytes)
    else {
      throw StudyError("\(path) is damaged: no note can be read or kept. Mend it, or move it away.")
    }
    return found
  }

  /// What pages show of it: nothing where it is damaged, which whoever writes to it is told.
  nonisolated var readable: Contents { (try? contents()) ?? Contents() }

  /// Keeps a note in place of the unit's earlier one; one without text that is not pinned is removed.
  func keep(_ note: Note) throws {
    guard note.text.count <= Self.mostCharacters else {
      throw StudyError("A note has up to \(Self.mostCharacters) characters; this one has \(note.text.count).")
    }
    var found = try contents()
    found.notes.removeAll { $0.unit == note.unit && $0.layer == note.layer }
    if !note.text.isEmpty || note.isPinned { found.notes.append(note) }
    guard found.notes.count <= Self.mostNotes else {
      throw StudyError("\(path) has \(Self.mostNotes) notes; remove some first.")
    }
    try write(found)
  }

  /// Keeps an answer; of several to one question the first.
  func keep(_ round: Round) throws {
    var found = try contents()
    let isKnown = found.rounds.contains {
      ($0.layer, $0.round, $0.shown) == (round.layer, round.round, round.shown)
    }
    guard !isKnown, found.rounds.count < Self.mostRounds else { return }
    found.rounds.append(round)
    try write(found)
  }

  private func write(_ contents: Contents) throws {
    try DurableFile.write(try JSONEncoder.inKeyOrder.encode(contents), to: path)
  }
}
