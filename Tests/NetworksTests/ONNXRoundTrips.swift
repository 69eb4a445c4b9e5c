import Execution
import Foundation
import Kernels
import NetworkFixtures
import Networks
import Tensors
import TestSupport
import Testing

/// What is written means the same when it is read again.
@Suite struct ONNXRoundTrips {
  /// Two readings of one network differ by nothing but what folding rounds.
  private func expectAlike(_ network: Network, _ again: Network, images: Int) throws {
    #expect(again.outputs == network.outputs)
    #expect(again.inputs.map(\.name) == network.inputs.map(\.name))
    var generator = SeededGenerator(seed: 21)
    let input = Tensor.random(try network.inputShape(images: images), using: &generator)
    let one = try Runner(network, keeping: network.outputs, threads: 1).forward(input)
    let other = try Runner(again, keeping: again.outputs, threads: 1).forward(input)
    for name in network.outputs {
      let (expected, found) = (try #require(one[name]), try #require(other[name]))
      #expect(found.shape == expected.shape)
      let largest = expected.elements.map { Double(abs($0)) }.max() ?? 0
      #expect(
        largestDifference(found.elements, expected.elements)
          <= Tolerance.rounding(64, magnitude: largest), "\(network.name) \(name)")
    }
  }

  @Test(arguments: Running.names, [1, 2])
  func `a small network written and read again computes the same`(name: String, images: Int) throws {
    let network = try TinyNetworks.named(name)
    let again = try network.rewritten()
    // A layer over maps is written with its transpositions.
    if name != "turned" { #expect(again.nodes.map(\.name) == network.nodes.map(\.name)) }
    try expectAlike(network, again, images: images)
    #expect(
      try again.onnxBytes(file: "") == again.rewritten().onnxBytes(file: ""), "a second time changes nothing")
  }

  /// Every activation, arithmetic and layout operation in one long chain.
  @Test func `every operation written and read again computes the same`() throws {
    var build = TinyNetworks.Builder(seed: 8)
    let activations: [Activation] = [
      .relu, .leakyRelu(slope: 0.2), .clip(minimum: -0.5, maximum: 0.75), .sigmoid,
      .hardSigmoid(alpha: 0.3, beta: 0.4), .hardSwish, .swish, .tanh, .elu(alpha: 0.6), .softplus, .gelu,
      .exp,
      .abs, .negate, .erf, .sin, .cos, .atan, .sinh, .cosh, .asinh, .sign, .floor, .ceil, .round,
      .thresholdedRelu(threshold: 0.3), .shrink(bias: 0.2, threshold: 0.4),
    ]
    var made: [String] = []
    for (index, activation) in activations.enumerated() {
      made.append(build.add("a\(index)", .activation(activation), from: ["input"]))
    }
    build.add(
      "shift", .arithmeticWithConstant(.add, build.random([4], in: 2...3), constantFirst: false),
      from: ["input"])
    let positive = build.last
    for (name, activation) in [("log", Activation.log), ("sqrt", .sqrt), ("reciprocal", .reciprocal)] {
      made.append(build.add(name, .activation(activation), from: [positive]))
    }
    for arithmetic in Arithmetic.allCases {
      made.append(build.add("two \(arithmetic)", .arithmetic(arithmetic), from: [positive, made[3]]))
      let constant = build.random([1, 1, 5, 4], in: 1...2)
      for isFirst in [true, false] {
        made.append(
          build.add(
            "constant \(arithmetic) \(isFirst)",
            .arithmeticWithConstant(arithmetic, constant, constantFirst: isFirst), from: [positive]))
      }
    }
    build.add("join", .concatenation(axis: 3), from: made)
    let channels = 4 * made.count
    build.add("prelu", .parametricRelu(slope: build.random([channels])))
    build.add(
      "norm", .localResponseNormalization(LocalResponseNormalization(size: 3, alpha: 0.1, beta: 0.5, bias: 1))
    )
    build.add("pad", .padding(before: [0, 1, 2, 0], after: [0, 2, 0, 0], mode: .constant(0.5)))
    build.add("mirror", .padding(before: [0, 1, 1, 0], after: [0, 0, 2, 0], mode: .reflect))
    build.add("edge", .padding(before: [0, 0, 1, 0], after: [0, 1, -1, 0], mode: .edge))
    build.add("slice", .slice(starts: [0, 1, 8, 0], stops: [.max, 7, -1, channels], steps: [1, 2, -2, 1]))
    build.add("same", .averagePooling(SlidingRule(window: [2, 2], padding: .sameLower), countsPadding: true))
    build.add("gather", .gathering(axis: 1, positions: [2, 0, 1, 2]))
    build.add(
      "resize",
      .resampling(
        ResamplingRule(method: .linear, coordinates: .torchHalfPixel, rows: .scale(1.5), columns: .scale(2))))
    build.add("turn", .transposition([0, 2, 1, 3]))
    let maps = build.last
    build.add("mean", .average(axes: [1], keepsAxes: true))
    build.add("less", .arithmetic(.subtract), from: [maps, build.last])
    build.add("soft", .softmax(axis: 3))
    let soft = build.last
    build.nodes.append(
      .init(
        name: "split", operation: .split(axis: 3, sizes: [1, channels - 1]), inputs: [soft],
        outputs: ["s0", "s1"]))
    build.add("largest", .globalMaxPooling, from: ["s1"])
    let largest = build.last
    build.add("smallest", .globalAveragePooling, from: [soft])
    build.add("drop", .dropout(ratio: 0.25))
    build.add("same value", .identity)
    build.add("shape", .reshape([0, 4, -1]))
    let rows = build.last
    build.add(
      "product", .innerProduct(InnerProduct(weights: build.random([6, made.count]), bias: build.random([6]))))
    let left = build.last
    build.add("turned", .transposition([0, 2, 1]), from: [rows])
    build.add("times", .matrixProduct, from: [build.last, left])
    build.add("log soft", .logSoftmax(axis: 2))
    let network = try build.network(rows: 6, columns: 5, channels: 4, outputs: [build.last, largest, "s0"])
    try expectAlike(network, try network.rewritten(), images: 2)
  }

