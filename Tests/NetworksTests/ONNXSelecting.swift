import Execution
import Networks
import ONNXMessages
import Tensors
import TestSupport
import Testing

/// Operators of several computed values beside what the evaluation of constants makes of them, which shares no code.
@Suite struct ONNXSelecting {
  struct Case: CustomTestStringConvertible {
    let type: String
    var version: Int64 = 17
    /// Values of the inputs `x` and `y`, which are computed; then constants.
    var computed: [Shape]
    var constants: [Shape] = []
    /// Order of the inputs: x and y are 0 and 1, then the constants, then the marks or indices.
    var order: [Int]
    var marks: (shape: [Int], values: [Int])?
    var attributes: [Onnx_AttributeProto] = []
    var isBatchOpen = false

    var testDescription: String { "\(type) \(computed) \(constants) \(marks?.shape ?? [])" }
  }

  private static let bits = [1, 0, 0, 1, 1, 0, 1, 0, 0, 0, 1, 1]

  @Test(arguments: [
    // Choices along channels, at every position, of every picture; between values and constants.
    Case(
      type: "Where", computed: [[2, 3, 2, 4], [2, 3, 2, 4]], order: [2, 0, 1], marks: ([3, 1, 1], [1, 0, 1])),
    Case(
      type: "Where", computed: [[2, 3, 2, 4], [2, 3, 1, 1]], order: [2, 1, 0], marks: ([1, 3, 1, 4], bits),
      isBatchOpen: true),
    Case(type: "Where", computed: [[2, 6]], constants: [[6]], order: [2, 0, 1], marks: ([2, 6], bits)),
    Case(
      type: "Where", computed: [[1, 3, 2, 4]], constants: [[3, 1, 1]], order: [2, 1, 0],
      marks: ([3, 1, 4], bits),
      isBatchOpen: true),
    Case(type: "Where", computed: [[2, 3, 4]], constants: [[]], order: [2, 0, 1], marks: ([3, 4], bits)),
    Case(type: "Where", computed: [[3, 4]], constants: [[1]], order: [2, 0, 1], marks: ([], [0])),
    // Rows of a value, and single elements.
    Case(
      type: "ScatterND", computed: [[4, 3, 2], [2, 3, 2]], order: [0, 2, 1], marks: ([2, 1], [3, -3])),
    Case(
      type: "ScatterND", computed: [[2, 3, 2, 2]], constants: [[2, 2]], order: [0, 2, 1],
      marks: ([2, 3], [0, 2, 1, 1, 0, 1])),
    Case(
      type: "ScatterND", computed: [[3]], constants: [[2, 3]], order: [1, 2, 0],
      marks: ([3, 2], [0, 1, 1, 1, 1, 2])),
    Case(
      type: "ReduceProd", computed: [[2, 3, 5, 2]], order: [0], attributes: [attribute("axes", [2, -1])],
      isBatchOpen: true),
    Case(
      type: "ReduceProd", computed: [[2, 3, 1]], order: [0],
      attributes: [attribute("axes", [0, 1]), attribute("keepdims", 0)]),
    Case(
      type: "Einsum", computed: [[2, 3, 4], [2, 4, 2]], constants: [[2, 5]], order: [0, 1, 2],
      attributes: [attribute("equation", "bij,bjk,kl->bil")]),
    Case(
      type: "Einsum", computed: [[2, 3, 4]], constants: [[3, 5], [4, 2]], order: [1, 0, 2],
      attributes: [attribute("equation", "if,bij,jk->bkf")]),
    Case(
      type: "Conv", computed: [[2, 4, 5, 6, 7]], constants: [[6, 2, 3, 2, 3], [6]], order: [0, 1, 2],
      attributes: [
        attribute("group", 2), attribute("strides", [2, 1, 2]), attribute("dilations", [1, 2, 1]),
        attribute("pads", [1, 0, 2, 2, 1, 0]),
      ], isBatchOpen: true),
    Case(
      type: "Conv", computed: [[1, 2, 5, 4, 4]], constants: [[3, 2, 2, 3, 3]], order: [0, 1],
      attributes: [attribute("pads", [0, 0, 1, 1, 1, 1]), attribute("strides", [2, 2, 1])]),
  ]) func `a computed value is what a constant would be`(of this: Case) throws {
    var generator = SeededGenerator(seed: 6)
    let values = (this.computed + this.constants).map { Tensor.random($0, using: &generator) }
    func built(folded: Bool) throws -> Network {
      var build = ModelBuilder(version: this.version, input: [])
      build.graph.input = []
      var names: [String] = []
      for (index, value) in values.enumerated() {
        names.append("v\(index)")
        let extents = value.shape.dimensions.map { Optional($0) }
        if folded || index >= this.computed.count {
          build.weights("v\(index)", value.shape.dimensions, value.elements)
        } else {
          build.graph.input.append(
            ModelBuilder.value("v\(index)", (this.isBatchOpen ? [nil] : [extents[0]]) + extents.dropFirst()))
        }
      }
      if let marks = this.marks {
        var tensor = ModelBuilder.tensor("marks", marks.values)
        tensor.dims = marks.shape.map(Int64.init)
        if this.type == "Where" {
          (tensor.dataType, tensor.int32Data, tensor.int64Data) = (9, marks.values.map(Int32.init), [])
        }
        build.graph.initializer.append(tensor)
        names.append("marks")
      }
      build.node(this.type, this.order.map { names[$0] }, ["made"], this.attributes)
      if folded {
        build.graph.input = [ModelBuilder.value("zero", [1])]
        build.node("Add", ["made", "zero"], ["y"])
        build.output("y")
      } else {
        build.output("made")
      }
      return try build.network()
    }
    func output(_ network: Network, _ inputs: [String: Tensor]) throws -> Tensor {
      let made = try Runner(network, keeping: network.outputs, threads: 1).forward(inputs: inputs)
      return try #require(made[network.outputs[0]]).inONNXOrder()
    }
    let expected = try output(built(folded: true), ["zero": Tensor([1])])
    let network = try built(folded: false)
    var inputs: [String: Tensor] = [:]
    for index in this.computed.indices { inputs["v\(index)"] = try values[index].fromONNXOrder() }
    if this.isBatchOpen { #expect(network.inputs.allSatisfy { $0.extents[0] == nil }, "\(network.notes)") }
    for each in [network, try network.rewritten()] {
      let found = try output(each, inputs)
      #expect(found.shape == expected.shape)
      #expect(largestDifference(found.elements, expected.elements) <= Tolerance.sum(of: 64, magnitude: 4))
    }
  }

  /// What the other branch would have been may be no number.
  @Test func `a computed condition chooses, and what is not chosen does not matter`() throws {
    var build = ModelBuilder(input: [nil, 6])
    build.weights("zero", [], [0])
    build.weights("two", [1], [2])
    build.node("Greater", ["x", "zero"], ["positive"])
    build.node("Log", ["x"], ["log"])
    build.node("LessOrEqual", ["x", "two"], ["small"])
    build.node("And", ["positive", "small"], ["both"])
    build.node("Where", ["both", "log", "two"], ["y"])
    build.output("y")
    let read = try build.network()
    let input = Tensor([2, 3 * 2], elements: [-1, 0, 1, 2, 4, -4, 2, 1, 3, -2, 0, 1])
    let two = Float(2)
    let log2 = try #require(try read.computed(Tensor([1, 6], repeating: 2)).elements.first)
    for network in [read, try read.rewritten()] {
      #expect(
        try network.computed(input).elements == [
          two, two, 0, log2, two, two, log2, 0, two, two, two, 0,
        ])
    }
  }

