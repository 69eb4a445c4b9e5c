import Execution
import Kernels
import NetworkFixtures
import Networks
import Tensors
import Testing

/// Activations that stop at an upper bound, read before it.
@Suite struct UpperBounds {
  private let hard = Activation.hardSigmoid(alpha: 2, beta: 0.4)

  private func network() throws -> Network {
    var build = TinyNetworks.Builder(seed: 5)
    build.convolution("conv1", 4, of: 3, window: 3)
    build.add("six", .activation(.clip(minimum: 0, maximum: 0.5)))
    build.convolution("conv2", 5, of: 4, window: 3)
    build.add("both", .activation(.clip(minimum: -0.5, maximum: 0.5)))
    build.convolution("conv3", 5, of: 5, window: 1)
    build.add("hard", .activation(hard))
    build.relu("open")
    return try build.network(rows: 9, columns: 9)
  }

  @Test func `beside each bounded value stands what its activation makes without the bound`() throws {
    let network = try network()
    let values = ["six.out", "both.out", "hard.out"]
    let (lifting, lifted) = network.liftingUpperBounds(of: values + ["open.out", "conv1.out"])
    #expect(Set(lifted.keys) == Set(values))
    #expect(values.map { lifting.upperBound(of: $0) } == [0.5, 0.5, 1])
    var generator = SeededGenerator(seed: 12)
    let picture = Tensor.random([1, 9, 9, 3], in: -4...4, using: &generator)
    let given = network.nodes.flatMap(\.outputs)
    let trace = try Runner(lifting, keeping: given + lifted.values, threads: 1).forward(picture)
    let before = try Runner(network, keeping: given, threads: 1).forward(picture)
    // What the network itself computes is the same.
    for value in given { #expect(trace[value]?.elements == before[value]?.elements, "\(value)") }
    func expect(_ value: String, from input: String, _ made: (Float) -> Float) throws {
      let found = try #require(lifted[value].flatMap { trace[$0] }).elements
      let expected = try #require(trace[input]).elements.map(made)
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-6 * max(1, abs($1)) })
      // There is something beyond the bound, and nothing else differs.
      let bound = try #require(network.upperBound(of: value))
      let bounded = try #require(trace[value]).elements
      #expect(found.contains { $0 > bound })
      #expect(zip(found, bounded).allSatisfy { abs(min($0, bound) - $1) <= 1e-6 })
    }
    try expect("six.out", from: "conv1.out") { max($0, 0) }
    try expect("both.out", from: "conv2.out") { max($0, -0.5) }
    try expect("hard.out", from: "conv3.out") { max(2 * $0 + 0.4, 0) }
  }

  @Test func `a network without bounds stays as it is`() throws {
    let network = try TinyNetworks.named("residual")
    let (same, lifted) = network.liftingUpperBounds(of: network.nodes.flatMap(\.outputs))
    #expect(lifted.isEmpty && same.nodes.map(\.name) == network.nodes.map(\.name))
  }
}
