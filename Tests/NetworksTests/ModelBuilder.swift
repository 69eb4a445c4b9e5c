import Execution
import Foundation
import Networks
import ONNXMessages
import SwiftProtobuf
import Tensors
import Testing

/// Builds an ONNX file message by message, sound or not.
struct ModelBuilder {
  var graph = Onnx_GraphProto()
  var version: Int64
  var metadata: [String: String] = [:]
  var producer = ""

  /// - Parameters:
  ///   - version: The operator set.
  ///   - input: Extents of the input `x` in ONNX's order; nil leaves one open.
  init(version: Int64 = 17, input: [Int?] = [nil, 3, 8, 8]) {
    self.version = version
    graph.name = "built"
    graph.input = [Self.value("x", input)]
  }

  static func value(_ name: String, _ extents: [Int?], type: Int32 = 1) -> Onnx_ValueInfoProto {
    var message = Onnx_ValueInfoProto()
    message.name = name
    message.type.tensorType.elemType = type
    message.type.tensorType.shape.dim = extents.enumerated().map { axis, extent in
      var dim = Onnx_DimensionProto()
      if let extent { dim.dimValue = Int64(extent) } else { dim.dimParam = "d\(axis)" }
      return dim
    }
    return message
  }

  mutating func node(
    _ type: String, _ inputs: [String], _ outputs: [String], _ attributes: [Onnx_AttributeProto] = [],
    name: String = ""
  ) {
    var message = Onnx_NodeProto()
    message.opType = type
    message.name = name
    message.input = inputs
    message.output = outputs
    message.attribute = attributes
    graph.node.append(message)
  }

  mutating func output(_ name: String, _ extents: [Int?] = []) {
    graph.output.append(Self.value(name, extents))
  }

  /// Adds float32 weights; gives their name.
  @discardableResult
  mutating func weights(_ name: String, _ extents: [Int], _ elements: [Float]) -> String {
    var message = Onnx_TensorProto()
    message.name = name
    message.dims = extents.map(Int64.init)
    message.dataType = 1
    message.floatData = elements
    graph.initializer.append(message)
    return name
  }

  /// Adds float32 weights drawn from a seed.
  @discardableResult
  mutating func weights(_ name: String, _ extents: [Int], seed: UInt64 = 1) -> String {
    var generator = SeededGenerator(seed: seed)
    return weights(name, extents, Tensor.random(Shape(extents), using: &generator).elements)
  }

  @discardableResult
  mutating func integers(_ name: String, _ values: [Int], scalar: Bool = false) -> String {
    graph.initializer.append(Self.tensor(name, values, scalar: scalar))
    return name
  }

  static func tensor(_ name: String, _ values: [Int], scalar: Bool = false) -> Onnx_TensorProto {
    var message = Onnx_TensorProto()
    message.name = name
    message.dims = scalar ? [] : [Int64(values.count)]
    message.dataType = 7
    message.int64Data = values.map(Int64.init)
    return message
  }

  var model: Onnx_ModelProto {
    var model = Onnx_ModelProto()
    model.irVersion = 8
    model.producerName = producer
    var operators = Onnx_OperatorSetIdProto()
    operators.version = version
    model.opsetImport = [operators]
    model.metadataProps = metadata.sorted { $0.key < $1.key }.map { key, value in
      var entry = Onnx_StringStringEntryProto()
      (entry.key, entry.value) = (key, value)
      return entry
    }
    model.graph = graph
    return model
  }

  var bytes: Data {
    get throws { try model.serializedBytes() }
  }

  func network(folder: String? = nil, size: (rows: Int, columns: Int)? = nil) throws -> Network {
    try Network(onnxBytes: try bytes, file: "built.onnx", folder: folder, size: size)
  }
}

func attribute(_ name: String, _ value: Int) -> Onnx_AttributeProto {
  var message = Onnx_AttributeProto()
  (message.name, message.i, message.type) = (name, Int64(value), 2)
  return message
}

func attribute(_ name: String, _ values: [Int]) -> Onnx_AttributeProto {
  var message = Onnx_AttributeProto()
  (message.name, message.ints, message.type) = (name, values.map(Int64.init), 7)
  return message
}

func attribute(_ name: String, _ value: Float) -> Onnx_AttributeProto {
  var message = Onnx_AttributeProto()
  (message.name, message.f, message.type) = (name, value, 1)
  return message
}

func attribute(_ name: String, _ value: String) -> Onnx_AttributeProto {
  var message = Onnx_AttributeProto()
  (message.name, message.s, message.type) = (name, Data(value.utf8), 3)
  return message
}

func attribute(_ name: String, _ value: Onnx_TensorProto) -> Onnx_AttributeProto {
  var message = Onnx_AttributeProto()
  (message.name, message.t, message.type) = (name, value, 4)
  return message
}

extension Network {
  /// The first output for one input, both in the file's order.
  func computed(_ elements: Tensor) throws -> Tensor {
    let inputs = [self.inputs[0].name: try fromONNXOrder(elements, ofInput: self.inputs[0].name)]
    let runner = try Runner(self, keeping: outputs, threads: 1)
    let made = try #require(try runner.forward(inputs: inputs)[outputs[0]])
    return try inONNXOrder(made, of: outputs[0], shapes: try shapes(inputs: inputs.mapValues(\.shape)))
  }

  /// What reading back the file it writes gives.
  func rewritten() throws -> Network {
    try Network(onnxBytes: try onnxBytes(file: "again.onnx"), file: "again.onnx", folder: nil)
  }
}
