internal import Files
package import Foundation
internal import Images
internal import Kernels
internal import ONNXMessages
internal import SwiftProtobuf
internal import Tensors

extension Network {
  /// Writes the network as an ONNX file that means the same; durably, whole or not at all.
  ///
  /// - Throws: ``ONNXError/unwritable(file:reason:)``, or ``ONNXError/network(file:_:)`` where shapes do not fit.
  public func writeONNX(to path: String) throws(ONNXError) {
    let bytes = try onnxBytes(file: path)
    do {
      try DurableFile.write(bytes, to: path)
    } catch {
      throw .unwritable(file: path, reason: error.reason)
    }
  }

  /// The bytes of an ONNX file: operator set 17, or 19 where a node needs its words; the input's open extents open.
  package func onnxBytes(file: String) throws(ONNXError) -> Data {
    var writer = ONNXWriter()
    do {
      let model = try writer.model(self)
      return try model.serializedBytes()
    } catch let error as NetworkError {
      throw .network(file: file, error)
    } catch {
      throw .unwritable(file: file, reason: "cannot be written: \(error).")
    }
  }
}

/// Turns a ``Network`` back into ONNX's messages.
struct ONNXWriter {
  private var graph = Onnx_GraphProto()
  private var shapes: [String: Shape] = [:]
  /// Whether a dilated average or a resizing needs words that operator sets before 19 do not have.
  private var isRecent = false
  /// Shapes for another number and, where it is open, another size of pictures: an extent that is the same is fixed.
  private var otherShapes: [String: Shape] = [:]
  /// Inputs that the file has channels-last, by the name of the value that has them channels-first.
  private var turned: [String: String] = [:]

  mutating func model(_ network: Network) throws -> Onnx_ModelProto {
    isRecent = network.nodes.contains { node in
      switch node.operation {
      case .averagePooling(let rule, _): rule.isDilated
      case .resampling(let rule): rule.isRecent
      default: false
      }
    }
    shapes = try network.shapes(
      inputs: try network.inputs.reduce(into: [:]) { shapes, input in
        shapes[input.name] =
          input == network.inputs.first
          ? try network.inputShape(images: input.extents.first.flatMap { $0 } ?? 1)
          : Shape(input.extents.map { $0 ?? 1 }).fromONNXOrder
      })
    otherShapes = (try? network.shapes(inputs: Self.others(network, shapes))) ?? [:]
    graph.name = network.name.isEmpty ? "network" : network.name
    for input in network.inputs {
      graph.input.append(value(input.name, input.extentsInFile))
      if input.isChannelsLast { turn(input.name, in: network) }
    }
    var products: [String: Shape] = [:]
    for node in network.nodes {
      let first = graph.node.count
      try add(node, &products)
      guard !node.modules.isEmpty else { continue }
      var entry = Onnx_StringStringEntryProto()
      entry.key = Onnx_NodeProto.modulesKey
      entry.value = String(decoding: try JSONEncoder().encode(node.modules), as: UTF8.self)
      for index in graph.node.indices.dropFirst(first) { graph.node[index].metadataProps = [entry] }
    }
    let given = network.inputs.first?.extents ?? []
    let isSizeOpen = given.dropFirst(2).contains(nil)
    for output in network.outputs {
      let extents = shapes[output]?.inONNXOrder.dimensions ?? []
      graph.output.append(
        value(
          output,
          extents.enumerated().map { axis, extent in
            axis == 0 && given.first == .some(nil) || axis > 1 && isSizeOpen ? nil : extent
          }))
    }
    var model = Onnx_ModelProto()
    model.irVersion = 8
    model.producerName = "switchback"
    var operators = Onnx_OperatorSetIdProto()
    operators.domain = ""
    operators.version = isRecent ? 19 : 17
    model.opsetImport = [operators]
    var metadata = network.metadata
    let encoder = JSONEncoder.inKeyOrder
    if let preprocessing = network.preprocessing {
      metadata["switchback.preprocessing"] = String(
        decoding: try encoder.encode(preprocessing), as: UTF8.self)
    }
    if let classes = network.classes {
      metadata["switchback.classes"] = String(decoding: try encoder.encode(classes), as: UTF8.self)
    }
    model.metadataProps = metadata.sorted { $0.key < $1.key }.map { key, value in
      var entry = Onnx_StringStringEntryProto()
      entry.key = key
      entry.value = value
      return entry
    }
    model.graph = graph
    return model
  }

