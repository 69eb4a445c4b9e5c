internal import Dispatch
internal import Synchronization

/// The one way to compute things side by side: a fixed number of threads, results in order, the first failure by index.
public enum Pool {
  /// Computes something for each number of a range.
  ///
  /// - Parameters:
  ///   - range: The numbers; each is taken once, in order, by whichever thread is free.
  ///   - threads: How many work side by side.
  ///   - cancellation: Asked before each number.
  ///   - body: What is computed, on any of the threads.
  /// - Returns: The results in the order of the numbers.
  /// - Throws: `Interruption` where the work is cancelled, or what the body threw for the lowest number that failed.
  public static func map<Result: Sendable>(
    over range: Range<Int>, threads: Int, cancellation: Cancellation = Cancellation(),
    _ body: @Sendable (Int) throws -> Result
  ) throws -> [Result] {
    let made = Mutex([Result?](repeating: nil, count: range.count))
    let failures = Mutex([Int: any Error]())
    let next = Atomic(range.lowerBound)
    DispatchQueue.concurrentPerform(iterations: min(max(threads, 1), range.count)) { _ in
      while true {
        let number = next.add(1, ordering: .relaxed).oldValue
        guard number < range.upperBound else { return }
        do {
          try cancellation.check()
          let result = try body(number)
          made.withLock { $0[number - range.lowerBound] = result }
        } catch {
          failures.withLock { $0[number] = error }
          next.store(range.upperBound, ordering: .relaxed)
        }
      }
    }
    if let failure = failures.withLock({ $0.min { $0.key < $1.key }?.value }) { throw failure }
    return made.withLock { $0.compactMap { $0 } }
  }
}
