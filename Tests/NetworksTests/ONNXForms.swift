import Foundation
import Images
import Networks
import ONNXMessages
import SwiftProtobuf
import Tensors
import TestSupport
import Testing

/// Forms in which files of other programs come.
@Suite struct ONNXForms {
  private func call(
    _ name: String, _ inputs: [String], _ output: String, _ attributes: [Onnx_AttributeProto] = []
  )
    -> Onnx_NodeProto
  {
    var node = Onnx_NodeProto()
    (node.opType, node.domain, node.input, node.output) = (name, "local", inputs, [output])
    node.attribute = attributes
    return node
  }

  private func function(
    _ name: String, _ inputs: [String], _ outputs: [String], _ nodes: [Onnx_NodeProto],
    attributes: [String] = []
  ) -> Onnx_FunctionProto {
    var function = Onnx_FunctionProto()
    (function.name, function.domain, function.input, function.output) = (name, "local", inputs, outputs)
    function.node = nodes
    function.attribute = attributes
    return function
  }

  private func plain(
    _ type: String, _ inputs: [String], _ outputs: [String], _ attributes: [Onnx_AttributeProto] = []
  )
    -> Onnx_NodeProto
  {
    var build = ModelBuilder()
    build.node(type, inputs, outputs, attributes)
    return build.graph.node[0]
  }