  /// Sizes, sides of a kind of their own, boxes and filters for reductions.
  @Test(arguments: [
    ResamplingRule(method: .nearest(.ceil), coordinates: .asymmetric, rows: .size(4), columns: .size(11)),
    ResamplingRule(
      method: .cubic(coefficient: -0.5), coordinates: .alignedCorners, rows: .scale(1), columns: .size(3)),
    ResamplingRule(
      method: .linear, coordinates: .crop(top: 0.1, left: -0.2, bottom: 0.9, right: 1.1), rows: .size(5),
      columns: .scale(1.5)),
    ResamplingRule(
      method: .linear, coordinates: .crop(top: 0, left: 0.25, bottom: 1, right: 1), rows: .scale(2),
      columns: .scale(1)),
    ResamplingRule(
      method: .nearest(.preferCeil), coordinates: .nearestHalfPixel, rows: .scale(0.6), columns: .scale(1.4)),
  ])
  func `a resizing of any kind comes back`(rule: ResamplingRule) throws {
    for proportions in [ResamplingRule.Proportions.stretched, .notLarger, .notSmaller] {
      for (antialiases, excludesOutside) in [(false, true), (true, false)] {
        var build = TinyNetworks.Builder(seed: 9)
        var rule = rule
        if case (.size, .size) = (rule.rows, rule.columns) { rule.proportions = proportions }
        if case .nearest = rule.method {
        } else {
          (rule.antialiases, rule.excludesOutside) = (antialiases, excludesOutside)
        }
        build.add("resized", .resampling(rule))
        let network = try build.network(rows: 9, columns: 7, channels: 4)
        try expectAlike(network, try network.rewritten(), images: 2)
      }
    }
  }

