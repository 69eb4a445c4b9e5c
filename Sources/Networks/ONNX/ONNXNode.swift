internal import Foundation
internal import ONNXMessages

/// One node of a file with its attributes at hand.
struct ONNXNode {
  let name: String
  let type: String
  /// Names of what it reads; empty for an optional input that is left out.
  let inputs: [String]
  let outputs: [String]
  /// The version of the operator set.
  let version: Int
  private let attributes: [String: Onnx_AttributeProto]

  init(_ message: Onnx_NodeProto, version: Int) {
    name = message.name
    type = message.opType
    inputs = message.input
    outputs = message.output
    self.version = version
    attributes = Dictionary(message.attribute.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
  }

  /// The name of an input; nil where it is left out.
  func input(_ index: Int) -> String? {
    index < inputs.count && !inputs[index].isEmpty ? inputs[index] : nil
  }

  func has(_ name: String) -> Bool { attributes[name] != nil }

  func integer(_ name: String, default value: Int) throws(ONNXReader.Unsupported) -> Int {
    guard let attribute = attributes[name] else { return value }
    guard attribute.i.magnitude < 1 << 31 else { throw .init("\(name) is \(attribute.i)") }
    return Int(attribute.i)
  }

  func float(_ name: String, default value: Float) throws(ONNXReader.Unsupported) -> Float {
    guard let attribute = attributes[name] else { return value }
    guard attribute.f.isFinite else { throw .init("\(name) is \(attribute.f)") }
    return attribute.f
  }

  func string(_ name: String, default value: String) -> String {
    attributes[name].map { String(decoding: $0.s, as: UTF8.self) } ?? value
  }

  func integers(_ name: String) throws(ONNXReader.Unsupported) -> [Int]? {
    guard let attribute = attributes[name] else { return nil }
    guard attribute.ints.count <= 16 || name == "value_ints",
      attribute.ints.allSatisfy({
        $0 > Int64.min >> 1 && $0 < Int64.max >> 1 || name == "ends" || name == "starts"
      })
    else { throw .init("\(name) is out of range") }
    return attribute.ints.map { Int($0).asPlain }
  }

  func floats(_ name: String) -> [Float]? { attributes[name]?.floats }

  func tensor(_ name: String) -> Onnx_TensorProto? { attributes[name].flatMap { $0.hasT ? $0.t : nil } }

  /// An attribute of one number for each axis of so many, within bounds that no sound model leaves.
  func numbers(
    _ name: String, _ axes: Int, default value: Int, in range: ClosedRange<Int> = 1...(1 << 20)
  ) throws(ONNXReader.Unsupported) -> [Int] {
    guard let numbers = try integers(name), !numbers.isEmpty else {
      return [Int](repeating: value, count: axes)
    }
    guard numbers.count == axes else { throw .init("\(name) is for \(numbers.count) axes, not for \(axes)") }
    guard numbers.allSatisfy(range.contains) else { throw .init("\(name) is \(numbers)") }
    return numbers
  }
}
