internal import ONNXMessages
internal import Tensors

/// What a graph is given: extents, elements, and the order of a picture's axes.
extension ONNXReader {
  /// The inputs that are computed with; those of one only may be pictures with their channels last.
  ///
  /// One that nothing reads is left aside, unless none is read.
  mutating func inputs(of graph: Onnx_GraphProto) throws -> [Network.Input] {
    var inputs: [Network.Input] = []
    for input in graph.input where constants[input.name] == nil {
      guard !input.name.isEmpty, !inputs.contains(where: { $0.name == input.name }) else {
        throw NetworkError.duplicateValue(name: input.name)
      }
      inputs.append(.init(name: input.name, extents: try extents(of: input)))
    }
    let unused = inputs.filter { !read.contains($0.name) }
    if unused.count < inputs.count {
      inputs.removeAll { !read.contains($0.name) }
      notes += unused.map { "The input '\($0.name)' is left aside: nothing reads it." }
    }
    guard let first = inputs.first else {
      throw ONNXError.malformed(file: file, reason: "its graph has no input")
    }
    guard inputs.count == 1, first.extents.count == 4,
      !graph.output.contains(where: { $0.name == first.name }),
      hasChannelsLast(first, graph)
    else { return inputs }
    inputs[0] = .init(
      name: first.name, extents: [0, 3, 1, 2].map { first.extents[$0] }, isChannelsLast: true)
    return inputs
  }

  /// Whether an input is images x rows x columns x channels: the file's first transpositions say so, else its extents.
  private mutating func hasChannelsLast(_ input: Network.Input, _ graph: Onnx_GraphProto) -> Bool {
    let counts: Set = [1, 3, 4]
    let (second, last) = (input.extents[1], input.extents[3])
    guard last.map(counts.contains) ?? true || second.map(counts.contains) != true else { return false }
    switch firstTransposition(of: input.name, graph) {
    case .toChannelsFirst: return true
    case .other: return false
    case .none:
      guard last.map(counts.contains) == true,
        input.extents[1...2].allSatisfy({ $0.map { $0 >= 12 } ?? true })
      else { return false }
      let extents = input.extents.dropFirst().map { $0.map(String.init) ?? "any" }.joined(separator: " x ")
      notes.append(
        "The input '\(input.name)' is taken for rows x columns x channels by its extents, \(extents) of each image; "
          + "nothing else in the file says which axis holds the channels.")
      return true
    }
  }

  private enum Turn { case toChannelsFirst, other, none }

  /// What becomes of an input's axes before anything but functions of each element and of positions reads them.
  private func firstTransposition(of input: String, _ graph: Onnx_GraphProto) -> Turn {
    var readers: [String: [Int]] = [:]
    for (index, node) in graph.node.enumerated() {
      for name in Set(node.input + node.readInBranches) { readers[name, default: []].append(index) }
    }
    var found = Set<Turn>()
    var waiting = [input]
    var seen = Set(waiting)
    while let value = waiting.popLast() {
      for node in readers[value, default: []].map({ graph.node[$0] }) {
        switch node.opType {
        case "Shape", "Size": break
        case "Transpose":
          let axes = node.attribute.first { $0.name == "perm" }?.ints
          found.insert(axes == [0, 3, 1, 2] ? .toChannelsFirst : .other)
        case "Cast", "Identity", "Dropout", "Add", "Sub", "Mul", "Div", "Neg", "Clip", "Pad", "Slice":
          waiting += node.output.filter { seen.insert($0).inserted }
        // Operators that have their channels in the second axis.
        case "Conv", "ConvTranspose", "BatchNormalization", "InstanceNormalization", "GroupNormalization",
          "LRN",
          "MaxPool", "AveragePool", "LpPool", "GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool", "Resize",
          "Upsample", "SpaceToDepth", "DepthToSpace":
          found.insert(.other)
        default: found.insert(.none)
        }
      }
    }
    if found == [.toChannelsFirst] { return .toChannelsFirst }
    return found.contains(.other) || found.contains(.toChannelsFirst) ? .other : .none
  }

  /// Gives open rows and columns a size.
  func close(_ inputs: inout [Network.Input], to size: (rows: Int, columns: Int)) throws {
    let maps = inputs.indices.filter { inputs[$0].extents.count == 4 }
    guard !maps.isEmpty else {
      throw ONNXError.malformed(
        file: file, reason: "no input of it has rows and columns that a size could be given")
    }
    for index in maps {
      let extents = inputs[index].extents
      guard extents[2] ?? size.rows == size.rows, extents[3] ?? size.columns == size.columns else {
        let taken = extents[2...].map { $0.map(String.init) ?? "any" }.joined(separator: " x ")
        throw ONNXError.malformed(
          file: file,
          reason:
            "its input '\(inputs[index].name)' is of \(taken) pixels, and cannot be read for \(size.rows) x "
            + "\(size.columns)")
      }
      inputs[index].extents = extents[..<2] + [size.rows, size.columns]
    }
  }

  /// An error with the size that it was met at, where that may be why.
  func told(_ error: ONNXError) -> ONNXError {
    guard let assumedSize else { return error }
    let dependsOnSize =
      switch error {
      case .unsupported(_, let nodes): nodes.contains { $0.reason != Self.unknownOperator }
      case .network(_, .shape): true
      case .network, .malformed, .unwritable, .atSize: false
      }
    return dependsOnSize ? .atSize(rows: assumedSize.rows, columns: assumedSize.columns, error) : error
  }

  static let unknownOperator = "this operator is not supported"

  mutating func extents(of input: Onnx_ValueInfoProto) throws -> [Int?] {
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
}
