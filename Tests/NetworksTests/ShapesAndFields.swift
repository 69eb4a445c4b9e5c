import Execution
import Images
import Kernels
import NetworkFixtures
import Networks
import Tensors
import TestSupport
import Testing

/// Shapes, costs and receptive fields against the paper and against numbers worked out by hand.
@Suite struct ShapesAndFields {
  /// The paper's figure 3, with the paddings that fit every size it gives.
  private func paperNetwork(classes: Int) throws -> Network {
    var build = TinyNetworks.Builder(seed: 1)
    let pool = SlidingRule(window: [3, 3], strides: [2, 2], roundsUp: true)
    let contrast = LocalResponseNormalization(size: 5, alpha: 1e-4, beta: 0.75, bias: 2)
    build.convolution("c1", 96, of: 3, window: 7, stride: 2, padding: 1)
    build.relu("r1")
    build.add("p1", .maxPooling(pool))
    build.add("n1", .localResponseNormalization(contrast))
    build.convolution("c2", 256, of: 96, window: 5, stride: 2)
    build.relu("r2")
    build.add("p2", .maxPooling(pool))
    build.add("n2", .localResponseNormalization(contrast))
    build.convolution("c3", 384, of: 256, window: 3, padding: 1)
    build.relu("r3")
    build.convolution("c4", 384, of: 384, window: 3, padding: 1)
    build.relu("r4")
    build.convolution("c5", 256, of: 384, window: 3, padding: 1)
    build.relu("r5")
    build.add("p5", .maxPooling(SlidingRule(window: [3, 3], strides: [2, 2])))
    build.add("flat", .flatten)
    for (name, inputs, outputs) in [("f6", 9216, 4096), ("f7", 4096, 4096), ("f8", 4096, classes)] {
      build.add(
        name, .innerProduct(InnerProduct(weights: Tensor([outputs, inputs]), bias: Tensor([outputs]))))
      if name != "f8" { build.relu(name + "relu") }
    }
    build.add("soft", .softmax(axis: 1))
    return try build.network(rows: 224, columns: 224)
  }

