internal import Kernels
internal import Tensors

extension Architecture {
  /// The network with its first weights, which a seed decides.
  ///
  /// Nodes are `conv1`, `relu1`, `pool1`, `norm1` and so on to `fc8` and `softmax` or `sigmoid`, by the paper's numbers;
  /// each value has its node's name.
  ///
  /// - Parameters:
  ///   - initialization: How weights begin.
  ///   - end: What makes probabilities of the scores.
  ///   - generator: Decides the weights.
  /// - Returns: A network of one input, `input`, and one output, `softmax` or `sigmoid`.
  /// - Throws: ``ArchitectureError/shape(layer:reason:)`` naming the layer that does not fit and the shapes.
  public func network(
    _ initialization: Initialization = .paper, ending end: ClassHead.End = .softmax,
    using generator: inout some RandomNumberGenerator
  ) throws(ArchitectureError) -> Network {
    guard classes > 0 else { throw .size(what: "the number of classes", found: "\(classes)") }
    // A generator of our own: sixty million draws through a protocol would take a minute.
    var generator = SeededGenerator(seed: generator.next())
    var builder = Builder(shape: Shape(images: 1, rows: input, columns: input, channels: 3))
    for layer in layers { try builder.add(layer, initialization, &generator) }
    try builder.connect("fc\(classifier)", classes, initialization, &generator)
    try builder.add(end.rawValue, end.operation)
    do {
      return try Network(
        name: name, inputs: [.init(name: "input", extents: [nil, 3, input, input])], nodes: builder.nodes,
        outputs: [builder.last])
    } catch {
      throw .shape(layer: name, reason: error.description)
    }
  }
}

extension Architecture {
  /// What each node costs and sees, without weights being drawn.
  ///
  /// - Throws: As ``network(_:ending:using:)``.
  public func account() throws(ArchitectureError) -> [LayerAccount] {
    var generator = SeededGenerator(seed: 0)
    let network = try network(.gaussian(deviation: 0), using: &generator)
    do {
      return try network.account()
    } catch {
      throw .shape(layer: name, reason: error.description)
    }
  }
}

/// Puts nodes one after another, each reading the one before it.
private struct Builder {
  private(set) var nodes: [Network.Node] = []
  private(set) var last = "input"
  /// The last value's shape for one picture.
  private var shape: Shape

  init(shape: Shape) { self.shape = shape }

  mutating func add(_ name: String, _ operation: Operation) throws(ArchitectureError) {
    do {
      shape = try operation.heldShapes([shape], node: name)[0]
    } catch {
      let reason = if case .shape(_, let reason) = error { reason } else { error.description }
      throw .shape(
        layer: name,
        reason:
          "\(reason) Its input is \(shape.inONNXOrder.dimensions.dropFirst().map(String.init).joined(separator: "x"))."
      )
    }
    nodes.append(.init(name: name, operation: operation, inputs: [last], outputs: [name]))
    last = name
  }

  mutating func add(
    _ layer: Architecture.Layer, _ initialization: Architecture.Initialization,
    _ generator: inout SeededGenerator
  ) throws(ArchitectureError) {
    let number = layer.number
    switch layer.kind {
    case .convolution(let filters, let pool, let normalization):
      guard shape.rank == 4 else {
        throw .shape(layer: "conv\(number)", reason: "a convolution cannot follow a connected layer.")
      }
      let channels = shape.channels
      let (window, stride, pad) = (filters.window, filters.stride, filters.padding)
      let weights = try weights(
        "conv\(number)", [filters.maps, window, window, channels], initialization, &generator)
      try add(
        "conv\(number)",
        .convolution(
          Convolution(
            filters: weights, bias: Tensor([filters.maps]),
            rule: SlidingRule(
              window: [window, window], strides: [stride, stride],
              padding: .explicit(top: pad, left: pad, bottom: pad, right: pad)))))
      try add("relu\(number)", .activation(.relu))
      if normalization == .beforePool { try normalize(number) }
      if let pool {
        try add(
          "pool\(number)",
          .maxPooling(SlidingRule(window: [3, 3], strides: [2, 2], roundsUp: pool == .roundingUp)))
      }
      if normalization == .afterPool { try normalize(number) }
    case .connected(let units):
      try connect("fc\(number)", units, initialization, &generator)
      try add("relu\(number)", .activation(.relu))
      try add("dropout\(number)", .dropout(ratio: 0.5))
    }
  }

  mutating func connect(
    _ name: String, _ units: Int, _ initialization: Architecture.Initialization,
    _ generator: inout SeededGenerator
  ) throws(ArchitectureError) {
    if shape.rank == 4 { try add("flatten", .flatten) }
    let weights = try weights(name, [units, shape[1]], initialization, &generator)
    try add(name, .innerProduct(InnerProduct(weights: weights, bias: Tensor([units]))))
  }

  /// Weights of a shape, outputs first.
  private func weights(
    _ name: String, _ shape: Shape, _ initialization: Architecture.Initialization,
    _ generator: inout SeededGenerator
  ) throws(ArchitectureError) -> Tensor {
    guard shape.isHoldable else {
      throw .shape(layer: name, reason: "its weights of \(shape) are more than fits in memory.")
    }
    let inputs = shape.dimensions.dropFirst().reduce(1, *)
    return .gaussian(
      shape, deviation: initialization.deviation(inputs: inputs, isFirst: nodes.isEmpty), using: &generator)
  }

  private mutating func normalize(_ number: Int) throws(ArchitectureError) {
    try add(
      "norm\(number)",
      .localResponseNormalization(LocalResponseNormalization(size: 5, alpha: 1e-4, beta: 0.75, bias: 2)))
  }
}
