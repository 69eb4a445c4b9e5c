package import Kernels
internal import Synchronization
internal import Tensors

/// Workers of one piece of work.
///
/// `@unchecked Sendable`: one call at a time has the workers, and the pool gives each to one thread.
package final class Crew: @unchecked Sendable {
  private let workers: [Worker]
  private let latency: Worker
  private let turn = Mutex(())

  /// - Parameters:
  ///   - threads: How many work side by side.
  ///   - convolutions: How the steps of a pass compute convolutions.
  package init(threads: Int, _ convolutions: ConvolutionMethod.Choice = .fastest) {
    precondition(threads > 0, "\(threads) threads")
    workers = (0..<threads).map { _ in Worker(threads: 1, convolutions) }
    latency = threads == 1 ? workers[0] : Worker(threads: threads, convolutions)
  }

  package var count: Int { workers.count }

  /// What the body makes of each index, side by side; whoever else asks waits.
  ///
  /// - Returns: A result an index, in order.
  /// - Throws: The body's error at the lowest index that failed, after all have stopped.
  package func map<Result: Sendable>(
    over range: Range<Int>, _ body: @Sendable (_ index: Int, Worker) throws -> Result
  ) throws -> [Result] {
    try turn.withLock { _ in try Pool.map(over: range, with: workers, body) }
  }

  /// The worker that takes every thread inside one operation: quickest for one picture.
  ///
  /// Whoever else asks waits.
  package func allThreads<Result: Sendable, Failure: Error>(
    _ body: (Worker) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try turn.withLock { _ throws(Failure) in try body(latency) }
  }
}
