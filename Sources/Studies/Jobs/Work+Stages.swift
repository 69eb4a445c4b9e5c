internal import Communication
internal import Files
internal import Foundation
internal import Tensors

extension Work {
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
}
