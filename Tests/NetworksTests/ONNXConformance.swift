import Execution
import Foundation
import Networks
import ONNXMessages
import SwiftProtobuf
import Tensors
import TestSupport
import Testing

/// The operator cases that ONNX itself ships, where Debian's `libonnx-testdata` puts them.
private enum ONNXCases {
  static let root = "/usr/share/libonnx-testdata/data/node"
  static let isPresent = FileManager.default.fileExists(atPath: root)
}

@Suite(.enabled(if: ONNXCases.isPresent, "skipped: Debian's libonnx-testdata is not installed"))
struct ONNXConformance {
  private enum Verdict {
    case passed
    case outOfScope(Group)
    case wrong(String)
  }

  @Test func `every case whose operators are supported gives what ONNX says`() throws {
    let cases = try FileManager.default.contentsOfDirectory(atPath: ONNXCases.root).sorted()
    var passed: [String] = []
    var outOfScope: [Group: [String]] = [:]
    for name in cases {
      switch try verdict(of: name) {
      case .passed: passed.append(name)
      case .outOfScope(let reason): outOfScope[reason, default: []].append(name)
      case .wrong(let how): Issue.record("\(name): \(how)")
      }
    }
    #expect(passed.count == 751, "fewer or more pass; ARCHITECTURE.md says how many")
    #expect(outOfScope.mapValues(\.count) == Self.expected, "\(outOfScope.filter { $0.value.count < 20 })")
  }

  /// How many cases each reason leaves out.
  private static let expected: [Group: Int] = [
    .operators: 69, .forms: 24, .oldSet: 30, .notTensors: 24, .noPixels: 22, .notNumbers: 12,
  ]

  /// Why a case asks for what this package does not do.
  enum Group: Hashable {
    /// Strings and numbers of fewer than eight bits go in or come out.
    case notNumbers
    /// Sequences and optionals.
    case notTensors
    /// An operator set before 7.
    case oldSet
    /// A result that no input of floats decides.
    case noPixels
    /// An operator that is no part of a feed-forward network of convolutions.
    case operators
    /// A form of a supported operator: other axes, attributes or outputs than such networks use.
    case forms
  }

  private func message(_ file: String) throws -> Onnx_TensorProto {
    try Onnx_TensorProto(serializedBytes: try Data(contentsOf: URL(fileURLWithPath: file)))
  }