  @Test func `the paper's network has the paper's sizes, parameters and products`() throws {
    let network = try paperNetwork(classes: 1000)
    let shapes = try network.shapes(inputs: ["input": network.inputShape(images: 1)])
    let expected: [(String, Shape)] = [
      ("c1", [1, 110, 110, 96]), ("p1", [1, 55, 55, 96]), ("c2", [1, 26, 26, 256]), ("p2", [1, 13, 13, 256]),
      ("c3", [1, 13, 13, 384]), ("c4", [1, 13, 13, 384]), ("c5", [1, 13, 13, 256]), ("p5", [1, 6, 6, 256]),
      ("f6", [1, 4096]), ("f8", [1, 1000]),
    ]
    for (name, shape) in expected { #expect(shapes[name + ".out"] == shape, "\(name)") }
    let account = try network.account()
    #expect(account.reduce(0) { $0 + $1.parameters } == 62_357_608)
    let products = Double(account.reduce(0) { $0 + $1.multiplyAccumulates })
    #expect((1.165e9...1.175e9).contains(products))
    let first = try #require(account.first)
    #expect(first.parameters == 96 * (7 * 7 * 3 + 1))
    #expect(first.multiplyAccumulates == 110 * 110 * 96 * 7 * 7 * 3)
    #expect(first.shape == [1, 96, 110, 110])
  }

  /// Field and stride of the paper's layers: each window adds its reach less one, times the stride so far.
  @Test func `the paper's receptive fields are those of its windows`() throws {
    let account = try paperNetwork(classes: 10).account()
    let expected = [
      "conv1": (7, 2), "pool1": (11, 4), "conv2": (27, 8), "pool2": (43, 16), "conv3": (75, 16),
      "conv4": (107, 16),
      "conv5": (139, 16), "pool3": (171, 32),
    ]
    for (name, (field, stride)) in expected {
      let layer = try #require(account.first { $0.name == name })
      #expect(layer.receptiveField == [field, field], "\(name)")
      #expect(layer.stride == [stride, stride], "\(name)")
    }
    #expect(account.first { $0.name == "fc1" }?.receptiveField == nil)
    #expect(account.first { $0.node == "n2" }?.receptiveField == [43, 43])
  }

  @Test(
    .enabled(if: SharedData.isPresent, "\(SharedData.reason)"),
    arguments: [
      ("light_zfnet512", "conv1", [96, 109], 7), ("light_zfnet512", "conv5", [512, 12], 139),
      ("light_bvlc_alexnet", "conv2", [256, 26], 51), ("light_bvlc_alexnet", "conv5", [256, 12], 163),
      ("light_bvlc_alexnet", "pool3", [256, 6], 195), ("light_squeezenet", "conv4", [64, 55], 15),
      ("light_squeezenet", "conv26", [1000, 13], 207),
    ]) func `real architectures have their known maps and fields`(
      name: String, layer: String, extents: [Int], field: Int
    ) throws
  {
    let account = try Network(onnx: SharedData.path("golden/onnx-light/\(name).onnx")).account()
    let found = try #require(account.first { $0.name == layer })
    #expect(found.shape == [1, extents[0], extents[1], extents[1]])
    #expect(found.receptiveField == [field, field])
  }

  @Test func `a field is the box of pixels behind a position, cut at the picture's edge`() throws {
    // Rows: window 3, stride 2, padding 1, then window 2: position p sees 4p/2... by hand below.
    var build = TinyNetworks.Builder(seed: 1)
    build.convolution("a", 2, of: 1, window: 3, stride: 2, padding: 1)
    build.convolution("b", 2, of: 2, window: 2)
    let network = try build.network(rows: 9, columns: 9, channels: 1)
    let shapes = try network.shapes(inputs: ["input": network.inputShape(images: 1)])
    let field = try #require(network.fields(below: "b.out", shapes: shapes)["input"])
    // Position p of b reads positions p and p + 1 of a; those begin at 2p - 1 and end before 2(p + 1) + 2.
    let reach = Reach(stride: 2, offset: -1, extent: 5)
    #expect(field == .window(rows: reach, columns: reach))
    let input: Shape = [1, 9, 9, 1]
    #expect(
      network.receptiveField(field, row: 0, column: 1, input: input)
        == Box(top: 0, left: 1, bottom: 4, right: 6))
    #expect(
      network.receptiveField(field, row: 3, column: 3, input: input)
        == Box(top: 5, left: 5, bottom: 9, right: 9))
    #expect(
      network.receptiveField(.whole, row: 3, column: 3, input: input)
        == Box(top: 0, left: 0, bottom: 9, right: 9))
  }

  @Test func `branches of different windows share the smallest box that covers both`() throws {
    var build = TinyNetworks.Builder(seed: 1)
    let small = build.convolution("small", 2, of: 3, window: 1, from: ["input"])
    let wide = build.convolution("wide", 2, of: 3, window: 5, padding: 4, dilation: 2, from: ["input"])
    build.add("join", .concatenation(axis: 3), from: [small, wide])
    let network = try build.network(rows: 12, columns: 12)
    let shapes = try network.shapes(inputs: ["input": network.inputShape(images: 1)])
    let reach = Reach(stride: 1, offset: -4, extent: 9)
    #expect(
      network.fields(below: "join.out", shapes: shapes)["input"] == .window(rows: reach, columns: reach))
    #expect(
      network.fields(below: "join.out", shapes: shapes)["small.out"] == .window(rows: .one, columns: .one))
  }

  /// A halving lies on a grid of two pixels, and a filter for reductions reaches twice as far; an enlargement lies on
  /// no grid of whole pixels.
  @Test func `a resizing by a whole number has a window, and any other sees the whole map`() throws {
    func field(_ extent: ResamplingRule.Extent, _ method: ResamplingRule.Method, filtered: Bool = false)
      throws -> [[Int]?]
    {
      var rule = ResamplingRule(method: method, coordinates: .halfPixel, rows: extent, columns: extent)
      rule.antialiases = filtered
      var build = TinyNetworks.Builder(seed: 3)
      build.add("resized", .resampling(rule))
      build.convolution("conv", 2, of: 3, window: 3, padding: 1)
      let account = try build.network(rows: 24, columns: 24).account()
      return try #require(account.first { $0.name == "conv1" }).fieldAndStride
    }
    #expect(try field(.scale(0.5), .linear) == [[6, 6], [2, 2]])
    #expect(try field(.size(8), .nearest(.preferFloor)) == [[7, 7], [3, 3]])
    #expect(try field(.scale(0.5), .linear, filtered: true) == [[8, 8], [2, 2]])
    #expect(try field(.scale(2), .linear) == [nil, nil])
    #expect(try field(.size(7), .linear) == [nil, nil])
  }

  /// A position outside its field changes nothing, and the corners of the field change something.
  @Test(arguments: ["plain", "residual", "branches", "gated"])
  func `a field holds every pixel that matters and none that does not`(name: String) throws {
    let network = try TinyNetworks.named(name)
    let value = network.outputs[0]
    let shape = try network.inputShape(images: 1)
    let shapes = try network.shapes(inputs: ["input": shape])
    let map = try #require(shapes[value])
    let field = try #require(network.fields(below: value, shapes: shapes)["input"])
    let (row, column) = (map.rows / 2, map.columns / 2)
    let box = network.receptiveField(field, row: row, column: column, input: shape)
    var generator = SeededGenerator(seed: 6)
    let input = Tensor.random(shape, using: &generator)
    let runner = try Runner(network, keeping: [value], threads: 1)
    func units(of picture: Tensor) throws -> [Float] {
      let made = try #require(try runner.forward(picture)[value])
      let base = (row * map.columns + column) * map.channels
      return Array(made.elements[base..<base + map.channels])
    }
    var outside = input
    outside.withMutableSpan { elements in
      for y in 0..<shape.rows {
        for x in 0..<shape.columns where y < box.top || y >= box.bottom || x < box.left || x >= box.right {
          for channel in 0..<3 { elements[(y * shape.columns + x) * 3 + channel] += 10 }
        }
      }
    }
    // Filtered convolutions round alike for all outputs of a tile, so that more than the field is seen in the last digits.
    let (moved, own) = (try units(of: outside), try units(of: input))
    #expect(largestDifference(moved, own.map(Double.init)) <= 1e-4 * Double(own.map(abs).max() ?? 0))
    #expect(outside.elements != input.elements, "the field leaves pixels out")
  }

  /// Windows far beyond any map, one over the other, count as all of it.
  @Test func `a field beyond any map is the whole map`() throws {
    var build = TinyNetworks.Builder(seed: 1)
    for step in 0..<8 {
      build.add("p\(step)", .maxPooling(SlidingRule(window: [1, 1], strides: [1 << 20, 1 << 20])))
    }
    let network = try build.network(rows: 4, columns: 4)
    let account = try network.account()
    #expect(account.last?.receptiveField == nil && account.last?.shape == [1, 3, 1, 1])
  }

  @Test(arguments: 0..<60)
  func `fields in the input, found in one pass, are those found from each layer back`(seed: Int) throws {
    let network = try RandomNetworks.draw(seed: seed).network
    let shapes = try network.shapes(inputs: ["input": network.inputShape(images: 1)])
    let fields = network.fieldsInInput(shapes)
    for value in network.nodes.flatMap(\.outputs) {
      let expected = network.fields(below: value, shapes: shapes, throughGates: false)["input"]
      #expect(fields[value]?.field == expected, "\(value)")
    }
  }

  /// Squeeze-and-excitation: the field is that of the convolutions, and is marked.
  @Test func `a gate leaves the field of what it scales, and says that it is there`() throws {
    var build = TinyNetworks.Builder(seed: 1)
    build.convolution("first", 4, of: 3, window: 3, stride: 2, padding: 1)
    build.add("squeeze", .globalAveragePooling)
    build.convolution("excite", 4, of: 4, window: 1)
    build.add("scale", .arithmetic(.multiply), from: ["excite.out", "first.out"])
    build.convolution("second", 4, of: 4, window: 3, padding: 1)
    let network = try build.network(rows: 32, columns: 32)
    let account = Dictionary(
      uniqueKeysWithValues: try network.account().map { ($0.node, ($0.receptiveField, $0.isGated)) })
    #expect(account["first"]?.0 == [3, 3] && account["first"]?.1 == false)
    #expect(account["squeeze"]?.0 == nil && account["squeeze"]?.1 == false)
    #expect(account["scale"]?.0 == [3, 3] && account["scale"]?.1 == true)
    #expect(account["second"]?.0 == [7, 7] && account["second"]?.1 == true)
    let shapes = try network.shapes(inputs: ["input": network.inputShape(images: 1)])
    #expect(network.fields(below: "second.out", shapes: shapes)["input"] == .whole)
  }
}

extension LayerAccount {
  fileprivate var fieldAndStride: [[Int]?] { [receptiveField, stride] }
}
