import Execution
import Files
import Networks
import ONNXMessages
import Tensors
import TestSupport
import Testing

/// Operators that the reader makes of others, with values worked out by hand.
@Suite struct ONNXComposition {
  /// One operator over the input `x`, then constants.
  private func computed(
    _ type: String, _ input: Tensor, _ attributes: [Onnx_AttributeProto] = [], version: Int64 = 17,
    isBatchOpen: Bool = false, _ constants: (inout ModelBuilder) -> [String] = { _ in [] }
  ) throws -> Tensor {
    let extents = input.shape.dimensions.map { Optional($0) }
    var build = ModelBuilder(version: version, input: isBatchOpen ? [nil] + extents.dropFirst() : extents)
    let names = constants(&build)
    build.node(type, ["x"] + names, ["y"], attributes)
    build.output("y")
    return try build.network().computed(input)
  }

  private func counting(_ shape: Shape) -> Tensor {
    Tensor(shape, elements: (0..<shape.count).map(Float.init))
  }

  /// Efficient channel attention: a convolution along channels, which are the positions of one axis.
  @Test func `a convolution of one axis, dilated and padded`() throws {
    let made = try computed(
      "Conv", Tensor([2, 1, 5], elements: [1, 2, 3, 4, 5, 5, 4, 3, 2, 1]),
      [attribute("kernel_shape", [3]), attribute("pads", [2, 1]), attribute("dilations", [2])],
      isBatchOpen: true
    ) { [$0.weights("w", [2, 1, 3], [1, 10, 100, 0, 0, 1]), $0.weights("b", [2], [0, 1000])] }
    #expect(made.shape == [2, 2, 4])
    #expect(
      made.elements == [
        310, 420, 531, 42, 1003, 1004, 1005, 1000, 350, 240, 135, 24, 1003, 1002, 1001, 1000,
      ])
  }

  /// The third axis is not crossed: its two positions are convolved alike and apart.
  @Test func `a convolution of three axes whose window crosses two`() throws {
    let made = try computed(
      "Conv", counting([1, 1, 2, 2, 2]), [attribute("kernel_shape", [2, 2, 1])]
    ) { [$0.weights("w", [1, 1, 2, 2, 1], [1, 10, 100, 1000])] }
    #expect(made.shape == [1, 1, 1, 1, 2])
    #expect(made.elements == [6420, 7531])
  }

  @Test func `pools of one axis and of three`() throws {
    let row = Tensor([1, 1, 5], elements: [3, 1, 4, 1, 5])
    let window = [attribute("kernel_shape", [2]), attribute("strides", [2])]
    #expect(try computed("MaxPool", row, window).elements == [3, 4])
    #expect(try computed("AveragePool", row, window + [attribute("ceil_mode", 1)]).elements == [2, 2.5, 5])
    #expect(try computed("GlobalMaxPool", row).shape == [1, 1, 1])
    let block = counting([1, 2, 2, 2, 2])
    let corner = [attribute("kernel_shape", [2, 2, 1])]
    #expect(try computed("MaxPool", block, corner).elements == [6, 7, 14, 15])
    #expect(try computed("AveragePool", block, corner).elements == [3, 4, 11, 12])
    #expect(try computed("GlobalAveragePool", block).elements == [3.5, 11.5])
  }

  /// The largest value over channels, as spatial attention has it.
  @Test func `largest and smallest values over any axes`() throws {
    let maps = Tensor([1, 2, 2, 2], elements: [1, 8, 3, 4, 5, 2, 7, 6])
    let channels = [attribute("axes", [1])]
    #expect(try computed("ReduceMax", maps, channels, isBatchOpen: true).elements == [5, 8, 7, 6])
    #expect(try computed("ReduceMin", maps, channels, isBatchOpen: true).elements == [1, 2, 3, 4])
    let ends = try computed("ReduceMin", maps, [attribute("axes", [-3, 3]), attribute("keepdims", 0)])
    #expect(ends.shape == [1, 2])
    #expect(ends.elements == [1, 3])
    #expect(try computed("ReduceMax", maps).elements == [8])
  }

  @Test func `a logarithm of a sum of exponentials does not overflow`() throws {
    let made = try computed(
      "ReduceLogSumExp", Tensor([1, 2], elements: [1000, 1000]), [attribute("axes", [1])])
    #expect(abs(made.elements[0] - 1000.693_1) < 1e-3)
    // The first value alone would lose all of the second's digits.
    let apart = try computed(
      "ReduceLogSumExp", Tensor([1, 2], elements: [-1e9, 3.25]), [attribute("axes", [1])])
    #expect(apart.elements == [3.25])
  }

  @Test func `positions are gathered more than once and backwards`() throws {
    let rows = counting([1, 2, 3])
    let made = try computed("Gather", rows, [attribute("axis", 2)]) { [$0.integers("i", [-1, 0, 2])] }
    #expect(made.elements == [2, 0, 2, 5, 3, 5])
    #expect(
      try computed("Tile", rows) { [$0.integers("n", [1, 2, 1])] }.elements == [
        0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5,
      ])
    let error = #expect(throws: ONNXError.self) {
      try computed("Gather", rows, [attribute("axis", 2)]) { [$0.integers("i", [3])] }
    }
    #expect(error?.description.contains("positions [3] of 3") == true)
  }

  /// A class token before what the network computes, and another constant behind it.
  @Test func `constants are joined to values at either end and between them`() throws {
    var build = ModelBuilder(input: [1, 2, 2])
    build.weights("a", [1, 1, 2], [10, 11])
    build.weights("b", [1, 2, 2], [20, 21, 22, 23])
    build.node("Concat", ["a", "x", "b", "x"], ["y"], [attribute("axis", 1)])
    build.output("y")
    let made = try build.network().computed(Tensor([1, 2, 2], elements: [1, 2, 3, 4]))
    #expect(made.elements == [10, 11, 1, 2, 3, 4, 20, 21, 22, 23, 1, 2, 3, 4])
  }

  private func equation(_ text: String) -> [Onnx_AttributeProto] { [attribute("equation", text)] }

  @Test func `einsum as products of matrices, of constants, and as sums`() throws {
    let two = Tensor([1, 2, 2], elements: [1, 2, 3, 4])
    // x times its own transpose.
    #expect(try computed("Einsum", two, equation("bij,bkj->bik")) { _ in ["x"] }.elements == [5, 11, 11, 25])
    let columns = try computed("Einsum", two, equation("bij,kj->bki"), isBatchOpen: true) {
      [$0.weights("w", [3, 2], [1, 0, 0, 1, 1, 1])]
    }
    #expect(columns.elements == [1, 3, 2, 4, 3, 7])
    #expect(
      try computed("Einsum", two, equation("bij,j->bji")) { [$0.weights("w", [2], [1, 10])] }.elements == [
        1, 3, 20, 40,
      ])
    #expect(try computed("Einsum", two, equation("bij->bj")).elements == [4, 6])
  }

  @Test func `a transposed convolution of a wanted size cuts where ONNX says`() throws {
    let row = Tensor([1, 1, 1, 3], elements: [1, 2, 3])
    // All of it is 1 1 3 2 5 3 3: one position too many.
    func made(_ mode: String) throws -> [Float] {
      try computed(
        "ConvTranspose", row, [attribute("auto_pad", mode), attribute("strides", [1, 2])]
      ) { [$0.weights("w", [1, 1, 1, 3], [1, 1, 1])] }.elements
    }
    #expect(try made("SAME_UPPER") == [1, 1, 3, 2, 5, 3])
    #expect(try made("SAME_LOWER") == [1, 3, 2, 5, 3, 3])
  }

  @Test func `layer normalization gives its mean and deviation`() throws {
    var build = ModelBuilder(input: [1, 4])
    build.weights("s", [4], [1, 1, 1, 1])
    build.node("LayerNormalization", ["x", "s"], ["y", "mean", "deviation"])
    build.output("mean")
    build.output("deviation")
    let network = try build.network()
    let input = Tensor([1, 4], elements: [1, 3, 1, 3])
    let trace = try Runner(network, keeping: ["mean", "deviation"], threads: 1).forward(inputs: ["x": input])
    #expect(trace["mean"]?.elements == [2])
    #expect(abs((trace["deviation"]?.elements[0] ?? 0) - 1) < 1e-5)
  }

  @Test(arguments: [
    ("linear", "half_pixel", [0, 0.25, 0.75, 1.25, 1.75, 2] as [Float]),
    ("linear", "align_corners", [0, 0.4, 0.8, 1.2, 1.6, 2]),
    ("linear", "asymmetric", [0, 0.5, 1, 1.5, 2, 2]),
    ("nearest", "asymmetric", [0, 0, 1, 1, 2, 2]), ("nearest", "half_pixel", [0, 0, 1, 1, 2, 2]),
  ])
  func `three columns doubled`(mode: String, places: String, expected: [Float]) throws {
    let attributes = [attribute("mode", mode), attribute("coordinate_transformation_mode", places)]
    let made = try computed("Resize", Tensor([1, 1, 1, 3], elements: [0, 1, 2]), attributes) {
      ["", $0.weights("scales", [4], [1, 1, 1, 2])]
    }
    #expect(largestDifference(made.elements, expected) <= Tolerance.rounding(8, magnitude: 2))
  }

  /// NumPy's broadcasting counts axes even where there is one number.
  @Test func `a constant of one number and more axes gives its axes to the result`() throws {
    let given = counting([1, 2, 1, 3])
    let made = try computed("Mul", given, []) { [$0.weights("two", [1, 1, 1, 1, 1], [2])] }
    #expect(made.shape == [1, 1, 2, 1, 3])
    #expect(made.elements == given.elements.map { 2 * $0 })
  }

  /// ONNX's text and its cases disagree about it.
  @Test func `aligned corners with a scale that makes no whole number are refused`() throws {
    let attributes = [
      attribute("mode", "linear"), attribute("coordinate_transformation_mode", "align_corners"),
    ]
    let error = #expect(throws: ONNXError.self) {
      try computed("Resize", counting([1, 1, 1, 3]), attributes) {
        ["", $0.weights("scales", [4], [1, 1, 1, 0.6])]
      }
    }
    #expect(error?.description.contains("align_corners") == true)
  }

  /// As the default exporter writes a view of pooled maps: the elements of all images at once, by
  /// `range(images) * channels + 0..<channels`.
  @Test(arguments: [false, true])
  func `every image gathered in order leaves their number open`(isBackwards: Bool) throws {
    var build = ModelBuilder(input: [nil, 2, 1, 1])
    let (zero, one, two) = (
      build.integers("zero", [0], scalar: true), build.integers("one", [1], scalar: true),
      build.integers("two", [2], scalar: true)
    )
    build.node("Reshape", ["x", build.integers("all", [-1])], ["flat"])
    build.node("Shape", ["x"], ["extents"])
    build.node("Gather", ["extents", zero], ["images"])
    build.node("Range", [zero, "images", one], ["range"])
    build.node("Mul", ["range", two], ["firsts"])
    build.node("Unsqueeze", ["firsts", one], ["column"])
    build.node("Add", ["column", build.integers("channels", isBackwards ? [1, 0] : [0, 1])], ["positions"])
    build.node("Gather", ["flat", "positions"], ["y"])
    build.output("y")
    let given = counting([3, 1, 1, 2])
    guard !isBackwards else {
      let network = try build.network()
      #expect(network.inputs[0].extents[0] == 1 && network.notes.count == 1, "\(network.notes)")
      #expect(try network.computed(counting([1, 2, 1, 1])).elements == [1, 0])
      return
    }
    let made = try build.network().computed(given)
    #expect(made.shape == [3, 2])
    #expect(made.elements == given.elements)
  }

  @Test(
    .enabled(if: SharedData.isPresent, "\(SharedData.reason)"),
    arguments: [
      "01-as-strided-gather", "02-as-strided-open-batch", "03-range-of-open-size", "04-squeeze-batch-behind",
      "05-extent-minus-one", "09-split-projection", "10-split-shuffle-projection",
      "11-weight-standardisation", "12-resize-bilinear",
    ])
  func `files as exporters write them give what ONNX Runtime gives`(name: String) throws {
    let folder = SharedData.path("../cases/networks/\(name)")
    let network = try Network(onnx: folder + "/model.onnx")
    let input = try #require(network.inputs.first?.name)
    let given = try #require(try SafeTensors(reading: folder + "/x.safetensors").tensors[input])
    let results = try SafeTensors(reading: folder + "/y.ort.safetensors").tensors
    let expected = try #require(results[network.outputs[0]])
    let made = try network.computed(given)
    #expect(made.shape == expected.shape)
    let largest = Double(expected.elements.map { abs($0) }.max() ?? 0)
    #expect(largestDifference(made.elements, expected.elements) <= 1e-4 * largest)
  }
}
