public import Files
public import Foundation
public import Tensors

/// An experiment: what its result depends on, how the result is found, and how it is shown.
///
/// A study opens no run folder, prints nothing and handles no signal; the ``Job`` that performs it does. Work that takes
/// long is done in stages of units (`Stage`) or as a search (`Work.search`), which keep
/// what they have found, so that a job that was stopped or killed goes on from there.
///
/// What initialisers of studies take means the same in all: `layers` are names with commas between, `labels` is a list of
/// true classes in place of class folders, `seed` is of all that is drawn by chance, and where `strict` holds, a picture that
/// cannot be read is an error; otherwise it is left out and listed.
public protocol Study {
  associatedtype Configuration: Encodable
  associatedtype Result: Encodable

  /// The kind of its runs, as `run.json` names it.
  static var kind: String { get }
  /// Whether figures are drawn again though nothing is new: for studies that publish as they go.
  static var isAlwaysDrawn: Bool { get }
  /// Whether it can be done in parts; true by default, false for training.
  static var isDivisible: Bool { get }
  /// The networks that it is about.
  var subjects: [Subject] { get }
  /// What a reader should know of what was assumed; written with the run, and on its page. By default what its networks
  /// leave open.
  var notes: [String] { get }
  /// All that the result depends on, with a digest of every input: a run is a function of it.
  func configuration() throws -> Configuration
  /// Settings that may change from one attempt to the next in one run, which then grows; none by default.
  static var changingSettings: Set<String> { get }
  /// Removes from a run what another configuration left and this one does not have: called before `run.json` says the new
  /// one, and again where it was interrupted.
  ///
  /// - Parameters:
  ///   - run: The run.
  ///   - earlier: What `run.json` said.
  /// - Throws: `RunError` where something cannot be removed.
  func adapt(_ run: RunFolder, from earlier: Data) throws(RunError)
  /// Finds the result.
  func result(_ work: Work) throws -> Result
  /// Shows the result.
  func report(_ result: Result, _ work: Work) throws -> Report
}

extension Study {
  public static var isAlwaysDrawn: Bool { false }
  public static var isDivisible: Bool { true }
  public static var changingSettings: Set<String> { [] }
  public var subjects: [Subject] { [] }
  public func adapt(_ run: RunFolder, from earlier: Data) throws(RunError) {}
  public var notes: [String] {
    subjects.flatMap { subject in
      subject.notes.map { subjects.count > 1 ? "\(subject.name): \($0)" : $0 }
    }
  }
}

/// Units of work, each of which is found once and kept as a file of the run.
///
/// Units are independent: whatever finds one of them, in whatever order, on whatever machine, finds the same.
struct Stage<Unit, Finding: Codable> {
  var units: [Unit]
  /// What progress is called; nil where finding a unit shows its own.
  var title: String?
  /// What progress counts, in the plural.
  var counted = ""
  /// How much of what progress counts a unit is.
  var weight = 1
  /// How many units are found together, where that is quicker.
  var group = 1
  /// Whether all ranks find a unit together, because finding it is searches, stages or training of its own.
  var isCollective = false
  /// Where a unit's finding is kept, without the ending `.json`.
  var file: (Unit) -> String
  /// Whether a finding that was read back is one of this unit, and not a damaged file's.
  var isSound: (Unit, Finding) -> Bool = { _, _ in true }
  /// Finds units; nil for one that cannot be found, which is tried again next time.
  ///
  /// The closure given is told how much of what progress counts is done.
  var find: ([Unit], _ show: (Int) -> Void) throws -> [Finding?]
}

/// What keeps a study from being begun or ended.
public struct StudyError: BadInput, Equatable, CustomStringConvertible {
  public let description: String

  /// - Parameter description: One sentence that says what is wrong and what to do.
  public init(_ description: String) {
    self.description = description
  }

  /// A class beyond the network's.
  init(noClass index: Int, of classes: Int) {
    self.init("there is no class \(index): the network has \(classes), from 0 to \(classes - 1).")
  }

  /// A value of the network that is NaN or infinite.
  init(notFinite value: String, in picture: String, of model: String? = nil) {
    self.init(
      (model.map { $0 + ": " } ?? "") + "'\(value)' is not finite (NaN, or infinite) for \(picture). "
        + "Check the network's weights and how images are preprocessed.")
  }
}
