package import Networks
package import Kernels
package import Tensors

/// One thread's share of a runner: a device and the steps it takes.
///
/// A class because a device must stay where it is; used by one thread at a time.
package final class Worker {
  package var device: Device
  /// How its steps compute convolutions.
  private let convolutions: ConvolutionMethod.Choice

  init(threads: Int, _ convolutions: ConvolutionMethod.Choice) {
    device = Device(threads: threads)
    self.convolutions = convolutions
  }

  /// Runs steps over the values, which gain what the steps make and lose what is read for the last time.
  ///
  /// - Throws: `KernelError`, or `Interruption` before the next step once the cancellation is raised.
  func take(
    _ steps: ArraySlice<Plan.Step>, values: inout [String: Tensor], switches: inout [String: Switches],
    recordsSwitches: Bool, _ cancellation: Cancellation
  ) throws {
    // By index: a loop over the elements would count references to all that a step holds, which threads share.
    for index in steps.indices {
      try cancellation.check()
      try take(steps[index], &values, &switches, recordsSwitches)
    }
  }

  private func take(
    _ step: Plan.Step, _ values: inout [String: Tensor], _ switches: inout [String: Switches],
    _ recordsSwitches: Bool
  ) throws(KernelError) {
    if try !join(step, &values) {
      let made = try compute(step, values, &switches, recordsSwitches)
      for index in made.indices { values[step.outputs[index]] = made[index] }
    }
    for name in step.lastReadOf { values[name] = nil }
  }

  /// Runs a step that does more than its operation, or less than a pass over memory of its own.
  ///
  /// - Returns: Whether it is such a step.
  private func join(_ step: Plan.Step, _ values: inout [String: Tensor]) throws(KernelError) -> Bool {
    switch step.way {
    case .added:
      try add(step, &values)
    case .part(let channel, let channels):
      try write(step, from: channel, of: channels, &values)
    case .scaled(let scale, let shift):
      var parts: [Tensor] = []
      for name in step.inputs { parts.append(try value(name, of: step, values)) }
      values[step.outputs[0]] = try device.scaling(
        joining: parts, scale: scale, shift: shift, rectified: step.activation == .relu)
    case .normalized(let normalization):
      values[step.outputs[0]] = try device.layerNormalization(
        try value(step.inputs[0], of: step, values), normalization)
    case .plain:
      guard case .arithmetic(.multiply) = step.operation else { return false }
      return try multiply(step, &values)
    }
    return true
  }

  /// A product where one side stands, if this reads it last and the other broadcasts to it.
  private func multiply(_ step: Plan.Step, _ values: inout [String: Tensor]) throws(KernelError) -> Bool {
    for (side, other) in [(step.inputs[0], step.inputs[1]), (step.inputs[1], step.inputs[0])]
    where side != other && step.lastReadOf.contains(side) {
      var product = try value(side, of: step, values)
      let factors = try value(other, of: step, values)
      guard product.shape.rank == factors.shape.rank,
        zip(product.shape.dimensions, factors.shape.dimensions).allSatisfy({ $1 == $0 || $1 == 1 })
      else { continue }
      values[side] = nil
      try device.multiply(&product, by: factors)
      values[step.outputs[0]] = product
      return true
    }
    return false
  }

  /// A layer added to its last input: where that stands, if this reads it last.
  private func add(_ step: Plan.Step, _ values: inout [String: Tensor]) throws(KernelError) {
    let (input, other) = (try value(step.inputs[0], of: step, values), step.inputs[1])
    var sum = try value(other, of: step, values)
    if step.lastReadOf.contains(other) { values[other] = nil }
    switch step.operation {
    case .convolution(let convolution):
      try device.addConvolution(
        to: &sum, input, filters: convolution.filters, bias: convolution.bias,
        over: convolution.rule.resolved(over: input.shape), groups: convolution.groups,
        followedBy: step.activation, convolutions)
    case .innerProduct(let product):
      try device.addInnerProduct(
        to: &sum, input, weights: product.weights, bias: product.bias, followedBy: step.activation)
    default:
      preconditionFailure("\(step.name) is no layer")
    }
    values[step.outputs[0]] = sum
  }

  /// Some channels of a concatenation, which the first of its parts makes room for.
  private func write(
    _ step: Plan.Step, from channel: Int, of channels: Int, _ values: inout [String: Tensor]
  ) throws(KernelError) {
    let input = try value(step.inputs[0], of: step, values)
    func whole(_ shape: Shape) -> Tensor {
      values.removeValue(forKey: step.outputs[0])
        ?? Tensor(Shape(shape.dimensions.dropLast() + [channels])) { _ in }
    }
    guard case .convolution(let convolution) = step.operation else {
      var target = whole(input.shape)
      try device.copy(input, into: &target, from: channel)
      values[step.outputs[0]] = target
      return
    }
    let sliding = convolution.rule.resolved(over: input.shape)
    var target = whole(
      try device.convolved(input.shape, convolution.filters.shape, sliding, convolution.groups))
    try device.convolve(
      into: &target, from: channel, input, filters: convolution.filters, bias: convolution.bias,
      over: sliding, groups: convolution.groups, followedBy: step.activation, convolutions)
    values[step.outputs[0]] = target
  }

  private func value(
    _ name: String, of step: Plan.Step, _ values: [String: Tensor]
  ) throws(KernelError) -> Tensor {
    guard let tensor = values[name] else {
      throw .shapes(operation: step.name, expected: "value '\(name)'", found: "nothing")
    }
    return tensor
  }

  /// Some of a fully connected layer's units over a whole batch.
  func innerProduct(
    _ input: Tensor, _ product: InnerProduct, followedBy activation: Activation?
  ) throws(KernelError) -> Tensor {
    try device.innerProduct(input, weights: product.weights, bias: product.bias, followedBy: activation)
  }

  private func compute(
    _ step: Plan.Step, _ values: [String: Tensor], _ switches: inout [String: Switches], _ records: Bool
  ) throws(KernelError) -> [Tensor] {
    var inputs: [Tensor] = []
    for name in step.inputs { inputs.append(try value(name, of: step, values)) }
    var recorded: Switches?
    let made = try outputs(
      of: step.operation, named: step.name, inputs, followedBy: step.activation,
      convolutions, recording: records ? { recorded = $0 } : nil)
    if let recorded { switches[step.name] = recorded }
    return made
  }

  /// What one operation makes of its inputs.
  ///
  /// - Parameters:
  ///   - operation: The operation.
  ///   - name: What errors call it.
  ///   - inputs: Its inputs, in order.
  ///   - activation: What follows in the same call; convolutions and inner products alone have one.
  ///   - choice: How convolutions are computed.
  ///   - recording: Receives the switches of a max pool; without it none are recorded.
  /// - Returns: Its outputs, in order.
  /// - Throws: `KernelError` where shapes disagree.
  package func outputs(
    of operation: Operation, named name: String, _ inputs: [Tensor], followedBy activation: Activation? = nil,
    _ choice: ConvolutionMethod.Choice = .fastest, recording: ((Switches) -> Void)? = nil
  ) throws(KernelError) -> [Tensor] {
    let input = inputs[0]
    switch operation {
    case .convolution(let convolution):
      return [
        try device.convolution(
          input, filters: convolution.filters, bias: convolution.bias,
          over: convolution.rule.resolved(over: input.shape), groups: convolution.groups,
          followedBy: activation, choice)
      ]
    case .maxPooling(let rule):
      let sliding = rule.resolved(over: input.shape)
      guard let recording else { return [try device.maxPooling(input, over: sliding)] }
      let (pooled, switches) = try device.maxPoolingWithSwitches(input, over: sliding)
      recording(switches)
      return [pooled]
    case .averagePooling(let rule, let countsPadding):
      return [
        try device.averagePooling(input, over: rule.resolved(over: input.shape), countsPadding: countsPadding)
      ]
    case .globalAveragePooling:
      return [try device.globalAveragePooling(input)]
    case .globalMaxPooling:
      guard let recording else { return [try device.globalMaxPooling(input)] }
      let (pooled, switches) = try device.globalMaxPoolingWithSwitches(input)
      recording(switches)
      return [pooled]
    case .localResponseNormalization(let constants):
      return [try device.localResponseNormalization(input, constants)]
    case .batchNormalization(let normalization):
      let (scale, shift) = normalization.affine
      return [try device.scaling(input, scale: scale, shift: shift)]
    case .innerProduct(let product):
      let features = input.shape[input.shape.rank - 1]
      let rows = input.reshaped(to: [features == 0 ? 0 : input.shape.count / features, features])
      let made = try innerProduct(rows, product, followedBy: activation)
      return [made.reshaped(to: Shape(input.shape.dimensions.dropLast() + [made.shape[1]]))]
    case .matrixProduct:
      return [try device.matrixProduct(input, inputs[1])]
    case .activation(let activation):
      return [device.activated(input, by: activation)]
    case .parametricRelu(let slope):
      return [try device.parametricRelu(input, slope: slope)]
    case .softmax(let axis):
      return [try device.softmax(input, axis: axis)]
    case .logSoftmax(let axis):
      return [try device.logSoftmax(input, axis: axis)]
    case .concatenation(let axis):
      return [try device.concatenation(inputs, axis: axis)]
    case .split(let axis, let sizes):
      return try device.splitting(input, axis: axis, sizes: sizes)
    case .arithmetic(let arithmetic):
      return [try device.combining(input, inputs[1], by: arithmetic)]
    case .arithmeticWithConstant(let arithmetic, let constant, let isFirst):
      return [
        try isFirst
          ? device.combining(constant, input, by: arithmetic)
          : device.combining(input, constant, by: arithmetic)
      ]
    case .padding(let before, let after, let mode):
      return [try device.padded(input, before: before, after: after, mode: mode)]
    case .slice(let starts, let stops, let steps):
      let ends = zip(stops, input.shape.dimensions).map { min($0, $1) }
      return [try device.sliced(input, starts: starts, stops: ends, steps: steps)]
    case .gathering(let axis, let positions):
      return [try device.gathered(input, axis: axis, positions: positions)]
    case .resampling(let rule):
      let maps = rule.resolved(over: input.shape)
      return [try device.resampled(input, rows: maps.rows, columns: maps.columns)]
    case .average(let axes, let keepsAxes):
      return [try device.averaged(input, over: axes, keepingAxes: keepsAxes)]
    case .flatten:
      let images = input.shape[0]
      return [input.reshaped(to: [images, input.shape.dimensions.dropFirst().reduce(1, *)])]
    case .reshape(let target):
      guard let shape = input.shape.inONNXOrder.reshaped(to: target) else {
        throw .shapes(operation: name, expected: "a shape that fits \(target)", found: "\(input.shape)")
      }
      return [try input.inONNXOrder().reshaped(to: shape).fromONNXOrder()]
    case .transposition(let axes):
      return [try device.permuted(input, axes)]
    case .dropout, .identity:
      return [input]
    }
  }
}
