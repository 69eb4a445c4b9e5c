import Attribution
import Execution
import func Foundation.exp
import Kernels
import NetworkFixtures
import Networks
import Tensors
import TestSupport
import Testing

@Suite struct Explainers {
  private let picture: Tensor
  private var settings: Explainer.Settings

  init() {
    var generator = SeededGenerator(seed: 3)
    picture = .random([1, 12, 12, 3], using: &generator)
    settings = Explainer.Settings(
      baseline: Tensor([1, 12, 12, 3]), cover: Tensor([1, 12, 12, 3]),
      range: ([-1, -1, -1], [1, 1, 1]))
  }

  /// Convolutions with rectifiers, a max pool, a global mean and a fully connected layer; without biases unless asked.
  private func network(biased: Bool = false, normalized: Bool = false) throws -> Network {
    var generator = SeededGenerator(seed: 5)
    func convolution(_ units: Int, of channels: Int) -> Operation {
      .convolution(
        Convolution(
          filters: .random([units, 3, 3, channels], using: &generator),
          bias: biased ? .random([units], using: &generator) : nil,
          rule: SlidingRule(window: [3, 3], padding: .explicit(top: 1, left: 1, bottom: 1, right: 1))))
    }
    var nodes: [Network.Node] = []
    func add(_ name: String, _ operation: Operation) {
      nodes.append(
        Network.Node(
          name: name, operation: operation, inputs: [nodes.last?.outputs[0] ?? "input"],
          outputs: [name + ".out"]))
    }
    add("conv1", convolution(6, of: 3))
    if normalized {
      add(
        "norm",
        .batchNormalization(
          BatchNormalization(
            scale: .random([6], using: &generator), shift: .random([6], using: &generator),
            mean: .random([6], using: &generator), variance: Tensor([6], elements: [0.5, 1, 2, 0.7, 1.5, 1]),
            epsilon: 1e-5)))
    }
    add("relu1", .activation(.relu))
    add("pool", .maxPooling(SlidingRule(window: [2, 2], strides: [2, 2])))
    add("conv2", convolution(8, of: 6))
    add("relu2", .activation(.relu))
    add("mean", .globalAveragePooling)
    add("flat", .flatten)
    add(
      "fc",
      .innerProduct(
        InnerProduct(
          weights: .random([4, 8], using: &generator), bias: biased ? .random([4], using: &generator) : nil)))
    return try Network(
      name: "small", inputs: [.init(name: "input", extents: [nil, 3, 12, 12])], nodes: nodes,
      outputs: ["fc.out"])
  }

  private func explained(
    _ method: Method, _ network: Network, class index: Int = 1, _ settings: Explainer.Settings? = nil
  ) throws -> Explanation {
    try Explainer(network, target: .score(value: "fc.out", index: index), threads: 2).explain(
      picture, by: method, settings ?? self.settings)
  }

