internal import ONNXMessages

extension ONNXReader {
  /// Takes the branch of an `If` whose condition is known, as exporters write it around a squeeze.
  mutating func choose(_ message: Onnx_NodeProto) throws {
    // A branch reads values around it, which may be missing where a node before could not be run.
    guard unsupported.isEmpty else { return }
    guard let condition = message.input.first.flatMap({ constants[$0] })?.integers?.first else {
      throw Unsupported("its condition is computed, not constant")
    }
    let name = condition != 0 ? "then_branch" : "else_branch"
    guard let branch = message.attribute.first(where: { $0.name == name && $0.hasG })?.g,
      branch.output.count == message.output.count
    else { throw Unsupported("it has no \(name) of its \(message.output.count) outputs") }
    for initializer in branch.initializer { try keep(initializer, folders: []) }
    for node in try ordered(branch.node, within: true) { try take(node, isBranch: true) }
    for (inner, outer) in zip(branch.output.map(\.name), message.output) {
      if let constant = constants[inner] {
        constants[outer] = constant
      } else if shapes[inner] != nil {
        try add(message.name, .identity, [inner], [outer])
      } else if unsupported.isEmpty {
        throw NetworkError.missingValue(name: inner, node: "node " + Self.title(message))
      }
    }
  }
}

extension Onnx_NodeProto {
  /// Every name that the node's branches read.
  var readInBranches: [String] {
    attribute.filter(\.hasG).flatMap { attribute in
      attribute.g.node.flatMap { $0.input + $0.readInBranches } + attribute.g.output.map(\.name)
    }
  }
}
