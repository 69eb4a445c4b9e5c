import Execution
import Kernels
import NetworkFixtures
import Networks
import Tensors
import TestSupport
import Testing

/// What a network's end means: which output holds class scores, and what its numbers are.
@Suite struct ClassHeads {
  enum End: String, CaseIterable {
    case logits, softmax, logSoftmax, sigmoid, hardSigmoid, written, writtenPlainly, clipped, reshaped,
      percent,
      logarithm, temperature
  }

  /// A network from four scores `s`, which are twice its input, to an end.
  private func ending(in end: End) throws -> Network {
    var build = ModelBuilder(input: [nil, 4])
    let two = build.weights("two", [1], [2])
    build.node("Mul", ["x", two], ["s"])
    let along = build.integers("along", [1])
    switch end {
    case .logits: build.node("Identity", ["s"], ["y"])
    case .softmax: build.node("Softmax", ["s"], ["y"], [attribute("axis", 1)])
    case .logSoftmax: build.node("LogSoftmax", ["s"], ["y"], [attribute("axis", 1)])
    case .sigmoid: build.node("Sigmoid", ["s"], ["y"])
    case .hardSigmoid: build.node("HardSigmoid", ["s"], ["y"])
    case .written, .writtenPlainly:
      build.node("ReduceMax", ["s"], ["m"], [attribute("axes", [1]), attribute("keepdims", 1)])
      build.node("Sub", ["s", "m"], ["less"])
      build.node("Exp", [end == .written ? "less" : "s"], ["e"])
      build.node("ReduceSum", ["e", along], ["t"], [attribute("keepdims", 1)])
      build.node("Div", ["e", "t"], ["y"])
    case .clipped:
      build.node("Softmax", ["s"], ["p"], [attribute("axis", 1)])
      build.node("Clip", ["p", build.weights("low", [], [1e-7]), build.weights("high", [], [1])], ["y"])
    case .reshaped:
      build.node("Softmax", ["s"], ["p"], [attribute("axis", 1)])
      let last = build.integers("last", [2])
      build.node("Unsqueeze", ["p", last], ["q"])
      build.node("Squeeze", ["q", last], ["y"])
    case .percent:
      build.node("Softmax", ["s"], ["p"], [attribute("axis", 1)])
      build.node("Mul", ["p", build.weights("hundred", [1], [100])], ["y"])
    case .logarithm:
      build.node("Softmax", ["s"], ["p"], [attribute("axis", 1)])
      build.node("Log", ["p"], ["y"])
    case .temperature:
      build.node("Div", ["s", build.weights("t", [], [2.5])], ["cooled"])
      build.node("Softmax", ["cooled"], ["y"], [attribute("axis", 1)])
    }
    build.output("y")
    return try build.network()
  }

  @Test(arguments: End.allCases) func `probabilities are those that the network gives`(end: End) throws {
    let network = try ending(in: end)
    let head = try #require(try network.classHead())
    let runner = try Runner(network, keeping: [head.scores, head.output], threads: 1)
    let trace = try runner.forward(Tensor([2, 4], elements: [-1, 0.5, 0.25, 0, 3, -2, 1, 0]))
    let scores = try #require(trace[head.scores])
    let given = try #require(trace[head.output])
    let expected =
      switch end {
      case .logits: try Device().softmax(given, axis: 1)
      case .logSoftmax, .logarithm: Device().activated(given, by: .exp)
      case .percent: try Device().combining(given, Tensor([1], elements: [100]), by: .divide)
      default: given
      }
    let probabilities = try head.probabilities(of: scores)
    #expect(largestDifference(probabilities.elements, expected.elements.map(Double.init)) <= 1e-6)
    let squashing: ClassHead.Squashing =
      switch end {
      case .logits: .none
      case .logSoftmax, .logarithm: .logSoftmax
      case .sigmoid: .sigmoid
      case .hardSigmoid: .hardSigmoid(alpha: 0.2, beta: 0.5)
      default: .softmax
      }
    #expect(head.squashing == squashing)
    #expect(scores.elements.contains { $0 < 0 }, "scores have no bounds")
    #expect(network.scores == head.scores && head.classes == 4 && head.notes.isEmpty)
  }

  @Test func `a softmax's probabilities keep their bytes`() throws {
    let head = try #require(try ending(in: .softmax).classHead())
    let scores = Tensor([1, 4], elements: [0.3, -7, 11, 0.1])
    #expect(try head.probabilities(of: scores).bytes == Device().softmax(scores, axis: 1).bytes)
  }

