import Foundation
import Synchronization
import Tensors
import Testing

@Suite struct Pools {
  private struct Failure: Error, Equatable { let index: Int }

  private final class Counter: Sendable {
    let now = Atomic(0)
    let most = Atomic(0)

    func count<Result>(_ body: () throws -> Result) rethrows -> Result {
      most.max(now.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
      defer { now.subtract(1, ordering: .relaxed) }
      return try body()
    }
  }

  @Test(arguments: [1, 2, 5]) func `results stand in the order of the indices`(threads: Int) throws {
    let found = try Pool.map(over: 3..<203, threads: threads) { index in
      if index % 7 == 0 { usleep(200) }
      return index * index
    }
    #expect(found == (3..<203).map { $0 * $0 })
    #expect(try Pool.map(over: 4..<4, threads: threads) { $0 }.isEmpty)
  }

  @Test(arguments: [1, 2, 4]) func `the lowest index that fails is the error, whoever is quicker`(
    threads: Int
  ) throws {
    for _ in 0..<20 {
      let calls = Atomic(0)
      #expect(throws: Failure(index: 5)) {
        try Pool.map(over: 0..<10_000, threads: threads) { index in
          calls.add(1, ordering: .relaxed)
          if index == 5 { usleep(500) }
          if index >= 5 { throw Failure(index: index) }
        }
      }
      #expect(calls.load(ordering: .relaxed) <= 5 + threads)
    }
  }

  @Test(arguments: [1, 3]) func `a cancelled loop ends before the next index`(threads: Int) throws {
    let done = Counter()
    let cancellation = Cancellation { done.most.load(ordering: .relaxed) > 0 }
    #expect(throws: Interruption()) {
      try Pool.map(over: 0..<1000, threads: threads, cancellation: cancellation) { _ in
        done.count { usleep(1000) }
      }
    }
    #expect(done.most.load(ordering: .relaxed) <= threads)
    #expect(throws: Interruption.self) { try cancellation.check() }
    try Cancellation.never.check()
  }

  @Test func `a state is with one thread at a time, and no more threads work than there are states`() throws {
    let all = Counter()
    let states = (0..<3).map { _ in Counter() }
    _ = try Pool.map(over: 0..<300, with: states) { _, state in
      all.count { state.count { usleep(50) } }
    }
    #expect(states.allSatisfy { $0.most.load(ordering: .relaxed) <= 1 })
    #expect((1...3).contains(all.most.load(ordering: .relaxed)))
  }

  @Test(.timeLimit(.minutes(20)))
  func `small pieces of work are done once each, round after round, whoever asks at once`() async {
    await withTaskGroup(of: Bool.self) { group in
      for caller in 0..<3 {
        group.addTask {
          (0..<3000).allSatisfy { round in
            let shares = (round + caller) % 7 + 1
            let done = Mutex([Int](repeating: 0, count: shares))
            Pool.perform(shares) { share in done.withLock { $0[share] += 1 } }
            // Now and then the others have gone to sleep.
            if round % 500 == 0 { Thread.sleep(forTimeInterval: 0.01) }
            return done.withLock { $0 == [Int](repeating: 1, count: shares) }
          }
        }
      }
      for await isRight in group { #expect(isRight) }
    }
  }
}
