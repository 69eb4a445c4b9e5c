public import Kernels
public import Tensors

/// Where and how a network says what a picture's class is.
public struct ClassHead: Hashable, Sendable {
  /// The function that turns scores into what the network gives.
  public enum Squashing: Hashable, Sendable {
    /// The network gives the scores themselves; a softmax makes them probabilities.
    case none
    case softmax
    case logSoftmax
    /// Each class alone: their probabilities don't add up to 1.
    case sigmoid
    /// `alpha * x + beta`, kept within 0...1; each class alone.
    case hardSigmoid(alpha: Float, beta: Float)
  }

  /// What a network that learns is given to make probabilities of its scores.
  public enum End: String, Hashable, Sendable {
    /// One class a picture: the probabilities add up to 1.
    case softmax
    /// Each class alone: a picture can show several, or none.
    case sigmoid

    var operation: Operation {
      switch self {
      case .softmax: .softmax(axis: 1)
      case .sigmoid: .activation(.sigmoid)
      }
    }
  }

  /// The network's output that tells the classes.
  public let output: String
  /// The value before the last squashing: a number a class, without bounds.
  ///
  /// Projections start here, training's cost reads it, and occlusion compares it.
  public let scores: String
  /// What lies between ``scores`` and ``output``.
  public let squashing: Squashing
  /// The number of classes; one where a single sigmoid says whether a picture shows something.
  public let classes: Int
  /// What a reader of results should know: that another output could have been meant, or that the names of classes
  /// are not as many as the scores.
  public internal(set) var notes: [String] = []

  /// The probabilities that the network gives.
  ///
  /// - Parameter scores: Pictures x classes, values of ``scores``.
  /// - Returns: Pictures x classes, each 0...1: the network's own squashing of the scores, or softmax where it has none
  ///   or gives logarithms.
  /// - Throws: `KernelError` where the scores are not of rank 2.
  public func probabilities(of scores: Tensor) throws(KernelError) -> Tensor {
    try probabilities(of: scores, on: Device())
  }

  /// The same, computed by a device.
  package func probabilities(of scores: Tensor, on device: borrowing Device) throws(KernelError) -> Tensor {
    switch squashing {
    case .none, .softmax, .logSoftmax: try device.softmax(scores, axis: 1)
    case .sigmoid: device.activated(scores, by: .sigmoid)
    case .hardSigmoid(let alpha, let beta):
      device.activated(scores, by: .hardSigmoid(alpha: alpha, beta: beta))
    }
  }
}

extension Network {
  /// A class's name, or its index where the model gives no names.
  ///
  /// Of two names for one score, the second is what a high score says.
  public func name(ofClass index: Int) -> String {
    if let classes, classes.count == 2, index == 0, (try? classHead())?.classes == 1 { return classes[1] }
    if let classes, classes.indices.contains(index) { return classes[index] }
    return "\(index)"
  }

  /// Which output holds class scores, and what squashes them.
  ///
  /// Outputs whose value for one picture has exactly one extent above 1 are considered, and single numbers that end in a
  /// sigmoid. The one with as many numbers as there are names comes first, then one that ends in a softmax, then one that
  /// ends in a sigmoid of several classes, then the first of several classes.
  ///
  /// - Parameter names: The names of the classes, where they are not the network's own.
  /// - Returns: The head; nil where the network ends in maps, or in one number that no sigmoid makes a probability.
  /// - Throws: ``NetworkError/shape(node:reason:)`` where shapes do not fit.
  public func classHead(names: [String]? = nil) throws(NetworkError) -> ClassHead? {
    guard let input = inputs.first else { return nil }
    let shapes = try shapes(inputs: [input.name: inputShape(images: 1)])
    let names = names ?? classes
    let makers = makers
    let heads = outputs.compactMap { output -> (head: ClassHead, rank: Int)? in
      let extents = (shapes[output] ?? []).dimensions.dropFirst().filter { $0 != 1 }
      guard extents.count <= 1, shapes[output] != nil else { return nil }
      let count = extents.first ?? 1
      let (scores, squashing) = squashed(output, makers)
      let head = ClassHead(output: output, scores: scores, squashing: squashing, classes: count)
      let form =
        switch squashing {
        case .softmax, .logSoftmax: 2
        case .sigmoid, .hardSigmoid: 1
        case .none: 0
        }
      if count == 1 { return form == 1 ? (head, -1) : nil }
      return (head, form + (names?.count == count ? 3 : 0))
    }
    guard let rank = heads.map(\.rank).max() else { return nil }
    let best = heads.filter { $0.rank == rank }.map(\.head)
    var head = best[0]
    if best.count > 1 {
      let outputs = best.map { "'\($0.output)'" }.joined(separator: ", ")
      head.notes.append("Each of the outputs \(outputs) could hold class scores; '\(head.output)' is taken.")
    }
    if let names, names.count != head.classes, head.classes != 1 || names.count > 2 {
      head.notes.append(
        "There are \(names.count) names of classes, but the output '\(head.output)' has "
          + "\(head.classes == 1 ? "one score" : "\(head.classes) scores")."
      )
    }
    return head
  }

