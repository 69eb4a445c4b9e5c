package import Foundation
internal import Files
internal import Images
internal import Kernels
internal import ONNXMessages
internal import SwiftProtobuf
internal import Tensors

extension Network {
  /// Reads an ONNX file: operator sets 7 and later, float32, float16 or double weights.
  ///
  /// - Throws: ``ONNXError``, naming the file and every node that cannot be run.
  public init(onnx path: String) throws(ONNXError) {
    let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let type = try? FileManager.default.attributesOfItem(atPath: target)[.type] as? FileAttributeType
    guard type == nil || type == .typeRegular else {
      let isSaved = FileManager.default.fileExists(atPath: target + "/saved_model.pb")
      throw .malformed(
        file: path,
        reason: isSaved
          ? "it is a TensorFlow SavedModel, not an ONNX model; `python -m tf2onnx.convert --saved-model \(path) "
            + "--output model.onnx` writes one"
          : type == .typeDirectory ? "it is a folder" : "it is no file of bytes")
    }
    guard let source = try? ByteSource(file: path) else {
      throw .malformed(file: path, reason: "there is no such file, or it cannot be read")
    }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    try self.init(source, file: path, folder: folder)
  }

  /// Reads the bytes of an ONNX file.
  ///
  /// - Parameters:
  ///   - bytes: The file's bytes.
  ///   - file: What errors call it.
  ///   - folder: Where external data lies; nil refuses it.
  /// - Throws: ``ONNXError``.
  package init(onnxBytes bytes: Data, file: String, folder: String?) throws(ONNXError) {
    try self.init(ByteSource(bytes), file: file, folder: folder)
  }

  private init(_ source: ByteSource, file: String, folder: String?) throws(ONNXError) {
    var reader: ONNXReader
    do {
      var options = BinaryDecodingOptions()
      options.messageDepthLimit = 32
      let outline = try ONNXOutline(source)
      let model = try Onnx_ModelProto(serializedBytes: outline.message, options: options)
      reader = ONNXReader(model, file: file, raw: outline.raw.map { range in range.map { (source, $0) } })
    } catch {
      throw .malformed(
        file: file,
        reason: ForeignFile(source, named: file)?.reason
          ?? "it is no ONNX file, or is cut short (\(source.count) bytes are not a whole model)")
    }
    guard reader.model.hasGraph, !reader.model.graph.node.isEmpty else {
      throw .malformed(
        file: file,
        reason: ForeignFile(source, named: file)?.reason
          ?? "it holds no graph with nodes, so it is no ONNX model that can be run")
    }
    do {
      self = try reader.network(folder: folder)
    } catch let error as ONNXError {
      throw error
    } catch let error as NetworkError {
      throw .network(file: file, error)
    } catch {
      throw .malformed(file: file, reason: "\(error)")
    }
  }
}

/// Turns an ONNX graph into a ``Network``, folding what is constant on the way.
struct ONNXReader {
  private(set) var model: Onnx_ModelProto
  let file: String
  /// The version of the default operator set.
  let version: Int
  var constants: [String: ONNXConstant] = [:]
  /// Shapes of computed values, in this package's order, with the batch that the file declares.
  var shapes: [String: Shape] = [:]
  var nodes: [Network.Node] = []
  /// Nodes that cannot be run, with the reason.
  var unsupported: [String] = []
  /// The number of images that the file fixes; nil where it leaves it open.
  var fixedBatch: Int?
  /// Elements of all constants worked out so far.
  var folded = 0
  /// Every value that a node reads or the graph gives.
  let read: Set<String>
  /// For each of the graph's initialisers, its raw bytes.
  private let raw: [(source: ByteSource, range: Range<Int>)?]
  private var names = Set<String>()
  /// Paths of the modules of the node that is being read.
  private var modules: [String] = []

