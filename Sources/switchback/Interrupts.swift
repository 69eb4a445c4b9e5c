internal import Foundation
internal import Switchback
internal import Synchronization

/// Ctrl-C: work that can be gone on with ends in order, and any other at once; a second one always ends at once.
enum Interrupts {
  private static let count = Atomic(0)
  private static let heeding = Atomic(0)

  /// Takes the signal from here on.
  static func begin() {
    guard !Cancellation.isIgnored(SIGINT) else { return }
    // The handler touches these two and leaves: both are ready before the first signal, and neither waits.
    count.store(0, ordering: .relaxed)
    heeding.store(0, ordering: .relaxed)
    signal(SIGINT) { _ in
      let isFirst = Interrupts.count.add(1, ordering: .relaxed).oldValue == 0
      if !isFirst || Interrupts.heeding.load(ordering: .relaxed) == 0 { _exit(130) }
    }
  }

  /// Runs work that asks its cancellation often, and ends by itself.
  ///
  /// Where Ctrl-C comes after it asked for the last time, its result stands; whoever then waits for Ctrl-C calls ``check()``.
  static func heeded<Result>(_ work: (Cancellation) throws -> Result) rethrows -> Result {
    heeding.add(1, ordering: .relaxed)
    defer { heeding.subtract(1, ordering: .relaxed) }
    return try work(Cancellation { count.load(ordering: .relaxed) > 0 })
  }

  /// Ends what would wait for a Ctrl-C that came already.
  ///
  /// - Throws: `Interruption`.
  static func check() throws(Interruption) {
    if count.load(ordering: .relaxed) > 0 { throw Interruption() }
  }
}
