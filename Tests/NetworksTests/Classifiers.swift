import Execution
import Foundation
import Kernels
import NetworkFixtures
import Networks
import TestSupport
import Tensors
import Testing

@Suite struct Classifiers {
  private func probabilities(_ network: Network) throws -> Tensor {
    let input = try network.inputShape(images: 1)
    var generator = SeededGenerator(seed: 8)
    let picture = Tensor.random(input, using: &generator)
    let trace = try Runner(network, keeping: network.outputs).forward(picture)
    return try #require(trace[network.outputs[0]])
  }

  @Test func `a network that ends in maps gets a layer and a softmax on top`() throws {
    var generator = SeededGenerator(seed: 1)
    let plain = try TinyNetworks.plain()
    let network = try plain.classifying(["a", "b", "c"], using: &generator)
    #expect(network.classes == ["a", "b", "c"])
    let made = try probabilities(network)
    #expect(made.shape == [1, 3] && abs(made.elements.reduce(0, +) - 1) < 1e-6)
    for (mine, theirs) in zip(network.nodes, plain.nodes) {
      #expect(
        mine.operation.parameter(.weights)?.elements == theirs.operation.parameter(.weights)?.elements,
        "what was learned stays")
    }
    #expect(try network.classScores() == network.nodes.dropLast().last?.outputs.first)
  }

  @Test func `a network that classifies gets another last layer in its place`() throws {
    var generator = SeededGenerator(seed: 1)
    let before = try TinyNetworks.classifier()
    let network = try before.classifying(["a", "b", "c"], using: &generator)
    #expect(network.nodes.map(\.name) == before.nodes.map(\.name))
    #expect(try probabilities(network).shape == [1, 3])
    let changed = zip(network.nodes, before.nodes).filter {
      $0.0.operation.parameter(.weights)?.shape != $0.1.operation.parameter(.weights)?.shape
    }
    #expect(changed.map(\.0.name) == ["fc2"])
  }

  @Test func `a classifier that is a convolution below a global mean is replaced too`() throws {
    var build = TinyNetworks.Builder(seed: 3)
    build.convolution("conv1", 8, of: 3, window: 3, stride: 2)
    build.relu("relu1")
    build.convolution("conv2", 6, of: 8, window: 1)
    build.relu("relu2")
    build.add("mean", .globalAveragePooling)
    build.add("flat", .flatten)
    build.add("softmax", .softmax(axis: 1))
    var generator = SeededGenerator(seed: 1)
    let network = try build.network(rows: 15, columns: 17).classifying(["a", "b"], using: &generator)
    #expect(try probabilities(network).shape == [1, 2])
    #expect(network.nodes[2].operation.parameter(.weights)?.shape == [2, 1, 1, 8])
  }

  /// An end that holds the old number of classes, or squashes each class alone, would give no probabilities of the new ones.
  @Test(arguments: ["written", "Sigmoid", "HardSigmoid", "clipped"])
  func `what squashes the scores fits the new classes`(end: String) throws {
    var build = ModelBuilder(input: [nil, 6])
    build.node("Gemm", ["x", build.weights("w", [6, 4], (0..<24).map { Float($0 % 5) - 2 })], ["s"])
    if end == "written" {
      build.node("Exp", ["s"], ["e"])
      build.node("ReduceSum", ["e", build.integers("along", [1])], ["t"], [attribute("keepdims", 1)])
      build.node("Div", ["e", "t"], ["y"])
    } else if end == "clipped" {
      build.node("Softmax", ["s"], ["p"], [attribute("axis", 1)])
      build.node("Clip", ["p", build.weights("low", [], [0]), build.weights("high", [], [1])], ["y"])
    } else {
      build.node(end, ["s"], ["y"])
    }
    build.output("y")
    for names in [["a", "b"], (0..<7).map { "\($0)" }] {
      var generator = SeededGenerator(seed: 1)
      let network = try build.network().classifying(names, using: &generator)
      let head = try #require(try network.classHead())
      #expect(head.classes == names.count && head.squashing == .softmax && head.notes.isEmpty)
      let trace = try Runner(network, keeping: [head.scores, head.output], threads: 1)
        .forward(Tensor([2, 6], elements: (0..<12).map { Float($0) * 9 - 40 }))
      let (scores, given) = (try #require(trace[head.scores]), try #require(trace[head.output]))
      #expect(given.shape == [2, names.count])
      #expect(
        zip(try head.probabilities(of: scores).elements, given.elements).allSatisfy { abs($0 - $1) < 1e-6 })
      #expect(abs(given.elements.reduce(0, +) - 2) < 1e-5)
    }
  }

  /// Each class alone, or one score for two classes, whatever the network ended in.
  @Test(arguments: ["", "Softmax", "LogSoftmax", "Sigmoid", "HardSigmoid"])
  func `an end of sigmoids takes the place of any other`(end: String) throws {
    var build = ModelBuilder(input: [nil, 6])
    build.node("Gemm", ["x", build.weights("w", [6, 4], (0..<24).map { Float($0 % 5) - 2 })], ["s"])
    if !end.isEmpty { build.node(end, ["s"], ["y"]) }
    build.output(end.isEmpty ? "s" : "y")
    for (names, scores) in [(["a", "b", "c"], 3), (["a", "b"], 1), (["a"], 1)] {
      var generator = SeededGenerator(seed: 1)
      let network = try build.network().classifying(
        names, scores: scores, ending: .sigmoid, using: &generator)
      let head = try #require(try network.classHead())
      #expect(head.classes == scores && head.squashing == .sigmoid && head.notes.isEmpty)
      // Read back, it is written as before: training goes on from files.
      let folder = try TemporaryFolder()
      try network.writeONNX(to: folder.file("a.onnx"))
      try Network(onnx: folder.file("a.onnx")).writeONNX(to: folder.file("b.onnx"))
      #expect(
        FileManager.default.contents(atPath: folder.file("a.onnx"))
          == FileManager.default.contents(atPath: folder.file("b.onnx")))
      #expect(
        network.outputs.count == 1 && network.nodes.count(where: { $0.operation.name == "Softmax" }) == 0)
      let trace = try Runner(network, keeping: [head.scores, head.output], threads: 1)
        .forward(Tensor([2, 6], elements: (0..<12).map { Float($0) * 9 - 40 }))
      let (made, given) = (try #require(trace[head.scores]), try #require(trace[head.output]))
      #expect(given.shape == [2, scores])
      #expect(
        zip(made.elements, given.elements).allSatisfy { abs($1 - 1 / (1 + exp(-$0))) < 1e-6 })
    }
    var generator = SeededGenerator(seed: 1)
    let plain = try TinyNetworks.plain().classifying(["a", "b", "c"], ending: .sigmoid, using: &generator)
    #expect(try plain.classHead()?.squashing == .sigmoid)
  }

  @Test func `an end of another kind is named`() throws {
    var build = TinyNetworks.Builder(seed: 3)
    build.convolution("conv1", 8, of: 3, window: 3, stride: 2)
    build.add("most", .globalMaxPooling)
    build.add("flat", .flatten)
    let network = try build.network(rows: 15, columns: 17)
    var generator = SeededGenerator(seed: 1)
    #expect(throws: NetworkError.classifier(node: "most", operation: "GlobalMaxPool")) {
      _ = try network.classifying(["a", "b"], using: &generator)
    }
  }

  @Test func `an unlearned network has its shape, He's weights and nothing of what was learned`() throws {
    var generator = SeededGenerator(seed: 1)
    let before = try TinyNetworks.residual()
    let network = before.unlearned(using: &generator)
    var other = SeededGenerator(seed: 1)
    let again = before.unlearned(using: &other)
    for ((mine, theirs), same) in zip(zip(network.nodes, before.nodes), again.nodes) {
      for role in mine.operation.parameterRoles {
        let drawn = try #require(mine.operation.parameter(role))
        #expect(drawn.shape == theirs.operation.parameter(role)?.shape)
        #expect(drawn.elements == same.operation.parameter(role)?.elements)
        switch role {
        case .weights:
          #expect(drawn.elements != theirs.operation.parameter(role)?.elements)
          let inputs = drawn.shape.dimensions.dropFirst().reduce(1, *)
          let ratio = drawn.sumOfSquares / Double(drawn.shape.count) / (2 / Double(inputs))
          #expect((0.6...1.5).contains(ratio), "\(mine.name): \(ratio)")
        case .bias, .shift: #expect(drawn.elements.allSatisfy { $0 == 0 })
        case .scale: #expect(drawn.elements.allSatisfy { $0 == 1 })
        case .slope: break
        }
      }
      if case .batchNormalization(let normalization) = mine.operation {
        #expect(normalization.mean.elements.allSatisfy { $0 == 0 })
      }
    }
  }
}
