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
    for step in steps {
      try cancellation.check()
      let made = try compute(step, values, &switches, recordsSwitches)
      for (name, tensor) in zip(step.outputs, made) { values[name] = tensor }
      for name in step.lastReadOf { values[name] = nil }
    }
  }

  /// Some of a fully connected layer's units over a whole batch.
  func innerProduct(_ input: Tensor, _ product: InnerProduct, rectified: Bool) throws(KernelError) -> Tensor {
    try device.innerProduct(input, weights: product.weights, bias: product.bias, rectified: rectified)
  }

  private func compute(
    _ step: Plan.Step, _ values: [String: Tensor], _ switches: inout [String: Switches], _ records: Bool
  ) throws(KernelError) -> [Tensor] {
    var inputs: [Tensor] = []
    for name in step.inputs {
      guard let tensor = values[name] else {
        throw .shapes(operation: step.name, expected: "value '\(name)'", found: "nothing")
      }
      inputs.append(tensor)
    }
    var recorded: Switches?
    let made = try outputs(
      of: step.operation, named: step.name, inputs, rectified: step.isRectified,
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
  ///   - isRectified: Whether a rectifier follows in the same call; convolutions and inner products alone have one.
  ///   - choice: How convolutions are computed.
  ///   - recording: Receives the switches of a max pool; without it none are recorded.
  /// - Returns: Its outputs, in order.
  /// - Throws: `KernelError` where shapes disagree.
  package func outputs(
    of operation: Operation, named name: String, _ inputs: [Tensor], rectified isRectified: Bool = false,
    _ choice: ConvolutionMethod.Choice = .fastest, recording: ((Switches) -> Void)? = nil
  ) throws(KernelError) -> [Tensor] {
    let input = inputs[0]
    switch operation {
    case .convolution(let convolution):
      return [
        try device.convolution(
          input, filters: convolution.filters, bias: convolution.bias,
          over: convolution.rule.resolved(over: input.shape), groups: convolution.groups,
          rectified: isRectified, choice)
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
      let made = try innerProduct(rows, product, rectified: isRectified)
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
