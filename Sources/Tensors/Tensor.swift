public import Foundation
internal import Synchronization

/// Float32 elements in row-major order with a shape: a value, shared until written.
///
/// Memory is aligned to 64 bytes and pooled. A reshaped copy shares its elements.
@safe public struct Tensor: Sendable {
  public let shape: Shape
  private var storage: Storage
  /// Where the elements begin in the storage.
  private var offset = 0

  /// A tensor whose elements the closure writes; what it leaves unwritten is undefined.
  ///
  /// - Parameters:
  ///   - shape: The extents.
  ///   - initialize: Receives `shape.count` floats to fill.
  /// - Throws: What the closure throws.
  @unsafe package init<Failure: Error>(
    uninitialized shape: Shape,
    _ initialize: (UnsafeMutableBufferPointer<Float>) throws(Failure) -> Void
  ) throws(Failure) {
    self.shape = shape
    storage = Storage(count: shape.count)
    try unsafe initialize(UnsafeMutableBufferPointer(start: storage.base, count: shape.count))
  }

  /// A tensor whose elements the closure writes; they are undefined until then.
  public init<Failure: Error>(
    _ shape: Shape, _ initialize: (inout MutableSpan<Float>) throws(Failure) -> Void
  ) throws(Failure) {
    try unsafe self.init(uninitialized: shape) { elements throws(Failure) in
      var span = unsafe elements.mutableSpan
      try initialize(&span)
    }
  }

  /// A tensor that holds one value everywhere.
  public init(_ shape: Shape, repeating value: Float = 0) {
    unsafe self.init(uninitialized: shape) { unsafe $0.update(repeating: value) }
  }

  /// A tensor of the elements given, in row-major order.
  public init(_ shape: Shape, elements: [Float]) {
    precondition(elements.count == shape.count, "\(elements.count) elements for a shape of \(shape)")
    self.init(shape) { memory in
      for index in elements.indices { memory[index] = elements[index] }
    }
  }

  private init(_ shape: Shape, sharing storage: Storage, from offset: Int) {
    self.shape = shape
    self.storage = storage
    self.offset = offset
  }

  /// The elements in row-major order, copied.
  public var elements: [Float] {
    unsafe withUnsafeElements { unsafe Array($0) }
  }

  /// The elements' bytes in this machine's order, copied.
  public var bytes: Data {
    unsafe withUnsafeElements { unsafe Data(buffer: $0) }
  }

  /// Whether the other has the same bytes; told at once where both share them.
  package func hasSameElements(as other: Tensor?) -> Bool {
    guard let other, shape.count == other.shape.count else { return false }
    return unsafe withUnsafeElements { mine in
      unsafe other.withUnsafeElements { theirs in
        guard let one = mine.baseAddress, let two = theirs.baseAddress else { return true }
        return unsafe one == two || memcmp(one, two, mine.count * MemoryLayout<Float>.stride) == 0
      }
    }
  }

  /// The same elements under another shape of as many elements; nothing is copied.
  public func reshaped(to shape: Shape) -> Tensor {
    precondition(shape.count == self.shape.count, "\(self.shape) does not reshape to \(shape)")
    return Tensor(shape, sharing: storage, from: offset)
  }

  /// Lends the elements for reading.
  public func withSpan<Result, Failure: Error>(
    _ body: (Span<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe withUnsafeElements { elements throws(Failure) in
      let span = unsafe elements.span
      return try body(span)
    }
  }

  /// Lends the elements for reading, as a pointer for C.
  package func withUnsafeElements<Result, Failure: Error>(
    _ body: (UnsafeBufferPointer<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(storage) {} }
    return try unsafe body(UnsafeBufferPointer(start: storage.base + offset, count: shape.count))
  }

  /// Lends the elements for writing; copies them first where they are shared.
  package mutating func withUnsafeMutableElements<Result, Failure: Error>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if isKnownUniquelyReferenced(&storage) {
      storage.prepared.withLock { if !$0.isEmpty { $0 = [:] } }
    } else {
      let copy = Storage(count: shape.count)
      unsafe copy.base.update(from: storage.base + offset, count: shape.count)
      (storage, offset) = (copy, 0)
    }
    defer { withExtendedLifetime(storage) {} }
    return try unsafe body(UnsafeMutableBufferPointer(start: storage.base + offset, count: shape.count))
  }

