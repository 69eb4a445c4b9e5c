internal import Dispatch
internal import Kernels
internal import Synchronization

/// Workers that share the weights they reorder; each is used by one thread at a time.
///
/// `@unchecked Sendable`: worker `i` is touched only by turn `i` of ``work(_:)``, or by ``alone`` when no
/// turn runs.
package final class Crew: @unchecked Sendable {
  private let workers: [Worker]
  private let latency: Worker
  private let weights: WeightStore

  /// - Parameter threads: How many work side by side.
  package init(threads: Int) {
    precondition(threads > 0, "\(threads) threads")
    weights = WeightStore()
    var workers: [Worker] = []
    for _ in 0..<threads { workers.append(Worker(threads: 1, sharing: weights)) }
    self.workers = workers
    latency = threads == 1 ? workers[0] : Worker(threads: threads, sharing: weights)
  }

  package var count: Int { workers.count }

  /// Every worker's turn, side by side; returns when all are done.
  ///
  /// - Throws: The first error by worker, after all have stopped.
  package func work(_ turn: @Sendable (_ index: Int, Worker) throws -> Void) throws {
    if count == 1 { return try turn(0, workers[0]) }
    let failures = Mutex([Int: any Error]())
    DispatchQueue.concurrentPerform(iterations: count) { index in
      do {
        try turn(index, workers[index])
      } catch {
        failures.withLock { $0[index] = error }
      }
    }
    if let failure = failures.withLock({ $0.min { $0.key < $1.key }?.value }) { throw failure }
  }

  /// The worker that takes every thread inside one operation: quickest for one picture.
  package func alone<Result>(_ body: (Worker) throws -> Result) rethrows -> Result {
    try body(latency)
  }

  /// Lets go of every reordered weight: for weights that are about to change where they stand.
  package func forgetWeights() {
    weights.forgetAll()
  }
}
