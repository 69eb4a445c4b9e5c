package import Networks
package import Kernels
package import Tensors

/// The gradients of one node's learned tensors, added up over batches.
package enum WeightGradient: Sendable {
  case convolution(ConvolutionGradient)
  case plain([ParameterRole: Tensor])

  /// Nothing yet, or nothing at all where the operation learns nothing.
  package init?(for operation: Operation) {
    if operation.parameterRoles.isEmpty { return nil }
    if case .convolution(let convolution) = operation {
      self = .convolution(ConvolutionGradient(filters: convolution.filters.shape))
    } else {
      self = .plain([:])
    }
  }

  /// The sums by role, in the order that tensors have.
  package func tensors(_ worker: Worker) throws(KernelError) -> [ParameterRole: Tensor] {
    switch self {
    case .convolution(let gradient):
      let (filters, bias) = try worker.device.plain(gradient)
      return [.weights: filters, .bias: bias]
    case .plain(let tensors):
      return tensors
    }
  }

  private mutating func add(_ tensor: Tensor, _ role: ParameterRole, _ worker: Worker) {
    guard case .plain(var tensors) = self else { preconditionFailure("\(role) of a convolution") }
    self = .plain([:])
    if var known = tensors.removeValue(forKey: role) {
      worker.device.add(tensor, to: &known)
      tensors[role] = known
    } else {
      tensors[role] = tensor
    }
    self = .plain(tensors)
  }

  /// Adds what one batch contributes: the half of a walk back that training has beside projection's.
  ///
  /// - Parameters:
  ///   - operation: The node's operation.
  ///   - signal: Arriving at its output.
  ///   - input: What it read in the forward pass.
  ///   - worker: Whose device computes.
  /// - Throws: `KernelError` where shapes disagree.
  package mutating func add(
    _ operation: Operation, signal: Tensor, input: Tensor, _ worker: Worker
  ) throws(KernelError) {
    switch operation {
    case .convolution(let convolution):
      guard case .convolution(var gradient) = self else {
        preconditionFailure("a convolution's own gradient")
      }
      self = .plain([:])
      try worker.device.addConvolutionGradient(
        to: &gradient, signal: signal, input: input, over: convolution.rule.resolved(over: input.shape),
        groups: convolution.groups)
      self = .convolution(gradient)
    case .innerProduct(let product):
      let (units, features) = (product.weights.shape[0], product.weights.shape[1])
      let rows = signal.reshaped(to: [signal.shape.count / max(units, 1), units])
      let inputs = input.reshaped(to: [input.shape.count / max(features, 1), features])
      add(try worker.device.innerProductGradient(rows, input: inputs), .weights, worker)
      if product.bias != nil { add(try worker.device.summed(rows, to: [units]), .bias, worker) }
    case .batchNormalization(let normalization):
      let sums = try worker.device.scalingGradient(signal, input: input)
      // Of scale * (x - mean) / deviation + shift.
      let centred = try worker.device.combining(
        sums.scale, worker.device.combining(normalization.mean, sums.shift, by: .multiply), by: .subtract)
      let unit = BatchNormalization(
        scale: Tensor(normalization.scale.shape, repeating: 1), shift: normalization.shift,
        mean: normalization.mean, variance: normalization.variance, epsilon: normalization.epsilon)
      add(try worker.device.combining(centred, unit.affine.scale, by: .multiply), .scale, worker)
      add(sums.shift, .shift, worker)
    case .parametricRelu(let slope):
      add(
        try worker.device.parametricReluSlopeGradient(signal, input: input, slope: slope.shape), .slope,
        worker)
    case .maxPooling, .averagePooling, .globalAveragePooling, .globalMaxPooling, .localResponseNormalization,
      .matrixProduct, .activation, .softmax, .logSoftmax, .concatenation, .split, .arithmetic,
      .arithmeticWithConstant, .padding, .slice, .gathering, .resampling, .average, .flatten, .reshape,
      .transposition, .dropout, .identity:
      break
    }
  }
}
