import Attribution
import Execution
import Kernels
import NetworkFixtures
import Networks
import Tensors
import TestSupport
import Testing

/// Random networks of every operation: whatever a graph is made of, a window gives what the whole map gives.
@Suite struct WindowsAndWholes {
  static let seeds = 0..<4 * OperationKind.allCases.count

  @Test func `every operation is drawn`() throws {
    var drawn: Set<OperationKind> = []
    for seed in Self.seeds {
      drawn.formUnion(try RandomNetworks.draw(seed: seed).network.nodes.map(\.operation.kind))
    }
    #expect(drawn == Set(OperationKind.allCases))
  }

  @Test(arguments: seeds)
  func `a window gives the numbers of the whole map`(seed: Int) throws {
    let drawn = try RandomNetworks.draw(seed: seed)
    var generator = SeededGenerator(seed: UInt64(seed))
    let values = Set([drawn.maps.last, drawn.maps.randomElement(using: &generator)].compactMap { $0 })
    for value in values.sorted() { try compare(drawn.network, value, seed: seed) }
  }

  /// Files of the kinds that PyTorch writes for Res2Net, CSPNet and ShuffleNetV2, whose blocks split the channels.
  @Test(
    .enabled(if: SharedData.isPresent, "\(SharedData.reason)"),
    arguments: ["09-split-projection", "10-split-shuffle-projection"])
  func `a window gives the numbers of the whole map behind a split`(name: String) throws {
    let network = try Network(onnx: SharedData.path("../cases/networks/\(name)/model.onnx"))
    for layer in network.featureLayers() { try compare(network, layer.featureMaps, seed: 1) }
  }

  /// Seeds at corners, borders and inside, in one batch, under every rule.
  private func compare(_ network: Network, _ value: String, seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let picture = Tensor.random(try network.inputShape(images: 1), using: &generator)
    let map = try #require(try network.shapes(inputs: [network.inputs[0].name: picture.shape])[value])
    let places = [
      (0, 0), (map.rows - 1, map.columns - 1), (map.rows / 2, map.columns / 2), (map.rows / 3, 0),
      (map.rows / 2, map.columns / 3),
    ]
    let seeds = places.enumerated().map {
      Seed.activation(unit: $0.offset % map.channels, row: $0.element.0, column: $0.element.1)
    }
    for rule in RectifierRule.allCases {
      let (windows, wholes) = (
        try projections(of: seeds, value, network, picture, rule, limitedToField: true),
        try projections(of: seeds, value, network, picture, rule, limitedToField: false)
      )
      for ((window, whole), place) in zip(zip(windows, wholes), places) {
        let largest = whole.map(abs).max() ?? 0
        #expect(largest.isFinite)
        #expect(
          largestDifference(window, whole) <= Double(summationTolerance * largest),
          "seed \(seed), \(value) at \(place), \(rule)")
      }
    }
  }

  private func projections(
    of seeds: [Seed], _ value: String, _ network: Network, _ picture: Tensor, _ rule: RectifierRule,
    limitedToField isLimited: Bool
  ) throws -> [[Float]] {
    let projector = try Projector(network, value: value, rule: rule, limitedToField: isLimited, threads: 1)
    let runner = try Runner(network, keeping: projector.keptValues, recordingSwitches: true, threads: 1)
    let trace = try runner.forward(picture)
    return try projector.project(try seeds.map { try projector.evidence(of: $0, in: trace) })
      .map { $0.placed(in: picture.shape).elements }
  }
}
