internal import Dispatch
internal import Foundation
internal import Synchronization

/// Makes items in order on a thread of its own, a few ahead of their use.
///
/// The queue is bounded: whoever makes waits while `depth` items stand ready. It stops where the value is let go of.
final class Ahead<Item: Sendable>: Sendable {
  private final class Line: Sendable {
    let items = Mutex([Result<Item, any Error>]())
    let isStopped = Atomic(false)
    /// Counted up from zero: a semaphore let go of below its first value traps.
    let free = DispatchSemaphore(value: 0)
    let ready = DispatchSemaphore(value: 0)

    init(depth: Int) { for _ in 0..<depth { free.signal() } }
  }

  private let line: Line
  private let remaining: Mutex<Int>

  /// - Parameters:
  ///   - range: The items' numbers.
  ///   - depth: How many may stand ready.
  ///   - make: Makes an item by its number; after it throws, nothing more is made.
  init(_ range: Range<Int>, depth: Int = 2, make: @escaping @Sendable (Int) throws -> Item) {
    let line = Line(depth: depth)
    self.line = line
    remaining = Mutex(range.count)
    // A thread of its own: one that waits would keep a pool's thread from those it waits for.
    let thread = Thread {
      for number in range {
        line.free.wait()
        if line.isStopped.load(ordering: .relaxed) { return }
        let item = Result { try make(number) }
        line.items.withLock { $0.append(item) }
        line.ready.signal()
        if case .failure = item { return }
      }
    }
    thread.start()
  }

  deinit {
    line.isStopped.store(true, ordering: .relaxed)
    line.free.signal()
  }

  /// The next item, waiting for it if need be; nil after the last.
  func next() throws -> Item? {
    let isLeft = remaining.withLock { left in
      left -= 1
      return left >= 0
    }
    guard isLeft else { return nil }
    line.ready.wait()
    defer { line.free.signal() }
    return try line.items.withLock { $0.removeFirst() }.get()
  }
}