  /// Shapes of the inputs with one image more, and more rows and columns where they are open.
  private static func others(_ network: Network, _ shapes: [String: Shape]) -> [String: Shape] {
    network.inputs.reduce(into: [:]) { others, input in
      let extents = shapes[input.name]?.inONNXOrder.dimensions ?? []
      others[input.name] =
        Shape(
          zip(extents, input.extents).enumerated().map { axis, pair in
            pair.1 == nil ? pair.0 + [1, 0, 32, 64][min(axis, 3)] : pair.0
          }
        ).fromONNXOrder
    }
  }

  /// Gives readers of a channels-last input one that has its channels first: the value of the identity that a
  /// transposition was read as, if there is one.
  private mutating func turn(_ input: String, in network: Network) {
    let names = Set(network.nodes.flatMap { [$0.name] + $0.outputs })
    var maps = input + ".maps"
    while names.contains(maps) { maps += "'" }
    let readers = network.nodes.filter { $0.inputs.contains(input) }
    turned[input] = maps
    let isNeeded = readers.contains { if case .identity = $0.operation { false } else { true } }
    if isNeeded { emit("Transpose", maps, [input], [maps], [attribute("perm", [0, 3, 1, 2])]) }
  }

  private func value(_ name: String, _ extents: [Int?]) -> Onnx_ValueInfoProto {
    var message = Onnx_ValueInfoProto()
    message.name = name
    message.type.tensorType.elemType = ONNXElement.float.rawValue
    message.type.tensorType.shape.dim = extents.enumerated().map { axis, extent in
      var dim = Onnx_DimensionProto()
      if let extent {
        dim.dimValue = Int64(extent)
      } else {
        dim.dimParam = axis == 0 ? "N" : "\(name).\(axis)"
      }
      return dim
    }
    return message
  }

  // MARK: Parts

  /// Adds weights under a name of their own; gives the name.
  mutating func weights(_ name: String, _ tensor: Tensor) -> String {
    var message = Onnx_TensorProto()
    message.name = name
    message.dims = tensor.shape.dimensions.map(Int64.init)
    message.dataType = ONNXElement.float.rawValue
    message.rawData = tensor.bytes
    graph.initializer.append(message)
    return name
  }

  mutating func integers(_ name: String, _ values: [Int]) -> String {
    var message = Onnx_TensorProto()
    message.name = name
    message.dims = [Int64(values.count)]
    message.dataType = ONNXElement.int64.rawValue
    message.int64Data = values.map(Int64.init)
    graph.initializer.append(message)
    return name
  }

  mutating func emit(
    _ type: String, _ name: String, _ inputs: [String], _ outputs: [String],
    _ attributes: [Onnx_AttributeProto] = []
  ) {
    var message = Onnx_NodeProto()
    message.opType = type
    message.name = name
    message.input = inputs
    message.output = outputs
    message.attribute = attributes
    graph.node.append(message)
  }

  /// An attribute: ONNX's types are 1 for a float, 2 an integer, 3 a string, 7 integers.
  func attribute(_ name: String, _ value: Int) -> Onnx_AttributeProto {
    var message = Onnx_AttributeProto()
    message.name = name
    message.i = Int64(value)
    message.type = 2
    return message
  }

  func attribute(_ name: String, _ value: Float) -> Onnx_AttributeProto {
    var message = Onnx_AttributeProto()
    message.name = name
    message.f = value
    message.type = 1
    return message
  }

