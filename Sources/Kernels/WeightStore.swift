internal import COneDNN
internal import Synchronization
internal import Tensors

/// Weights reordered for the layouts that primitives want, once for all the devices that share the store.
///
/// An entry keeps the tensor it came from, so a tensor's identity stays its own as long as it is a key.
public final class WeightStore: Sendable {
  private struct Key: Hashable {
    var identity: ObjectIdentifier
    /// Of both sides: square weights have one packed layout in both directions, but not one plain layout.
    var layout: [Int64]
  }

  private struct Entry {
    var plain: Tensor
    var packed: Tensor
  }

  private let entries = Mutex([Key: Entry]())

  public init() {}

  /// The tensor in the layout that the primitive wants.
  @unsafe func packed(_ plain: Tensor, for primitive: Primitive, _ engine: OpaquePointer) throws(KernelError)
    -> Tensor
  {
    let key = Key(identity: plain.identity, layout: primitive.layout)
    if let known = entries.withLock({ $0[key]?.packed }) { return known }
    let bytes = unsafe onednn_primitive_weights(primitive.handle)
    let count = (bytes + MemoryLayout<Float>.size - 1) / MemoryLayout<Float>.size
    let packed = try unsafe Tensor(uninitialized: [count]) { target throws(KernelError) in
      let status = unsafe plain.withUnsafeElements { source in
        unsafe onednn_reorder(engine, primitive.handle, source.baseAddress, target.baseAddress)
      }
      try check("reorder weights", status)
    }
    // Another device may have been as quick; either copy serves.
    entries.withLock { $0[key] = Entry(plain: plain, packed: packed) }
    return packed
  }

  /// Lets go of everything: for weights that are about to change where they stand.
  public func forgetAll() {
    entries.withLock { $0.removeAll(keepingCapacity: true) }
  }
}
