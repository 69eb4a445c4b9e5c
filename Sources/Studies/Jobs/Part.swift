internal import Files
internal import Foundation

/// One of several parts of a job, each done on its own, in a folder of its own, to be joined when all are done.
public struct Part: Hashable, Sendable, Codable {
  /// From 0.
  public let index: Int
  public let count: Int
  /// The arguments that the part was started with, for whoever joins the parts to do the rest of the job.
  public let arguments: [String]
  /// The folder that it was started in, which the arguments' paths lead from; nil where that is not known.
  public let workingFolder: String?

  /// - Parameters:
  ///   - text: Which of how many, the first being 1: `3/8`.
  ///   - arguments: Those that the part is started with.
  /// - Throws: ``StudyError`` where the text says nothing of the kind.
  public init(_ text: String, arguments: [String] = []) throws(StudyError) {
    let numbers = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 2, let number = numbers[0], let count = numbers[1], (1...100_000).contains(count),
      (1...count).contains(number)
    else {
      throw StudyError("a part is its number and how many there are, as 1/8 to 8/8, not '\(text)'.")
    }
    index = number - 1
    self.count = count
    self.arguments = arguments
    workingFolder = FileSystem.resolved(".")
  }

  /// As the user gives it.
  public var text: String { "\(index + 1)/\(count)" }

  /// The part's units of so many: every `count`-th, so that neighbours, which are often alike, go to different parts.
  func units(of total: Int) -> [Int] { Array(stride(from: index, to: total, by: count)) }

  /// The part's pictures of so many, as a search takes them: a stretch.
  func pictures(of total: Int) -> Range<Int> { total * index / count..<total * (index + 1) / count }
}

/// A part of a job is done: what comes next needs all of them.
public struct PartDone: Error, Hashable, Sendable {
  public let part: Part

  init(_ part: Part) { self.part = part }
}

/// What the folder of a part says of it, in `part.json`; and that of a run whose parts are being joined.
struct PartRecord: Codable {
  /// Nil while parts are being joined.
  var part: Part?
  var isDone = false

  static let file = "part.json"

  /// Says which part a run is going to be, or sees to it that it is none.
  ///
  /// - Throws: ``StudyError`` where it is another part, or parts are being joined there.
  static func begin(_ part: Part?, in run: RunFolder) throws {
    if run.contains(file) {
      guard let known = try run.read(PartRecord.self, from: file).part else {
        throw StudyError(
          "\(run.path) was to be joined from parts, and is not whole yet: run the same merge again.")
      }
      guard known.text == part?.text else {
        throw StudyError(
          "\(run.path) is part \(known.text) of a job, not \(part.map { "part \($0.text)" } ?? "the whole"). Choose another --out"
            + (part == nil ? ", or join the parts: switchback merge." : "."))
      }
    } else if part != nil, run.names(in: ".").contains(where: { !["run.json", "run.lock"].contains($0) }) {
      throw StudyError("\(run.path) holds a whole run, or one that was begun: a part needs another --out.")
    }
    if let part { try run.write(json: PartRecord(part: part), to: file) }
  }

  /// Says that the part is done.
  static func end(_ part: Part, in run: RunFolder) throws(RunError) {
    try run.write(json: PartRecord(part: part, isDone: true), to: file)
  }
}
