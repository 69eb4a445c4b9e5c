internal import CVector
public import Tensors

/// The gradients of a convolution's filters and bias, added up over batches.
///
/// Kept in the forms in which they are summed, so that many small batches cost one reordering.
public struct ConvolutionGradient: Sendable {
  /// How some of it was summed.
  fileprivate enum Form: Hashable {
    /// Where all are one group: by tiles of such a side, or directly with nil.
    case tiles(side: Int?)
    /// In a layout of oneDNN's.
    case groups(layout: [Int64])

    /// The order in which forms are added.
    var order: [Int64] {
      switch self {
      case .tiles(let side): [Int64(side ?? 0)]
      case .groups(let layout): [.max] + layout
      }
    }
  }

  fileprivate struct Part {
    var geometry: ConvolutionGeometry
    var sums: Tensor
  }

  fileprivate let filters: Shape
  fileprivate var parts: [Form: Part] = [:]
  fileprivate var bias: Tensor

  /// Zero, for filters of this shape: outputs x rows x columns x inputs of a group.
  public init(filters: Shape) {
    precondition(filters.rank == 4, "filters of \(filters)")
    self.filters = filters
    bias = Tensor([filters[0]])
  }
}

extension Device {
  /// Adds what one batch contributes.
  ///
  /// - Parameters:
  ///   - gradient: The sum so far.
  ///   - signal: Images x rows x columns x outputs, arriving at the convolution's output.
  ///   - input: What was convolved: images x rows x columns x inputs.
  ///   - sliding: How the filters moved.
  ///   - groups: Into how many groups inputs and outputs are divided.
  ///   - choice: How products are summed where all are one group.
  /// - Throws: ``KernelError`` where shapes disagree.
  public mutating func addConvolutionGradient(
    to gradient: inout ConvolutionGradient, signal: Tensor, input: Tensor, over sliding: Sliding,
    groups: Int = 1, by choice: ConvolutionMethod.Choice = .fastest
  ) throws(KernelError) {
    let output = try convolved(input.shape, gradient.filters, sliding, groups)
    try require(signal, shaped: output, for: "the gradient of a convolution")
    if output.count == 0 || gradient.filters.count == 0 { return }
    var geometry = ConvolutionGeometry(
      input: input.shape, output: output, sliding: sliding, groups: groups, hasBias: true)
    if groups == 1 {
      let positions = signal.reshaped(to: [output.count / output.channels, output.channels])
      add(try summed(positions, to: gradient.bias.shape), to: &gradient.bias)
      switch geometry.gradientMethod(choice) {
      case .winograd(let side): addByTiles(of: side, signal, input, geometry, to: &gradient)
      case .direct: addDirectly(signal, input, geometry, to: &gradient)
      }
      return
    }
    geometry.direction = .gradient
    let primitive = try primitive(for: .convolution(geometry))
    let made = try executeGradient(
      primitive, source: input, signal: signal, outputs: gradient.filters[0])
    add(made.bias, to: &gradient.bias)
    let form = ConvolutionGradient.Form.groups(layout: primitive.layout)
    guard var part = gradient.parts.removeValue(forKey: form) else {
      gradient.parts[form] = .init(geometry: geometry, sums: made.packed)
      return
    }
    add(made.packed, to: &part.sums)
    gradient.parts[form] = part
  }

  private mutating func addByTiles(
    of side: Int, _ signal: Tensor, _ input: Tensor, _ geometry: ConvolutionGeometry,
    to gradient: inout ConvolutionGradient
  ) {
    let source = geometry.sliding.rows.stride > 1 ? squared(input, geometry) : input
    let plain = geometry.winograd(of: source.shape, side: side, outputStep: signal.shape.channels)
    let count = vector_winograd_filters(plain.units, plain.channels, side, plain.window)
    unsafe add(
      signal, source, geometry, .tiles(side: side), floats: count, vector_winograd_gradient_scratch(plain),
      to: &gradient
    ) {
      unsafe vector_winograd_gradient($0, $1, $2, plain, $3)
    }
  }

  private mutating func addDirectly(
    _ signal: Tensor, _ input: Tensor, _ geometry: ConvolutionGeometry, to gradient: inout ConvolutionGradient
  ) {
    let sliding = VectorSliding(geometry.sliding, input: geometry.input, output: geometry.output)
    let units = geometry.output.channels
    unsafe add(
      signal, input, geometry, .tiles(side: nil), floats: vector_direct_gradient_sums(sliding, units),
      vector_direct_gradient_scratch(sliding, units), to: &gradient
    ) {
      unsafe vector_direct_gradient($0, $1, $2, sliding, units, $3)
    }
  }

