internal import Dispatch
internal import Synchronization

/// The one parallel loop: indices handed out in order to a fixed number of threads, results in the order of the
/// indices.
///
/// It blocks its caller and suits work that computes. For results that do not depend on the number of threads, each
/// result must depend on its index alone.
public enum Pool {
  /// What the body makes of each index.
  ///
  /// - Parameters:
  ///   - range: The indices.
  ///   - threads: How many are computed side by side, 1 or more; with 1, on the caller's thread.
  ///   - cancellation: Asked before each index.
  ///   - body: Called once an index.
  /// - Returns: A result an index, in order.
  /// - Throws: The body's error at the lowest index that failed, after all threads have stopped; an error ends the
  ///   handing out of indices. ``Interruption`` where the work was cancelled.
  public static func map<Result: Sendable>(
    over range: Range<Int>, threads: Int, cancellation: Cancellation = .never,
    _ body: @Sendable (Int) throws -> Result
  ) throws -> [Result] {
    precondition(threads > 0, "\(threads) threads")
    return try map(over: range, with: Array(repeating: (), count: threads), cancellation: cancellation) {
      index, _ in try body(index)
    }
  }

  /// What the body makes of each index, each thread with a state of its own: scratch memory, a worker.
  ///
  /// - Parameters:
  ///   - range: The indices.
  ///   - states: One a thread; where they are objects, all different ones, used by nobody else until this returns.
  ///   - cancellation: Asked before each index.
  ///   - body: Called once an index, with the state of the thread that calls.
  /// - Returns: A result an index, in order.
  /// - Throws: As ``map(over:threads:cancellation:_:)``.
  public static func map<State, Result: Sendable>(
    over range: Range<Int>, with states: [State], cancellation: Cancellation = .never,
    _ body: @Sendable (Int, State) throws -> Result
  ) throws -> [Result] {
    precondition(!states.isEmpty, "no thread")
    let lent = Lent(states: states)
    let next = Atomic(range.lowerBound)
    let results = Mutex([Result?](repeating: nil, count: range.count))
    let failure = Mutex<(index: Int, error: any Error)?>(nil)
    @Sendable func work(_ thread: Int) {
      while true {
        let index = next.add(1, ordering: .relaxed).oldValue
        guard index < range.upperBound else { return }
        do {
          try cancellation.check()
          let result = try body(index, lent.states[thread])
          results.withLock { $0[index - range.lowerBound] = result }
        } catch {
          // All lower indices are already handed out, so the lowest failure does not depend on the threads' pace.
          next.store(range.upperBound, ordering: .relaxed)
          failure.withLock { if index < $0?.index ?? .max { $0 = (index, error) } }
          return
        }
      }
    }
    let threads = min(states.count, range.count)
    if threads <= 1 { work(0) } else { DispatchQueue.concurrentPerform(iterations: threads, execute: work) }
    if let failure = failure.withLock({ $0?.error }) { throw failure }
    return results.withLock { $0.compactMap { $0 } }
  }

  /// Performs so many pieces of work side by side, each on a thread of its own where there are as many; made for small
  /// pieces, again and again.
  package static func perform(_ count: Int, _ body: @Sendable (Int) -> Void) {
    if !Team.shared.perform(count, body) { DispatchQueue.concurrentPerform(iterations: count, execute: body) }
  }

  /// `@unchecked Sendable`: thread `i` alone touches state `i`, and the caller waits.
  private struct Lent<State>: @unchecked Sendable {
    let states: [State]
  }
}