  func attribute(_ name: String, _ value: String) -> Onnx_AttributeProto {
    var message = Onnx_AttributeProto()
    message.name = name
    message.s = Data(value.utf8)
    message.type = 3
    return message
  }

  func attribute(_ name: String, _ values: [Int]) -> Onnx_AttributeProto {
    var message = Onnx_AttributeProto()
    message.name = name
    message.ints = values.map(Int64.init)
    message.type = 7
    return message
  }

  private func attributes(_ rule: SlidingRule, dilated: Bool = true) -> [Onnx_AttributeProto] {
    var list = [attribute("kernel_shape", rule.window), attribute("strides", rule.strides)]
    if dilated { list.append(attribute("dilations", rule.dilations)) }
    switch rule.padding {
    case .explicit(let top, let left, let bottom, let right):
      list.append(attribute("pads", [top, left, bottom, right]))
    case .sameUpper: list.append(attribute("auto_pad", "SAME_UPPER"))
    case .sameLower: list.append(attribute("auto_pad", "SAME_LOWER"))
    }
    if rule.roundsUp { list.append(attribute("ceil_mode", 1)) }
    return list
  }

  // MARK: Nodes

  /// Adds a node; `flattened` gains the maps behind values that list them in this package's order.
  private mutating func add(_ node: Network.Node, _ flattened: inout [String: Shape]) throws {
    let isTurned = turned[node.inputs[0]] != nil
    let shape = shapes[node.inputs[0]] ?? []
    var node = node
    if case .identity = node.operation {
    } else {
      node.inputs = node.inputs.map { turned[$0] ?? $0 }
    }
    let (inputs, outputs) = (node.inputs, node.outputs)
    let rank = shape.rank
    func onnx(_ axis: Int) -> Int { rank == 4 ? [0, 2, 3, 1][axis] : axis }
    func plain(_ type: String, _ list: [Onnx_AttributeProto] = []) {
      emit(type, node.name, inputs, outputs, list)
    }
    switch node.operation {
    case .convolution(let convolution):
      var read = [
        inputs[0], weights(node.name + ".filters", try Device().permuted(convolution.filters, [0, 3, 1, 2])),
      ]
      if let bias = convolution.bias { read.append(weights(node.name + ".bias", bias)) }
      emit(
        "Conv", node.name, read, outputs,
        attributes(convolution.rule) + [attribute("group", convolution.groups)])
    case .maxPooling(let rule): add("MaxPool", written(rule, node), node)
    case .averagePooling(let rule, let countsPadding):
      add(
        "AveragePool", written(rule, node), node, dilated: rule.isDilated,
        [attribute("count_include_pad", countsPadding ? 1 : 0)])
    case .globalAveragePooling: plain("GlobalAveragePool")
    case .globalMaxPooling: plain("GlobalMaxPool")
    case .localResponseNormalization(let constants):
      plain(
        "LRN",
        [
          attribute("size", constants.size), attribute("alpha", constants.alpha),
          attribute("beta", constants.beta),
          attribute("bias", constants.bias),
        ])
    case .batchNormalization(let normalization):
      let read = [
        inputs[0], weights(node.name + ".scale", normalization.scale),
        weights(node.name + ".shift", normalization.shift),
        weights(node.name + ".mean", normalization.mean),
        weights(node.name + ".variance", normalization.variance),
      ]
      emit("BatchNormalization", node.name, read, outputs, [attribute("epsilon", normalization.epsilon)])
    case .innerProduct(let product): try add(product, node, rank: rank, flattened[inputs[0]])
    case .matrixProduct: plain("MatMul")
    case .activation(let activation):
      if let map = flattened[inputs[0]] { flattened[outputs[0]] = map }
      add(activation, node)
    case .parametricRelu(let slope):
      let channels = slope.shape.count
      let extents = rank == 4 && channels > 1 ? [channels, 1, 1] : [channels]
      emit(
        "PRelu", node.name, [inputs[0], weights(node.name + ".slope", slope.reshaped(to: Shape(extents)))],
        outputs)
    case .softmax(let axis): plain("Softmax", [attribute("axis", onnx(axis))])
    case .logSoftmax(let axis): plain("LogSoftmax", [attribute("axis", onnx(axis))])
    case .concatenation(let axis): plain("Concat", [attribute("axis", onnx(axis))])
    case .split(let axis, let sizes):
      emit(
        "Split", node.name, [inputs[0], integers(node.name + ".sizes", sizes)], outputs,
        [attribute("axis", onnx(axis))])
    case .arithmetic(let arithmetic): combine(node, inputs, arithmetic)
    case .arithmeticWithConstant(let arithmetic, let constant, let isFirst):
      // Axes align at the right in this package's order, which for maps is not the file's.
      let ones = [Int](repeating: 1, count: max(rank - constant.shape.rank, 0))
      let aligned = constant.reshaped(to: Shape(ones + constant.shape.dimensions))
      let name = weights(node.name + ".constant", try aligned.inONNXOrder())
      combine(node, isFirst ? [name, inputs[0]] : [inputs[0], name], arithmetic)
    case .padding(let before, let after, let mode):
      let order = rank == 4 ? [0, 3, 1, 2] : Array(0..<rank)
      let pads = integers(node.name + ".pads", order.map { before[$0] } + order.map { after[$0] })
      switch mode {
      case .constant(let value):
        let filler = weights(node.name + ".value", Tensor([], elements: [value]))
        emit("Pad", node.name, [inputs[0], pads, filler], outputs, [attribute("mode", "constant")])
      case .reflect: emit("Pad", node.name, [inputs[0], pads], outputs, [attribute("mode", "reflect")])
      case .edge: emit("Pad", node.name, [inputs[0], pads], outputs, [attribute("mode", "edge")])
      }
    case .slice(let starts, let stops, let steps):
      // A backward slice through the first position ends before it.
      let ends = zip(stops, steps).map { $0 < 0 && $1 < 0 ? Int(Int32.min) : min($0, Int(Int32.max)) }
      let read = [
        inputs[0], integers(node.name + ".starts", starts), integers(node.name + ".ends", ends),
        integers(node.name + ".axes", (0..<rank).map(onnx)), integers(node.name + ".steps", steps),
      ]
      emit("Slice", node.name, read, outputs)
    case .gathering(let axis, let positions):
      emit(
        "Gather", node.name, [inputs[0], integers(node.name + ".positions", positions)], outputs,
        [attribute("axis", onnx(axis))])
    case .resampling(let rule): add(rule, node)
    case .average(let axes, let keepsAxes):
      // From operator set 18 on the axes are an input.
      let axes = axes.map(onnx).sorted()
      emit(
        "ReduceMean", node.name, isRecent ? [inputs[0], integers(node.name + ".axes", axes)] : [inputs[0]],
        outputs, (isRecent ? [] : [attribute("axes", axes)]) + [attribute("keepdims", keepsAxes ? 1 : 0)])
    case .flatten:
      if rank == 4 { flattened[outputs[0]] = shape }
      plain("Flatten", [attribute("axis", 1)])
    case .reshape(let target):
      add(reshaping: target, node)
    case .transposition(let axes):
      let order = rank == 4 ? [0, 3, 1, 2] : Array(0..<rank)
      plain("Transpose", [attribute("perm", order.map { onnx(axes[$0]) })])
    case .dropout(let ratio):
      if let map = flattened[inputs[0]] { flattened[outputs[0]] = map }
      emit(
        "Dropout", node.name, [inputs[0], weights(node.name + ".ratio", Tensor([], elements: [ratio]))],
        outputs)
    case .identity where isTurned: plain("Transpose", [attribute("perm", [0, 3, 1, 2])])
    case .identity:
      if let map = flattened[inputs[0]] { flattened[outputs[0]] = map }
      plain("Identity")
    }
  }