  /// Lends the elements for writing; copies them first where they are shared.
  public mutating func withMutableSpan<Result, Failure: Error>(
    _ body: (inout MutableSpan<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe withUnsafeMutableElements { elements throws(Failure) in
      var span = unsafe elements.mutableSpan
      return try body(&span)
    }
  }

  /// These elements in another form, such as weights in the layout that a library wants: made once for all tensors
  /// that share the memory, kept as long as it is, and let go of when an element changes.
  ///
  /// - Parameters:
  ///   - kind: What kind of form it is.
  ///   - numbers: Tell the forms of a kind apart.
  ///   - make: Makes it; two threads that ask at once may both.
  /// - Returns: The form, made now or before.
  /// - Throws: What the closure throws.
  package func prepared<Failure: Error>(
    as kind: String, _ numbers: [Int64], _ make: () throws(Failure) -> Tensor
  ) throws(Failure) -> Tensor {
    let key = Storage.Form(offset: offset, count: shape.count, kind: kind, numbers: numbers)
    if let known = storage.prepared.withLock({ $0[key] }) { return known }
    let made = try make()
    storage.prepared.withLock { $0[key] = made }
    return made
  }

  /// Names the memory behind this tensor: equal for tensors that share it, while either lives.
  package var identity: ObjectIdentifier { ObjectIdentifier(storage) }
}

extension Tensor {
  /// The outermost slices `range`, copied: pictures of a batch, units of a layer.
  public func slices(_ range: Range<Int>) -> Tensor {
    let part = sharedSlices(range)
    return unsafe Tensor(uninitialized: part.shape) { target in
      unsafe part.withUnsafeElements { _ = unsafe target.update(fromContentsOf: $0) }
    }
  }

  /// The outermost slices `range`, in the same memory: it stays as long as either tensor does.
  package func sharedSlices(_ range: Range<Int>) -> Tensor {
    precondition(shape.rank > 0 && range.upperBound <= shape[0], "slices \(range) of \(shape)")
    let part = Shape([range.count] + shape.dimensions.dropFirst())
    let size = shape[0] == 0 ? 0 : shape.count / shape[0]
    return Tensor(part, sharing: storage, from: offset + range.lowerBound * size)
  }

  /// One tensor of the outermost slices of all, in order; the inner extents must agree.
  public static func stacking(_ parts: [Tensor]) -> Tensor {
    guard let first = parts.first else { return Tensor([0]) }
    if parts.count == 1 { return first }
    var whole = Tensor(Shape([parts.reduce(0) { $0 + $1.shape[0] }] + first.shape.dimensions.dropFirst())) {
      _ in
    }
    var start = 0
    for part in parts {
      whole.replace(start..<start + part.shape[0], ofAxis: 0, with: part)
      start += part.shape[0]
    }
    return whole
  }

  /// Writes over some places of an axis, where they stand.
  ///
  /// - Parameters:
  ///   - range: The places.
  ///   - axis: The axis.
  ///   - part: As this tensor, but for that axis, which has `range.count` places.
  package mutating func replace(_ range: Range<Int>, ofAxis axis: Int, with part: Tensor) {
    var expected = shape.dimensions
    expected[axis] = range.count
    precondition(
      part.shape.dimensions == expected && range.upperBound <= shape[axis],
      "\(part.shape) at \(range) of axis \(axis) of \(shape)")
    let outer = expected[..<axis].reduce(1, *)
    let inner = expected[(axis + 1)...].reduce(1, *)
    let (row, run) = (shape[axis] * inner, range.count * inner)
    unsafe withUnsafeMutableElements { target in
      unsafe part.withUnsafeElements { source in
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        for index in 0..<outer {
          unsafe (to + index * row + range.lowerBound * inner).update(from: from + index * run, count: run)
        }
      }
    }
  }
}
