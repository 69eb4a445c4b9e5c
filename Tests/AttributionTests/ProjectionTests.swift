import Attribution
import Execution
import Kernels
import NetworkFixtures
import Networks
import Tensors
import Testing

/// Largest difference allowed between two ways to compute one projection, in parts of its largest value: float32
/// sums of a few thousand terms in different orders.
let summationTolerance: Float = 2e-5

@Suite struct Projections {
  static let cases: [(name: String, network: @Sendable () throws -> Network, value: String)] = [
    ("plain", { try TinyNetworks.plain() }, "relu3.out"),
    ("plain", { try TinyNetworks.plain() }, "relu2.out"),
    ("plain", { try TinyNetworks.plain() }, "pool1.out"),
    ("residual", { try TinyNetworks.residual() }, "out.out"),
    ("residual", { try TinyNetworks.residual() }, "sumRelu.out"),
    ("branches", { try TinyNetworks.branches() }, "leaky.out"),
    ("branches", { try TinyNetworks.branches() }, "join.out"),
    ("gated", { try TinyNetworks.gated() }, "relu2.out"),
    ("averages", { try TinyNetworks.averages() }, "mean1.out"),
    ("averages", { try TinyNetworks.averages() }, "mean2.out"),
  ]

  private func picture(for network: Network, seed: UInt64 = 9) throws -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return Tensor.random(try network.inputShape(images: 1), using: &generator)
  }

  private func evidence(
    _ seeds: [Seed], _ projector: Projector, _ picture: Tensor
  ) throws -> [Evidence] {
    let runner = try Runner(
      projector.walk.network, keeping: projector.keptValues, recordingSwitches: true, threads: 1)
    let trace = try runner.forward(picture)
    return try seeds.map { try projector.evidence(of: $0, in: trace) }
  }

  @Test(arguments: cases.indices, RectifierRule.allCases)
  func `the receptive field alone gives the numbers of the whole computation`(index: Int, rule: RectifierRule)
    throws
  {
    let network = try Self.cases[index].network()
    let value = Self.cases[index].value
    let picture = try picture(for: network)
    let limited = try Projector(network, value: value, rule: rule, threads: 1)
    let full = try Projector(network, value: value, rule: rule, limitedToField: false, threads: 2)
    let map = try network.shapes(inputs: ["input": picture.shape])[value] ?? []
    // The corners, where windows hang over the edge, and the middle.
    let seeds = [
      (0, 0), (map.rows - 1, map.columns - 1), (0, map.columns - 1), (map.rows / 2, map.columns / 2),
    ]
    .enumerated().map {
      Seed.activation(unit: $0.offset % map.channels, row: $0.element.0, column: $0.element.1)
    }
    let windows = try limited.project(try evidence(seeds, limited, picture))
    let wholes = try full.project(try evidence(seeds, full, picture))
    for (window, whole) in zip(windows, wholes) {
      let placed = window.placed(in: picture.shape).elements
      let expected = whole.placed(in: picture.shape).elements
      let largest = expected.map(abs).max() ?? 0
      let difference = zip(placed, expected).map { abs($0 - $1) }.max() ?? 0
      #expect(difference <= summationTolerance * largest, "\(Self.cases[index].name) \(value) \(rule)")
    }
  }

  /// Along the input, a network of piecewise linear parts has the gradient as its slope.
  @Test(arguments: [
    ("plain", "relu3.out"), ("residual", "out.out"), ("branches", "leaky.out"), ("classifier", "fc2.out"),
    ("classifier", "softmax.out"), ("gated", "relu2.out"), ("averages", "mean2.out"),
  ])
  func `the gradient rule gives the slope of the activation`(name: String, value: String) throws {
    let network = try TinyNetworks.named(name)
    let picture = try picture(for: network)
    let runner = try Runner(network, keeping: [value], threads: 1)
    let map = try #require(try runner.forward(picture)[value])
    let units = map.shape.dimensions.last ?? 0
    let columns = map.shape.rank == 4 ? map.shape.columns : 1
    let peaks = try ChannelPeaks(of: map)
    let unit = try #require(peaks.values.indices.max { peaks.values[$0] < peaks.values[$1] })
    let position = Int(peaks.positions[unit])
    let seed: Seed =
      map.shape.rank == 4
      ? .activation(unit: unit, row: position / columns, column: position % columns) : .score(unit: unit)
    let projector = try Projector(network, value: value, rule: .gradient, threads: 1)
    let projected = try projector.project(try evidence([seed], projector, picture))[0]
    let scale = map.shape.rank == 4 ? 1 / peaks.values[unit] : 1
    let gradient = projected.placed(in: picture.shape).elements.map { $0 * scale }

    var generator = SeededGenerator(seed: 3)
    let direction = Tensor.random(picture.shape, using: &generator).elements
    // Small enough to stay on one linear piece nearly everywhere, large enough for float32.
    let step: Float = 1e-3
    func activation(_ sign: Float) throws -> Float {
      let moved = zip(picture.elements, direction).map { $0 + sign * step * $1 }
      let trace = try runner.forward(Tensor(picture.shape, elements: moved))
      return trace[value]?.elements[position * units + unit] ?? 0
    }
    let slope = (try activation(1) - activation(-1)) / (2 * step)
    let along = zip(gradient, direction).reduce(0) { $0 + $1.0 * $1.1 }
    let size = zip(gradient, direction).reduce(0) { $0 + abs($1.0 * $1.1) }
    #expect(abs(slope - along) < 0.02 * size, "slope \(slope), gradient along it \(along)")
  }

  /// Some signals of a batch are sparse and some dense; neighbours must not decide how one is carried.
  @Test(arguments: cases.indices, RectifierRule.allCases)
  func `a batch of seeds gives the bytes of the seeds one by one`(index: Int, rule: RectifierRule) throws {
    let network = try Self.cases[index].network()
    let value = Self.cases[index].value
    let picture = try picture(for: network)
    let projector = try Projector(network, value: value, rule: rule, threads: 2)
    let map = try network.shapes(inputs: ["input": picture.shape])[value] ?? []
    let seeds = (0..<40).map {
      Seed.activation(unit: $0 % map.channels, row: $0 % map.rows, column: $0 * 7 % map.columns)
    }
    let evidence = try evidence(seeds, projector, picture)
    let together = try projector.project(evidence)
    for (one, among) in zip(evidence, together) {
      #expect(try projector.project([one])[0].pixels.elements == among.pixels.elements)
    }
  }

  /// Pools of both kinds, and seeds that are cut to windows and that are not.
  @Test(arguments: [("plain", "relu3.out"), ("pools", "conv.out")])
  func `a picture of a batch gives the projections that it gives alone`(name: String, value: String) throws {
    var build = TinyNetworks.Builder(seed: 7)
    build.add("pool", .maxPooling(SlidingRule(window: [2, 3], strides: [1, 2], padding: .sameUpper)))
    build.convolution("conv", 4, of: 3, window: 3)
    build.add("top", .globalMaxPooling)
    let network = name == "pools" ? try build.network(rows: 12, columns: 14) : try TinyNetworks.plain()
    let pictures = try (0..<3).map { try picture(for: network, seed: $0 + 20) }
    for value in name == "pools" ? [value, "top.out"] : [value] {
      let projector = try Projector(network, value: value, rule: .gradient, threads: 2)
      let runner = try Runner(network, keeping: projector.keptValues, recordingSwitches: true, threads: 2)
      let together = try runner.forward(Tensor.stacking(pictures))
      for (index, picture) in pictures.enumerated() {
        let seeds: [Seed] = [.activation(unit: 1, row: 0, column: 0), .map(unit: 2)]
        for (seed, expected) in zip(seeds, try evidence(seeds, projector, picture)) {
          let found = try projector.evidence(of: seed, in: together, at: index)
          #expect(
            try projector.project([found])[0].pixels.elements
              == projector.project([expected])[0].pixels.elements)
        }
      }
    }
  }

  /// A map of one position, whose window below is smaller than the map there.
  @Test func `seeds of several kinds in one batch equal the seeds one by one`() throws {
    var build = TinyNetworks.Builder(seed: 6)
    build.convolution("conv1", 4, of: 3, window: 3, padding: 1)
    build.relu("relu1")
    build.convolution("conv2", 5, of: 4, window: 3, stride: 2)
    let network = try build.network(rows: 4, columns: 4)
    let projector = try Projector(network, value: "conv2.out", rule: .gradient, threads: 1)
    let seeds: [Seed] = [.activation(unit: 2, row: 0, column: 0), .score(unit: 2), .map(unit: 1)]
    let evidence = try evidence(seeds, projector, try picture(for: network))
    let together = try projector.project(evidence)
    for (index, one) in evidence.enumerated() {
      #expect(try projector.project([one])[0].pixels.elements == together[index].pixels.elements)
    }
  }

  @Test func `projecting changes neither the network nor the picture`() throws {
    let network = try TinyNetworks.residual()
    let picture = try picture(for: network)
    let before = picture.elements
    let projector = try Projector(network, value: "out.out", rule: .guided, threads: 1)
    let seeds = [Seed.activation(unit: 1, row: 2, column: 3)]
    let first = try projector.project(try evidence(seeds, projector, picture))[0].pixels.elements
    let second = try projector.project(try evidence(seeds, projector, picture))[0].pixels.elements
    #expect(picture.elements == before)
    #expect(first == second)
  }

  @Test func `a whole map is the sum of its activations under the gradient rule`() throws {
    let network = try TinyNetworks.plain()
    let picture = try picture(for: network)
    let projector = try Projector(network, value: "relu2.out", rule: .gradient, threads: 1)
    let map = try network.shapes(inputs: ["input": picture.shape])["relu2.out"] ?? []
    let whole = try projector.project(try evidence([.map(unit: 4)], projector, picture))[0]
    let each = (0..<map.rows * map.columns).map {
      Seed.activation(unit: 4, row: $0 / map.columns, column: $0 % map.columns)
    }
    var sum = [Float](repeating: 0, count: picture.shape.count)
    for part in try projector.project(try evidence(each, projector, picture)) {
      for (index, element) in part.placed(in: picture.shape).elements.enumerated() { sum[index] += element }
    }
    let expected = whole.placed(in: picture.shape).elements
    let largest = expected.map(abs).max() ?? 0
    #expect(zip(sum, expected).allSatisfy { abs($0 - $1) <= 1e-4 * largest })
  }

  @Test func `a unit or a position that does not exist is named`() throws {
    let network = try TinyNetworks.plain()
    let projector = try Projector(network, value: "relu2.out", rule: .deconvnet, threads: 1)
    let picture = try picture(for: network)
    #expect(throws: NetworkError.unknownUnit(unit: 10, layer: "relu2.out", units: 10)) {
      try evidence([.activation(unit: 10, row: 0, column: 0)], projector, picture)
    }
    #expect(throws: NetworkError.self) {
      try evidence([.activation(unit: 0, row: 99, column: 0)], projector, picture)
    }
  }
}