  /// Adds to one form's sums, which begin as zeros.
  private mutating func add(
    _ signal: Tensor, _ source: Tensor, _ geometry: ConvolutionGeometry, _ form: ConvolutionGradient.Form,
    floats count: Int, _ scratch: Int, to gradient: inout ConvolutionGradient,
    _ body: (
      _ source: UnsafePointer<Float>?, _ signal: UnsafePointer<Float>?, _ sums: UnsafeMutablePointer<Float>?,
      _ scratch: UnsafeMutablePointer<Float>?
    ) -> Void
  ) {
    var part = gradient.parts.removeValue(forKey: form) ?? .init(geometry: geometry, sums: Tensor([count]))
    unsafe part.sums.withUnsafeMutableElements { sums in
      unsafe withScratch(floats: scratch) { scratch in
        unsafe source.withUnsafeElements { source in
          unsafe signal.withUnsafeElements { signal in
            unsafe body(source.baseAddress, signal.baseAddress, sums.baseAddress, scratch.baseAddress)
          }
        }
      }
    }
    gradient.parts[form] = part
  }

  /// The sum in plain order.
  ///
  /// - Returns: Gradients shaped as the filters, and one a output.
  /// - Throws: ``KernelError`` where oneDNN cannot reorder.
  public mutating func plain(
    _ gradient: ConvolutionGradient
  ) throws(KernelError) -> (filters: Tensor, bias: Tensor) {
    var sum: Tensor?
    for (form, part) in gradient.parts.sorted(by: { $0.key.order.lexicographicallyPrecedes($1.key.order) }) {
      let plain = try filters(part, form, gradient.filters)
      guard var known = sum else {
        sum = plain
        continue
      }
      sum = nil
      add(plain, to: &known)
      sum = known
    }
    return (sum ?? Tensor(gradient.filters), gradient.bias)
  }

  private mutating func filters(
    _ part: ConvolutionGradient.Part, _ form: ConvolutionGradient.Form, _ shape: Shape
  ) throws(KernelError) -> Tensor {
    let geometry = part.geometry
    guard case .tiles(let side) = form else {
      return try restored(part.sums, from: try primitive(for: .convolution(geometry)), shape: shape)
    }
    let stride = geometry.sliding.rows.stride
    let sliding = VectorSliding(geometry.sliding, input: geometry.input, output: geometry.output)
    return unsafe Tensor(uninitialized: shape) { filters in
      unsafe part.sums.withUnsafeElements { sums in
        if let side {
          unsafe vector_winograd_gradient_filter(
            sums.baseAddress, filters.baseAddress, shape[0], shape[3] * stride * stride, side,
            geometry.squaredWindow, stride, shape[1])
        } else {
          unsafe vector_direct_gradient_filter(sums.baseAddress, filters.baseAddress, sliding, shape[0])
        }
      }
    }
  }

  /// The gradients of a convolution's filters and bias for one batch.
  ///
  /// - Parameters:
  ///   - signal: Images x rows x columns x outputs, arriving at the convolution's output.
  ///   - input: What was convolved: images x rows x columns x inputs.
  ///   - filters: The filters' shape: outputs x rows x columns x inputs of a group.
  ///   - sliding: How the filters moved.
  ///   - groups: Into how many groups inputs and outputs are divided.
  ///   - choice: How products are summed where all are one group.
  /// - Returns: Gradients shaped as the filters, and one a output, summed over the images.
  /// - Throws: ``KernelError`` where shapes disagree.
  public mutating func convolutionGradient(
    _ signal: Tensor, input: Tensor, filters: Shape, over sliding: Sliding, groups: Int = 1,
    by choice: ConvolutionMethod.Choice = .fastest
  ) throws(KernelError) -> (filters: Tensor, bias: Tensor) {
    var gradient = ConvolutionGradient(filters: filters)
    try addConvolutionGradient(
      to: &gradient, signal: signal, input: input, over: sliding, groups: groups, by: choice)
    return try plain(gradient)
  }
}

extension Device {
  /// Adds a tensor to another of as many elements, where it stands.
  public func add(_ tensor: Tensor, to sum: inout Tensor) {
    precondition(tensor.shape.count == sum.shape.count, "\(tensor.shape) added to \(sum.shape)")
    unsafe sum.withUnsafeMutableElements { target in
      unsafe tensor.withUnsafeElements { source in
        unsafe vector_adding(source.baseAddress, target.baseAddress, source.count)
      }
    }
  }
}
