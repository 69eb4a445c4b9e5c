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
    try self.init(source, file: path, folders: folders[0] == folders[1] ? [folders[0]] : folders)
  }

  /// Reads the bytes of an ONNX file.
  ///
  /// - Parameters:
  ///   - bytes: The file's bytes.
  ///   - file: What errors call it.
  ///   - folder: Where external data lies; nil refuses it.
  /// - Throws: ``ONNXError``.
  package init(onnxBytes bytes: Data, file: String, folder: String?) throws(ONNXError) {
    try self.init(ByteSource(bytes), file: file, folders: folder.map { [$0] } ?? [])
  }

  private init(_ source: ByteSource, file: String, folders: [String]) throws(ONNXError) {
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
      self = try reader.network(folders: folders)
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
  /// The number of images that the file fixes; nil where it leaves it open.
  var fixedBatch: Int?
  /// How many nodes have yet to read a value, as far as they only make constants of it.
  var uses: [String: Int] = [:]
  /// Constants that were let go of.
  var released = Set<String>()
  /// Whether it knows already what no number or size of pictures decides.
  private(set) var isAgain = false
  /// Elements of all constants worked out and held.
  var folded = 0
  /// Every value that a node reads or the graph gives.
  private(set) var read = Set<String>()
  /// For each of the graph's initialisers, its raw bytes.
  private let raw: [(source: ByteSource, range: Range<Int>)?]
  /// Inputs declared as whole numbers.
  private var wholeInputs = Set<String>()
  /// Values that an output of the graph needs.
  private var needed = Set<String>()
  /// How often each name was given to a node.
  private var names: [String: Int] = [:]
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
    version =
      model.opsetImport.filter { $0.domain.isEmpty || $0.domain == "ai.onnx" }.map {
        Int(clamping: $0.version)
      }.max() ?? 1
  }

  mutating func network(folders: [String]) throws -> Network {
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
    var inputs: [Network.Input] = []
    for input in graph.input where constants[input.name] == nil {
      guard !input.name.isEmpty, !inputs.contains(where: { $0.name == input.name }) else {
        throw NetworkError.duplicateValue(name: input.name)
      }
      inputs.append(.init(name: input.name, extents: try extents(of: input)))
    }
    guard let first = inputs.first else {
      throw ONNXError.malformed(file: file, reason: "its graph has no input")
    }
    let order = try ordered(graph.node, after: inputs.map(\.name))
    var beginning = self
    let size = preprocessing?.size ?? (224, 224)
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
    let rewritten = MapOrder.rewritten(nodes, ranks: shapes.mapValues(\.rank), outputs: outputs)
    if let rewritten { nodes = rewritten.nodes }
    var network = try Network(
      name: graph.name, inputs: inputs, nodes: nodes, outputs: outputs, preprocessing: preprocessing,
      classes: classes, metadata: metadata)
    network.externalFiles = external.sorted().map { ONNXConstant.found($0, folders) }
    network.notes = notes
    network.fileOrders = rewritten?.orders ?? [:]
    if preprocessing == nil, wholeInputs.contains(first.name), first.extents.count == 4 {
      network.preprocessing = network.usual(for: inputs[0]).ofWholeNumbers
    }
    return network
  }

  /// Reads the same nodes for other numbers and sizes of pictures, and leaves open what then still fits; the other
  /// open extents become those of the first reading.
  private mutating func open(
    _ inputs: inout [Network.Input], _ order: [Onnx_NodeProto], _ other: ONNXReader, openRows: Int,
    openColumns: Int
  ) {
    let hasOpenBatch = inputs.contains { $0.extents.first == .some(nil) }
    let hasOpenSize = inputs.contains { $0.extents.dropFirst(2).contains(nil) }
    for (batch, size) in [(true, true), (true, false), (false, true)] {
      guard !batch || hasOpenBatch, !size || hasOpenSize, batch == hasOpenBatch || size == hasOpenSize else {
        continue
      }
      var reading = other
      try? reading.takeNodes(
        order, inputs, images: batch ? 2 : 1, openRows: openRows + (size ? 32 : 0),
        openColumns: openColumns + (size ? 64 : 0))
      guard let open = agreed(with: reading) else { continue }
      nodes = open
      return close(&inputs, batch: !batch, size: !size)
    }
    close(&inputs, batch: true, size: true)
  }

  private mutating func close(_ inputs: inout [Network.Input], batch: Bool, size: Bool) {
    for index in inputs.indices {
      let extents = shapes[inputs[index].name]?.inONNXOrder.dimensions ?? []
      for axis in extents.indices where axis == 0 ? batch : axis > 1 && size {
        guard inputs[index].extents[axis] == nil else { continue }
        inputs[index].extents[axis] = extents[axis]
        guard axis != 1, axis < 3, size || axis == 0 else { continue }
        notes.append(
          axis == 0
            ? "The input '\(inputs[index].name)' leaves the number of pictures open, but the nodes hold for one only."
            : "The input '\(inputs[index].name)' leaves its size open, but the nodes hold for \(extents[axis]) "
              + (axis + 1 < extents.count ? "rows and \(extents[axis + 1]) columns only." : "only."))
      }
    }
  }

  /// Notes which values the outputs need, and which any node reads.
  private mutating func findNeeded() {
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
    "ArgMax", "ArgMin", "ArrayFeatureExtractor", "Cast", "Equal", "Greater", "GreaterOrEqual", "Hardmax",
    "LabelEncoder", "Less", "LessOrEqual", "NonMaxSuppression", "NonZero", "Not", "OneHot", "TopK", "Unique",
    "ZipMap",
  ]

  /// The outputs that can be computed; the others are left aside where they only pick an answer.
  private mutating func computedOutputs() throws -> [String] {
    let outputs = model.graph.output.map(\.name)
    guard !outputs.isEmpty else { throw ONNXError.malformed(file: file, reason: "its graph has no output") }
    let computed = outputs.filter { shapes[$0] != nil }
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
  private mutating func takeNodes(
    _ order: [Onnx_NodeProto], _ inputs: [Network.Input], images: Int, openRows: Int, openColumns: Int
  ) throws {
    fixedBatch = inputs.first?.extents.first ?? nil
    for input in inputs {
      let filled = input.extents.enumerated().map { axis, extent in
        extent ?? [images, 3, openRows, openColumns][min(axis, 3)]
      }
      let shape = Shape(filled)
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

  /// Notes an output whose declared rank or channels are not what the nodes make.
  private mutating func compare(_ output: Onnx_ValueInfoProto) {
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

  private mutating func extents(of input: Onnx_ValueInfoProto) throws -> [Int?] {
    let tensor = input.type.tensorType
    guard input.hasType, input.type.hasTensorType, tensor.hasShape else {
      throw ONNXError.malformed(file: file, reason: "input '\(input.name)' has no shape")
    }
    let type = ONNXElement(rawValue: tensor.elemType)
    if type?.format.isFloat != true {
      // Pixels as whole numbers are floats to all that follows where nothing but a cast to floats reads them.
      let readers = model.graph.node.filter {
        $0.input.contains(input.name) || $0.readInBranches.contains(input.name)
      }
      guard let type, type != .bool, !readers.isEmpty, readers.allSatisfy(Self.isFloatCast) else {
        throw ONNXError.malformed(
          file: file,
          reason: "input '\(input.name)' has elements of type \(tensor.elemType); only floats are read, and "
            + "whole numbers that a Cast turns into floats")
      }
      wholeInputs.insert(input.name)
      notes.append(
        "The input '\(input.name)' takes whole numbers, \(type); it is given floats of the same range, 0 to 255."
      )
    }
    let dims = tensor.shape.dim
    guard dims.count <= 6 else {
      throw ONNXError.malformed(file: file, reason: "input '\(input.name)' has \(dims.count) axes")
    }
    return try dims.map { dim -> Int? in
      // Paddle's converter writes -1 where others name the extent.
      guard dim.hasDimValue, dim.dimValue != 0, dim.dimValue != -1 else { return nil }
      guard (1..<1 << 20).contains(dim.dimValue) else {
        throw ONNXError.malformed(
          file: file, reason: "input '\(input.name)' has an extent of \(dim.dimValue)")
      }
      return Int(dim.dimValue)
    }
  }

  private static func isFloatCast(_ node: Onnx_NodeProto) -> Bool {
    let to = node.attribute.first { $0.name == "to" }.flatMap { ONNXElement(rawValue: Int32(clamping: $0.i)) }
    return node.opType == "Cast" && to?.format.isFloat == true
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
