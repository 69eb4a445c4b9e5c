internal import COneDNN
public import Tensors

/// Everything that a convolution's primitive depends on.
struct ConvolutionGeometry: Hashable, CustomStringConvertible {
  enum Direction: String {
    case forward = "convolution"
    case transposed = "transposed convolution"
    case gradient = "gradient of a convolution"
  }

  var input: Shape
  var output: Shape
  var sliding: Sliding
  var groups: Int
  var hasBias = false
  var isRectified = false
  var direction = Direction.forward

  var description: String {
    "a \(direction.rawValue) of \(input) by \(sliding.rows.window)x"
      + "\(sliding.columns.window) to \(output) in \(groups) groups"
  }

  /// The same for C.
  ///
  /// Padding after the map is what makes the size come out, as oneDNN wants it.
  var plain: onednn_convolution {
    func after(_ slide: Slide, _ length: Int, _ places: Int) -> Int64 {
      Int64((places - 1) * slide.stride + slide.reach - length - slide.before)
    }
    return onednn_convolution(
      images: Int64(input.images), rows: Int64(input.rows), columns: Int64(input.columns),
      inputs: Int64(input.channels), output_rows: Int64(output.rows), output_columns: Int64(output.columns),
      outputs: Int64(output.channels), groups: Int64(groups), window_rows: Int64(sliding.rows.window),
      window_columns: Int64(sliding.columns.window), stride_rows: Int64(sliding.rows.stride),
      stride_columns: Int64(sliding.columns.stride), dilation_rows: Int64(sliding.rows.dilation),
      dilation_columns: Int64(sliding.columns.dilation), top: Int64(sliding.rows.before),
      left: Int64(sliding.columns.before), bottom: after(sliding.rows, input.rows, output.rows),
      right: after(sliding.columns, input.columns, output.columns), has_bias: hasBias ? 1 : 0,
      rectified: isRectified ? 1 : 0, transposed: direction == .transposed ? 1 : 0,
      gradient: direction == .gradient ? 1 : 0)
  }
}

extension Device {
  /// Convolves, adds the bias and, if asked, applies a function, in one call.
  ///
  /// - Parameters:
  ///   - input: Images x rows x columns x inputs.
  ///   - filters: Outputs x rows x columns x inputs of a group.
  ///   - bias: One an output; none means zero.
  ///   - sliding: How the filters move.
  ///   - groups: Into how many groups inputs and outputs are divided.
  ///   - activation: What is applied to every sum.
  ///   - choice: How it is computed.
  /// - Returns: Images x rows x columns x outputs.
  /// - Throws: ``KernelError`` where shapes disagree.
  /// - Note: ONNX Conv.
  public mutating func convolution(
    _ input: Tensor, filters: Tensor, bias: Tensor?, over sliding: Sliding, groups: Int = 1,
    followedBy activation: Activation? = nil, _ choice: ConvolutionMethod.Choice = .fastest
  ) throws(KernelError) -> Tensor {
    var output = Tensor(try convolved(input.shape, filters.shape, sliding, groups)) { _ in }
    try convolve(
      input, filters: filters, bias: bias, over: sliding, groups: groups, onto: &output,
      Landing(activation: activation), choice)
    return output
  }

  /// Convolves and adds the sums to a tensor, where it stands if nothing else holds it.
  ///
  /// - Parameters:
  ///   - sum: Images x rows x columns x outputs.
  ///   - input: Images x rows x columns x inputs.
  ///   - filters: Outputs x rows x columns x inputs of a group.
  ///   - bias: One an output; none means zero.
  ///   - sliding: How the filters move.
  ///   - groups: Into how many groups inputs and outputs are divided.
  ///   - activation: What is applied to every sum.
  ///   - choice: How it is computed.
  /// - Throws: ``KernelError`` where shapes disagree.
  /// - Note: ONNX Conv and Add.
  public mutating func addConvolution(
    to sum: inout Tensor, _ input: Tensor, filters: Tensor, bias: Tensor?, over sliding: Sliding,
    groups: Int = 1, followedBy activation: Activation? = nil, _ choice: ConvolutionMethod.Choice = .fastest
  ) throws(KernelError) {
    let output = try convolved(input.shape, filters.shape, sliding, groups)
    try require(sum, shaped: output, for: "a convolution added to it")
    try convolve(
      input, filters: filters, bias: bias, over: sliding, groups: groups, onto: &sum,
      Landing(accumulates: true, activation: activation), choice)
  }

  /// Convolves into some channels of a tensor, as a part of a concatenation.
  ///
  /// - Parameters:
  ///   - target: Images x rows x columns x channels; the others keep their values.
  ///   - channel: The first of its channels that is written.
  ///   - input: Images x rows x columns x inputs.
  ///   - filters: Outputs x rows x columns x inputs of a group.
  ///   - bias: One an output; none means zero.
  ///   - sliding: How the filters move.
  ///   - groups: Into how many groups inputs and outputs are divided.
  ///   - activation: What is applied to every sum.
  ///   - choice: How it is computed.
  /// - Throws: ``KernelError`` where shapes disagree.
  /// - Note: ONNX Conv and Concat.
  public mutating func convolve(
    into target: inout Tensor, from channel: Int, _ input: Tensor, filters: Tensor, bias: Tensor?,
    over sliding: Sliding, groups: Int = 1, followedBy activation: Activation? = nil,
    _ choice: ConvolutionMethod.Choice = .fastest
  ) throws(KernelError) {
    let output = try convolved(input.shape, filters.shape, sliding, groups)
    try requirePart(output, of: target, from: channel)
    try convolve(
      input, filters: filters, bias: bias, over: sliding, groups: groups, onto: &target,
      Landing(channel: channel, activation: activation), choice)
  }