  /// Two heads on one trunk: attributes by sigmoid, species by softmax, and a map.
  private func heads(_ outputs: [String], classes: [String]? = nil) throws -> Network {
    var build = TinyNetworks.Builder(seed: 1)
    build.convolution("maps", 6, of: 3, window: 3)
    build.add("mean", .globalAveragePooling)
    let features = build.add("flat", .flatten)
    build.add("species", .innerProduct(InnerProduct(weights: build.random([5, 6]), bias: nil)))
    build.add("soft", .softmax(axis: 1))
    build.add("attributes", .activation(.sigmoid), from: [features])
    build.add("twin", .activation(.sigmoid), from: [features])
    var network = try build.network(rows: 8, columns: 8, outputs: outputs.map { $0 + ".out" })
    network.classes = classes
    return network
  }

  @Test func `of several outputs the softmax holds the classes`() throws {
    let network = try heads(["maps", "flat", "attributes", "soft"])
    let head = try #require(try network.classHead())
    #expect(head.output == "soft.out" && head.scores == "species.out" && head.classes == 5)
    #expect(try network.classScores() == "species.out" && head.notes.isEmpty)
  }

  @Test func `as many names as scores decide before the form does`() throws {
    let six = (0..<6).map { "class \($0)" }
    let head = try #require(try heads(["soft", "attributes"], classes: six).classHead())
    #expect(head.output == "attributes.out" && head.squashing == .sigmoid && head.scores == "flat.out")
    let given = try #require(try heads(["soft", "attributes"]).classHead(names: six))
    #expect(given.output == "attributes.out")
  }

  @Test func `outputs alike, and names of another number, are said`() throws {
    let head = try #require(try heads(["attributes", "twin"], classes: ["a", "b"]).classHead())
    #expect(head.output == "attributes.out")
    #expect(
      head.notes == [
        "Each of the outputs 'attributes.out', 'twin.out' could hold class scores; 'attributes.out' is taken.",
        "There are 2 names of classes, but the output 'attributes.out' has 6 scores.",
      ])
  }

  @Test func `maps are no classes; a single sigmoid is one, and a single number without it none`() throws {
    var build = TinyNetworks.Builder(seed: 2)
    build.convolution("maps", 6, of: 3, window: 3)
    let maps = build.add("each", .activation(.sigmoid))
    build.add("mean", .globalAveragePooling)
    build.add("flat", .flatten)
    build.add("one", .innerProduct(InnerProduct(weights: build.random([1, 6]), bias: nil)))
    let one = build.add("sure", .activation(.sigmoid))
    var network = try build.network(rows: 8, columns: 8, outputs: [maps, one])
    let head = try #require(try network.classHead())
    #expect(head.output == one && head.scores == "one.out" && head.classes == 1 && head.squashing == .sigmoid)
    let scores = Tensor([3, 1], elements: [-20, 0, 20])
    #expect(try head.probabilities(of: scores).elements == Device().activated(scores, by: .sigmoid).elements)
    network.classes = ["empty", "full"]
    #expect(network.name(ofClass: 0) == "full" && head.notes.isEmpty, "a high score says the second name")
    let bare = try build.network(rows: 8, columns: 8, outputs: ["one.out"])
    #expect(try bare.classHead() == nil && bare.scores == "one.out")
    #expect(try build.network(rows: 8, columns: 8, outputs: [maps]).scores == "maps.out")
  }

  /// ReduceMax over axes 1 on, and over the last alone.
  @Test(arguments: [([2, 12], 1), ([2, 3, 4], 2), ([2, 3, 4], 1), ([2, 12, 1, 1], 1), ([2, 3, 2, 2], 1)])
  func `the largest value over the last axes is read`(extents: [Int], first: Int) throws {
    var build = ModelBuilder(input: [nil] + extents.dropFirst().map(Optional.init))
    build.node("ReduceMax", ["x"], ["y"], [attribute("axes", Array(first..<extents.count))])
    build.output("y")
    var generator = SeededGenerator(seed: 4)
    let input = Tensor.random(Shape(extents), using: &generator)
    let made = try build.network().computed(input)
    let groups = extents[..<first].reduce(1, *)
    let length = 24 / groups
    #expect(made.elements == (0..<groups).map { input.elements[$0 * length..<($0 + 1) * length].max() })
    #expect(made.shape.dimensions == extents[..<first] + extents[first...].map { _ in 1 })
  }
}