  /// Two values put together; what ONNX has as truth is a number here.
  private mutating func combine(_ node: Network.Node, _ inputs: [String], _ arithmetic: Arithmetic) {
    let holds = node.outputs[0] + ".holds"
    func cast(_ value: String, to element: ONNXElement, _ output: String) {
      emit("Cast", node.name + ".cast", [value], [output], [attribute("to", Int(element.rawValue))])
    }
    switch arithmetic {
    case .add, .subtract, .multiply, .divide, .minimum, .maximum, .power:
      emit(arithmetic.operatorName, node.name, inputs, node.outputs)
    case .select:
      cast(inputs[1], to: .bool, holds)
      let zero = weights(node.name + ".zero", Tensor([], elements: [0]))
      emit(arithmetic.operatorName, node.name, [holds, inputs[0], zero], node.outputs)
    case .greater, .greaterOrEqual, .equal:
      emit(arithmetic.operatorName, node.name, inputs, [holds])
      cast(holds, to: .float, node.outputs[0])
    }
  }

  /// A pool's windows so that runtimes and ONNX's own inference of shapes see one number of places.
  ///
  /// With `ceil_mode` the inference counts a last window that begins past the map, which runtimes leave out: where the
  /// map's size is fixed, an axis with such a window is written without the mode.
  private func written(_ rule: SlidingRule, _ node: Network.Node) -> [SlidingRule] {
    let input = turned.first { $0.value == node.inputs[0] }?.key ?? node.inputs[0]
    guard rule.roundsUp, let map = shapes[input], let other = otherShapes[input],
      map.rows == other.rows, map.columns == other.columns
    else { return [rule] }
    let sliding = rule.resolved(over: map)
    func isLeftOut(_ slide: Slide, _ length: Int) -> Bool {
      slide.room == 0 && (length + slide.before + slide.after - slide.reach) % slide.stride != 0
    }
    let rows = isLeftOut(sliding.rows, map.rows)
    let columns = isLeftOut(sliding.columns, map.columns)
    guard rows || columns else { return [rule] }
    var plain = rule
    plain.roundsUp = false
    if sliding.rows.room == 0, sliding.columns.room == 0 { return [plain] }
    // One axis needs the mode: rows and columns each have a pool of their own.
    return [rule.along(rows: true, roundsUp: !rows), rule.along(rows: false, roundsUp: !columns)]
  }