  @Test func `a sum by Gauss and Legendre is exact for polynomials`() throws {
    // Through integrated gradients of a linear network: one point is enough, and what is added up is the difference.
    var generator = SeededGenerator(seed: 7)
    let weights = Tensor.random([2, 12 * 12 * 3], using: &generator)
    let network = try Network(
      name: "linear", inputs: [.init(name: "input", extents: [nil, 3, 12, 12])],
      nodes: [
        .init(name: "flat", operation: .flatten, inputs: ["input"], outputs: ["flat.out"]),
        .init(
          name: "fc", operation: .innerProduct(InnerProduct(weights: weights, bias: nil)),
          inputs: ["flat.out"],
          outputs: ["fc.out"]),
      ], outputs: ["fc.out"])
    var settings = settings
    settings.points = 1
    settings.baseline = .random(picture.shape, using: &generator)
    let row = Array(weights.elements[12 * 12 * 3..<2 * 12 * 12 * 3])
    #expect(try explained(.gradient, network).values.elements == row)
    let integrated = try explained(.integratedGradients, network, settings)
    let expected = zip(row, zip(picture.elements, settings.baseline.elements)).map {
      Double($0 * ($1.0 - $1.1))
    }
    #expect(largestDifference(integrated.values.elements, expected) < 1e-6)
    #expect((integrated.completenessError ?? 1) < 1e-5)
    // What hides a part takes away what the part adds, and what is masked is judged by the same weights.
    settings.cover = Tensor(picture.shape)
    settings.square = (size: 12, stride: 1)
    let score = zip(row, picture.elements).reduce(Float(0)) { $0 + $1.0 * $1.1 }
    #expect(
      try explained(.occlusion, network, settings).values.elements.allSatisfy { abs($0 - score) < 1e-4 })
    #expect(throws: AttributionError.self) {
      var wide = settings
      wide.square = (size: 13, stride: 1)
      _ = try explained(.occlusion, network, wide)
    }
  }

  @Test func `integrated gradients add up to the difference in score`() throws {
    for (biased, normalized) in [(false, false), (true, false), (true, true)] {
      let network = try network(biased: biased, normalized: normalized)
      let found = try explained(.integratedGradients, network)
      let start = try Runner(network, keeping: ["fc.out"], threads: 1).forward(settings.baseline)["fc.out"]
      let difference = found.score - (try #require(start)).elements[1]
      let sum = found.values.elements.reduce(0, +)
      #expect(
        abs(sum - difference) <= 0.011 * abs(difference), "\(biased) \(normalized): \(sum) of \(difference)")
      #expect(abs(Double(abs(sum - difference) / abs(difference)) - (found.completenessError ?? 1)) < 1e-3)
      var few = settings
      few.points = 2
      #expect(try explained(.integratedGradients, network, few).points == 2)
    }
  }

  @Test func `the gradient of a score, a probability and a unit is the slope`() throws {
    let network = try network(biased: true, normalized: true)
    var generator = SeededGenerator(seed: 8)
    let direction = Tensor.random(picture.shape, using: &generator).elements
    for (target, value) in [
      (Explainer.Target.score(value: "fc.out", index: 2), "fc.out"),
      (.probability(value: "fc.out", index: 2), "fc.out"), (.unit(value: "relu2.out", unit: 3), "relu2.out"),
    ] {
      let explainer = try Explainer(network, target: target, threads: 1)
      let gradient = try explainer.explain(picture, by: .gradient, settings).values.elements
      let slope = zip(gradient, direction).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      let runner = try Runner(network, keeping: [value], threads: 1)
      func read(_ step: Float) throws -> Double {
        let moved = Tensor(picture.shape, elements: zip(picture.elements, direction).map { $0 + step * $1 })
        let elements = try #require(try runner.forward(moved)[value]).elements.map(Double.init)
        switch target {
        case .score: return elements[2]
        case .probability:
          let powers = elements.map { exp($0 - (elements.max() ?? 0)) }
          return powers[2] / powers.reduce(0, +)
        case .unit:
          return Swift.stride(from: 3, to: elements.count, by: 8).map { elements[$0] }.max() ?? 0
        }
      }
      let step: Float = 1e-3
      let measured = (try read(step) - read(-step)) / Double(2 * step)
      #expect(abs(measured - slope) <= 0.02 * max(abs(slope), 0.01), "\(target): \(measured), not \(slope)")
    }
  }

  @Test func `without biases epsilon is input times gradient, and z+ keeps all relevance`() throws {
    let network = try network()
    for index in 0..<4 {
      let product = try explained(.inputXGradient, network, class: index)
      let epsilon = try explained(.lrpEpsilon, network, class: index)
      let largest = product.values.elements.map(abs).max() ?? 0
      #expect(
        largestDifference(epsilon.values.elements, product.values.elements.map(Double.init)) <= 2e-3
          * Double(largest)
      )
      for method in [Method.lrpEpsilonPlus, .lrpEpsilonPlusFlat, .lrpEpsilonGammaBox] {
        let found = try explained(method, network, class: index)
        let sum = found.values.elements.reduce(0) { $0 + Double($1) }
        #expect(
          abs(sum - Double(found.score)) <= 2e-3 * Double(abs(found.score)),
          "\(method): \(sum) of \(found.score)")
      }
    }
  }

  @Test func `folded normalisations change no value, and relevance is the folded network's`() throws {
    let network = try network(biased: true, normalized: true)
    let folded = network.foldingNormalizations()
    #expect(folded.nodes.contains { if case .identity = $0.operation { true } else { false } })
    let values = try [network, folded].map {
      try #require(try Runner($0, keeping: ["relu1.out", "fc.out"], threads: 1).forward(picture)["fc.out"])
        .elements
    }
    #expect(largestDifference(values[1], values[0].map(Double.init)) < 1e-4)
    for method in [Method.lrpEpsilonPlus, .lrpEpsilonAlpha2Beta1, .excitation] {
      #expect(
        try explained(method, network).values.elements == explained(method, folded).values.elements,
        "\(method)")
    }
  }

  @Test func `class activation maps of the last maps agree where a global mean follows`() throws {
    let network = try network(biased: true)
    let camera = try explained(.gradcam, network)
    let each = try explained(.hirescam, network)
    #expect(camera.values.shape == [12, 12])
    let largest = each.values.elements.map(abs).max() ?? 0
    #expect(
      largestDifference(camera.values.elements, each.values.elements.map(Double.init)) <= 1e-5
        * Double(largest))
    // The maps lie on a grid of two pixels, each position at the middle of what it sees.
    var earlier = settings
    earlier.layer = "pool.out"
    let coarse = try explained(.layercam, network, earlier)
    #expect(coarse.values.shape == [12, 12] && coarse.values.elements.allSatisfy { $0 >= 0 })
    let product = Explainer.Target.score(value: "fc.out", index: 1)
    earlier.layer = "flat.out"
    #expect(throws: AttributionError.self) {
      try Explainer(network, target: product, threads: 1).explain(picture, by: .gradcam, earlier)
    }
  }

  /// Three strides of two: what a position sees is larger than the picture, and its middle is at every eighth pixel.
  @Test func `a map's values lie at the middle of what they see, however much that is`() throws {
    var generator = SeededGenerator(seed: 21)
    var nodes: [Network.Node] = []
    for (place, channels) in [3, 4, 4].enumerated() {
      nodes.append(
        .init(
          name: "conv\(place)",
          operation: .convolution(
            Convolution(
              filters: .random([4, 3, 3, channels], using: &generator), bias: nil,
              rule: SlidingRule(
                window: [3, 3], strides: [2, 2], padding: .explicit(top: 1, left: 1, bottom: 1, right: 1)))),
          inputs: [nodes.last?.outputs[0] ?? "input"], outputs: ["conv\(place).out"]))
    }
    nodes.append(.init(name: "flat", operation: .flatten, inputs: ["conv2.out"], outputs: ["flat.out"]))
    nodes.append(
      .init(
        name: "fc",
        operation: .innerProduct(InnerProduct(weights: .random([2, 16], using: &generator), bias: nil)),
        inputs: ["flat.out"], outputs: ["fc.out"]))
    let network = try Network(
      name: "deep", inputs: [.init(name: "input", extents: [nil, 3, 12, 12])], nodes: nodes,
      outputs: ["fc.out"])
    let map = try explained(.hirescam, network).values.elements
    func value(_ row: Int, _ column: Int) -> Float { map[row * 12 + column] }
    #expect(value(0, 0) != value(8, 0) && value(0, 0) != value(1, 0))
    for column in 0..<12 {
      #expect(abs(value(4, column) - (value(0, column) + value(8, column)) / 2) < 1e-4)
      for row in 9..<12 { #expect(value(row, column) == value(8, column)) }
    }
    // What all positions add is the score: no bias, and a linear layer follows.
    let score = try explained(.hirescam, network).score
    #expect(abs(value(0, 0) + value(0, 8) + value(8, 0) + value(8, 8) - score) < 1e-3 * max(abs(score), 1))
  }

  @Test func `moments of noisy gradients fit each other, and draws depend on the seed alone`() throws {
    let network = try network(biased: true)
    var settings = settings
    settings.points = 20
    let mean = try explained(.smoothgrad, network, settings).values.elements
    let squares = try explained(.smoothgradSquared, network, settings).values.elements
    let variance = try explained(.vargrad, network, settings).values.elements
    let largest = squares.max() ?? 0
    for index in mean.indices {
      #expect(abs(squares[index] - mean[index] * mean[index] - variance[index]) <= 1e-5 * largest)
    }
    #expect(variance.contains { $0 > 0 })
    let alone = try Explainer(network, target: .score(value: "fc.out", index: 1), threads: 1)
    #expect(try alone.explain(picture, by: .smoothgrad, settings).values.elements == mean)
    settings.seed = 1
    #expect(try explained(.smoothgrad, network, settings).values.elements != mean)
  }

  @Test func `expected gradients start from pictures, and RISE finds what a score depends on`() throws {
    let network = try network(biased: true)
    #expect(throws: AttributionError.noPictures) { try explained(.expectedGradients, network) }
    var settings = settings
    var generator = SeededGenerator(seed: 12)
    settings.pictures = (0..<4).map { _ in .random(picture.shape, using: &generator) }
    settings.points = 400
    let found = try explained(.expectedGradients, network, settings)
    #expect((found.completenessError ?? 9) < 0.25, "\(found.completenessError ?? 9)")
    // A score that reads one corner alone.
    let weights = Tensor(
      [1, 12 * 12 * 3], elements: (0..<432).map { $0 / 36 < 4 && $0 / 3 % 12 < 4 ? 1 : 0 })
    let corner = try Network(
      name: "corner", inputs: [.init(name: "input", extents: [nil, 3, 12, 12])],
      nodes: [
        .init(name: "flat", operation: .flatten, inputs: ["input"], outputs: ["flat.out"]),
        .init(
          name: "fc", operation: .innerProduct(InnerProduct(weights: weights, bias: nil)),
          inputs: ["flat.out"],
          outputs: ["fc.out"]),
      ], outputs: ["fc.out"])
    let bright = Tensor(picture.shape, repeating: 1)
    settings.cells = 3
    let map = try Explainer(corner, target: .score(value: "fc.out", index: 0), threads: 2).explain(
      bright, by: .rise, settings
    ).values.elements
    let inside = (0..<3).flatMap { row in (0..<3).map { map[row * 12 + $0] } }
    let outside = (8..<12).flatMap { row in (8..<12).map { map[row * 12 + $0] } }
    #expect((inside.min() ?? 0) > (outside.max() ?? 0))
  }

  @Test func `a node without a rule is named before anything is computed`() throws {
    let gated = try TinyNetworks.classifier()
    let explainer = try Explainer(gated, target: .score(value: "fc2.out", index: 0), threads: 1)
    #expect(throws: AttributionError.noRule(node: "scale")) {
      try explainer.check(.lrpEpsilonPlus, layer: nil)
    }
    try explainer.check(.integratedGradients, layer: nil)
    let late = try Explainer(gated, target: .score(value: "softmax.out", index: 0), threads: 1)
    #expect(throws: AttributionError.noRule(node: "softmax")) { try late.check(.lrpEpsilon, layer: nil) }
  }
}