  private mutating func convolve(
    _ input: Tensor, filters: Tensor, bias: Tensor?, over sliding: Sliding, groups: Int,
    onto target: inout Tensor, _ landing: Landing, _ choice: ConvolutionMethod.Choice
  ) throws(KernelError) {
    let output = try convolved(input.shape, filters.shape, sliding, groups)
    guard (bias?.shape.count ?? output.channels) == output.channels else {
      throw .shapes(
        operation: "a convolution", expected: "\(output.channels) biases", found: "\(bias?.shape.count ?? 0)")
    }
    if output.count == 0 { return }
    var geometry = ConvolutionGeometry(
      input: input.shape, output: output, sliding: sliding, groups: groups, hasBias: bias != nil)
    if input.shape.count > 0, case .winograd(let side) = geometry.method(choice) {
      winograd(input, filters: filters, bias: bias, geometry, side: side, onto: &target, landing)
    } else if input.shape.count > 0, geometry.isDepthwise, landing.fills(target, output) {
      depthwise(input, filters: filters, bias: bias, geometry, onto: &target, landing)
    } else if input.shape.count > 0, geometry.isSummedHere {
      direct(input, filters: filters, bias: bias, geometry, onto: &target, landing)
    } else {
      geometry.isRectified = landing.activation == .relu && !landing.accumulates
      let sums: Tensor
      if input.shape.count == 0 {
        sums = try sumsOfNothing(output, bias: bias, rectified: geometry.isRectified)
      } else {
        let primitive = try primitive(for: .convolution(geometry))
        sums = try execute(
          primitive, "convolve", source: input, weights: try packed(filters, for: primitive), bias: bias,
          output: output)
      }
      try land(sums, onto: &target, landing, isRectified: geometry.isRectified)
    }
  }

  /// Leaves sums that were computed elsewhere where they belong.
  private func land(
    _ sums: Tensor, onto target: inout Tensor, _ landing: Landing, isRectified: Bool
  ) throws(KernelError) {
    var sums = landing.accumulates ? try combining(target, sums, by: .add) : sums
    if let activation = landing.activation, !isRectified { sums = activated(sums, by: activation) }
    if sums.shape == target.shape {
      target = sums
    } else {
      try copy(sums, into: &target, from: landing.channel)
    }
  }

  /// The transpose of ``convolution(_:filters:bias:over:groups:followedBy:_:)`` without its bias.
  ///
  /// - Parameters:
  ///   - signal: Images x rows x columns x outputs.
  ///   - filters: Outputs x rows x columns x inputs of a group.
  ///   - sliding: How the filters move in the forward direction.
  ///   - groups: Into how many groups inputs and outputs are divided.
  ///   - input: The shape to go back to; positions that no window reaches are zero.
  ///   - choice: How it is computed. Directly, what no signal reaches is exactly zero.
  /// - Returns: A signal shaped `input`.
  /// - Throws: ``KernelError`` where shapes disagree.
  /// - Note: Zeiler & Fergus 2014, section 2.1, "Filtering".
  public mutating func convolutionTransposed(
    _ signal: Tensor, filters: Tensor, over sliding: Sliding, groups: Int = 1, onto input: Shape,
    _ choice: ConvolutionMethod.Choice = .by(.direct)
  ) throws(KernelError) -> Tensor {
    let output = try convolved(input, filters.shape, sliding, groups)
    guard signal.shape == output else {
      throw .shapes(
        operation: "a transposed convolution", expected: "a signal of \(output)", found: "\(signal.shape)")
    }
    if input.count == 0 || output.count == 0 { return Tensor(input) }
    if isFolded(filters: filters.shape, groups: groups) {
      return try foldedConvolutionTransposed(signal, filters: filters, over: sliding, onto: input)
    }
    let geometry = ConvolutionGeometry(
      input: input, output: output, sliding: sliding, groups: groups, direction: .transposed)
    if case .winograd(let side) = geometry.method(choice) {
      var back = Tensor(input) { _ in }
      winograd(signal, filters: filters, bias: nil, geometry, side: side, onto: &back, Landing())
      return back
    }
    let primitive = try primitive(for: .convolution(geometry))
    let weights = try packed(filters, for: primitive)
    return try execute(
      primitive, "convolve back", source: signal, weights: weights, bias: nil, output: input)
  }

  /// The shape of what a convolution makes.
  ///
  /// - Throws: ``KernelError`` where shapes disagree.
  package func convolved(
    _ input: Shape, _ filters: Shape, _ sliding: Sliding, _ groups: Int
  ) throws(KernelError) -> Shape {
    guard input.rank == 4, filters.rank == 4, groups > 0, filters[3] * groups == input.channels,
      filters[0] % groups == 0, filters[1] == sliding.rows.window, filters[2] == sliding.columns.window
    else {
      throw .shapes(
        operation: "a convolution",
        expected:
          "filters of outputs x \(sliding.rows.window) x \(sliding.columns.window) x inputs of a group",
        found: "\(filters) in \(groups) groups for an input of \(input)")
    }
    return try sliding.output(over: input, channels: filters[0])
  }
}
