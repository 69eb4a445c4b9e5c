internal import Foundation
internal import Switchback
internal import Synchronization

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

  /// Shows how a job goes: on a terminal in place and often, elsewhere a line now and then.
  static func listener(quiet isQuiet: Bool) -> Listener {
    if isQuiet { return Listener() }
    let isTerminal = isatty(2) == 1
    let erasing = isTerminal ? "\r\u{1B}[K" : ""
    let shown = Mutex((label: "", at: ContinuousClock.now))
    return Listener(
      progress: { progress in
        if progress.isFinished { return say(erasing + progress.description) }
        let isDue = shown.withLock { shown in
          let now = ContinuousClock.now
          if shown.label != progress.label { shown = (progress.label, now) }
          guard now - shown.at >= (isTerminal ? .milliseconds(200) : .seconds(5)) else { return false }
          shown.at = now
          return true
        }
        if isDue { say(erasing + progress.description, ending: isTerminal ? "" : "\n") }
      }, note: { say(erasing + $0) })
  }
}
