import Execution
import Networks
import ONNXMessages
import Tensors
import Testing

@Suite struct ONNXNames {
  @Test func `values and nodes that differ in their bytes alone are apart`() throws {
    let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    var build = ModelBuilder(input: [nil, 3, 4, 4])
    build.weights("w1", [2, 3, 1, 1], seed: 1)
    build.weights("w2", [2, 3, 1, 1], seed: 2)
    build.node("Conv", ["x", "w1"], [composed], name: composed)
    build.node("Conv", ["x", "w2"], [decomposed], name: decomposed)
    build.node("Sub", [composed, decomposed], ["y"], name: "cafe\u{301}~2")
    build.output("y")
    let network = try build.network()
    #expect(Set(network.nodes.map(\.name)).count == 3 && Set(network.nodes.flatMap(\.outputs)).count == 3)
    var plain = build
    plain.graph.node[0].output = ["a"]
    plain.graph.node[1].output = ["b"]
    plain.graph.node[2].input = ["a", "b"]
    for (index, name) in ["a", "b", "c"].enumerated() { plain.graph.node[index].name = name }
    var generator = SeededGenerator(seed: 4)
    let input = Tensor.random(Shape(images: 1, rows: 4, columns: 4, channels: 3), using: &generator)
    let one = try Runner(network, keeping: ["y"], threads: 1).forward(inputs: ["x": input])
    let other = try Runner(plain.network(), keeping: ["y"], threads: 1).forward(inputs: ["x": input])
    #expect(one["y"]?.elements == other["y"]?.elements && one["y"]?.elements.contains { $0 != 0 } == true)
  }
}
