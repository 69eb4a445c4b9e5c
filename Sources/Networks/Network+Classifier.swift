internal import Kernels
public import Tensors

extension Network {
  /// The same network that tells other classes apart: its classifier, drawn anew for them.
  ///
  /// Where the network ends in a score a class, that is the last fully connected layer or convolution before its end;
  /// where it ends in maps or features, one fully connected layer and what makes its scores probabilities come on top. Its
  /// weights are drawn from a Gaussian of deviation 0.01, the paper's; biases are zero.
  ///
  /// - Parameters:
  ///   - names: The classes.
  ///   - count: How many scores it gives: as many as there are classes, unless one score tells two apart.
  ///   - end: What makes probabilities of the scores.
  ///   - generator: Decides the weights.
  /// - Returns: The network, with these classes.
  /// - Throws: ``NetworkError/classifier(node:operation:)`` where the end is of another kind, or shapes do not fit.
  public func classifying(
    _ names: [String], scores count: Int? = nil, ending end: ClassHead.End = .softmax,
    using generator: inout SeededGenerator
  ) throws(NetworkError) -> Network {
    let count = count ?? names.count
    var network = self
    network.classes = names
    guard let head = try classHead() else {
      return try network.withClassifier(count, ending: end, using: &generator)
    }
    var value = head.scores
    let makers = makers
    while let node = makers[value] {
      var operation = node.operation
      switch operation {
      case .innerProduct(let product):
        let weights = Tensor.gaussian(
          [count, product.weights.shape[1]], deviation: 1e-2, using: &generator)
        operation = .innerProduct(InnerProduct(weights: weights, bias: Tensor([count])))
      case .convolution(var convolution) where convolution.groups == 1:
        let extents = [count] + convolution.filters.shape.dimensions.dropFirst()
        convolution.filters = .gaussian(Shape(extents), deviation: 1e-2, using: &generator)
        convolution.bias = Tensor([count])
        operation = .convolution(convolution)
      case .activation, .averagePooling, .globalAveragePooling, .average, .flatten, .reshape, .dropout,
        .identity:
        value = node.inputs[0]
        continue
      default:
        throw .classifier(node: node.name, operation: operation.name)
      }
      let replaced = try network.replacingOperations { $0.name == node.name ? operation : $0.operation }
        .ending(in: end, of: head, flattening: try onePicture()[head.scores]?.rank != 2)
      _ = try replaced.onePicture()
      return replaced
    }
    throw .classifier(node: value, operation: "an input")
  }

  /// The values' shapes for one picture.
  private func onePicture() throws(NetworkError) -> [String: Shape] {
    try shapes(inputs: [inputs[0].name: inputShape(images: 1)])
  }

  /// The same network with another end in place of what squashed its scores, where that is another function, or depends on
  /// their number as a softmax that is written out does.
  ///
  /// A network that gives the scores themselves is read as one that ends in a softmax, so it needs none.
  private func ending(
    in end: ClassHead.End, of head: ClassHead, flattening isFlattening: Bool
  ) throws(NetworkError) -> Network {
    guard head.squashing != .none || end == .sigmoid else { return self }
    let makers = Dictionary(
      nodes.flatMap { node in node.outputs.map { ($0, node) } }, uniquingKeysWith: { one, _ in one })
    var behind = Set<String>()
    var waiting = [head.output]
    while let value = waiting.popLast() {
      guard value != head.scores, let node = makers[value], behind.insert(node.name).inserted else {
        continue
      }
      waiting += node.inputs
    }
    let isPlain = nodes.filter { behind.contains($0.name) }.allSatisfy { node in
      switch node.operation {
      case .identity, .dropout, .flatten, .reshape, .activation(.clip): true
      case .softmax, .logSoftmax, .activation(.log): end == .softmax
      case .activation(.sigmoid): end == .sigmoid
      default: false
      }
    }
    if isPlain, head.squashing != .none { return self }
    let taken = Set(nodes.map(\.name) + nodes.flatMap(\.outputs) + inputs.map(\.name))
    func free(_ name: String) -> String { taken.contains(name) ? free(name + "'") : name }
    let (flat, squashed) = (free("flattened"), free("probabilities"))
    let flattening = Node(name: flat, operation: .flatten, inputs: [head.scores], outputs: [flat])
    // What lies between the scores and the output goes, unless something else reads it.
    var kept = nodes
    var needed = Set(outputs.filter { $0 != head.output })
    for node in nodes.reversed() where behind.contains(node.name) {
      let isRead = node.outputs.contains { output in
        needed.contains(output) || kept.contains { $0.name != node.name && $0.inputs.contains(output) }
      }
      if !isRead { kept.removeAll { $0.name == node.name } } else { needed.formUnion(node.inputs) }
    }
    return try Network(
      name: name, inputs: inputs,
      nodes: kept + (isFlattening ? [flattening] : []) + [
        Node(
          name: squashed, operation: end.operation, inputs: [isFlattening ? flat : head.scores],
          outputs: [squashed])
      ], outputs: outputs.map { $0 == head.output ? squashed : $0 }, preprocessing: preprocessing,
      classes: classes,
      metadata: metadata)
  }