  private mutating func add(
    _ type: String, _ rules: [SlidingRule], _ node: Network.Node, dilated: Bool = true,
    _ more: [Onnx_AttributeProto] = []
  ) {
    var value = node.inputs[0]
    for (index, rule) in rules.enumerated() {
      let suffix = index == rules.count - 1 ? "" : ".rows"
      emit(
        type, node.name + suffix, [value], [node.outputs[0] + suffix],
        attributes(rule, dilated: dilated) + more)
      value = node.outputs[0] + suffix
    }
  }

  /// A fully connected layer; its weights go back to the order in which ONNX flattens maps.
  private mutating func add(_ product: InnerProduct, _ node: Network.Node, rank: Int, _ map: Shape?) throws {
    var matrix = product.weights
    if let map, map.rows * map.columns > 1 {
      let maps = matrix.reshaped(to: [matrix.shape[0], map.rows, map.columns, map.channels])
      matrix = try Device().permuted(maps, [0, 3, 1, 2]).reshaped(to: matrix.shape)
    }
    if rank == 2 {
      var read = [node.inputs[0], weights(node.name + ".weights", matrix)]
      if let bias = product.bias { read.append(weights(node.name + ".bias", bias)) }
      emit("Gemm", node.name, read, node.outputs, [attribute("transB", 1)])
      return
    }
    if rank == 4 {
      let filters = matrix.reshaped(to: [matrix.shape[0], matrix.shape[1], 1, 1])
      var read = [node.inputs[0], weights(node.name + ".weights", filters)]
      if let bias = product.bias { read.append(weights(node.name + ".bias", bias)) }
      return emit("Conv", node.name, read, node.outputs)
    }
    let name = weights(node.name + ".weights", try Device().permuted(matrix, [1, 0]))
    guard let bias = product.bias else {
      return emit("MatMul", node.name, [node.inputs[0], name], node.outputs)
    }
    let between = node.outputs[0] + ".product"
    emit("MatMul", node.name, [node.inputs[0], name], [between])
    emit("Add", node.name + ".add", [between, weights(node.name + ".bias", bias)], node.outputs)
  }

