import Attribution
import Execution
import Kernels
import NetworkFixtures
import Networks
import Tensors
import TestSupport
import Testing

/// DeepLIFT and the shares of units, by the sums that define them.
@Suite struct UnitExplanations {
  private func settings(_ network: Network, seed: UInt64 = 9) throws -> (Tensor, Explainer.Settings) {
    var generator = SeededGenerator(seed: seed)
    let shape = try network.inputShape(images: 1)
    let picture = Tensor.random(shape, using: &generator)
    let channels = shape.channels
    let settings = Explainer.Settings(
      baseline: .random(shape, using: &generator), cover: Tensor(shape),
      range: ([Float](repeating: -1, count: channels), [Float](repeating: 1, count: channels)))
    return (picture, settings)
  }

  private func value(_ name: String, _ network: Network, _ input: Tensor) throws -> Tensor {
    try #require(try Runner(network, keeping: [name], threads: 1).forward(input)[name])
  }

  @Test func `DeepLIFT adds up to the difference from the baseline whatever the nodes are`() throws {
    var (explained, kinds) = (0, Set<OperationKind>())
    for seed in 0..<108 {
      let drawn = try RandomNetworks.draw(seed: seed)
      let (network, name) = (drawn.network, try #require(drawn.maps.last))
      let explainer = try Explainer(network, target: .unit(value: name, unit: 0), threads: 1)
      guard (try? explainer.check(.deeplift, layer: nil)) != nil else { continue }
      let (picture, settings) = try settings(network, seed: UInt64(seed))
      let (here, there) = (
        try value(name, network, picture), try value(name, network, settings.baseline)
      )
      guard (here.elements + there.elements).allSatisfy({ $0.isFinite && abs($0) < 1e4 }) else { continue }
      let found = try explainer.explain(picture, by: .deeplift, settings)
      let units = here.shape.channels
      let places = stride(from: 0, to: here.elements.count, by: units)
      let best = try #require(places.max { here.elements[$0] < here.elements[$1] })
      let difference = Double(here.elements[best]) - Double(there.elements[best])
      let sum = found.values.elements.reduce(0) { $0 + Double($1) }
      let sizes = found.values.elements.reduce(0) { $0 + Double(abs($1)) }
      // What is added up in float32: terms may cancel, and functions with poles or edges leave more.
      #expect(
        abs(sum - difference) <= 1e-3 * max(sizes, abs(difference), 1e-3),
        "seed \(seed): \(sum) for \(difference) of \(network.nodes.map(\.operation.kind.rawValue))")
      explained += 1
      kinds.formUnion(network.nodes.map(\.operation.kind))
    }
    #expect(explained >= 80, "\(explained)")
    #expect(
      Set(OperationKind.allCases).subtracting(kinds).isEmpty,
      "\(Set(OperationKind.allCases).subtracting(kinds))")
  }

  @Test func `a choice between two computed values has no rescale rule, and is named`() throws {
    let network = try Network(
      name: "choice", inputs: [.init(name: "input", extents: [nil, 3, 4, 4])],
      nodes: [
        .init(name: "negated", operation: .activation(.negate), inputs: ["input"], outputs: ["negated.out"]),
        .init(
          name: "larger", operation: .arithmetic(.maximum), inputs: ["input", "negated.out"],
          outputs: ["larger.out"]),
      ], outputs: ["larger.out"])
    let explainer = try Explainer(network, target: .unit(value: "larger.out", unit: 0), threads: 1)
    #expect(throws: AttributionError.noRule(node: "larger")) {
      try explainer.check(.deeplift, layer: nil)
    }
  }

  @Test func `DeepLIFT of a probability adds up to the difference in probability`() throws {
    let network = try TinyNetworks.classifier()
    let (picture, settings) = try settings(network)
    let explainer = try Explainer(network, target: .probability(value: "fc2.out", index: 2), threads: 1)
    let found = try explainer.explain(picture, by: .deeplift, settings)
    #expect((found.completenessError ?? 1) < 1e-3, "\(found.completenessError ?? 1)")
  }

  /// Values that every path of a network passes, and one that some go around.
  private static let networks: [(name: String, cuts: [String], side: String?, target: String)] = [
    ("classifier", ["hard.out", "scale.out", "pool.out", "fc2.out"], "gate.out", "fc2.out"),
    ("residual", ["sum.out", "sum2.out"], "againNorm.out", "sum2.out"),
  ]

  @Test(arguments: [Explainer.Sharing.conductance, .rescale])
  func `units of any cut share all of the difference`(_ sharing: Explainer.Sharing) throws {
    for (name, cuts, side, target) in Self.networks {
      let network = try TinyNetworks.named(name)
      let (picture, settings) = try settings(network)
      let explainer = try Explainer(network, target: .unit(value: target, unit: 1), threads: 2)
      let values = cuts.filter { $0 != target } + [side].compactMap(\.self)
      let found = try explainer.units(of: picture, in: values, by: sharing, settings)
      #expect(Set(found.shares.keys) == Set(values))
      for value in values {
        let shape = try self.value(value, network, picture).shape
        #expect(found.shares[value]?.shape == shape)
        #expect(found.sums(of: value).count == shape.dimensions.last)
        if value == side {
          #expect(found.errors[value] == nil)
        } else {
          #expect(try #require(found.errors[value]) < 0.011, "\(name) \(value) \(sharing)")
        }
      }
      // A given number of points is kept to.
      if case .conductance = sharing {
        var few = settings
        few.points = 5
        #expect(try explainer.units(of: picture, in: values, by: sharing, few).points == 6)
      }
    }
  }

  @Test func `relevance of units goes on to the pixels, each unit's by itself`() throws {
    let network = try TinyNetworks.plain()
    let (picture, settings) = try settings(network)
    let last = try #require(network.nodes.last?.outputs[0])
    let values = ["pool1.out", "pool2.out"].filter { name in
      network.nodes.contains { $0.outputs.contains(name) }
    }
    #expect(values.count == 2)
    for sharing in [
      Explainer.Sharing.relevance(.lrpEpsilonPlus), .relevance(.lrpEpsilonGammaBox), .rescale,
    ] {
      let explainer = try Explainer(network, target: .unit(value: last, unit: 0), threads: 2)
      let found = try explainer.units(of: picture, in: values, by: sharing, settings)
      for value in values {
        let sums = found.sums(of: value)
        let units = Array(sums.indices)
        let places = try explainer.places(of: found, picture, in: value, units: units, by: sharing, settings)
        #expect(places.count == units.count)
        #expect(places.allSatisfy { $0.shape == [picture.shape.rows, picture.shape.columns] })
        // All units together are the map of the whole decision, where no path goes around the layer.
        let whole: Tensor
        switch sharing {
        case .relevance(let method): whole = try explainer.explain(picture, by: method, settings).values
        default: whole = try explainer.explain(picture, by: .deeplift, settings).values
        }
        let channels = whole.shape[2]
        let expected = (0..<whole.shape[0] * whole.shape[1]).map { place in
          (0..<channels).reduce(0.0) { $0 + Double(whole.elements[place * channels + $1]) }
        }
        let together = expected.indices.map { place in places.reduce(Float(0)) { $0 + $1.elements[place] } }
        let largest = expected.map(abs).max() ?? 0
        #expect(
          largestDifference(together, expected) <= 2e-3 * max(largest, 1e-3), "\(value) \(sharing)")
        guard case .rescale = sharing else { continue }
        for (unit, place) in zip(units, places) {
          let sum = place.elements.reduce(0) { $0 + Double($1) }
          #expect(abs(sum - sums[unit]) <= 1e-3 * max(sums.map(abs).max() ?? 0, 1e-3), "\(value):\(unit)")
        }
      }
    }
  }
}