  /// Two calls of a function that calls another, whose slope is the caller's attribute.
  @Test func `functions of the model are put in the place of their calls`() throws {
    var slope = Onnx_AttributeProto()
    (slope.name, slope.refAttrName, slope.type) = ("alpha", "slope", 1)
    let leak = function(
      "Leak", ["a"], ["b"], [plain("LeakyRelu", ["a"], ["b"], [slope])], attributes: ["slope"])
    let twice = function(
      "Twice", ["a", "unused"], ["b"],
      [call("Leak", ["a"], "t", [attribute("slope", Float(0.5))]), plain("Add", ["t", "t"], ["b"])])
    var build = ModelBuilder(input: [nil, 2])
    build.graph.node = [call("Twice", ["x"], "m"), call("Twice", ["m"], "y")]
    build.output("y")
    var model = build.model
    model.functions = [twice, leak]
    let network = try Network(onnxBytes: try model.serializedBytes(), file: "f.onnx", folder: nil)
    #expect(network.nodes.count == 4)
    #expect(try network.computed(Tensor([1, 2], elements: [-1, 3])).elements == [-1, 12])
    model.functions = [function("Twice", ["a"], ["b"], [call("Twice", ["a"], "b")])]
    let error = #expect(throws: ONNXError.self) {
      try Network(onnxBytes: try model.serializedBytes(), file: "f.onnx", folder: nil)
    }
    #expect(error?.description.contains("'Twice' calls itself") == true)
  }

  @Test(arguments: ["ArgMax", "TopK"]) func `an answer beside the scores is left aside with a note`(
    type: String
  )
    throws
  {
    var build = ModelBuilder(input: [nil, 3])
    build.node("Softmax", ["x"], ["scores"])
    build.integers("k", [1])
    build.node(type, type == "TopK" ? ["scores", "k"] : ["scores"], ["answer"], name: "pick")
    build.output("answer")
    build.output("scores")
    let network = try build.network()
    #expect(network.outputs == ["scores"])
    #expect(network.notes.count == 1 && network.notes[0].contains("'answer' is left aside: pick (\(type))"))
    build.graph.output.removeLast()
    #expect(throws: ONNXError.self) { try build.network() }
  }

  @Test func `truth values are no scores, whatever views lead to the output`() throws {
    var build = ModelBuilder(input: [nil, 3])
    build.weights("zero", [], [0])
    build.node("Greater", ["x", "zero"], ["above"])
    build.node("Flatten", ["above"], ["flat"])
    build.graph.output.append(ModelBuilder.value("flat", [nil, 3], type: 9))
    build.node("Relu", ["x"], ["y"])
    build.output("y")
    let network = try build.network()
    #expect(network.outputs == ["y"])
    #expect(network.notes == ["The output 'flat' is left aside: it holds truth values."])
  }

  @Test func `an input that nothing reads is left aside with a note`() throws {
    var build = ModelBuilder(input: [nil, 3])
    build.graph.input.insert(ModelBuilder.value("mask", [1]), at: 0)
    build.node("Relu", ["x"], ["y"])
    build.output("y")
    let network = try build.network()
    #expect(network.inputs.map(\.name) == ["x"])
    #expect(network.notes == ["The input 'mask' is left aside: nothing reads it."])
    #expect(try network.computed(Tensor([1, 3], elements: [-1, 0, 2])).elements == [0, 0, 2])
  }

  @Test func `an output that does not depend on the input is left aside with a note`() throws {
    var build = ModelBuilder(input: [nil, 3])
    build.node("Relu", ["x"], ["y"])
    build.weights("anchors", [2, 2])
    build.output("anchors")
    build.output("y")
    let network = try build.network()
    #expect(network.outputs == ["y"])
    #expect(network.notes == ["The output 'anchors' is left aside: it does not depend on the input."])
  }

  @Test func `pixels as whole numbers are floats from 0 to 255 where a cast reads them`() throws {
    var build = ModelBuilder(input: [nil, 3, 8, 8])
    build.graph.input = [ModelBuilder.value("x", [nil, 3, 8, 8], type: 2)]
    build.node("Cast", ["x"], ["f"], [attribute("to", 1)])
    build.node("Relu", ["f"], ["y"])
    build.output("y")
    let network = try build.network()
    let prepared = try network.preprocessing().preprocessing
    #expect(prepared.scale == 1 && prepared.mean == [0, 0, 0] && prepared.std == [1, 1, 1])
    #expect(network.notes.count == 1 && network.notes[0].contains("uint8"))
    build.node("Relu", ["x"], ["z"])
    build.output("z")
    #expect(throws: ONNXError.self) { try build.network() }
  }

  @Test func `an extent of -1 is open`() throws {
    var build = ModelBuilder(input: [-1, 3, -1, -1])
    build.node("Relu", ["x"], ["y"])
    build.output("y")
    #expect(try build.network().inputs[0].extents == [nil, 3, nil, nil])
  }

  /// A model whose weights lie in a file of their own.
  private func external() throws -> Data {
    var build = ModelBuilder(input: [nil, 2])
    var tensor = Onnx_TensorProto()
    (tensor.name, tensor.dims, tensor.dataType, tensor.dataLocation) = ("w", [2], 1, 1)
    var entry = Onnx_StringStringEntryProto()
    (entry.key, entry.value) = ("location", "model.data")
    tensor.externalData = [entry]
    build.graph.initializer.append(tensor)
    build.node("Add", ["x", "w"], ["y"])
    build.output("y")
    return try build.bytes
  }

  /// Hugging Face's cache: names are links to blobs, for the model and its weights alike.
  @Test(arguments: [true, false]) func `weights lie beside the link or beside the file where it ends`(
    isCache: Bool
  )
    throws
  {
    let folder = try TemporaryFolder()
    let data = Tensor([2], elements: [1.5, -2]).bytes
    try folder.write(try external(), to: "blobs/1111")
    try folder.write(data, to: isCache ? "blobs/2222" : "blobs/model.data")
    try folder.write(Data(), to: "snapshots/one/empty")
    let path = folder.file("snapshots/one/model.onnx")
    let links = FileManager.default
    try links.createSymbolicLink(atPath: path, withDestinationPath: "../../blobs/1111")
    if isCache {
      try links.createSymbolicLink(
        atPath: folder.file("snapshots/one/model.data"), withDestinationPath: "../../blobs/2222")
    }
    let network = try Network(onnx: path)
    #expect(try network.computed(Tensor([1, 2])).elements == [1.5, -2])
    #expect(network.externalFiles.count == 1)
    #expect(links.fileExists(atPath: network.externalFiles.first ?? ""))
  }

  @Test func `a link out of the folders of the model is refused`() throws {
    let folder = try TemporaryFolder()
    let secret = try folder.write(Tensor([2]).bytes, to: "secret/bytes")
    try folder.write(try external(), to: "blobs/1111")
    try folder.write(Data(), to: "names/empty")
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("names/model.onnx"), withDestinationPath: folder.file("blobs/1111"))
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("names/model.data"), withDestinationPath: secret)
    let error = #expect(throws: ONNXError.self) { try Network(onnx: folder.file("names/model.onnx")) }
    #expect(error?.description.contains("outside the model's folder") == true)
  }
}