  /// The elements of a float tensor; nil for any other type.
  private func floats(_ message: Onnx_TensorProto) -> Tensor? {
    let bytes = [UInt8](message.rawData)
    let count = message.dims.reduce(4.0) { $0 * Double($1) }
    guard message.dataType == 1, message.dims.allSatisfy({ $0 >= 0 }), Double(bytes.count) == count else {
      return nil
    }
    let shape = Shape(message.dims.map { Int($0) })
    return Tensor(
      shape,
      elements: (0..<shape.count).map { index in
        Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[4 * index + $1]) << (8 * UInt32($1)) })
      })
  }

  private func verdict(of name: String) throws -> Verdict {
    let folder = ONNXCases.root + "/" + name
    let data = folder + "/test_data_set_0"
    let model: Onnx_ModelProto
    do {
      model = try Onnx_ModelProto(
        serializedBytes: try Data(contentsOf: URL(fileURLWithPath: folder + "/model.onnx")))
    } catch { return .wrong("\(error)") }
    guard (model.graph.input + model.graph.output).allSatisfy(\.type.hasTensorType) else {
      return .outOfScope(.notTensors)
    }
    guard let inputs = try? model.graph.input.indices.map({ try message("\(data)/input_\($0).pb") }),
      let outputs = try? model.graph.output.indices.map({ try message("\(data)/output_\($0).pb") })
    else { return .outOfScope(.notTensors) }
    guard (inputs + outputs).allSatisfy({ Self.formats[$0.dataType] != nil }) else {
      return .outOfScope(.notNumbers)
    }
    // Once with every input constant, once with every float computed, once with all but the first constant: weights
    // are constants in a network.
    var refusal: Group?
    var isPassed = false
    do {
      if let difference = try folded(model, inputs, outputs) { return .wrong("folded: " + difference) }
      isPassed = true
    } catch let error as ONNXError {
      refusal = group(error)
    }
    let isFloat = outputs.allSatisfy { $0.dataType == 1 }
    for computed in isFloat ? [inputs.count, 1] : [] {
      var given = model
      var values: [String: Tensor] = [:]
      for (index, input) in inputs.enumerated() {
        let name = model.graph.input[index].name
        if values.count < computed, let tensor = floats(input) {
          values[name] = tensor
        } else {
          var constant = input
          constant.name = name
          given.graph.initializer.append(constant)
        }
      }
      do {
        let network = try Network(
          onnxBytes: try given.serializedBytes(), file: name, folder: nil)
        if let difference = try compare(network, values, outputs) { return .wrong(difference) }
        if let difference = try compare(try network.rewritten(), values, outputs) {
          return .wrong("written and read again: " + difference)
        }
        isPassed = true
      } catch let error as ONNXError {
        refusal = group(error)
      }
    }
    return isPassed ? .passed : .outOfScope(refusal ?? .forms)
  }

  /// Works the case out over constants: each output's shape and elements are added to an input of zeros.
  private func folded(
    _ model: Onnx_ModelProto, _ inputs: [Onnx_TensorProto], _ outputs: [Onnx_TensorProto]
  ) throws -> String? {
    var build = ModelBuilder(version: model.opsetImport.first { $0.domain.isEmpty }?.version ?? 1)
    build.graph = model.graph
    for (value, tensor) in zip(model.graph.input, inputs) {
      var constant = tensor
      constant.name = value.name
      // Some cases keep brain floats as the integers that have their bits.
      constant.dataType = value.type.tensorType.elemType
      build.graph.initializer.append(constant)
    }
    build.graph.input = []
    build.graph.output = []
    var expected: [[Double]] = []
    for (value, tensor) in zip(model.graph.output, outputs) {
      for (name, numbers) in [
        (value.name, Self.numbers(tensor)), ("shape.of." + value.name, tensor.dims.map { Double($0) }),
      ] where !numbers.isEmpty {
        let index = expected.count
        if name != value.name { build.node("Shape", [value.name], [name]) }
        build.integers("flat.\(index)", [1, -1])
        build.node("Reshape", [name, "flat.\(index)"], ["row.\(index)"])
        build.node("Cast", ["row.\(index)"], ["float.\(index)"], [attribute("to", 1)])
        build.graph.input.append(ModelBuilder.value("zero.\(index)", [1, numbers.count]))
        build.node("Add", ["zero.\(index)", "float.\(index)"], ["made.\(index)"])
        build.output("made.\(index)")
        expected.append(numbers)
      }
    }
    var whole = build.model
    whole.functions = model.functions
    let network = try Network(onnxBytes: try whole.serializedBytes(), file: "folded.onnx", folder: nil)
    let zeros = Dictionary(
      uniqueKeysWithValues: expected.enumerated().map {
        ("zero.\($0.offset)", Tensor([1, $0.element.count]))
      })
    let trace = try Runner(network, keeping: network.outputs, threads: 1).forward(inputs: zeros)
    // Windows are defined there with a pi of 3.1415.
    let isWindow = build.graph.name.contains("window")
    let isRough = outputs.contains { [10, 16].contains($0.dataType) }
    let precision = isRough ? 1e-3 : isWindow ? 1e-4 : 1e-6
    for (index, numbers) in expected.enumerated() {
      guard let made = trace["made.\(index)"]?.elements else { return "output \(index) is missing" }
      let difference = largestDifference(made, numbers.map { Double(Float($0)) })
      let largest = numbers.filter(\.isFinite).map(abs).max() ?? 0
      if difference > precision * max(largest, 1e-3) {
        return "\(index) is off by \(difference) of \(largest)"
      }
    }
    return nil
  }

  private static let formats: [Int32: ElementFormat] = [
    1: .float32, 2: .uint8, 3: .int8, 4: .uint16, 5: .int16, 6: .int32, 7: .int64, 9: .uint8, 10: .float16,
    11: .float64, 12: .uint32, 13: .uint64, 16: .bfloat16,
  ]

  private static func numbers(_ message: Onnx_TensorProto) -> [Double] {
    guard let format = formats[message.dataType] else { return [] }
    if format == .float64 { return ElementFormat.doubles(message.rawData) }
    if !format.isFloat { return format.integers(message.rawData).map { Double($0) } }
    let shape = Shape([message.rawData.count / format.size])
    return Tensor(shape, decoding: message.rawData, as: format).elements.map { Double($0) }
  }

  private func compare(
    _ network: Network, _ values: [String: Tensor], _ outputs: [Onnx_TensorProto]
  ) throws -> String? {
    let inputs = try values.mapValues { try $0.fromONNXOrder() }
    let trace = try Runner(network, keeping: network.outputs, threads: 1).forward(inputs: inputs)
    let shapes = try network.shapes(inputs: inputs.mapValues(\.shape))
    for (name, output) in zip(network.outputs, outputs) {
      guard let expected = floats(output), let made = trace[name] else { return "no floats come out" }
      let found = try network.inONNXOrder(made, of: name, shapes: shapes)
      guard found.shape == expected.shape else { return "\(found.shape), not \(expected.shape)" }
      let difference = largestDifference(found.elements, expected.elements)
      let largest = expected.elements.filter(\.isFinite).map { Double(abs($0)) }.max() ?? 0
      if difference > 1e-5 * max(largest, 1e-3) { return "\(name) is off by \(difference) of \(largest)" }
    }
    return nil
  }

  private static let others = ["GRU", "LSTM", "Loop", "RNN", "Scan", "SoftmaxCrossEntropyLoss"]

  private func group(_ error: ONNXError) -> Group {
    switch error {
    case .unsupported(_, let nodes):
      let isOther = nodes.contains { node in
        node.reason == "this operator is not supported" || Self.others.contains { node.operation == $0 }
      }
      return isOther ? .operators : .forms
    case .malformed(_, let reason):
      if reason.contains("operator set") { return .oldSet }
      return reason.contains("axes") ? .forms : .noPixels
    case .network, .unwritable, .atSize: return .forms
    }
  }
}
