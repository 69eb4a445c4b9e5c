internal import Foundation

/// Makes items in order on a thread of its own, a few ahead of their use.
///
/// Making stops after the last item, after an error, and when the queue is let go of.
package final class PrefetchQueue<Item: Sendable>: Sendable {
  private let made: BoundedQueue<Result<Item, any Error>>

  /// - Parameters:
  ///   - range: The items' numbers.
  ///   - depth: How many may stand ready.
  ///   - make: Makes an item by its number; after it throws, nothing more is made.
  package init(_ range: Range<Int>, depth: Int = 2, make: @escaping @Sendable (Int) throws -> Item) {
    let made = BoundedQueue<Result<Item, any Error>>(capacity: depth)
    self.made = made
    // A thread of its own: one that waits would keep a pool's thread from those it waits for.
    Thread.detachNewThread {
      defer { made.close() }
      for number in range {
        let item = Result { try make(number) }
        guard made.push(item), case .success = item else { return }
      }
    }
  }

  deinit { made.close() }

  /// The next item, waiting for it if need be; nil after the last and after an error.
  ///
  /// - Throws: What making the item threw, once.
  package func next() throws -> Item? { try made.pop()?.get() }
}

/// A first-in, first-out queue between threads that holds at most so many elements.
///
/// `@unchecked Sendable`: its elements are touched under the condition's lock only.
private final class BoundedQueue<Element: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private let capacity: Int
  private var elements: [Element] = []
  private var isClosed = false

  init(capacity: Int) { self.capacity = capacity }

  /// Adds an element, waiting while the queue is full; false where it is closed.
  func push(_ element: Element) -> Bool {
    condition.withLock {
      while elements.count >= capacity, !isClosed { condition.wait() }
      guard !isClosed else { return false }
      elements.append(element)
      condition.broadcast()
      return true
    }
  }

  /// Takes the first element, waiting while the queue is empty; nil where it is empty and closed.
  func pop() -> Element? {
    condition.withLock {
      while elements.isEmpty, !isClosed { condition.wait() }
      guard !elements.isEmpty else { return nil }
      defer { condition.broadcast() }
      return elements.removeFirst()
    }
  }

  /// No element is added from here on; those in the queue can still be taken.
  func close() {
    condition.withLock {
      isClosed = true
      condition.broadcast()
    }
  }
}