  /// The value that holds class scores, before the last squashing; nil where there is no output.
  ///
  /// Of a network that ends in maps or in one number, that of its first output.
  public var scores: String? {
    if let head = try? classHead() { return head.scores }
    return outputs.first.map { squashed($0, makers).scores }
  }

  /// The value that holds a score a class, where the network ends in one number a class; nil for one that ends in maps.
  ///
  /// - Throws: ``NetworkError/shape(node:reason:)`` where shapes do not fit.
  public func classScores() throws(NetworkError) -> String? { try classHead()?.scores }

  /// For each value, the node that makes it.
  var makers: [String: Node] {
    nodes.reduce(into: [:]) { makers, node in
      for output in node.outputs { makers[output] = node }
    }
  }

  /// What an output squashes, and how: the output itself where it ends in no squashing.
  ///
  /// Nodes after the squashing that change no class's place are looked through: copies and reshapes, a clip, a positive
  /// factor, a logarithm or its inverse.
  private func squashed(
    _ output: String, _ makers: [String: Node]
  ) -> (scores: String, squashing: ClassHead.Squashing) {
    var value = output
    var isLog = false
    while let node = makers[value] {
      let input = node.inputs[0]
      switch node.operation {
      case .identity, .dropout, .flatten, .reshape, .activation(.clip): break
      case .arithmeticWithConstant(.multiply, let factor, _),
        .arithmeticWithConstant(.divide, let factor, constantFirst: false):
        guard factor.shape.count == 1, factor.elements[0] > 0 else { return (output, .none) }
      case .activation(.log): isLog = true
      case .activation(.exp): isLog = false
      case .softmax: return (input, isLog ? .logSoftmax : .softmax)
      case .logSoftmax: return (input, .logSoftmax)
      case .activation(.sigmoid): return (input, .sigmoid)
      case .activation(.hardSigmoid(let alpha, let beta)):
        return (input, .hardSigmoid(alpha: alpha, beta: beta))
      case .arithmetic(.divide):
        guard let scores = exponent(of: input, over: node.inputs[1], makers) else { return (output, .none) }
        return (scores, isLog ? .logSoftmax : .softmax)
      default: return (output, .none)
      }
      value = input
    }
    return (output, .none)
  }

  /// What a softmax that is written out reads: exponentials divided by their sum, with or without the largest score
  /// subtracted first.
  private func exponent(of exponentials: String, over sum: String, _ makers: [String: Node]) -> String? {
    func behind(_ value: String, _ isPassed: (Operation) -> Bool) -> String {
      var value = value
      while let node = makers[value], isPassed(node.operation) { value = node.inputs[0] }
      return value
    }
    let summed = behind(sum) {
      switch $0 {
      case .average, .arithmeticWithConstant(.multiply, _, _), .identity, .reshape: true
      default: false
      }
    }
    guard summed == exponentials, summed != sum, let node = makers[exponentials],
      case .activation(.exp) = node.operation
    else { return nil }
    let scores = node.inputs[0]
    guard let shift = makers[scores], case .arithmetic(.subtract) = shift.operation else { return scores }
    let largest = behind(shift.inputs[1]) {
      switch $0 {
      case .globalMaxPooling, .identity, .reshape: true
      default: false
      }
    }
    return largest == shift.inputs[0] ? largest : scores
  }
}