  /// As masks of attention have it.
  @Test(arguments: [true, false]) func `what is masked may be infinite`(isConstant: Bool) throws {
    var build = ModelBuilder(input: [nil, 3])
    build.weights("never", [], [-.infinity])
    build.weights("limit", [1], [1])
    if isConstant {
      build.integers("marks", [1, 0, 1])
      build.node("Cast", ["marks"], ["keep"], [attribute("to", 9)])
    } else {
      build.node("Less", ["x", "limit"], ["keep"])
    }
    build.node("Where", ["keep", "x", "never"], ["y"])
    build.output("y")
    let network = try build.network()
    let found = try network.computed(Tensor([1, 3], elements: [0, 2, -1])).elements
    #expect(found == [0, -.infinity, -1])
  }

  @Test(
    arguments: [
      ("Greater", [0, 0, 1, 0]), ("Less", [1, 0, 0, 0]), ("GreaterOrEqual", [0, 1, 1, 0]),
      ("LessOrEqual", [1, 1, 0, 0]), ("Equal", [0, 1, 0, 0]),
    ] as [(String, [Float])])
  func `a comparison is one or zero where a cast makes a number of it`(type: String, expected: [Float]) throws
  {
    var build = ModelBuilder(input: [1, 4])
    build.weights("c", [4], [1, 2, 3, 4])
    build.node(type, ["x", "c"], ["holds"])
    build.node("Cast", ["holds"], ["y"], [attribute("to", 1)])
    build.node("Not", ["holds"], ["not"])
    build.node("Xor", ["not", "holds"], ["either"])
    build.node("Or", ["not", "holds"], ["one"])
    for name in ["not", "either", "one"] {
      build.node("Cast", [name], [name + " number"], [attribute("to", 1)])
    }
    for name in ["y", "not number", "either number", "one number"] { build.output(name) }
    let read = try build.network()
    // Nothing compares with NaN.
    let values = Tensor([1, 4], elements: [0, 2, 4, .nan])
    for network in [read, try read.rewritten()] {
      let trace = try Runner(network, keeping: network.outputs, threads: 1).forward(inputs: ["x": values])
      #expect(trace["y"]?.elements == expected)
      #expect(trace["not number"]?.elements == expected.map { 1 - $0 })
      #expect(trace["either number"]?.elements == [1, 1, 1, 1])
      #expect(trace["one number"]?.elements == [1, 1, 1, 1])
    }
  }

  @Test func `nodes that mix pictures close their number, and say so`() throws {
    var build = ModelBuilder(input: [nil, 3])
    build.integers("first", [0], scalar: true)
    build.node("Gather", ["x", "first"], ["y"], [attribute("axis", 0)])
    build.output("y")
    let network = try build.network()
    #expect(network.inputs[0].extents == [1, 3])
    #expect(network.notes.count == 1 && network.notes[0].contains("for one only"))
    #expect(try network.computed(Tensor([1, 3], elements: [1, 2, 3])).elements == [1, 2, 3])
  }
}
