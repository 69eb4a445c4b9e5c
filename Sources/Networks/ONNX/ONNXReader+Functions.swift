internal import ONNXMessages

/// Functions that a model defines itself, put in the place of the nodes that call them.
extension ONNXReader {
  mutating func inlineFunctions() throws {
    guard !model.functions.isEmpty else { return }
    for function in model.functions {
      let versions = function.opsetImport.filter { $0.domain.isEmpty || $0.domain == "ai.onnx" }.map(
        \.version)
      guard versions.allSatisfy({ $0 == Int64(version) }) else {
        throw ONNXError.malformed(
          file: file,
          reason: "its function '\(function.name)' uses operator set \(versions), and the model \(version)")
      }
    }
    var inliner = ONNXInliner(model.functions, file: file)
    let nodes = model.graph.node
    model.graph.node = []
    model.graph.node = try inliner.expanded(nodes, depth: 0)
  }
}

/// Copies the bodies of functions, each call with names of its own.
private struct ONNXInliner {
  private struct Key: Hashable {
    let domain: String
    let name: String
    let overload: String
  }

  private let functions: [Key: Onnx_FunctionProto]
  private let file: String
  private var calls = 0
  private var nodes = 0

  init(_ functions: [Onnx_FunctionProto], file: String) {
    self.functions = Dictionary(
      functions.map { (Key(domain: $0.domain, name: $0.name, overload: $0.overload), $0) },
      uniquingKeysWith: { $1 })
    self.file = file
  }

  /// - Throws: ``ONNXError/malformed(file:reason:)`` where functions call themselves, or make too many nodes.
  mutating func expanded(_ given: [Onnx_NodeProto], depth: Int) throws -> [Onnx_NodeProto] {
    var result: [Onnx_NodeProto] = []
    for node in given {
      let key = Key(domain: node.domain, name: node.opType, overload: node.overload)
      guard let function = functions[key] else {
        var node = node
        for index in node.attribute.indices where node.attribute[index].hasG {
          node.attribute[index].g.node = try expanded(node.attribute[index].g.node, depth: depth)
        }
        result.append(node)
        continue
      }
      nodes += function.node.count
      guard depth < 32, nodes <= 1 << 20 else {
        throw ONNXError.malformed(
          file: file, reason: "its function '\(function.name)' calls itself without end")
      }
      result += try expanded(body(of: function, for: node), depth: depth + 1)
    }
    return result
  }

  private mutating func body(of function: Onnx_FunctionProto, for call: Onnx_NodeProto) -> [Onnx_NodeProto] {
    calls += 1
    let prefix = (call.name.isEmpty ? "\(call.opType)_\(calls)" : call.name) + "/"
    var names: [String: String] = [:]
    for (index, name) in function.input.enumerated() {
      names[name] = index < call.input.count ? call.input[index] : ""
    }
    for (index, name) in function.output.enumerated() where index < call.output.count {
      if !call.output[index].isEmpty { names[name] = call.output[index] }
    }
    let attributes = Dictionary(
      (function.attributeProto + call.attribute).map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    // Distinct also where two calls have one name.
    let values = "\(prefix)\(calls)/"
    return function.node.map { renamed($0, names, prefix: prefix, values: values, attributes) }
  }

  private func renamed(
    _ node: Onnx_NodeProto, _ names: [String: String], prefix: String, values: String,
    _ attributes: [String: Onnx_AttributeProto]
  ) -> Onnx_NodeProto {
    func value(_ name: String) -> String { name.isEmpty ? "" : names[name] ?? values + name }
    var node = node
    if !node.name.isEmpty { node.name = prefix + node.name }
    node.input = node.input.map(value)
    node.output = node.output.map(value)
    node.attribute = node.attribute.compactMap { attribute in
      var attribute = attribute
      if !attribute.refAttrName.isEmpty {
        guard var given = attributes[attribute.refAttrName] else { return nil }
        given.name = attribute.name
        return given
      }
      if attribute.hasG {
        attribute.g.node = attribute.g.node.map {
          renamed($0, names, prefix: prefix, values: values, attributes)
        }
        for index in attribute.g.initializer.indices {
          attribute.g.initializer[index].name = value(attribute.g.initializer[index].name)
        }
        for index in attribute.g.output.indices {
          attribute.g.output[index].name = value(attribute.g.output[index].name)
        }
      }
      return attribute
    }
    return node
  }
}
