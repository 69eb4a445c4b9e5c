internal import ONNXMessages
internal import Tensors

/// Which of a graph's outputs are computed, and what they need.
extension ONNXReader {
  /// Notes which values the outputs need, and which any node reads.
  mutating func findNeeded() {
    var makers: [String: Int] = [:]
    for (index, node) in model.graph.node.enumerated() {
      for output in node.output { makers[output] = index }
      for input in node.input + node.readInBranches { uses[input, default: 0] += 1 }
    }
    var waiting = model.graph.output.map(\.name)
    for output in waiting { uses[output, default: 0] += 1 }
    read = Set(uses.keys)
    while let value = waiting.popLast() {
      guard needed.insert(value).inserted, let maker = makers[value] else { continue }
      waiting += model.graph.node[maker].input + model.graph.node[maker].readInBranches
    }
  }

  /// Operators whose results are indices, labels or truth values: nothing beside the scores that they were made of.
  private static let answers: Set = [
    "And", "ArgMax", "ArgMin", "ArrayFeatureExtractor", "Cast", "Equal", "Greater", "GreaterOrEqual",
    "Hardmax", "LabelEncoder", "Less", "LessOrEqual", "NonMaxSuppression", "NonZero", "Not", "OneHot", "Or",
    "TopK", "Unique", "Xor", "ZipMap",
  ]

  /// The outputs that can be computed; the others are left aside where they only pick an answer.
  mutating func computedOutputs() throws -> [String] {
    let outputs = model.graph.output.map(\.name)
    guard !outputs.isEmpty else { throw ONNXError.malformed(file: file, reason: "its graph has no output") }
    // Truth values are numbers here, and would be taken for scores.
    let truths = Set(
      model.graph.output.filter { $0.type.tensorType.elemType == ONNXElement.bool.rawValue }.map(\.name))
    let computed = outputs.filter { shapes[$0] != nil && !truths.contains($0) }
    for output in outputs where shapes[output] != nil && truths.contains(output) {
      guard !computed.isEmpty else {
        throw ONNXError.malformed(
          file: file, reason: "its output '\(output)' holds truth values, and no other is computed")
      }
      notes.append("The output '\(output)' is left aside: it holds truth values.")
    }
    guard
      unsupported.isEmpty
        || (!computed.isEmpty && unsupported.allSatisfy { Self.answers.contains($0.operation) })
    else { throw ONNXError.unsupported(file: file, nodes: unsupported) }
    for output in outputs where constants[output] != nil && shapes[output] == nil {
      guard !computed.isEmpty else {
        throw ONNXError.malformed(file: file, reason: "its output '\(output)' does not depend on its input")
      }
      notes.append("The output '\(output)' is left aside: it does not depend on the input.")
    }
    for output in outputs where constants[output] == nil && shapes[output] == nil {
      guard let refusal = unsupported.first else {
        throw NetworkError.missingValue(name: output, node: "the network's outputs")
      }
      notes.append("The output '\(output)' is left aside: \(refusal).")
    }
    return computed
  }

  /// Notes an output whose declared rank or channels are not what the nodes make.
  mutating func compare(_ output: Onnx_ValueInfoProto) {
    guard let shape = shapes[output.name]?.inONNXOrder else { return }
    let declared = output.type.tensorType.shape.dim.map {
      $0.hasDimValue && $0.dimValue > 0 ? Int($0.dimValue) : nil
    }
    let fits =
      declared.count == shape.rank
      && zip(declared, shape.dimensions).enumerated().allSatisfy { axis, pair in
        axis != 1 || pair.0 == nil || pair.0 == pair.1
      }
    guard !fits else { return }
    let extents = declared.map { $0.map(String.init) ?? "?" }.joined(separator: "x")
    notes.append(
      "The output '\(output.name)' is declared as \(extents), but the nodes make \(shape), which is taken.")
  }
}
