internal import Foundation
internal import Synchronization

extension Int {
  /// The number with a comma every three digits.
  var grouped: String {
    let digits = String(magnitude)
    let groups = stride(from: digits.count, to: 0, by: -3).map { end in
      String(digits.dropLast(digits.count - end).suffix(3))
    }
    return (self < 0 ? "-" : "") + groups.reversed().joined(separator: ",")
  }
}

/// What a person sees on standard error, and whether they asked to stop.
enum Terminal {
  static func say(_ message: String) {
    FileHandle.standardError.write(Data((message + "\n").utf8))
  }

  /// Writes a result to standard output.
  static func print(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }

  /// Writes a machine-readable result to standard output, keys in order.
  static func print(json value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
  }
}

/// Ctrl-C: the work ends where it can go on later; a second one ends the program at once.
///
/// `@unchecked Sendable`: the signal source is made once and never touched again.
final class Interrupts: @unchecked Sendable {
  static let shared = Interrupts()

  private let count = Counter()
  private let source: any DispatchSourceSignal

  private final class Counter: Sendable {
    let value = Atomic(0)
  }

  private init() {
    signal(SIGINT, SIG_IGN)
    source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
    source.setEventHandler { [count] in
      if count.value.add(1, ordering: .relaxed).oldValue > 0 { exit(130) }
    }
    source.resume()
  }

  /// Whether the user asked to stop.
  var isRaised: Bool { count.value.load(ordering: .relaxed) > 0 }
}

/// The work stopped because it was asked to.
struct Interruption: Error, CustomStringConvertible {
  let description: String
}

/// Progress of a counted job on standard error: done, rate and time left.
struct Progress {
  let label: String
  let unit: String
  let total: Int
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
    FileHandle.standardError.write(Data(((isTerminal ? "\r\u{1B}[K" : "") + text + "\n").utf8))
  }

  private func write(_ done: Int, ending: String) {
    let seconds = Self.seconds(ContinuousClock.now - started)
    var text = "\(label): \(done)/\(total) \(unit)" + rate(done, seconds)
    if done > alreadyDone {
      text += ", \(Self.time(seconds / Double(done - alreadyDone) * Double(total - done))) left"
    }
    FileHandle.standardError.write(Data(((isTerminal ? "\r\u{1B}[K" : "") + text + ending).utf8))
  }

  private func rate(_ done: Int, _ seconds: Double) -> String {
    guard seconds > 0, done > alreadyDone else { return "" }
    return ", \((Double(done - alreadyDone) / seconds * 10).rounded() / 10) a second"
  }

  private static func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
  }

  private static func time(_ seconds: Double) -> String {
    if seconds < 10 { return "\((seconds * 10).rounded() / 10) s" }
    let whole = Int(min(seconds, 1e9).rounded())
    return whole < 100
      ? "\(whole) s"
      : whole < 6000 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
  }
}