  /// Operator sets before 19 have no dilated average: the writer changes the set, and with it how axes are said.
  @Test func `a dilated average that rounds up comes back`() throws {
    var build = TinyNetworks.Builder(seed: 9)
    let rule = SlidingRule(
      window: [2, 3], strides: [3, 2], dilations: [2, 1],
      padding: .explicit(top: 1, left: 1, bottom: 1, right: 0), roundsUp: true)
    build.add("dilated", .averagePooling(rule, countsPadding: true))
    build.add("mean", .average(axes: [2], keepsAxes: true))
    let network = try build.network(rows: 9, columns: 10, channels: 4)
    try expectAlike(network, try network.rewritten(), images: 2)
  }

  /// ONNX's inference of shapes counts a last window that begins past the map, which no runtime does: none is written.
  @Test func `windows that no runtime takes are not written`() throws {
    for (rows, columns) in [(7, 7), (7, 8), (8, 7), (8, 8)] {
      for isMax in [true, false] {
        var build = TinyNetworks.Builder(seed: 9)
        // Of 7 positions the last place begins past them; of 8 it begins at the last one.
        let rule = SlidingRule(window: [1, 1], strides: [7, 7], roundsUp: true)
        build.add("pool", isMax ? .maxPooling(rule) : .averagePooling(rule, countsPadding: true))
        let network = try build.network(rows: rows, columns: columns, channels: 4)
        let again = try network.rewritten()
        try expectAlike(network, again, images: 2)
        for node in again.nodes {
          let (written, map): (SlidingRule, Shape)
          switch node.operation {
          case .maxPooling(let rule), .averagePooling(let rule, _):
            written = rule
            map = try #require(
              try again.shapes(inputs: ["input": again.inputShape(images: 1)])[node.inputs[0]])
          default: continue
          }
          let extents = [map.rows, map.columns]
          for axis in 0...1 {
            let spare = extents[axis] - written.window[axis]
            let inferred =
              written.roundsUp
              ? (spare + written.strides[axis] - 1) / written.strides[axis] + 1
              : spare / written.strides[axis] + 1
            let made = try written.resolved(over: map).output(over: map)
            #expect(inferred == (axis == 0 ? made.rows : made.columns), "\(rows) x \(columns)")
          }
        }
      }
    }
  }

  @Test(
    .enabled(if: SharedData.isPresent, "\(SharedData.reason)"),
    arguments: [
      "models/squeezenet1.1.onnx", "models/alexnet-conv.onnx", "golden/onnx-light/light_bvlc_alexnet.onnx",
      "golden/onnx-light/light_squeezenet.onnx",
    ]) func `a real network written and read again computes the same`(file: String) throws
  {
    let network = try Network(onnx: SharedData.path(file))
    let folder = try TemporaryFolder()
    try network.writeONNX(to: folder.file("copy.onnx"))
    let again = try Network(onnx: folder.file("copy.onnx"))
    try expectAlike(network, again, images: 1)
    #expect(again.preprocessing == network.preprocessing)
    #expect(again.classes == network.classes)
    #expect(again.metadata == network.metadata)
    #expect(try again.account() == network.account())
  }

  @Test(
    .enabled(if: SharedData.isPresent, "\(SharedData.reason)"),
    arguments: ["light_bvlc_alexnet", "light_squeezenet", "light_zfnet512"])
  func `a network of constant weights gives every class the same probability`(name: String) throws {
    let network = try Network(onnx: SharedData.path("golden/onnx-light/\(name).onnx"))
    var generator = SeededGenerator(seed: 2)
    let input = Tensor.random(try network.inputShape(images: 1), using: &generator)
    let made = try Runner(network, keeping: network.outputs, threads: 2).forward(input)
    let elements = try #require(made[network.outputs[0]]).elements
    #expect(elements.count == 1000)
    #expect(largestDifference(elements, [Float](repeating: 0.001, count: 1000)) <= 1e-8)
  }

  @Test func `a file is written whole or not at all`() throws {
    let network = try TinyNetworks.plain()
    #expect(throws: ONNXError.self) { try network.writeONNX(to: "/nowhere/at/all.onnx") }
  }
}
