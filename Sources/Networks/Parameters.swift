public import Tensors

/// What a learned tensor is to its node.
public enum ParameterRole: String, CaseIterable, Codable, Hashable, Sendable {
  /// A convolution's filters, or a fully connected layer's matrix.
  case weights
  case bias
  /// Batch normalisation's gain.
  case scale
  /// Batch normalisation's offset.
  case shift
  /// What a parametric rectifier does to negative values.
  case slope
}

extension Operation {
  /// The roles of the tensors that training changes, in order.
  ///
  /// A batch normalisation's mean and variance are not among them: they follow the batches' statistics.
  public var parameterRoles: [ParameterRole] {
    switch self {
    case .convolution(let convolution): convolution.bias == nil ? [.weights] : [.weights, .bias]
    case .innerProduct(let product): product.bias == nil ? [.weights] : [.weights, .bias]
    case .batchNormalization: [.scale, .shift]
    case .parametricRelu: [.slope]
    case .maxPooling, .averagePooling, .globalAveragePooling, .globalMaxPooling, .localResponseNormalization,
      .matrixProduct, .activation, .softmax, .logSoftmax, .concatenation, .split, .arithmetic,
      .arithmeticWithConstant, .padding, .slice, .gathering, .resampling, .average, .flatten, .reshape,
      .transposition, .dropout, .identity:
      []
    }
  }

  /// A learned tensor, or nothing where the operation has none of that role.
  public func parameter(_ role: ParameterRole) -> Tensor? {
    switch (self, role) {
    case (.convolution(let convolution), .weights): convolution.filters
    case (.convolution(let convolution), .bias): convolution.bias
    case (.innerProduct(let product), .weights): product.weights
    case (.innerProduct(let product), .bias): product.bias
    case (.batchNormalization(let normalization), .scale): normalization.scale
    case (.batchNormalization(let normalization), .shift): normalization.shift
    case (.parametricRelu(let slope), .slope): slope
    default: nil
    }
  }

  /// Changes a learned tensor, in its own memory where nothing else holds it; nothing where the operation has none of
  /// that role.
  public mutating func withParameter(_ role: ParameterRole, _ change: (inout Tensor) throws -> Void) rethrows
  {
    guard var tensor = parameter(role) else { return }
    // A reference that stayed in the operation would make the change copy the tensor first.
    put(Tensor([0]), as: role)
    defer { put(tensor, as: role) }
    try change(&tensor)
  }

  /// Puts a tensor in the place of the one it has.
  private mutating func put(_ tensor: Tensor, as role: ParameterRole) {
    switch self {
    case .convolution(var convolution):
      if role == .weights { convolution.filters = tensor } else { convolution.bias = tensor }
      self = .convolution(convolution)
    case .innerProduct(var product):
      if role == .weights { product.weights = tensor } else { product.bias = tensor }
      self = .innerProduct(product)
    case .batchNormalization(var normalization):
      if role == .scale { normalization.scale = tensor } else { normalization.shift = tensor }
      self = .batchNormalization(normalization)
    case .parametricRelu:
      self = .parametricRelu(slope: tensor)
    default:
      break
    }
  }
}
