internal import COneDNN
internal import Tensors

/// What computes: every operation, forward and back, is a method of this value.
///
/// Today it is the CPU as one thread sees it: oneDNN's engine, made when a convolution or a product first asks for
/// it, primitives by geometry, and scratch memory. Another kind of machine would be another such value.
/// Neither `Copyable` nor `Sendable`: the compiler keeps it where it is used.
public struct Device: ~Copyable {
  private var engine: Engine?
  let threads: Int
  private var primitives: [Geometry: Primitive] = [:]
  private var scratch = Tensor([0])

  /// What a primitive is made for.
  enum Geometry: Hashable {
    case convolution(ConvolutionGeometry)
    case product(ProductGeometry)
  }

  /// - Parameter threads: How many threads each convolution or product uses.
  public init(threads: Int = 1) {
    precondition(threads > 0, "\(threads) threads")
    self.threads = threads
  }

  /// oneDNN's engine, told how many threads are coming.
  private mutating func started() throws(KernelError) -> OpaquePointer {
    onednn_use_threads(Int32(threads))
    if let handle = unsafe engine?.handle { return unsafe handle }
    let made = try Engine()
    let handle = unsafe made.handle
    engine = consume made
    return unsafe handle
  }

  /// The primitive for a geometry, made the first time it is asked for.
  mutating func primitive(for geometry: Geometry) throws(KernelError) -> Primitive {
    if let known = primitives[geometry] { return known }
    let engine = try unsafe started()
    let made: Primitive
    switch geometry {
    case .convolution(let convolution):
      var plain = convolution.plain
      made = try unsafe Primitive("prepare \(convolution)") {
        unsafe onednn_convolution_create(engine, &plain, &$0)
      }
    case .product(let product):
      var plain = product.plain
      made = try unsafe Primitive("prepare \(product)") { unsafe onednn_product_create(engine, &plain, &$0) }
    }
    // Geometries follow from the network, but for batches of odd sizes: a bound keeps those from piling up.
    if primitives.count >= 4096 { primitives.removeAll() }
    primitives[geometry] = made
    return made
  }

  /// Weights in the layout that a primitive wants, reordered once for all devices.
  mutating func packed(_ plain: Tensor, for primitive: Primitive) throws(KernelError) -> Tensor {
    let engine = try unsafe started()
    // The layout is that of both sides: square weights have one packed layout in both directions, but not one plain.
    return try plain.prepared(as: "layout", primitive.layout) { () throws(KernelError) in
      let bytes = unsafe onednn_primitive_weights(primitive.handle)
      return try unsafe Tensor(uninitialized: [(bytes + 3) / 4]) { target throws(KernelError) in
        let status = unsafe plain.withUnsafeElements { source in
          unsafe onednn_reorder(engine, primitive.handle, source.baseAddress, target.baseAddress)
        }
        try check("reorder weights", status)
      }
    }
  }

  /// A product or convolution without input channels: the bias at every position, or zeros.
  func sumsOfNothing(_ output: Shape, bias: Tensor?, rectified: Bool) throws(KernelError) -> Tensor {
    guard let bias else { return Tensor(output) }
    let sums = try combining(Tensor(output), bias.reshaped(to: [bias.shape.count]), by: .add)
    return rectified ? activated(sums, by: .relu) : sums
  }

  /// Divides rows of work among the threads, if all elements together are worth waking them.
  func divide(_ rows: Int, elements: Int, _ body: @Sendable (Range<Int>) -> Void) {
    let parts = elements < 1 << 16 ? 1 : min(threads, rows)
    if parts <= 1 { return body(0..<rows) }
    Pool.perform(parts) { body(rows * $0 / parts..<rows * ($0 + 1) / parts) }
  }

  /// Lends scratch memory of so many floats, which is kept from call to call.
  mutating func withScratch<Result>(
    floats: Int, _ body: (UnsafeMutableBufferPointer<Float>) -> Result
  ) -> Result {
    if scratch.shape.count < floats { scratch = Tensor([floats]) }
    return unsafe scratch.withUnsafeMutableElements { unsafe body($0) }
  }

  /// Runs a primitive from source to a new tensor.
  mutating func execute(
    _ primitive: Primitive, _ doing: String, source: Tensor, weights: Tensor, bias: Tensor?, output: Shape
  ) throws(KernelError) -> Tensor {
    let floats = (primitive.scratchBytes + 3) / 4
    if scratch.shape.count < floats { scratch = Tensor([floats]) }
    let engine = try unsafe started()
    let bias = bias ?? Tensor([0])
    var status: Int32 = 0
    let target = unsafe Tensor(uninitialized: output) { target in
      unsafe scratch.withUnsafeMutableElements { scratch in
        unsafe source.withUnsafeElements { source in
          unsafe weights.withUnsafeElements { weights in
            unsafe bias.withUnsafeElements { bias in
              status = unsafe onednn_execute(
                engine, primitive.handle, source.baseAddress, weights.baseAddress, bias.baseAddress,
                target.baseAddress, scratch.baseAddress)
            }
          }
        }
      }
    }
    try check(doing, status)
    return target
  }

  /// Runs a convolution's gradient primitive: the filters' gradient in the primitive's layout, and the bias's.
  mutating func executeGradient(
    _ primitive: Primitive, source: Tensor, signal: Tensor, outputs: Int
  ) throws(KernelError) -> (packed: Tensor, bias: Tensor) {
    let floats = (primitive.scratchBytes + 3) / 4
    if scratch.shape.count < floats { scratch = Tensor([floats]) }
    let engine = try unsafe started()
    let bytes = unsafe onednn_primitive_weights(primitive.handle)
    var status: Int32 = 0
    var bias = Tensor([outputs])
    let packed = unsafe Tensor(uninitialized: [(bytes + 3) / 4]) { filters in
      unsafe bias.withUnsafeMutableElements { bias in
        unsafe scratch.withUnsafeMutableElements { scratch in
          unsafe source.withUnsafeElements { source in
            unsafe signal.withUnsafeElements { signal in
              status = unsafe onednn_execute_gradient(
                engine, primitive.handle, source.baseAddress, signal.baseAddress, filters.baseAddress,
                bias.baseAddress, scratch.baseAddress)
            }
          }
        }
      }
    }
    try check("find a convolution's gradient", status)
    return (packed, bias)
  }

  /// Weights in plain order from the layout that a primitive has.
  mutating func restored(_ packed: Tensor, from primitive: Primitive, shape: Shape) throws(KernelError)
    -> Tensor
  {
    let engine = try unsafe started()
    return try unsafe Tensor(uninitialized: shape) { target throws(KernelError) in
      let status = unsafe packed.withUnsafeElements { source in
        unsafe onednn_restore(engine, primitive.handle, source.baseAddress, target.baseAddress)
      }
      try check("reorder a gradient", status)
    }
  }
}