  /// A reshaping; extents copied from other places than their own are worked out in the graph.
  private mutating func add(reshaping target: [Int], _ node: Network.Node) {
    let (name, output) = (node.name, node.outputs[0])
    let target = target.enumerated().map { $1 == Operation.copy(of: $0) ? 0 : $1 }
    guard target.contains(where: { $0 < -1 }) else {
      return emit("Reshape", name, [node.inputs[0], integers(name + ".shape", target)], node.outputs)
    }
    emit("Shape", name + ".extents", [node.inputs[0]], [output + ".extents"])
    var parts: [String] = []
    for (place, extent) in target.enumerated() {
      guard extent < -1 else {
        parts.append(integers("\(name).extent\(place)", [extent]))
        continue
      }
      let axis = integers("\(name).axis\(place)", [Operation.copy(of: extent)])
      let copied = "\(output).extent\(place)"
      emit(
        "Gather", "\(name).copied\(place)", [output + ".extents", axis], [copied], [attribute("axis", 0)])
      parts.append(copied)
    }
    emit("Concat", name + ".target", parts, [output + ".target"], [attribute("axis", 0)])
    emit("Reshape", name, [node.inputs[0], output + ".target"], node.outputs)
  }

  private mutating func add(_ activation: Activation, _ node: Network.Node) {
    var read = node.inputs
    var list: [Onnx_AttributeProto] = []
    switch activation {
    case .leakyRelu(let slope): list = [attribute("alpha", slope)]
    case .elu(let alpha): list = [attribute("alpha", alpha)]
    case .hardSigmoid(let alpha, let beta): list = [attribute("alpha", alpha), attribute("beta", beta)]
    case .thresholdedRelu(let threshold): list = [attribute("alpha", threshold)]
    case .shrink(let bias, let threshold):
      list = [attribute("bias", bias), attribute("lambd", threshold)]
    case .clip(let minimum, let maximum):
      read.append(weights(node.name + ".min", Tensor([], elements: [minimum])))
      read.append(weights(node.name + ".max", Tensor([], elements: [maximum])))
    case .swish:
      let gate = node.outputs[0] + ".gate"
      emit("Sigmoid", node.name + ".sigmoid", node.inputs, [gate])
      return emit("Mul", node.name, node.inputs + [gate], node.outputs)
    case .gelu:
      // Operator set 17 has no Gelu: x * (1 + erf(x / sqrt 2)) / 2.
      let name = node.outputs[0]
      let root = weights(name + ".root", Tensor([], elements: [Float(2).squareRoot()]))
      let one = weights(name + ".one", Tensor([], elements: [1]))
      let half = weights(name + ".half", Tensor([], elements: [0.5]))
      emit("Div", node.name + ".div", [node.inputs[0], root], [name + ".scaled"])
      emit("Erf", node.name + ".erf", [name + ".scaled"], [name + ".erf"])
      emit("Add", node.name + ".add", [name + ".erf", one], [name + ".share"])
      emit("Mul", node.name + ".mul", [node.inputs[0], name + ".share"], [name + ".double"])
      return emit("Mul", node.name, [name + ".double", half], node.outputs)
    case .relu, .sigmoid, .hardSwish, .tanh, .softplus, .exp, .log, .sqrt, .abs, .negate, .reciprocal, .erf,
      .sin, .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh, .acosh, .atanh, .sign, .floor, .ceil,
      .round:
      break
    }
    emit(activation.operatorName, node.name, read, node.outputs, list)
  }
}
