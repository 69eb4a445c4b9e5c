import Foundation
import Kernels
import NetworkFixtures
import Networks
import ONNXMessages
import SwiftProtobuf
import Tensors
import TestSupport
import Testing

/// What exporters write in many nodes and mean as one.
@Suite struct ONNXPatterns {
  private func picture(_ shape: Shape) -> Tensor {
    var generator = SeededGenerator(seed: 3)
    return Tensor.random(shape, using: &generator)
  }

  /// PyTorch's contrast normalisation over 7 maps of 5 x 4, a window of `size` maps.
  private func contrast(size: Int, padding: Int, readsMean: Bool = false) -> ModelBuilder {
    var build = ModelBuilder(input: [nil, 7, 5, 4])
    build.node("Mul", ["x", "x"], ["square"])
    build.integers("apart", [-1, 1, 7, 5, 4])
    build.node("Reshape", ["square", "apart"], ["lifted"], [attribute("allowzero", 1)])
    build.integers("pads", [0, 0, padding, 0, 0, 0, 0, padding, 0, 0])
    build.node("Pad", ["lifted", "pads"], ["padded"])
    build.node(
      "AveragePool", ["padded"], ["pooled"],
      [attribute("kernel_shape", [size, 1, 1]), attribute("count_include_pad", 1)])
    build.integers("one", [1])
    build.node("Squeeze", ["pooled", "one"], ["mean"])
    build.weights("alpha", [], [0.5])
    build.weights("bias", [], [2])
    build.weights("beta", [], [0.75])
    build.node("Mul", ["mean", "alpha"], ["scaled"])
    build.node("Add", ["scaled", "bias"], ["shifted"])
    build.node("Pow", ["shifted", "beta"], ["divisor"])
    build.node("Div", ["x", "divisor"], ["y"], name: "norm")
    build.output("y")
    if readsMean { build.output("mean") }
    return build
  }

  @Test func `PyTorch's contrast normalisation is read as one operation`() throws {
    let network = try contrast(size: 5, padding: 2).network()
    #expect(network.nodes.map(\.name) == ["norm"])
    guard case .localResponseNormalization(let constants) = network.nodes[0].operation else {
      Issue.record("it is read as \(network.nodes[0].operation.name)")
      return
    }
    #expect(constants == LocalResponseNormalization(size: 5, alpha: 0.5, beta: 0.75, bias: 2))
    let input = picture([2, 7, 5, 4])
    // Node by node, which an output inside keeps from being left out.
    let plain = try contrast(size: 5, padding: 2, readsMean: true).network()
    #expect(plain.nodes.count > 1)
    #expect(
      largestDifference(try network.computed(input).elements, try plain.computed(input).elements)
        <= Tolerance.rounding(20))
    let elements = input.elements
    let place = 13
    let sum = (1...5).reduce(0.0) {
      $0 + Double(elements[$1 * 20 + place]) * Double(elements[$1 * 20 + place])
    }
    let expected = [Double(elements[60 + place]) / pow(2 + 0.5 * sum / 5, 0.75)]
    let found = [try network.computed(input).elements[60 + place]]
    #expect(largestDifference(found, expected) <= Tolerance.rounding(20))
  }

  /// A window that leaves the middle is no contrast normalisation, and is computed as it stands.
  @Test func `a sequence that only resembles contrast normalisation is left as it is`() throws {
    var build = contrast(size: 5, padding: 2)
    build.graph.initializer[1].int64Data = [0, 0, 3, 0, 0, 0, 0, 1, 0, 0]
    let network = try build.network()
    #expect(network.nodes.count > 5)
    let elements = try network.computed(picture([1, 7, 5, 4])).elements
    #expect(
      elements != (try contrast(size: 5, padding: 2).network().computed(picture([1, 7, 5, 4])).elements))
  }

  private func branching(_ condition: Int?) -> ModelBuilder {
    var build = ModelBuilder(input: [nil, 2])
    func branch(_ type: String) -> Onnx_AttributeProto {
      var graph = Onnx_GraphProto()
      var node = Onnx_NodeProto()
      (node.opType, node.input, node.output) = (type, ["before"], [type + ".out"])
      graph.node = [node]
      graph.output = [ModelBuilder.value(type + ".out", [])]
      var attribute = Onnx_AttributeProto()
      (attribute.name, attribute.type, attribute.g) = (
        type == "Neg" ? "then_branch" : "else_branch", 5, graph
      )
      return attribute
    }
    build.node(
      "If", [condition == nil ? "x" : "condition"], ["y"], [branch("Neg"), branch("Exp")], name: "choice")
    build.node("Relu", ["x"], ["before"])
    if let condition { build.integers("condition", [condition]) }
    build.output("y")
    return build
  }

  @Test func `a branch whose condition is known is taken, after what it reads`() throws {
    let input = Tensor([1, 2], elements: [1, -3])
    #expect(try branching(1).network().computed(input).elements == [-1, 0])
    let other = try branching(0).network().computed(input).elements
    #expect(largestDifference(other, [2.718_281_8 as Float, 1]) <= Tolerance.rounding(4, magnitude: 3))
    let error = #expect(throws: ONNXError.self) { try branching(nil).network() }
    #expect(error?.description.contains("choice (If): its condition is computed") == true)
  }
}
