internal import CVector
public import Tensors

/// The gradients of a convolution's filters and bias, added up over batches.
///
/// Kept in the layouts that oneDNN writes, so that many small batches cost one reordering.
public struct ConvolutionGradient: Sendable {
  fileprivate struct Part {
    var geometry: ConvolutionGeometry
    var packed: Tensor
  }

  fileprivate let filters: Shape
  fileprivate var partsByLayout: [[Int64]: Part] = [:]
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
  /// - Throws: ``KernelError`` where shapes disagree.
  public mutating func addConvolutionGradient(
    to gradient: inout ConvolutionGradient, signal: Tensor, input: Tensor, over sliding: Sliding,
    groups: Int = 1
  ) throws(KernelError) {
    let output = try convolved(input.shape, gradient.filters, sliding, groups)
    try require(signal, shaped: output, for: "the gradient of a convolution")
    if output.count == 0 || gradient.filters.count == 0 { return }
    let geometry = ConvolutionGeometry(
      input: input.shape, output: output, sliding: sliding, groups: groups, hasBias: true,
      direction: .gradient)
    let primitive = try primitive(for: .convolution(geometry))
    let made = try executeGradient(
      primitive, source: input, signal: signal, outputs: gradient.filters[0])
    add(made.bias, to: &gradient.bias)
    guard var part = gradient.partsByLayout.removeValue(forKey: primitive.layout) else {
      gradient.partsByLayout[primitive.layout] = .init(geometry: geometry, packed: made.packed)
      return
    }
    add(made.packed, to: &part.packed)
    gradient.partsByLayout[primitive.layout] = part
  }

  /// The sum in plain order.
  ///
  /// - Returns: Gradients shaped as the filters, and one a output.
  /// - Throws: ``KernelError`` where oneDNN cannot reorder.
  public mutating func plain(
    _ gradient: ConvolutionGradient
  ) throws(KernelError) -> (filters: Tensor, bias: Tensor) {
    var sum: Tensor?
    for (_, part) in gradient.partsByLayout.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      let primitive = try primitive(for: .convolution(part.geometry))
      let plain = try restored(part.packed, from: primitive, shape: gradient.filters)
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

  /// The gradients of a convolution's filters and bias for one batch.
  ///
  /// - Parameters:
  ///   - signal: Images x rows x columns x outputs, arriving at the convolution's output.
  ///   - input: What was convolved: images x rows x columns x inputs.
  ///   - filters: The filters' shape: outputs x rows x columns x inputs of a group.
  ///   - sliding: How the filters moved.
  ///   - groups: Into how many groups inputs and outputs are divided.
  /// - Returns: Gradients shaped as the filters, and one a output, summed over the images.
  /// - Throws: ``KernelError`` where shapes disagree.
  public mutating func convolutionGradient(
    _ signal: Tensor, input: Tensor, filters: Shape, over sliding: Sliding, groups: Int = 1
  ) throws(KernelError) -> (filters: Tensor, bias: Tensor) {
    var gradient = ConvolutionGradient(filters: filters)
    try addConvolutionGradient(to: &gradient, signal: signal, input: input, over: sliding, groups: groups)
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
