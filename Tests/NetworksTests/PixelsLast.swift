import Images
import Kernels
import Networks
import ONNXMessages
import Tensors
import TestSupport
import Testing

/// Inputs of images x rows x columns x channels, as exporters from TensorFlow write them.
@Suite struct PixelsLast {
  private func picture(_ shape: Shape) -> Tensor {
    var generator = SeededGenerator(seed: 4)
    return Tensor.random(shape, using: &generator)
  }

  /// A convolution of pictures, with its channels first or behind a transposition.
  private func convolution(_ extents: [Int?], isLast: Bool, scaled: Bool = false) -> ModelBuilder {
    var build = ModelBuilder(input: extents)
    build.weights("w", [5, 3, 3, 3])
    var value = "x"
    if scaled {
      build.weights("mean", isLast ? [1, 1, 1, 3] : [1, 3, 1, 1], [1, 2, 3])
      build.node("Sub", ["x", "mean"], ["centred"])
      value = "centred"
    }
    if isLast {
      build.node("Transpose", [value], ["maps"], [attribute("perm", [0, 3, 1, 2])])
      value = "maps"
    }
    build.node("Conv", [value, "w"], ["c"], name: "conv")
    build.node("Relu", ["c"], ["y"])
    build.output("y")
    return build
  }

  @Test(arguments: [false, true], [[nil, nil, nil, 3], [2, 6, 7, 3], [nil, nil, nil, nil]] as [[Int?]])
  func `a first transposition says that channels are last, and nothing is moved`(
    scaled: Bool, extents: [Int?]
  ) throws {
    let read = try convolution(extents, isLast: true, scaled: scaled).network()
    let input = picture([2, 6, 7, 3])
    let plain = try convolution([nil, 3, nil, nil], isLast: false, scaled: scaled).network()
    let expected = try plain.computed(input.inONNXOrder())
    #expect(read.notes.isEmpty)
    for network in [read, try read.rewritten()] {
      #expect(network.inputs[0].isChannelsLast && network.inputs[0].extentsInFile == extents)
      #expect(network.inputs[0].extents == [extents[0], extents[3], extents[1], extents[2]])
      #expect(!network.nodes.contains { if case .transposition = $0.operation { true } else { false } })
      let found = try network.computed(input)
      #expect(found.shape == expected.shape && found.elements == expected.elements)
    }
    let shapes = try read.shapes(inputs: ["x": [2, 6, 7, 3]])
    let field = try #require(read.fields(below: "y", shapes: shapes)["x"])
    #expect(
      read.receptiveField(field, row: 1, column: 2, input: [2, 6, 7, 3])
        == Box(top: 1, left: 2, bottom: 4, right: 5))
    #expect(
      try read.rewritten().onnxBytes(file: "") == read.rewritten().rewritten().onnxBytes(file: ""),
      "a second time changes nothing")
  }

  @Test func `pictures are prepared for such an input`() throws {
    let network = try convolution([nil, 47, 53, 3], isLast: true).network()
    let prepared = try network.preprocessing().preprocessing
    #expect(try #require(prepared.size) == (47, 53))
    #expect(try network.inputShape(images: 2) == [2, 47, 53, 3])
  }

  @Test(arguments: [[nil, 12, 13, 1], [nil, nil, nil, 4]] as [[Int?]])
  func `extents alone are a judgement, which is said`(extents: [Int?]) throws {
    var build = ModelBuilder(input: extents)
    build.node("Relu", ["x"], ["y"])
    build.output("y")
    let network = try build.network()
    #expect(network.inputs[0].isChannelsLast)
    #expect(network.notes.count == 1 && network.notes[0].contains("rows x columns x channels by its extents"))
    let input = picture(Shape([2, 12, 13, extents[3] ?? 1]))
    let made = try network.computed(input)
    #expect(made.shape == input.shape && made.elements == input.elements.map { max($0, 0) })
  }

  /// Features in the order that the file has them: a fully connected network of pictures, channels last.
  @Test func `flattened pixels keep the file's order`() throws {
    var build = ModelBuilder(input: [nil, 12, 13, 3])
    build.node("Flatten", ["x"], ["f"])
    build.weights("w", [468, 4])
    build.node("MatMul", ["f", "w"], ["y"])
    build.output("y")
    let read = try build.network()
    let input = picture([1, 12, 13, 3])
    let weights = build.graph.initializer[0].floatData
    let expected = (0..<4).map { unit in
      (0..<468).reduce(0.0) { $0 + Double(input.elements[$1]) * Double(weights[$1 * 4 + unit]) }
    }
    for network in [read, try read.rewritten()] {
      #expect(largestDifference(try network.computed(input).elements, expected) < Tolerance.sum(of: 468))
    }
  }

  @Test(arguments: [[nil, 3, 24, 24], [nil, 24, 24, 3], [nil, 3, nil, 3], [nil, 5, 6, 3]] as [[Int?]])
  func
    `operators that have their channels first, and extents of two readings, leave the order as ONNX has it`(
      extents: [Int?]
    ) throws
  {
    var build = ModelBuilder(input: extents)
    build.weights("w", [2, extents[1] ?? 3, 1, 1])
    build.node("Conv", ["x", "w"], ["y"])
    build.output("y")
    let network = try build.network()
    #expect(
      !network.inputs[0].isChannelsLast && network.inputs[0].extents == extents && network.notes.isEmpty)
  }

  @Test func `a transposition to channels-last first says that they are first`() throws {
    var build = ModelBuilder(input: [nil, 3, 8, 9])
    build.node("Transpose", ["x"], ["last"], [attribute("perm", [0, 2, 3, 1])])
    build.node("Relu", ["last"], ["y"])
    build.output("y")
    #expect(try !build.network().inputs[0].isChannelsLast)
  }

  /// Converters write the transposition of maps of one channel as a reshaping.
  @Test func `a reshaping that moves one channel to the front is a transposition`() throws {
    var build = ModelBuilder(input: [nil, 12, 13, 1])
    build.integers("to", [-1, 1, 12, 13])
    build.node("Reshape", ["x", "to"], ["maps"])
    build.weights("w", [2, 1, 3, 3])
    build.node("Conv", ["maps", "w"], ["y"])
    build.output("y")
    let network = try build.network()
    let shapes = try network.shapes(inputs: ["x": [1, 12, 13, 1]])
    #expect(network.fields(below: "y", shapes: shapes)["x"] != .whole)
    let input = picture([2, 12, 13, 1])
    build.graph.input = [ModelBuilder.value("x", [nil, 1, 12, 13])]
    #expect(try network.computed(input).elements == build.network().computed(input.inONNXOrder()).elements)
  }
}