  /// Why one node cannot be run.
  struct Unsupported: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
  }

  init(_ model: Onnx_ModelProto, file: String, raw: [(source: ByteSource, range: Range<Int>)?]) {
    var model = model
    model.graph = model.graph.withNamesApart
    self.model = model
    self.file = file
    self.raw = raw
    read = Set(
      model.graph.node.flatMap { $0.input + $0.readInBranches } + model.graph.output.map(\.name))
    version =
      model.opsetImport.filter { $0.domain.isEmpty || $0.domain == "ai.onnx" }.map {
        Int(clamping: $0.version)
      }.max() ?? 1
  }

  mutating func network(folder: String?) throws -> Network {
    guard version >= 7 else {
      throw ONNXError.malformed(
        file: file,
        reason: "it uses operator set \(version); sets 7 and later are read. Convert it to a newer one")
    }
    let external = model.graph.initializer.filter { $0.dataLocation == 1 }.compactMap { tensor in
      tensor.externalData.first { $0.key == "location" }?.value
    }
    try keepInitializers(folder: folder)
    let graph = model.graph
    let (preprocessing, classes, metadata) = try metadata()
    var inputs: [Network.Input] = []
    for input in graph.input where constants[input.name] == nil {
      guard !input.name.isEmpty, !inputs.contains(where: { $0.name == input.name }) else {
        throw NetworkError.duplicateValue(name: input.name)
      }
      inputs.append(.init(name: input.name, extents: try extents(of: input)))
    }
    var beginning: ONNXReader? = self
    guard let first = inputs.first else {
      throw ONNXError.malformed(file: file, reason: "its graph has no input")
    }
    fixedBatch = first.extents.first ?? nil
    let size = preprocessing?.size ?? (224, 224)
    try takeNodes(inputs, openRows: size.rows, openColumns: size.columns)
    guard unsupported.isEmpty else { throw ONNXError.unsupported(file: file, nodes: unsupported) }
    let outputs = graph.output.map(\.name)
    for output in outputs where constants[output] != nil && shapes[output] == nil {
      throw ONNXError.malformed(file: file, reason: "its output '\(output)' does not depend on its input")
    }
    guard !outputs.isEmpty else { throw ONNXError.malformed(file: file, reason: "its graph has no output") }
    for output in graph.output where !output.type.tensorType.shape.dim.isEmpty {
      try check(output)
    }
    if inputs.contains(where: { $0.extents.dropFirst(2).contains(nil) }), var other = beginning {
      // What the size of a picture decides shows where the same file is read for another size.
      other.fixedBatch = fixedBatch
      try? other.takeNodes(inputs, openRows: size.rows + 32, openColumns: size.columns + 64)
      if let open = agreed(with: other) {
        nodes = open
      } else {
        for index in inputs.indices {
          let extents = shapes[inputs[index].name]?.inONNXOrder.dimensions ?? []
          for axis in extents.indices.dropFirst(2) { inputs[index].extents[axis] = extents[axis] }
        }
      }
    }
    // Nothing else holds the weights now, so that they are permuted where they stand.
    beginning = nil
    constants = [:]
    try flatten(outputs: outputs)
    if let rewritten = MapOrder.rewritten(nodes, ranks: shapes.mapValues(\.rank), outputs: outputs) {
      nodes = rewritten
    }
    var network = try Network(
      name: graph.name, inputs: inputs, nodes: nodes, outputs: outputs, preprocessing: preprocessing,
      classes: classes, metadata: metadata)
    network.externalFiles = Set(external).sorted().map { (folder ?? "") + "/" + $0 }
    return network
  }

  /// Takes up the graph's weights, each in the order in which the layer that reads it has its axes, and lets go of
  /// the message's own.
  private mutating func keepInitializers(folder: String?) throws {
    var axes: [String: [Int]] = [:]
    for node in model.graph.node where node.input.count > 1 {
      switch node.opType {
      // Outputs x inputs x rows x columns to outputs x rows x columns x inputs.
      case "Conv": axes[node.input[1]] = [0, 2, 3, 1]
      case "MatMul": axes[node.input[1]] = [1, 0]
      case "Gemm" where !node.attribute.contains { $0.name == "transB" && $0.i != 0 }:
        axes[node.input[1]] = [1, 0]
      default: break
      }
    }
    var initializers = model.graph.initializer
    model.graph.initializer = []
    for index in initializers.indices {
      let name = initializers[index].name
      try keep(
        initializers[index], raw: raw.indices.contains(index) ? raw[index] : nil, folder: folder,
        turned: axes[name])
      initializers[index] = Onnx_TensorProto()
    }
  }

  /// Takes up weights of the file.
  mutating func keep(
    _ initializer: Onnx_TensorProto, raw: (source: ByteSource, range: Range<Int>)? = nil, folder: String?,
    turned axes: [Int]? = nil
  ) throws {
    do {
      let constant = try ONNXConstant(initializer, raw: raw, folder: folder, turned: axes)
      guard constant.isFinite else { throw notFinite(initializer.name) }
      guard constants.updateValue(constant, forKey: initializer.name) == nil else {
        throw NetworkError.duplicateValue(name: initializer.name)
      }
    } catch let error as ONNXConstant.Malformed {
      throw ONNXError.malformed(file: file, reason: error.reason)
    }
  }

  /// Takes every node, with these extents where an input leaves its rows and columns open.
  private mutating func takeNodes(_ inputs: [Network.Input], openRows: Int, openColumns: Int) throws {
    for input in inputs {
      let filled = input.extents.enumerated().map { axis, extent in
        extent ?? [1, 3, openRows, openColumns][min(axis, 3)]
      }
      let shape = Shape(filled)
      guard shape.isHoldable else {
        throw ONNXError.malformed(
          file: file, reason: "input '\(input.name)' of \(shape) is more than fits in memory")
      }
      shapes[input.name] = shape.fromONNXOrder
    }
    for node in try ordered(model.graph.node, after: inputs.map(\.name)) { try take(node) }
    recognizeContrast()
    recognizeShuffles()
  }

  func notFinite(_ name: String) -> ONNXError {
    .malformed(file: file, reason: "the weights '\(name)' are not all finite numbers (NaN or infinity)")
  }

  /// An output whose declared rank or channels contradict what the nodes make shows a file edited by hand.
  private func check(_ output: Onnx_ValueInfoProto) throws {
    guard let shape = shapes[output.name]?.inONNXOrder else { return }
    let declared = output.type.tensorType.shape.dim.map {
      $0.hasDimValue && $0.dimValue > 0 ? Int($0.dimValue) : nil
    }
    let fits =
      declared.count == shape.rank
      && zip(declared, shape.dimensions).enumerated().allSatisfy { axis, pair in
        axis != 1 || pair.0 == nil || pair.0 == pair.1
      }
    guard fits else {
      let extents = declared.map { $0.map(String.init) ?? "?" }.joined(separator: "x")
      throw ONNXError.malformed(
        file: file, reason: "output '\(output.name)' is declared as \(extents), but its nodes make \(shape)")
    }
  }

  private func extents(of input: Onnx_ValueInfoProto) throws -> [Int?] {
    let tensor = input.type.tensorType
    guard input.hasType, input.type.hasTensorType, tensor.hasShape else {
      throw ONNXError.malformed(file: file, reason: "input '\(input.name)' has no shape")
    }
    guard let type = ONNXElement(rawValue: tensor.elemType), type.format.isFloat else {
      throw ONNXError.malformed(
        file: file,
        reason: "input '\(input.name)' has elements of type \(tensor.elemType); only floats are read")
    }
    let dims = tensor.shape.dim
    guard dims.count <= 6 else {
      throw ONNXError.malformed(file: file, reason: "input '\(input.name)' has \(dims.count) axes")
    }
    return try dims.map { dim -> Int? in
      guard dim.hasDimValue, dim.dimValue != 0 else { return nil }
      guard (1..<1 << 20).contains(dim.dimValue) else {
        throw ONNXError.malformed(
          file: file, reason: "input '\(input.name)' has an extent of \(dim.dimValue)")
      }
      return Int(dim.dimValue)
    }
  }

  private func metadata() throws -> (Preprocessing?, [String]?, [String: String]) {
    var metadata = Dictionary(model.metadataProps.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    func decoded<Value: Decodable>(_ key: String, as type: Value.Type) throws -> Value? {
      guard let text = metadata.removeValue(forKey: key) else { return nil }
      do {
        return try JSONDecoder().decode(type, from: Data(text.utf8))
      } catch {
        throw ONNXError.malformed(
          file: file, reason: "its metadata '\(key)' \(Self.fault(in: error)): \(text.prefix(120))")
      }
    }
    let preprocessing = try decoded("switchback.preprocessing", as: Preprocessing.self)
    let classes = try decoded("switchback.classes", as: [String].self)
    return (preprocessing, classes ?? metadata["names"].flatMap(Network.classNames), metadata)
  }

  /// What is wrong with JSON, with the key: `is not what it should be at 'mean', where a list is expected`.
  private static func fault(in error: any Error) -> String {
    func place(_ context: DecodingError.Context) -> String {
      let keys = context.codingPath.map { key in key.intValue.map { "\($0 + 1)" } ?? key.stringValue }
      return keys.isEmpty ? "" : " at '\(keys.joined(separator: "', '"))'"
    }
    let wrong = "is not what it should be"
    switch error as? DecodingError {
    case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
      let kinds = [
        "Float": "a number", "Int": "a number", "String": "a text", "Array<Any>": "a list",
        "Dictionary<String, Any>": "keys with values",
      ]
      return "\(wrong)\(place(context)), where \(kinds["\(type)"] ?? "\(type)") is expected"
    case .keyNotFound(let key, let context):
      return "\(wrong): '\(key.stringValue)' is missing\(place(context))"
    case .dataCorrupted(let context): return "\(wrong)\(place(context)): \(context.debugDescription)"
    default: return wrong
    }
  }

  /// The nodes in an order in which each comes after what it reads.
  func ordered(_ nodes: [Onnx_NodeProto], after inputs: [String]) throws -> [Onnx_NodeProto] {
    let given = Set(inputs + constants.keys)
    let made = Set(nodes.flatMap(\.output))
    for output in nodes.lazy.flatMap(\.output) where given.contains(output) {
      throw NetworkError.duplicateValue(name: output)
    }
    let plain = nodes.enumerated().map { index, node in
      Network.Node(
        name: "\(index)", operation: .identity,
        inputs: node.input.filter { !$0.isEmpty && !given.contains($0) }
          + node.readInBranches.filter(made.contains),
        outputs: node.output.filter { !$0.isEmpty })
    }
    func title(_ index: String) -> String { Int(index).map { Self.title(nodes[$0]) } ?? index }
    do {
      let skeleton = try Network(name: "", inputs: [], nodes: plain, outputs: [])
      return skeleton.nodes.compactMap { Int($0.name).map { nodes[$0] } }
    } catch {
      switch error {
      case .cycle(let found): throw NetworkError.cycle(nodes: found.map(title))
      case .missingValue(let value, let node):
        throw NetworkError.missingValue(name: value, node: "node " + title(node))
      default: throw error
      }
    }
  }

  static func title(_ node: Onnx_NodeProto) -> String {
    node.name.isEmpty ? "\(node.opType) making '\(node.output.first ?? "")'" : "\(node.name) (\(node.opType))"
  }

  /// Reads one node, or notes why it cannot be run; shapes of what it would make are then unknown, and nodes that
  /// need them are passed over, so that one error names every culprit and no victim.
  mutating func take(_ message: Onnx_NodeProto) throws {
    do {
      guard message.domain.isEmpty || message.domain == "ai.onnx" else {
        throw Unsupported("operators of the domain '\(message.domain)' are not supported")
      }
      guard Self.operators.contains(message.opType) else {
        throw Unsupported("this operator is not supported")
      }
      // Behind a node that cannot be run, no more than the operator can be judged.
      let read = message.input.filter { !$0.isEmpty }
      guard read.allSatisfy({ constants[$0] != nil || shapes[$0] != nil }) else { return }
      guard message.output.first?.isEmpty == false else { throw Unsupported("it makes nothing") }
      if message.opType == "If" { return try choose(message) }
      modules = message.modules { constants[$0] != nil && shapes[$0] == nil }
      let node = ONNXNode(message, version: version)
      if try fold(node) { return }
      try map(node)
    } catch let error as Unsupported {
      unsupported.append("\(Self.title(message)): \(error.reason)")
    }
  }

  /// Adds a node, its shapes worked out; `name` is made unique, and unlike the values of other nodes.
  mutating func add(_ name: String, _ operation: Operation, _ inputs: [String], _ outputs: [String]) throws {
    var unique = name.isEmpty ? outputs[0] : name
    var suffix = 2
    while read.contains(unique) && !outputs.contains(unique) || !names.insert(unique).inserted {
      unique = "\(name.isEmpty ? outputs[0] : name)_\(suffix)"
      suffix += 1
    }
    let made = try operation.heldShapes(inputs.compactMap { shapes[$0] }, node: unique)
    for (output, shape) in zip(outputs, made) { shapes[output] = shape }
    nodes.append(
      .init(name: unique, operation: operation, inputs: inputs, outputs: outputs, modules: modules))
  }
}
