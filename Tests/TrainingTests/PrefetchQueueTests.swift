import Foundation
import Synchronization
import Testing
import Training

@Suite(.timeLimit(.minutes(20))) struct PrefetchQueues {
  private struct Failure: Error {}

  @Test func `items come in order, and then none`() throws {
    let queue = PrefetchQueue(2..<50) { $0 }
    var items: [Int] = []
    while let item = try queue.next() { items.append(item) }
    #expect(items == Array(2..<50))
    #expect(try queue.next() == nil)
    #expect(try PrefetchQueue(0..<0) { $0 }.next() == nil)
  }

  @Test func `after an error there is nothing more, and nobody waits`() throws {
    let queue = PrefetchQueue(0..<10) { number in
      if number == 2 { throw Failure() }
      return number
    }
    #expect(try queue.next() == 0)
    #expect(try queue.next() == 1)
    #expect(throws: Failure.self) { try queue.next() }
    #expect(try queue.next() == nil)
    #expect(try queue.next() == nil)
  }

  @Test func `no more is made than may stand ready, and nothing once the queue is let go of`() throws {
    let made = Counter()
    do {
      let queue = PrefetchQueue(0..<1000, depth: 3) { made.add($0) }
      #expect(try queue.next() == 0)
      usleep(20_000)
      #expect(made.count <= 5)
    }
    usleep(20_000)
    let last = made.count
    usleep(20_000)
    #expect(made.count == last && last <= 6)
  }

  private final class Counter: Sendable {
    private let made = Atomic(0)
    var count: Int { made.load(ordering: .relaxed) }

    func add(_ number: Int) -> Int {
      made.add(1, ordering: .relaxed)
      return number
    }
  }
}
