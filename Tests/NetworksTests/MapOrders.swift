import Execution
import Kernels
import NetworkFixtures
import Networks
import Tensors
import TestSupport
import Testing

/// Channels-last stretches of a file, read as maps.
@Suite struct MapOrders {
  /// A chain of operations in orders that change, and the names of values that must stay as they are.
  private struct Chain {
    var generator: SeededGenerator
    var nodes: [Network.Node] = []
    var shapes: [String: Shape] = ["input": [1, 5, 6, 4]]
    var values = ["input"]

    init(seed: Int) throws {
      generator = SeededGenerator(seed: UInt64(seed))
      for _ in 0..<integer(6...14) { try add() }
    }

    mutating func integer(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

    mutating func random(_ shape: Shape) -> Tensor { Tensor.random(shape, using: &generator) }

    private mutating func keep(_ operation: Networks.Operation, _ inputs: [String], outputs: Int = 1) throws {
      let name = "n\(nodes.count)"
      let made = (0..<outputs).map { "\(name).\($0)" }
      let node = Network.Node(name: name, operation: operation, inputs: inputs, outputs: made)
      let found = try Network(
        name: "", inputs: [.init(name: "input", extents: [nil, 4, 5, 6])], nodes: nodes + [node],
        outputs: made
      ).shapes(inputs: ["input": [1, 5, 6, 4]])
      nodes.append(node)
      for value in made { shapes[value] = found[value] }
      values += made
    }

    private mutating func add() throws {
      // Near the end most often, so that chains are long; sometimes far back, so that they join.
      let value = integer(0...3) == 0 ? values[integer(0...values.count - 1)] : values[values.count - 1]
      let shape = shapes[value] ?? []
      guard shape.rank == 4 else { return try keep(.activation(.sigmoid), [value]) }
      let axis = integer(1...3)
      switch integer(0...12) {
      case 0...3: try keep(.transposition([0] + [1, 2, 3].shuffled(using: &generator)), [value])
      case 4: try keep(.activation(.tanh), [value])
      case 5:
        let extents = shape.dimensions.map { integer(0...1) == 0 ? 1 : $0 }
        let constant = random(Shape([1] + extents.dropFirst()))
        let rank = integer(1...4)
        let aligned = Shape(constant.shape.dimensions.suffix(rank))
        try keep(
          .arithmeticWithConstant(
            integer(0...1) == 0 ? .multiply : .subtract,
            Tensor(aligned, elements: Array(constant.elements.prefix(aligned.count))),
            constantFirst: integer(0...1) == 0), [value])
      case 6: try keep(.average(axes: [axis], keepsAxes: integer(0...2) > 0), [value])
      case 7:
        try keep(
          .innerProduct(InnerProduct(weights: random([3, shape[3]]), bias: random([3]))), [value])
      case 8: try keep(.softmax(axis: axis), [value])
      case 9:
        let start = integer(0...shape[axis] - 1)
        let starts = (0...3).map { $0 == axis ? start : 0 }
        try keep(
          .slice(starts: starts, stops: [Int](repeating: .max, count: 4), steps: [1, 1, 1, 1]), [value])
      case 10:
        try keep(
          .padding(before: (0...3).map { $0 == axis ? 1 : 0 }, after: [0, 0, 0, 0], mode: .constant(0.5)),
          [value])
      case 11:
        guard shape[axis] > 1 else { return }
        try keep(.split(axis: axis, sizes: [1, shape[axis] - 1]), [value], outputs: 2)
      default:
        let same = values.filter { shapes[$0] == shape }
        let other = same[integer(0...same.count - 1)]
        if integer(0...1) == 0 {
          try keep(.arithmetic(.add), [value, other])
        } else {
          try keep(.concatenation(axis: axis), [value, other])
        }
      }
    }
  }

  /// Every value that no node reads is an output; whatever was moved, outputs are what they were.
  @Test func `chains of operations in changing orders give the same outputs`() throws {
    var rewritten = 0
    for seed in 0..<400 {
      let chain = try Chain(seed: seed)
      let read = Set(chain.nodes.flatMap(\.inputs))
      let outputs = chain.nodes.flatMap(\.outputs).filter { !read.contains($0) }
      guard
        let (moved, orders) = MapOrder.rewritten(
          chain.nodes, ranks: chain.shapes.mapValues(\.rank), outputs: outputs)
      else { continue }
      rewritten += 1
      let input = Network.Input(name: "input", extents: [nil, 4, 5, 6])
      var generator = SeededGenerator(seed: 5)
      let picture = Tensor.random([1, 5, 6, 4], using: &generator)
      // Values between too, put back into the order that they had.
      let made = Set(moved.flatMap(\.outputs))
      let values = chain.nodes.flatMap(\.outputs).filter(made.contains)
      func computed(_ nodes: [Network.Node], _ orders: [String: [Int]]) throws -> [Tensor?] {
        let network = try Network(name: "", inputs: [input], nodes: nodes, outputs: outputs)
        let trace = try Runner(network, keeping: values, threads: 1).forward(inputs: ["input": picture])
        return try values.map { value in
          try trace[value].map { tensor in
            try orders[value].map { try Device().permuted(tensor, $0) } ?? tensor
          }
        }
      }
      for ((found, expected), output) in zip(
        zip(try computed(moved, orders), try computed(chain.nodes, [:])), values)
      {
        let (found, expected) = (try #require(found), try #require(expected))
        #expect(found.shape == expected.shape, "seed \(seed), \(output)")
        let largest = max(expected.elements.map(abs).max() ?? 0, 1e-3)
        #expect(
          zip(found.elements, expected.elements).allSatisfy { abs($0 - $1) <= 1e-5 * largest },
          "seed \(seed), \(output)")
      }
    }
    #expect(rewritten > 100)
  }

  /// ConvNeXt's block: a depthwise convolution, then a normalisation and two products over channels, kept last.
  @Test func `a block in channels-last order has windows for fields`() throws {
    var build = ModelBuilder(input: [nil, 4, 9, 9])
    build.weights("depthwise", [4, 1, 3, 3])
    build.node(
      "Conv", ["x", "depthwise"], ["maps"], [attribute("pads", [1, 1, 1, 1]), attribute("group", 4)],
      name: "conv")
    build.node("Transpose", ["maps"], ["last"], [attribute("perm", [0, 2, 3, 1])])
    build.weights("gain", [4])
    build.weights("offset", [4])
    build.node("LayerNormalization", ["last", "gain", "offset"], ["normal"], [attribute("axis", -1)])
    build.weights("up", [4, 8])
    build.node("MatMul", ["normal", "up"], ["wide"], name: "expand")
    build.node("Relu", ["wide"], ["active"])
    build.weights("down", [8, 4])
    build.node("MatMul", ["active", "down"], ["narrow"])
    build.node("Transpose", ["narrow"], ["back"], [attribute("perm", [0, 3, 1, 2])])
    build.node("Add", ["back", "x"], ["y"], name: "sum")
    build.output("y")
    let network = try build.network()
    let shapes = try network.shapes(inputs: ["x": network.inputShape(images: 1)])
    #expect(shapes["wide"] == [1, 9, 9, 8])
    let reach = Reach(stride: 1, offset: -1, extent: 3)
    for value in ["wide", "y"] {
      #expect(network.fields(below: value, shapes: shapes)["x"] == .window(rows: reach, columns: reach))
    }
    #expect(!network.nodes.contains { if case .transposition = $0.operation { true } else { false } })
  }
}
