internal import Foundation
internal import Switchback
internal import Synchronization

/// What a person sees on standard error, and results on standard output.
enum Terminal {
  /// Whether a line of progress stands on the terminal without an end.
  private static let stands = Atomic(false)

  /// Writes to standard error; where that is closed there is nobody to tell.
  ///
  /// A line of progress that is `standing` has no end: whatever is said next takes its place.
  static func say(_ message: String, standing: Bool = false) {
    let erasing = stands.exchange(standing, ordering: .relaxed) ? "\r\u{1B}[K" : ""
    let line = erasing + message.withoutControls + (standing ? "" : "\n")
    try? FileHandle.standardError.write(contentsOf: Data(line.utf8))
  }

  /// Writes a result to standard output.
  ///
  /// - Throws: `FileError` where it is closed or full.
  static func print(_ text: String) throws(FileError) {
    try write(text.withoutControls)
  }

  private static func write(_ text: String) throws(FileError) {
    do {
      try FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
    } catch {
      throw FileError(path: "standard output", reason: "the result cannot be written; is it closed, or full?")
    }
  }

  /// Writes a machine-readable result to standard output, keys in order.
  ///
  /// Where the network's preparation of pictures is assumed, the result says `"preprocessingAssumed":true`; of a list each
  /// part does.
  static func print(json value: some Encodable, assumed isAssumed: Bool = false) throws {
    let bytes = try JSONEncoder.inKeyOrder.encode(value)
    guard isAssumed else { return try write(String(decoding: bytes, as: UTF8.self)) }
    func marked(_ value: Any) -> Any {
      if let list = value as? [Any] { return list.map(marked) }
      guard var object = value as? [String: Any] else { return value }
      object["preprocessingAssumed"] = true
      return object
    }
    let object = marked(try JSONSerialization.jsonObject(with: bytes))
    let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
    try write(
      String(decoding: try JSONSerialization.data(withJSONObject: object, options: options), as: UTF8.self))
  }

  /// Shows how a job goes: on a terminal in place and often, elsewhere a line now and then.
  static func listener(quiet isQuiet: Bool) -> Listener {
    if isQuiet { return Listener() }
    let isTerminal = isatty(2) == 1
    let shown = Mutex((label: "", at: ContinuousClock.now))
    return Listener(
      progress: { progress in
        if progress.isFinished { return say(progress.description) }
        let isDue = shown.withLock { shown in
          let now = ContinuousClock.now
          if shown.label != progress.label { shown = (progress.label, now) }
          guard now - shown.at >= (isTerminal ? .milliseconds(200) : .seconds(5)) else { return false }
          shown.at = now
          return true
        }
        if isDue { say(progress.description, standing: isTerminal) }
      }, note: { say($0) })
  }
}

extension String {
  /// The text with a stand-in for what would move a terminal's cursor, change its colours or its title: names of files may
  /// hold anything.
  fileprivate var withoutControls: String {
    String(
      String.UnicodeScalarView(
        unicodeScalars.map { scalar in
          switch scalar.value {
          case 0x9, 0xA: scalar
          case 0..<0x20, 0x7F..<0xA0: "\u{FFFD}"
          default: scalar
          }
        }))
  }
}
