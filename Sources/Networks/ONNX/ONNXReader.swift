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
  /// - Parameters:
  ///   - path: The file.
  ///   - size: Rows and columns that an input takes where the file leaves them open; nil leaves them open.
  /// - Throws: ``ONNXError``, naming the file and every node that cannot be run.
  public init(onnx path: String, size: (rows: Int, columns: Int)? = nil) throws(ONNXError) {
    let kind = FileKind(path)
    guard [nil, .file, .deadLink].contains(kind) else {
      let isSaved = FileSystem.exists(path + "/saved_model.pb")
      throw .malformed(
        file: path,
        reason: isSaved
          ? "it is a TensorFlow SavedModel, not an ONNX model; `python -m tf2onnx.convert --saved-model \(path) "
            + "--output model.onnx` writes one"
          : kind?.isFolder == true ? "it is a folder" : "it is no file of bytes")
    }
    guard let source = try? ByteSource(file: path) else {
      throw .malformed(file: path, reason: "there is no such file, or it cannot be read")
    }
    // Caches keep models behind links, their weights beside the link, beside what it leads to, or both.
    let folders = [path, FileSystem.resolved(path) ?? path].map { FileSystem.folder(of: $0) }
    try self.init(
      source, file: path, folders: folders[0] == folders[1] ? [folders[0]] : folders, size: size)
  }

  /// Reads the bytes of an ONNX file.
  ///
  /// - Parameters:
  ///   - bytes: The file's bytes.
  ///   - file: What errors call it.
  ///   - folder: Where external data lies; nil refuses it.
  ///   - size: Rows and columns that an input takes where the file leaves them open; nil leaves them open.
  /// - Throws: ``ONNXError``.
  package init(
    onnxBytes bytes: Data, file: String, folder: String?, size: (rows: Int, columns: Int)? = nil
  ) throws(ONNXError) {
    try self.init(ByteSource(bytes), file: file, folders: folder.map { [$0] } ?? [], size: size)
  }

  private init(
    _ source: ByteSource, file: String, folders: [String], size: (rows: Int, columns: Int)?
  ) throws(ONNXError) {
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
    let found: ONNXError
    do {
      self = try reader.network(folders: folders, size: size)
      return
    } catch let error as ONNXError {
      found = error
    } catch let error as NetworkError {
      found = .network(file: file, error)
    } catch {
      found = .malformed(file: file, reason: "\(error)")
    }
    throw reader.told(found)
  }
}

/// Turns an ONNX graph into a ``Network``, folding what is constant on the way.
struct ONNXReader {
  var model: Onnx_ModelProto
  let file: String
  /// The version of the default operator set.
  let version: Int
  var constants: [String: ONNXConstant] = [:]
  /// Shapes of computed values, in this package's order, with the batch that the file declares.
  var shapes: [String: Shape] = [:]
  var nodes: [Network.Node] = []
  /// Nodes that cannot be run, with the reason.
  var unsupported: [ONNXError.Refusal] = []
  /// What is left aside or taken otherwise than the file says, in sentences.
  var notes: [String] = []
  /// How many nodes have yet to read a value, as far as they only make constants of it.
  var uses: [String: Int] = [:]
  /// Constants that were let go of.
  var released = Set<String>()
  /// Whether it knows already what no number or size of pictures decides.
  var isAgain = false
  /// Elements of all constants worked out and held.
  var folded = 0
  /// Every value that a node reads or the graph gives.
  var read = Set<String>()
  /// For each of the graph's initialisers, its raw bytes.
  private let raw: [(source: ByteSource, range: Range<Int>)?]
  /// Inputs declared as whole numbers.
  var wholeInputs = Set<String>()
  /// Values that an output of the graph needs.
  var needed = Set<String>()
  /// How often each name was given to a node.
  private var names: [String: Int] = [:]
  /// Paths of the modules of the node that is being read.
  var modules: [String] = []
  /// Rows and columns that stand for those that an input leaves open; nil where none does.
  var assumedSize: (rows: Int, columns: Int)?
  /// Whether a node makes one value of several images, so that each must be given alone.
  var mixesImages = false

