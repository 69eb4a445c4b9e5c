internal import Files
internal import Foundation
internal import Tensors

/// The finished parts of one job, to be joined into the run that one process would have written.
///
/// ```swift
/// let parts = try FinishedParts(["part1", "part2"])
/// try Job(gallery, joining: parts).perform(in: "run")
/// ```
public struct FinishedParts: Sendable {
  /// Each part's folder, in the order of the parts.
  public let folders: [String]
  /// The arguments that the first part was started with.
  public let arguments: [String]
  /// The folder that the first part was started in, which its paths lead from; nil where that is not known.
  public let workingFolder: String?
  /// What their `run.json` says.
  private let header: Data

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
    workingFolder = ordered[0].part.workingFolder
    header = job?.header ?? Data()
  }

  /// Copies what the parts found into one run; done again after it was interrupted, it goes on.
  ///
  /// Every file is looked at before the first is copied.
  ///
  /// - Parameters:
  ///   - folder: The run's folder: a new one, or one of an earlier attempt.
  ///   - description: What the run's `run.json` is to say.
  ///   - cancellation: Asked before each file.
  ///   - listener: Told how it goes.
  /// - Throws: ``StudyError`` where the parts are of another job, or overlap, or the folder holds anything else, `RunError` where
  ///   a part's file is damaged or the folder cannot be written, or `Interruption`.
  func join(
    in folder: String, as description: Data, _ cancellation: Cancellation, _ listener: Listener
  ) throws {
    let differences = try RunFolder.differences(header, description, of: folders[0] + "/run.json").found
    guard differences.isEmpty else {
      throw StudyError(
        "the parts are of another job: from them to what is here, \(differences.joined(separator: "; ")). Give merge the files "
          + "that the parts had.")
    }
    let mark = RunFolder(sharing: folder)
    let names = mark.names(in: ".").filter { $0 != "run.lock" && !$0.hasSuffix(".partial") }
    let isBegun = mark.contains(PartRecord.file)
    let isJoining = try isBegun && mark.read(PartRecord.self, from: PartRecord.file).part == nil
    // Joined before: the rest of the job is what was stopped.
    if !isBegun, FileSystem.contents(of: folder + "/run.json") == header { return }
    guard names.isEmpty || isJoining else {
      throw StudyError("\(folder) is not empty. Choose another --out for the joined run.")
    }
    let sources = try sources(cancellation)
    try mark.write(json: PartRecord(), to: PartRecord.file)
    var meter = Meter(listener, "merge", total: sources.count, unit: "files")
    for (number, source) in sources.enumerated() {
      try cancellation.check("stopped; the same command goes on from there.")
      meter.show(number)
      let bytes = try Self.bytes(of: source.path)
      // What an earlier attempt copied may be of a part that was made anew since.
      if try !mark.contains(source.file) || mark.bytes(of: source.file) != bytes {
        try mark.write(bytes: bytes, to: source.file)
      }
    }
    try mark.remove(PartRecord.file)
    meter.finish()
  }

  /// The files of the joined run, each with the path of a part's that holds the same.
  ///
  /// - Throws: ``StudyError`` for one that two parts have otherwise, `RunError.damaged(file:reason:)`.
  private func sources(_ cancellation: Cancellation) throws -> [(file: String, path: String)] {
    var known: [String: String] = [:]
    return try folders.flatMap { part in
      try Self.files(in: part).compactMap { file in
        try cancellation.check("stopped; the same command goes on from there.")
        let path = part + "/" + file
        let bytes = try Self.bytes(of: path)
        if let twin = known.updateValue(path, forKey: file) {
          guard try Self.bytes(of: twin) == bytes else {
            throw StudyError("\(path) is not what \(twin) is: the parts overlap, or one is damaged.")
          }
          return nil
        }
        try Self.check(bytes, of: path)
        return (file, path)
      }
    }
  }

  private static func bytes(of path: String) throws(RunError) -> Data {
    guard let bytes = FileSystem.mapped(path) else {
      throw .damaged(file: path, reason: "it cannot be read.")
    }
    return bytes
  }

  /// - Throws: `RunError.damaged(file:reason:)` for a file that is not what its name says.
  private static func check(_ bytes: Data, of path: String) throws(RunError) {
    if path.hasSuffix(".json"),
      (try? JSONSerialization.jsonObject(with: bytes, options: .fragmentsAllowed)) == nil
    {
      throw .damaged(file: path, reason: "it is no JSON.")
    }
    guard path.contains(".safetensors") else { return }
    do {
      _ = try SafeTensors(bytes: bytes, of: path)
    } catch {
      throw .damaged(file: path, reason: error.reason)
    }
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