  /// A fully connected layer and what makes its scores probabilities, on top of the first output.
  private func withClassifier(
    _ count: Int, ending end: ClassHead.End, using generator: inout SeededGenerator
  ) throws(NetworkError) -> Network {
    guard !inputs.isEmpty, let last = outputs.first else {
      throw .missingValue(name: "output", node: "the classifier")
    }
    let shape = try onePicture()[last] ?? []
    let features = shape.dimensions.dropFirst().reduce(1, *)
    let weights = Tensor.gaussian([count, features], deviation: 1e-2, using: &generator)
    let taken = Set(nodes.map(\.name) + nodes.flatMap(\.outputs) + inputs.map(\.name))
    func free(_ name: String) -> String { taken.contains(name) ? free(name + "'") : name }
    let (flat, scores, squashed) = (free("flattened"), free("classifier"), free("probabilities"))
    let isFlat = shape.rank == 2
    let flattening = Node(name: flat, operation: .flatten, inputs: [last], outputs: [flat])
    return try Network(
      name: name, inputs: inputs,
      nodes: nodes + (isFlat ? [] : [flattening]) + [
        Node(
          name: scores, operation: .innerProduct(InnerProduct(weights: weights, bias: Tensor([count]))),
          inputs: [isFlat ? last : flat], outputs: [scores]),
        Node(name: squashed, operation: end.operation, inputs: [scores], outputs: [squashed]),
      ], outputs: [squashed], preprocessing: preprocessing, classes: classes, metadata: metadata)
  }

  /// The same architecture before it has learned anything.
  ///
  /// Weights are He's (2015), biases zero; batch normalisation passes its input on, and a parametric rectifier's slope is
  /// 0.25.
  ///
  /// - Parameter generator: Decides the weights.
  /// - Returns: The network.
  public func unlearned(using generator: inout SeededGenerator) -> Network {
    func drawn(_ tensor: Tensor) -> Tensor {
      let inputs = tensor.shape.dimensions.dropFirst().reduce(1, *)
      let he = Architecture.Initialization.he(inputDeviation: 1)
      return .gaussian(
        tensor.shape, deviation: he.deviation(inputs: inputs, isFirst: false), using: &generator)
    }
    return replacingOperations { node in
      var operation = node.operation
      if case .batchNormalization(var normalization) = operation {
        normalization.mean = Tensor(normalization.mean.shape)
        normalization.variance = Tensor(normalization.variance.shape, repeating: 1)
        operation = .batchNormalization(normalization)
      }
      for role in operation.parameterRoles {
        operation.withParameter(role) { tensor in
          switch role {
          case .weights: tensor = drawn(tensor)
          case .bias, .shift: tensor = Tensor(tensor.shape)
          case .scale: tensor = Tensor(tensor.shape, repeating: 1)
          case .slope: tensor = Tensor(tensor.shape, repeating: 0.25)
          }
        }
      }
      return operation
    }
  }
}
