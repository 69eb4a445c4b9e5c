import Images
import Networks
import ONNXMessages
import Tensors
import TestSupport
import Testing

/// Files that leave the size of a picture open: read for any size, or for one where their numbers allow no other.
@Suite struct ONNXSizes {
  private func picture(_ shape: Shape) -> Tensor {
    var generator = SeededGenerator(seed: 3)
    return Tensor.random(shape, using: &generator)
  }

  private func opened() -> ModelBuilder { ModelBuilder(input: [nil, 4, nil, nil]) }

  /// Channel shuffling as exporters write it: every extent of the target is worked out from the shape.
  private func shuffle(fixed: [Int?] = [nil, nil]) -> ModelBuilder {
    var build = ModelBuilder(input: [nil, 4] + fixed)
    build.node("Shape", ["x"], ["shape"])
    for axis in 0..<4 {
      build.integers("i\(axis)", [axis])
      build.node("Gather", ["shape", "i\(axis)"], ["d\(axis)"], [attribute("axis", 0)])
    }
    build.integers("two", [2])
    build.node("Div", ["d1", "two"], ["each"])
    build.node("Concat", ["d0", "two", "each", "d2", "d3"], ["apart"], [attribute("axis", 0)])
    build.node("Reshape", ["x", "apart"], ["groups"])
    build.node("Transpose", ["groups"], ["turned"], [attribute("perm", [0, 2, 1, 3, 4])])
    build.node("Concat", ["d0", "d1", "d2", "d3"], ["together"], [attribute("axis", 0)])
    build.node("Reshape", ["turned", "together"], ["y"])
    build.output("y")
    return build
  }

  @Test(arguments: [[1, 4, 6, 5], [3, 4, 3, 9]])
  func `a target worked out from the shape holds for every size, also when written back`(extents: [Int])
    throws
  {
    let read = try shuffle().network()
    #expect(read.inputs[0].extents == [nil, 4, nil, nil])
    // One permutation of channels, so that a position stays a position.
    let shapes = try read.shapes(inputs: ["x": Shape(extents).fromONNXOrder])
    #expect(read.fields(below: "y", shapes: shapes)["x"] == .window(rows: .one, columns: .one))
    let input = picture(Shape(extents))
    let (elements, map) = (input.elements, extents[2] * extents[3])
    var expected: [Float] = []
    for image in 0..<extents[0] {
      for channel in [0, 2, 1, 3] {
        let start = (image * 4 + channel) * map
        expected += elements[start..<start + map]
      }
    }
    for network in [read, try read.rewritten()] {
      #expect(network.inputs[0].extents == [nil, 4, nil, nil])
      let made = try network.computed(input)
      #expect(made.shape == Shape(extents) && made.elements == expected)
    }
  }

  /// Slices, enlargements and blocks hold for every size too.
  @Test func `operators made of others hold for every size`() throws {
    var build = opened()
    build.weights("scales", [4], [1, 1, 2, 3])
    build.node(
      "Resize", ["x", "", "scales"], ["large"],
      [
        attribute("mode", "nearest"), attribute("coordinate_transformation_mode", "asymmetric"),
        attribute("nearest_mode", "floor"),
      ])
    build.node("DepthToSpace", ["large"], ["blocks"], [attribute("blocksize", 2)])
    build.node("SpaceToDepth", ["blocks"], ["back"], [attribute("blocksize", 2)])
    build.weights("w", [4, 1, 2, 2], [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0])
    build.node(
      "ConvTranspose", ["back", "w"], ["spread"], [attribute("strides", [2, 2]), attribute("group", 4)])
    build.integers("zeros", [0, 0])
    build.integers("ends", [1 << 40, 1 << 40])
    build.integers("axes", [2, 3])
    build.integers("steps", [4, 6])
    build.node("Slice", ["spread", "zeros", "ends", "axes", "steps"], ["y"])
    build.output("y")
    let network = try build.network()
    for extents in [[1, 4, 6, 5], [2, 4, 3, 7]] {
      let input = picture(Shape(extents))
      #expect(try network.computed(input).elements == input.elements)
      #expect(try network.rewritten().computed(input).elements == input.elements)
    }
  }

  @Test func `a number that depends on the size closes it, and no other size is taken`() throws {
    var build = opened()
    build.integers("axes", [2, 3])
    build.node("ReduceSum", ["x", "axes"], ["y"], [attribute("keepdims", 0)])
    build.output("y")
    let network = try build.network()
    #expect(network.inputs[0].extents == [nil, 4, 224, 224])
    let ones = try network.computed(Tensor([2, 4, 224, 224], repeating: 1)).elements
    #expect(largestDifference(ones, [Float](repeating: 224 * 224, count: 8)) <= 0.01)
    build.metadata["switchback.preprocessing"] = #"{"crop":{"center":64}}"#
    #expect(try build.network().inputs[0].extents == [nil, 4, 64, 64])
  }

  /// A network that only one height fits, as readers of text are.
  private func lines() -> ModelBuilder {
    var build = ModelBuilder(input: [nil, 3, nil, nil])
    build.node(
      "AveragePool", ["x"], ["a"], [attribute("kernel_shape", [48, 4]), attribute("strides", [48, 4])])
    build.integers("axes", [2])
    build.node("Squeeze", ["a", "axes"], ["y"], name: "squeeze")
    build.output("y")
    return build
  }