  /// Why one node cannot be run.
  struct Unsupported: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }

    static let trainingMode = Unsupported(
      "it is in training mode; in PyTorch, call model.eval() before the export")
  }

  init(_ model: Onnx_ModelProto, file: String, raw: [(source: ByteSource, range: Range<Int>)?]) {
    var model = model
    model.graph = model.graph.withNamesApart
    self.model = model
    self.file = file
    self.raw = raw
    version =
      model.opsetImport.filter { $0.domain.isEmpty || $0.domain == "ai.onnx" }.map {
        Int(clamping: $0.version)
      }.max() ?? 1
  }

  mutating func network(folders: [String], size given: (rows: Int, columns: Int)?) throws -> Network {
    guard version >= 7 else {
      throw ONNXError.malformed(
        file: file,
        reason: "it uses operator set \(version); sets 7 and later are read. Convert it to a newer one")
    }
    let external = Set(
      model.graph.initializer.filter { $0.dataLocation == 1 }.compactMap { tensor in
        tensor.externalData.first { $0.key == "location" }?.value
      })
    try inlineFunctions()
    findNeeded()
    try keepInitializers(folders: folders)
    let graph = model.graph
    let (preprocessing, classes, metadata) = try metadata()
    var inputs = try inputs(of: graph)
    if let given { try close(&inputs, to: given) }
    let size = given ?? preprocessing?.size ?? (224, 224)
    if inputs.contains(where: { $0.extents.dropFirst(2).contains(nil) }) { assumedSize = size }
    let order = try ordered(graph.node, after: inputs.map(\.name))
    var beginning = self
    beginning.constants = [:]
    try takeNodes(order, inputs, images: 1, openRows: size.rows, openColumns: size.columns)
    let outputs = try computedOutputs()
    for output in graph.output where !output.type.tensorType.shape.dim.isEmpty { compare(output) }
    if inputs.contains(where: { $0.extents.contains(nil) }) {
      beginning.isAgain = true
      beginning.constants = constants.filter { !$0.value.isSized }
      beginning.released = released
      open(&inputs, order, beginning, openRows: size.rows, openColumns: size.columns)
    }
    // Nothing else holds the weights now, so that they are permuted where they stand.
    beginning.constants = [:]
    constants = [:]
    try flatten(outputs: outputs)
    let rewritten = MapOrder.rewritten(
      nodes, ranks: shapes.mapValues(\.rank), outputs: outputs,
      inputs: inputs.filter(\.isChannelsLast).reduce(into: [:]) { $0[$1.name] = [0, 2, 3, 1] })
    if let rewritten { nodes = rewritten.nodes }
    var network = try Network(
      name: graph.name, inputs: inputs, nodes: nodes, outputs: outputs, preprocessing: preprocessing,
      classes: classes, metadata: metadata)
    network.producer = model.producerName.isEmpty ? graph.name : model.producerName
    network.externalFiles = external.sorted().map { ONNXConstant.found($0, folders) }
    network.fileOrders = rewritten?.orders ?? [:]
    let first = inputs[0]
    if preprocessing == nil, wholeInputs.contains(first.name), first.extents.count == 4 {
      network.preprocessing = network.usual(for: first).ofWholeNumbers
    }
    if let given, var prepared = preprocessing, let said = prepared.size, said != given,
      first.extents.count == 4
    {
      let usual = network.usual(for: first)
      (prepared.resize, prepared.crop) = (usual.resize, usual.crop)
      network.preprocessing = prepared
      notes.append(
        "The file's preprocessing makes images of \(said.rows) x \(said.columns) pixels; they are made \(given.rows) x "
          + "\(given.columns), the size given.")
    }
    network.notes = notes
    network.mixesImages = mixesImages
    return network
  }

  /// Takes up the graph's weights, each in the order in which the layer that reads it has its axes, and lets go of
  /// the message's own.
  private mutating func keepInitializers(folders: [String]) throws {
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
        initializers[index], raw: raw.indices.contains(index) ? raw[index] : nil, folders: folders,
        turned: axes[name])
      initializers[index] = Onnx_TensorProto()
    }
  }

  /// Takes up weights of the file.
  mutating func keep(
    _ initializer: Onnx_TensorProto, raw: (source: ByteSource, range: Range<Int>)? = nil, folders: [String],
    turned axes: [Int]? = nil
  ) throws {
    do {
      let constant = try ONNXConstant(initializer, raw: raw, folders: folders, turned: axes)
      guard constant.isFinite else { throw notFinite(initializer.name) }
      guard constants.updateValue(constant, forKey: initializer.name) == nil || isAgain else {
        throw NetworkError.duplicateValue(name: initializer.name)
      }
    } catch let error as ONNXConstant.Malformed {
      throw ONNXError.malformed(file: file, reason: error.reason)
    }
  }

  /// Takes every node, with these extents where an input leaves its rows and columns open.
  mutating func takeNodes(
    _ order: [Onnx_NodeProto], _ inputs: [Network.Input], images: Int, openRows: Int, openColumns: Int
  ) throws {
    for var input in inputs {
      input.extents = input.extents.enumerated().map { axis, extent in
        extent ?? [images, 3, openRows, openColumns][min(axis, 3)]
      }
      let shape = Shape(input.extentsInFile.compactMap(\.self))
      guard shape.isHoldable else {
        throw ONNXError.malformed(
          file: file, reason: "input '\(input.name)' of \(shape) is more than fits in memory")
      }
      shapes[input.name] = shape.fromONNXOrder
    }
    for node in order { try take(node) }
    recognizeContrast()
    recognizeShuffles()
  }

  func notFinite(_ name: String) -> ONNXError {
    .malformed(file: file, reason: "the weights '\(name)' are not all finite numbers (NaN or infinity)")
  }

  /// The nodes in an order in which each comes after what it reads: the graph's after its inputs, a branch's after
  /// whatever was read before.
  func ordered(_ nodes: [Onnx_NodeProto], after inputs: [String] = [], within: Bool = false) throws
    -> [Onnx_NodeProto]
  {
    let inputs = Set(inputs)
    let made = Set(nodes.flatMap(\.output))
    func isGiven(_ name: String) -> Bool {
      inputs.contains(name) || constants[name] != nil || (within && shapes[name] != nil)
    }
    for output in nodes.lazy.flatMap(\.output) where isGiven(output) && !isAgain {
      throw NetworkError.duplicateValue(name: output)
    }
    let plain = nodes.enumerated().map { index, node in
      Network.Node(
        name: "\(index)", operation: .identity,
        inputs: node.input.filter { !$0.isEmpty && !isGiven($0) } + node.readInBranches.filter(made.contains),
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
  mutating func take(_ message: Onnx_NodeProto, isBranch: Bool = false) throws {
    let isKnown = message.output.allSatisfy { $0.isEmpty || constants[$0] != nil || released.contains($0) }
    if isAgain && isKnown { return }
    do {
      guard message.domain.isEmpty || message.domain == "ai.onnx" else {
        throw Unsupported("operators of the domain '\(message.domain)' are not supported")
      }
      guard Self.operators.contains(message.opType) || ONNXEvaluation.rules[message.opType] != nil else {
        throw Unsupported(Self.unknownOperator)
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
      // What no output needs may be what it likes.
      guard message.output.contains(where: needed.contains) || isBranch else { return }
      unsupported.append(
        ONNXError.Refusal(node: Self.title(message), operation: message.opType, reason: error.reason))
    }
  }

  /// Adds a node, its shapes worked out; `name` is made unique, and unlike the values of other nodes.
  mutating func add(_ name: String, _ operation: Operation, _ inputs: [String], _ outputs: [String]) throws {
    let base = name.isEmpty ? outputs[0] : name
    var unique = base
    while let count = names[unique] ?? (read.contains(unique) && !outputs.contains(unique) ? 1 : nil) {
      names[base, default: count] += 1
      unique = "\(base)_\(names[base, default: count])"
    }
    names[unique] = 1
    let made = try operation.heldShapes(inputs.compactMap { shapes[$0] }, node: unique)
    for (output, shape) in zip(outputs, made) { shapes[output] = shape }
    nodes.append(
      .init(name: unique, operation: operation, inputs: inputs, outputs: outputs, modules: modules))
  }
}
