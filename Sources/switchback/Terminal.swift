internal import Foundation
internal import Switchback
internal import Synchronization

/// What a person sees on standard error, and results on standard output.
enum Terminal {
  /// Whether a line of progress stands on the terminal without an end.
  private static let stands = Atomic(false)
  private static let isMuted = Atomic(false)

  /// Says and prints nothing from here on: another process does.
  static func mute() { isMuted.store(true, ordering: .relaxed) }

  /// Writes to standard error; where that is closed there is nobody to tell.
  ///
  /// A line of progress that is `standing` has no end: whatever is said next takes its place.
  /// What must `always` be said is, also where another process speaks.
  static func say(_ message: String, standing: Bool = false, always: Bool = false) {
    guard always || !isMuted.load(ordering: .relaxed) else { return }
    let erasing = stands.exchange(standing, ordering: .relaxed) ? "\r\u{1B}[K" : ""
    let line = erasing + message.withoutControls + (standing ? "" : "\n")
    try? FileHandle.standardError.write(contentsOf: Data(line.utf8))
  }

  /// Writes a result to standard output, where names that are in it neither move nor colour the text.
  ///
  /// - Throws: `FileError` where it is closed or full.
  static func print(_ text: String) throws(FileError) {
    guard !isMuted.load(ordering: .relaxed) else { return }
    do {
      try FileHandle.standardOutput.write(contentsOf: Data((text.withoutControls + "\n").utf8))
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
    guard isAssumed else { return try print(String(decoding: bytes, as: UTF8.self)) }
    func marked(_ value: Any) -> Any {
      if let list = value as? [Any] { return list.map(marked) }
      guard var object = value as? [String: Any] else { return value }
      object["preprocessingAssumed"] = true
      return object
    }
    let object = marked(try JSONSerialization.jsonObject(with: bytes))
    let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
    try print(
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
  /// Characters that would move, colour or turn a terminal's text stand as JSON writes them; ends of lines stay.
  var withoutControls: String { escaped { $0 == "\n" || $0 == "\t" } }

  /// The same, as one line.
  var onOneLine: String { escaped { _ in false } }

  private func escaped(except isKept: (Unicode.Scalar) -> Bool) -> String {
    func isPlain(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.value {
      case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069: isKept(scalar)
      default: true
      }
    }
    guard !unicodeScalars.allSatisfy(isPlain) else { return self }
    return unicodeScalars.map { scalar in
      guard !isPlain(scalar) else { return String(scalar) }
      let digits = String(scalar.value, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }.joined()
  }
}
