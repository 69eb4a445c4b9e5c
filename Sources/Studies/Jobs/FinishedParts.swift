internal import Files
internal import Foundation
public import Tensors

/// The finished parts of one job, to be joined into the run that one process would have written.
///
/// ```swift
/// let parts = try FinishedParts(["part1", "part2"])
/// try parts.join(in: "run")
/// ```
/// The same study, performed in the joined folder, finds what the parts found and does the rest.
public struct FinishedParts: Sendable {
  /// Each part's folder, in the order of the parts.
  public let folders: [String]
  /// The arguments that the first part was started with.
  public let arguments: [String]

  /// Looks at the folders of parts.
  ///
  /// - Parameter folders: Of all parts of one job, in any order.
  /// - Throws: ``StudyError`` that names a folder which is no finished part, or of another job, and parts that are missing or
  ///   there twice.
  public init(_ folders: [String]) throws {
    var parts: [Int: (folder: String, part: Part)] = [:]
    var job: (folder: String, header: Data)?
    var count = 0
    for folder in folders {
      guard let record = Studies.decoded(PartRecord.self, from: "\(folder)/\(PartRecord.file)"),
        let part = record.part, let header = FileSystem.contents(of: folder + "/run.json")
      else {
        throw StudyError(
          "\(folder) is not a part of a job: it has no \(PartRecord.file). Give folders that were made with --shard."
        )
      }
      guard record.isDone else {
        throw StudyError("\(folder), part \(part.text), is not done. Run its command again, then merge.")
      }
      if let job, job.header != header {
        let differences = try RunFolder.differences(job.header, header, of: folder + "/run.json").found
        throw StudyError(
          "\(job.folder) and \(folder) are parts of different jobs: from the one to the other, "
            + differences.joined(separator: "; ") + ".")
      }
      if let first = parts.values.first, part.count != count {
        throw StudyError(
          "\(first.folder) is part \(first.part.text), and \(folder) is part \(part.text): they were divided differently."
        )
      }
      if let twin = parts[part.index] {
        throw StudyError("\(twin.folder) and \(folder) are both part \(part.text). Give each part once.")
      }
      job = job ?? (folder, header)
      count = part.count
      parts[part.index] = (folder, part)
    }
    let missing = (0..<count).filter { parts[$0] == nil }.map { "\($0 + 1)/\(count)" }
    guard missing.isEmpty, !parts.isEmpty else {
      throw StudyError(
        "of \(count) parts, \(missing.count == 1 ? "one is" : "\(missing.count) are") missing: "
          + missing.prefix(20).joined(separator: ", ") + (missing.count > 20 ? ", ..." : "")
          + ". Give the folders of all.")
    }
    let ordered = parts.sorted { $0.key < $1.key }.map(\.value)
    self.folders = ordered.map(\.folder)
    arguments = ordered[0].part.arguments
  }

  /// Copies what the parts found into one run; done again after it was interrupted, it goes on.
  ///
  /// - Parameters:
  ///   - folder: The run's folder: a new one, or one of an earlier attempt.
  ///   - cancellation: Asked before each file.
  ///   - listener: Told how it goes.
  /// - Throws: ``StudyError`` where the folder holds anything else, `RunError` where it cannot be written, or `Interruption`.
  public func join(
    in folder: String, cancellation: Cancellation = .never, listener: Listener = Listener()
  ) throws {
    let mark = RunFolder(sharing: folder)
    let names = mark.names(in: ".").filter { $0 != "run.lock" && !$0.hasSuffix(".partial") }
    let isBegun = mark.contains(PartRecord.file)
    let isJoining = try isBegun && mark.read(PartRecord.self, from: PartRecord.file).part == nil
    let header = FileSystem.contents(of: folders[0] + "/run.json")
    // Joined before: the rest of the job is what was stopped.
    if !isBegun, header != nil, FileSystem.contents(of: folder + "/run.json") == header { return }
    guard names.isEmpty || isJoining else {
      throw StudyError("\(folder) is not empty. Choose another --out for the joined run.")
    }
    try mark.write(json: PartRecord(), to: PartRecord.file)
    var meter = Meter(listener, "merge", total: folders.count, unit: "parts")
    for (number, part) in folders.enumerated() {
      meter.show(number)
      for file in try Self.files(in: part) {
        try cancellation.check("stopped; the same command goes on from there.")
        guard let bytes = FileSystem.mapped(part + "/" + file) else {
          throw RunError.damaged(file: part + "/" + file, reason: "it cannot be read.")
        }
        if mark.contains(file) {
          guard try mark.bytes(of: file) == bytes else {
            throw StudyError(
              "\(part)/\(file) is not what another part has under that name: the parts overlap, or one is damaged."
            )
          }
        } else {
          try mark.write(bytes: bytes, to: file)
        }
      }
    }
    try mark.remove(PartRecord.file)
    meter.finish()
  }

  /// The files of a part that its joined run has too, from the part's folder on.
  private static func files(in part: String, below folder: String = "") throws -> [String] {
    try FolderListing(part + "/" + folder).names.flatMap { name -> [String] in
      let path = folder.isEmpty ? name : folder + "/" + name
      if case .folder? = FileKind(part + "/" + path) { return try files(in: part, below: path) }
      let isOwn = [PartRecord.file, "run.lock", "skipped.json", "notes.json"].contains(path)
      return isOwn || name.hasSuffix(".partial") ? [] : [path]
    }
  }
}
