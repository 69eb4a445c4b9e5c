internal import Files
internal import Foundation
internal import Tensors

/// What a person sees on standard error, and results on standard output.
enum Terminal {
  /// Writes to standard error; where that is closed there is nobody to tell.
  static func say(_ message: String, ending: String = "\n") {
    try? FileHandle.standardError.write(contentsOf: Data((message + ending).utf8))
  }

  /// Writes a result to standard output.
  ///
  /// - Throws: `FileError` where it is closed or full.
  static func print(_ text: String) throws(FileError) {
    do {
      try FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
    } catch {
      throw FileError(path: "standard output", reason: "the result cannot be written; is it closed, or full?")
    }
  }

  /// Writes a machine-readable result to standard output, keys in order.
  static func print(json value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try print(String(decoding: try encoder.encode(value), as: UTF8.self))
  }
}

/// Progress of a counted job on standard error: done, rate and time left.
struct Progress {
  let label: String
  let unit: String
  var total: Int
  let isQuiet: Bool
  private let started = ContinuousClock.now
  private var lastShown = ContinuousClock.now
  private let alreadyDone: Int
  private let isTerminal = isatty(2) == 1

  init(_ label: String, total: Int, unit: String, alreadyDone: Int = 0, quiet: Bool) {
    self.label = label
    self.total = total
    self.unit = unit
    self.alreadyDone = alreadyDone
    isQuiet = quiet
  }

  /// Shows how far the job is: on a terminal in place and often, elsewhere a line now and then.
  mutating func show(_ done: Int) {
    guard !isQuiet else { return }
    let now = ContinuousClock.now
    let interval: Duration = isTerminal ? .milliseconds(200) : .seconds(5)
    guard now - lastShown >= interval else { return }
    lastShown = now
    write(done, ending: isTerminal ? "" : "\n")
  }

  /// Says what the whole job took.
  func finish(_ done: Int) {
    guard !isQuiet else { return }
    let seconds = Self.seconds(ContinuousClock.now - started)
    let text = "\(label): \(done) \(unit) in \(Self.time(seconds))" + rate(done, seconds)
    Terminal.say((isTerminal ? "\r\u{1B}[K" : "") + text)
  }

  private func write(_ done: Int, ending: String) {
    let seconds = Self.seconds(ContinuousClock.now - started)
    var text = "\(label): \(done)/\(total) \(unit)" + rate(done, seconds)
    if done > alreadyDone {
      text += ", \(Self.time(seconds / Double(done - alreadyDone) * Double(total - done))) left"
    }
    Terminal.say((isTerminal ? "\r\u{1B}[K" : "") + text, ending: ending)
  }

  private func rate(_ done: Int, _ seconds: Double) -> String {
    guard seconds > 0, done > alreadyDone else { return "" }
    return ", \((Double(done - alreadyDone) / seconds * 10).rounded() / 10) a second"
  }

  static func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
  }

  static func time(_ seconds: Double) -> String {
    if seconds < 10 { return "\((seconds * 10).rounded() / 10) s" }
    let whole = Int(min(seconds, 1e9).rounded())
    return whole < 100
      ? "\(whole) s"
      : whole < 6000 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
  }
}
