import Execution
import Foundation
import Kernels
import NetworkFixtures
import Networks
import Synchronization
import Tensors
import TestSupport
import Testing

/// The forward pass: what is fused, batched or spread over threads gives what the plain computation gives.
@Suite struct Running {
  static let names = ["plain", "residual", "branches", "classifier", "gated", "averages", "joined", "turned"]

  private func pictures(_ network: Network, _ images: Int) throws -> Tensor {
    var generator = SeededGenerator(seed: 12)
    return Tensor.random(try network.inputShape(images: images), using: &generator)
  }

  /// Keeping every value leaves nothing to fuse.
  @Test(arguments: names) func `a fused pass gives what each operation alone gives`(name: String) throws {
    let network = try TinyNetworks.named(name)
    let input = try pictures(network, 1)
    let all = network.nodes.flatMap(\.outputs)
    let plain = try Runner(network, keeping: all, threads: 1).forward(input)
    for value in all {
      let expected = try #require(plain[value])
      let found = try #require(try Runner(network, keeping: [value], threads: 1).forward(input)[value])
      let largest = expected.elements.map { Double(abs($0)) }.max() ?? 0
      #expect(
        largestDifference(found.elements, expected.elements) <= Tolerance.sum(of: 300, magnitude: largest),
        "\(value)")
    }
  }

  @Test(arguments: 0..<OperationKind.allCases.count * 3)
  func `networks of every operation give, joined, what each operation alone gives`(seed: Int) throws {
    let network = try RandomNetworks.draw(seed: seed).network
    let input = try pictures(network, 2)
    let plain = try Runner(network, keeping: network.nodes.flatMap(\.outputs)).forward(input)
    let joined = try Runner(network, keeping: network.outputs).forward(input)
    for output in network.outputs {
      let expected = try #require(plain[output])
      let found = try #require(joined[output])
      #expect(found.shape == expected.shape)
      let largest = expected.elements.map { Double(abs($0)) }.filter(\.isFinite).max() ?? 0
      for (one, other) in zip(found.elements, expected.elements)
      where !(one.isNaN && other.isNaN) && one != other {
        #expect(Double(abs(one - other)) <= Tolerance.sum(of: 3000, magnitude: largest), "\(output)")
      }
    }
  }

  /// Constants of more axes than a fully connected layer's output has give it theirs; one number may do so too.
  @Test(arguments: [[5], [1, 5], [1, 1, 5], [1, 1, 1, 5], [1], [1, 1, 1]] as [Shape])
  func `constants with axes of their own keep them`(shape: Shape) throws {
    var build = TinyNetworks.Builder(seed: 9)
    build.add("flat", .flatten)
    build.add("layer", .innerProduct(InnerProduct(weights: build.random([5, 12]), bias: nil)))
    build.add("sum", .arithmeticWithConstant(.add, build.random(shape), constantFirst: false))
    let gelu = build.last
    build.add(
      "scaled", .arithmeticWithConstant(.divide, Tensor([1], repeating: 1.4142135), constantFirst: false))
    build.add("error", .activation(.erf))
    build.add("more", .arithmeticWithConstant(.add, Tensor([1], repeating: 1), constantFirst: false))
    build.add("gate", .arithmetic(.multiply), from: [gelu, build.last])
    build.add(
      "half",
      .arithmeticWithConstant(
        .multiply, Tensor(Shape([Int](repeating: 1, count: shape.rank)), repeating: 0.5), constantFirst: false
      ))
    let network = try build.network(rows: 2, columns: 2)
    let input = try pictures(network, 1)
    let plain = try Runner(network, keeping: network.nodes.flatMap(\.outputs)).forward(input)
    let joined = try Runner(network, keeping: network.outputs).forward(input)
    let (expected, found) = (try #require(plain["half.out"]), try #require(joined["half.out"]))
    #expect(found.shape == expected.shape)
    #expect(largestDifference(found.elements, expected.elements) <= Tolerance.sum(of: 12, magnitude: 4))
  }

  @Test(arguments: [1, 2]) func `a pass ends between two operations once it is cancelled`(threads: Int) throws
  {
    let network = try TinyNetworks.plain()
    let input = try pictures(network, 3)
    let asked = Mutex(0)
    func passed(allowing questions: Int) throws -> Trace {
      asked.withLock { $0 = 0 }
      let cancellation = Cancellation {
        asked.withLock {
          $0 += 1; return $0 > questions
        }
      }
      return try Runner(network, keeping: network.outputs, threads: threads, cancellation: cancellation)
        .forward(input)
    }
    let whole = try passed(allowing: .max)
    let questions = asked.withLock { $0 }
    #expect(questions > 3 * 5)
    for allowed in [0, 1, questions / 2, questions - 1] {
      #expect(throws: Interruption.self) { try passed(allowing: allowed) }
      // Both threads may ask once more before they see that the other has stopped.
      #expect(asked.withLock { $0 } <= allowed + threads)
    }
    let output = network.outputs[0]
    #expect(try passed(allowing: questions)[output]?.elements == whole[output]?.elements)
  }

  @Test func `a global max pool takes a map of any size where nobody asks for its switches`() throws {
    var build = TinyNetworks.Builder(seed: 6)
    build.add("largest", .globalMaxPooling)
    let network = try build.network(rows: 300, columns: 301)
    let input = try pictures(network, 1)
    let found = try Runner(network, keeping: ["largest.out"], threads: 1).forward(input)["largest.out"]
    let peaks = try ChannelPeaks(of: input)
    #expect(found?.elements == peaks.values)
    #expect(throws: KernelError.self) {
      try Runner(network, keeping: ["largest.out"], recordingSwitches: true, threads: 1).forward(input)
    }
  }

  /// Every constant that can follow a convolution and go into its filters.
  @Test(arguments: Arithmetic.allCases, [true, false])
  func `constants after a convolution are fused right`(arithmetic: Arithmetic, isFirst: Bool) throws {
    var build = TinyNetworks.Builder(seed: 5)
    build.convolution("conv", 6, of: 3, window: 3)
    build.add("positive", .activation(.sigmoid))
    build.convolution("conv2", 6, of: 6, window: 1)
    let constant = build.random([6], in: 1...2)
    build.add("with", .arithmeticWithConstant(arithmetic, constant, constantFirst: isFirst))
    build.relu("relu")
    let network = try build.network(rows: 6, columns: 7)
    let input = try pictures(network, 1)
    let plain = try Runner(network, keeping: ["conv2.out", "with.out", "relu.out"], threads: 1).forward(input)
    let fused = try Runner(network, keeping: ["relu.out"], threads: 1).forward(input)
    let expected = try #require(plain["relu.out"]).elements
    // A power of a negative base is NaN on both ways.
    let isDefined = arithmetic != .power || isFirst
    guard isDefined else { return }
    let largest = expected.map { Double(abs($0)) }.max() ?? 0
    #expect(
      largestDifference(try #require(fused["relu.out"]).elements, expected)
        <= Tolerance.sum(of: 40, magnitude: max(largest, 1)))
  }

  @Test(arguments: names) func `a batch gives the bytes of its pictures alone`(name: String) throws {
    let network = try TinyNetworks.named(name)
    let batch = try pictures(network, 5)
    let runner = try Runner(network, keeping: network.outputs, threads: 2)
    let together = try #require(try runner.forward(batch)[network.outputs[0]])
    for image in 0..<5 {
      let alone = try #require(try runner.forward(batch.slices(image..<image + 1))[network.outputs[0]])
      #expect(alone.bytes == together.slices(image..<image + 1).bytes)
    }
  }

  @Test(arguments: names) func `one thread and two give the same bytes`(name: String) throws {
    let network = try TinyNetworks.named(name)
    let batch = try pictures(network, 4)
    let made = try [1, 2].map { threads in
      try #require(
        try Runner(network, keeping: network.outputs, threads: threads).forward(batch)[network.outputs[0]])
    }
    #expect(made[0].bytes == made[1].bytes)
  }

  /// A product large enough to wait for its batch, split over the workers by its units.
  @Test(arguments: [1, 2, 3]) func `a batched head gives what single pictures give`(threads: Int) throws {
    var build = TinyNetworks.Builder(seed: 6)
    build.convolution("conv", 8, of: 3, window: 3, padding: 1)
    build.relu("relu")
    build.add("flat", .flatten)
    build.add(
      "wide", .innerProduct(InnerProduct(weights: build.random([1025, 512]), bias: build.random([1025]))))
    build.relu("wideRelu")
    build.add("last", .innerProduct(InnerProduct(weights: build.random([3, 1025]), bias: nil)))
    let network = try build.network(rows: 8, columns: 8, outputs: ["last.out"])
    let batch = try pictures(network, 7)
    let kept = ["relu.out", "wideRelu.out", "last.out"]
    let runner = try Runner(network, keeping: kept, threads: threads)
    let together = try runner.forward(batch)
    #expect(together.images == Array(0..<7))
    for value in kept {
      let all = try #require(together[value])
      for image in [0, 3, 6] {
        let alone = try #require(
          try runner.forward(inputs: ["input": batch.slices(image..<image + 1)])[value])
        let largest = alone.elements.map { Double(abs($0)) }.max() ?? 0
        #expect(
          largestDifference(alone.elements, all.slices(image..<image + 1).elements)
            <= Tolerance.sum(of: 1025, magnitude: largest))
      }
    }
  }

  @Test func `switches name the position whose value the pool gives`() throws {
    let network = try TinyNetworks.plain()
    let input = try pictures(network, 1)
    let runner = try Runner(
      network, keeping: ["relu1.out", "pool1.out", "relu3.out"], recordingSwitches: true, threads: 1)
    let trace = try runner.forward(input)
    let switches = try #require(trace.switches(of: "pool1"))
    let (before, after) = (try #require(trace["relu1.out"]), try #require(trace["pool1.out"]))
    let carried = try Device().unpooling(after, through: switches)
    #expect(carried.shape == before.shape)
    let pairs = zip(carried.elements, before.elements)
    // A position that won several windows has their sum: its value, that many times.
    #expect(pairs.allSatisfy { $0 == 0 || abs($0 / $1 - ($0 / $1).rounded()) < 1e-6 })
    #expect(trace.switches(of: "pool2") != nil && trace.switches(of: "conv1") == nil)
    let without = try Runner(network, keeping: ["relu3.out"], threads: 1).forward(input)
    #expect(without.switches(of: "pool1") == nil)
    // A pass that records switches computes its convolutions directly, another by filtering.
    let (fast, direct) = (try #require(without["relu3.out"]), try #require(trace["relu3.out"]))
    let largest = Double(direct.elements.map(abs).max() ?? 0)
    #expect(largestDifference(fast.elements, direct.elements.map(Double.init)) <= 1e-5 * largest)
  }

  @Test func `only what is kept is computed, and kept by its own name`() throws {
    var build = TinyNetworks.Builder(seed: 1)
    build.convolution("conv", 4, of: 3, window: 1)
    build.add("drop", .dropout(ratio: 0.5))
    build.add("same", .identity)
    let network = try build.network(rows: 4, columns: 4)
    let input = try pictures(network, 2)
    let trace = try Runner(network, keeping: ["conv.out", "drop.out", "same.out", "input"], threads: 1)
      .forward(input)
    #expect(trace["same.out"]?.bytes == trace["conv.out"]?.bytes)
    #expect(trace["drop.out"]?.bytes == trace["conv.out"]?.bytes)
    #expect(trace["input"]?.bytes == input.bytes)
    #expect(try Runner(network, keeping: ["conv.out"], threads: 1).forward(input)["same.out"] == nil)
    #expect(throws: NetworkError.missingValue(name: "nowhere", node: "the caller")) {
      try Runner(network, keeping: ["nowhere"], threads: 1)
    }
  }

  @Test func `a picture that does not fit is refused, whichever way it comes`() throws {
    let network = try TinyNetworks.plain()
    let runner = try Runner(network, keeping: network.outputs, threads: 2)
    let small = Tensor([2, 3, 3, 3])
    #expect(throws: (any Error).self) { try runner.forward(small) }
    #expect(throws: NetworkError.self) { try runner.forward(small.slices(0..<1)) }
    // The runner is as good as new afterwards.
    #expect(try runner.forward(pictures(network, 2))[network.outputs[0]] != nil)
  }

  @Test func `pictures left out are left out of the traces`() throws {
    let network = try TinyNetworks.plain()
    let batch = try pictures(network, 4)
    let runner = try Runner(network, keeping: network.outputs, threads: 2)
    let seen = Mutex([Int]())
    try runner.run(
      over: 0..<4, input: { $0 == 2 ? nil : batch.slices($0..<$0 + 1) },
      { trace in seen.withLock { $0 += trace.images } })
    #expect(seen.withLock { $0 }.sorted() == [0, 1, 3])
  }
}
