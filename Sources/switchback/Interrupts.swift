internal import Foundation
internal import Switchback
internal import Synchronization

/// Ctrl-C, and SIGTERM, with which schedulers and `mpirun` stop jobs: work that can be gone on with ends in order, and any other at once; a second one always ends at once.
enum Interrupts {
  private static let count = Atomic(0)
  private static let heeding = Atomic(0)
  private static let last = Atomic<Int32>(SIGINT)

  /// What a process that was stopped exits with: 128 and the number of the signal.
  static var code: Int32 { 128 + last.load(ordering: .relaxed) }

  /// Takes signals from here on.
  ///
  /// - Parameter others: Further signals that stop work, where they are not ignored.
  static func begin(_ others: [Int32] = []) {
    // The handler touches these three and leaves: they are ready before the first signal, and none waits.
    count.store(0, ordering: .relaxed)
    heeding.store(0, ordering: .relaxed)
    last.store(SIGINT, ordering: .relaxed)
    for number in [SIGINT, SIGTERM] + others where !Cancellation.isIgnored(number) {
      signal(number) { number in
        Interrupts.last.store(number, ordering: .relaxed)
        let isFirst = Interrupts.count.add(1, ordering: .relaxed).oldValue == 0
        if !isFirst || Interrupts.heeding.load(ordering: .relaxed) == 0 { _exit(128 + number) }
      }
    }
  }

  /// Stops as SIGTERM does when standard input ends, where the environment asks for it.
  ///
  /// Another program that starts this one keeps the other end of a pipe open. It is closed however that program ends.
  static func followStarter() {
    guard ProcessInfo.processInfo.environment["SWITCHBACK_STOPS_WITH_INPUT"] == "1" else { return }
    Thread.detachNewThread {
      while let read = try? FileHandle.standardInput.read(upToCount: 4096), !read.isEmpty {}
      raise(SIGTERM)
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
