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
enum StoragePool {
  /// What the pool may hold on to, in floats (512 MiB); a block given back beyond it is freed.
  private static let limit = 128 << 20

  @safe private struct Free: @unchecked Sendable {
    var blocks: [Int: [UnsafeMutablePointer<Float>]] = unsafe [:]
    var held = 0
  }

  private static let free = Mutex(Free())

  /// Capacities go up in steps of an eighth of a power of two, so that batches of nearly one size share blocks.
  static func roundedCapacity(_ count: Int) -> Int {
    let atLeast = max(count, 16)
    let magnitude = 1 << (Int.bitWidth - 1 - atLeast.leadingZeroBitCount)
    let step = max(16, magnitude / 8)
    return (atLeast + step - 1) / step * step
  }

  static func take(_ capacity: Int) -> UnsafeMutablePointer<Float> {
    let pooled: UnsafeMutablePointer<Float>? = unsafe free.withLock { free in
      guard let block = unsafe free.blocks[capacity]?.popLast() else { return nil }
      free.held -= capacity
      return unsafe block
    }
    if let pooled = unsafe pooled { return unsafe pooled }
    var raw: UnsafeMutableRawPointer?
    let status = unsafe posix_memalign(&raw, 64, capacity * MemoryLayout<Float>.stride)
    guard status == 0, let raw = unsafe raw else {
      preconditionFailure("no memory for \(capacity) floats; use smaller batches")
    }
    return unsafe raw.bindMemory(to: Float.self, capacity: capacity)
  }

  static func give(_ base: UnsafeMutablePointer<Float>, _ capacity: Int) {
    let kept = free.withLock { free in
      guard free.held + capacity <= limit else { return false }
      free.held += capacity
      unsafe free.blocks[capacity, default: []].append(base)
      return true
    }
    if !kept { unsafe release(base) }
  }
}

private func release(_ base: UnsafeMutablePointer<Float>) {
  unsafe free(base)
}
