#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif
import Synchronization

/// A block of floats on a 64-byte boundary, taken from a pool and returned to it when the last owner lets go.
///
/// A class because it owns memory. `@unchecked Sendable`: its elements are written only between its creation
/// and the first time a `Tensor` shares it, or through a `Tensor` that holds the only reference.
@safe final class Storage: @unchecked Sendable {
  let base: UnsafeMutablePointer<Float>
  let capacity: Int
  /// See ``Tensor/prepared(as:_:_:)``.
  let prepared = Mutex([Form: Tensor]())

  /// A form of some of the elements.
  struct Form: Hashable {
    let offset: Int
    let count: Int
    let kind: String
    let numbers: [Int64]
  }

  init(count: Int) {
    capacity = StoragePool.roundedCapacity(count)
    unsafe base = StoragePool.take(capacity)
  }

  deinit {
    unsafe StoragePool.give(base, capacity)
  }
}

/// Free blocks by size, so that a loop over batches asks the system for memory in its first turn only.
///
/// Beyond a limit, blocks of the size that nobody has asked for the longest go back to the system: the layers of a network
/// differ in their sizes, and what one needed must not stay while the next is at work. Large blocks are the system's own
/// pages and never part of the heap, where what lives longer would keep them from going back.
enum StoragePool {
  /// What the pool may hold on to, in floats (192 MiB).
  private static let usualLimit = 48 << 20
  /// Blocks from so many floats on (1 MiB) are pages of their own.
  private static let large = 256 << 10

  @safe private struct Idle: @unchecked Sendable {
    var sizes: [Int: Blocks] = [:]
    var held = 0
    var requests = 0
    var used = 0
    /// The most that was in use since there is a reserve.
    var mostUsed = 0
    var reserves = 0

    var limit: Int { reserves > 0 ? mostUsed - used + StoragePool.usualLimit : StoragePool.usualLimit }

    /// Blocks beyond the limit, which are no longer held.
    mutating func excess() -> [(UnsafeMutablePointer<Float>, Int)] {
      var excess: [(UnsafeMutablePointer<Float>, Int)] = unsafe []
      while held > limit,
        let oldest = sizes.filter({ unsafe !$0.value.free.isEmpty }).min(by: {
          $0.value.asked < $1.value.asked
        })?.key,
        let block = unsafe sizes[oldest]?.free.popLast()
      {
        held -= oldest
        unsafe excess.append((block, oldest))
      }
      return unsafe excess
    }
  }

  @safe private struct Blocks {
    var free: [UnsafeMutablePointer<Float>] = unsafe []
    /// The number of the last request for this size.
    var asked = 0
  }

  private static let idle = Mutex(Idle())

  /// Capacities go up in steps of an eighth of a power of two, so that batches of nearly one size share blocks.
  static func roundedCapacity(_ count: Int) -> Int {
    let atLeast = max(count, 16)
    let magnitude = 1 << (Int.bitWidth - 1 - atLeast.leadingZeroBitCount)
    let step = max(16, magnitude / 8)
    return (atLeast + step - 1) / step * step
  }

  static func take(_ capacity: Int) -> UnsafeMutablePointer<Float> {
    let (pooled, excess): (UnsafeMutablePointer<Float>?, [(UnsafeMutablePointer<Float>, Int)]) =
      unsafe idle.withLock { idle in
        idle.requests += 1
        idle.used += capacity
        idle.mostUsed = max(idle.mostUsed, idle.used)
        idle.sizes[capacity, default: Blocks()].asked = idle.requests
        guard let block = unsafe idle.sizes[capacity]?.free.popLast() else {
          return unsafe (nil, idle.excess())
        }
        idle.held -= capacity
        return unsafe (block, [])
      }
    if let pooled = unsafe pooled { return unsafe pooled }
    unsafe excess.forEach { unsafe release($0, $1) }
    guard let made = unsafe allocated(capacity) else {
      preconditionFailure("no memory for \(capacity) floats; use smaller batches")
    }
    return unsafe made
  }

  static func give(_ base: UnsafeMutablePointer<Float>, _ capacity: Int) {
    let excess: [(UnsafeMutablePointer<Float>, Int)]? = unsafe idle.withLock { idle in
      idle.used -= capacity
      // One that never fits would drive out all others.
      guard capacity <= idle.limit else { return nil }
      unsafe idle.sizes[capacity, default: Blocks()].free.append(base)
      idle.held += capacity
      return unsafe idle.excess()
    }
    guard let excess = unsafe excess else { return unsafe release(base, capacity) }
    unsafe excess.forEach { unsafe release($0, $1) }
  }

  /// A reserve more, or fewer.
  fileprivate static func reserve(_ more: Int) {
    let excess: [(UnsafeMutablePointer<Float>, Int)] = unsafe idle.withLock { idle in
      if idle.reserves == 0 { idle.mostUsed = idle.used }
      idle.reserves += more
      return unsafe idle.excess()
    }
    unsafe excess.forEach { unsafe release($0, $1) }
  }

  private static func allocated(_ capacity: Int) -> UnsafeMutablePointer<Float>? {
    let bytes = capacity * MemoryLayout<Float>.stride
    var raw: UnsafeMutableRawPointer?
    if capacity >= large {
      let pages = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      unsafe raw = pages == MAP_FAILED ? nil : pages
    } else {
      guard unsafe posix_memalign(&raw, 64, bytes) == 0 else { return nil }
    }
    return unsafe raw?.bindMemory(to: Float.self, capacity: capacity)
  }

  private static func release(_ base: UnsafeMutablePointer<Float>, _ capacity: Int) {
    if capacity >= large {
      unsafe munmap(base, capacity * MemoryLayout<Float>.stride)
    } else {
      unsafe free(base)
    }
  }
}

/// While one lives, memory that tensors give back is kept for those that come, as far as all of it is no more than was
/// in use at its most and the usual 192 MiB: a step of training gives back nearly all that it took, and the next takes it again.
///
/// A class because it ends when nobody holds it.
package final class MemoryReserve: Sendable {
  package init() { StoragePool.reserve(1) }

  deinit { StoragePool.reserve(-1) }
}