  @Test func `a size given takes the place of open rows and columns`() throws {
    let error = #expect(throws: ONNXError.self) { try lines().network() }
    let text = error?.description ?? ""
    #expect(text.contains("squeeze") && text.contains("tried at 224 x 224") && text.contains("--size 48x320"))
    let network = try lines().network(size: (48, 64))
    #expect(network.inputs[0].extents == [nil, 3, 48, 64] && network.notes.isEmpty)
    #expect(try network.computed(picture([2, 3, 48, 64])).shape == [2, 3, 16])
    #expect(try #require(try network.preprocessing().preprocessing.size) == (48, 64))
    #expect(throws: ONNXError.self) { try shuffle(fixed: [6, 5]).network(size: (6, 6)) }
    #expect(try shuffle(fixed: [6, 5]).network(size: (6, 5)).inputs[0].extents == [nil, 4, 6, 5])
  }

  @Test func `a size given takes the place of the one that the file prepares pictures for`() throws {
    var build = lines()
    build.metadata["switchback.preprocessing"] =
      #"{"resize":{"shorterSide":32},"crop":{"center":32},"channels":"BGR","scale":1,"mean":[1,2,3],"std":[1,1,1]}"#
    let network = try build.network(size: (48, 64))
    let prepared = try network.preprocessing()
    #expect(try #require(prepared.preprocessing.size) == (48, 64))
    #expect(!prepared.isAssumed && prepared.preprocessing.channels == .bgr)
    #expect(network.notes.count == 1 && network.notes[0].contains("32 x 32"))
  }

  @Test func `a network of windows alone stays open`() throws {
    var build = opened()
    build.weights("w", [2, 4, 3, 3])
    build.node("Conv", ["x", "w"], ["c"])
    build.node("GlobalAveragePool", ["c"], ["g"])
    build.node("Flatten", ["g"], ["y"])
    build.output("y", [nil, 2])
    let network = try build.network()
    #expect(network.inputs[0].extents == [nil, 4, nil, nil])
    #expect(try network.computed(picture([2, 4, 9, 12])).shape == [2, 2])
    #expect(try network.rewritten().inputs == network.inputs)
  }

  @Test func `a number of images that the file fixes stays fixed`() throws {
    var build = ModelBuilder(input: [2, 4, 3, 3])
    build.node("Relu", ["x"], ["y"])
    build.output("y", [2, 4, 3, 3])
    #expect(try build.network().rewritten().inputs[0].extents == [2, 4, 3, 3])
  }

  /// What PyTorch's exporter writes of late for every view.
  @Test func `a zero in a target copies, unless it is to be taken literally`() throws {
    func reading(_ target: [Int], _ allowsZero: Int) throws -> Shape {
      var build = ModelBuilder(input: [nil, 4, 2, 3])
      build.integers("target", target)
      build.node("Reshape", ["x", "target"], ["y"], [attribute("allowzero", allowsZero)])
      build.output("y")
      return try build.network().computed(picture([2, 4, 2, 3])).shape
    }
    #expect(try reading([0, -1], 0) == [2, 24])
    #expect(try reading([-1, 24], 1) == [2, 24])
    #expect(throws: ONNXError.self) { try reading([0, -1], 1) }
  }

  /// A product over the last of four axes, as networks that turn channels to the back have it.
  @Test func `a product over the last axis of maps is computed at every position`() throws {
    var build = ModelBuilder(input: [nil, 3, nil, nil])
    build.weights("w", [3, 2])
    build.node("Transpose", ["x"], ["last"], [attribute("perm", [0, 2, 3, 1])])
    build.node("MatMul", ["last", "w"], ["product"])
    build.node("Transpose", ["product"], ["y"], [attribute("perm", [0, 3, 1, 2])])
    build.output("y")
    var twin = ModelBuilder(input: [nil, 3, nil, nil])
    let weights = Tensor([3, 2], elements: build.graph.initializer[0].floatData).elements
    twin.weights("w", [2, 3, 1, 1], [0, 2, 4, 1, 3, 5].map { weights[$0] })
    twin.node("Conv", ["x", "w"], ["y"])
    twin.output("y")
    let input = picture([2, 3, 5, 4])
    let expected = try twin.network().computed(input)
    for network in [try build.network(), try build.network().rewritten()] {
      let made = try network.computed(input)
      #expect(made.shape == expected.shape)
      #expect(largestDifference(made.elements, expected.elements) <= Tolerance.sum(of: 3, magnitude: 3))
    }
  }

  @Test func `one position of an axis is taken, and values are repeated`() throws {
    var build = ModelBuilder(input: [nil, 3, 2, 2])
    build.integers("second", [-2], scalar: true)
    build.node("Gather", ["x", "second"], ["plane"], [attribute("axis", 1)])
    build.integers("axes", [1])
    build.node("Unsqueeze", ["plane", "axes"], ["maps"])
    build.node("Shape", ["x"], ["shape"])
    build.node("Expand", ["maps", "shape"], ["y"])
    build.output("y")
    let input = picture([2, 3, 2, 2])
    let elements = input.elements
    let planes = [elements[4..<8], elements[16..<20]]
    let expected = planes.flatMap { [$0, $0, $0].joined() }
    #expect(try build.network().computed(input).elements == expected)
  }

  /// A value that only looks like a constant must not be taken for its default.
  @Test(arguments: ["Pad", "Slice", "Clip", "Dropout", "Reshape"])
  func `an input that should be constant and is computed is refused`(type: String) {
    var build = ModelBuilder(input: [nil, 3, 4, 4])
    build.integers("eight", [0, 0, 0, 0, 0, 0, 1, 1])
    build.integers("one", [1])
    build.node("GlobalAveragePool", ["x"], ["computed"])
    let inputs =
      switch type {
      case "Pad": ["x", "eight", "computed"]
      case "Slice": ["x", "one", "one", "computed"]
      case "Clip": ["x", "", "computed"]
      default: ["x", "computed"]
      }
    build.node(type, inputs, ["y"], name: "reader")
    build.output("y")
    let error = #expect(throws: ONNXError.self) { try build.network() }
    #expect(error?.description.contains("'computed' is computed, not constant") == true)
  }
}
