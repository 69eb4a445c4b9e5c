import Networks
import ONNXMessages
import SwiftProtobuf
import Tensors
import TestSupport
import Testing

/// Operators over constants, worked out while a file is read.
@Suite struct ONNXConstants {
  /// A constant of one of ONNX's element types.
  private struct Constant {
    var type: Int32
    var extents: [Int]
    var integers: [Int] = []
    var floats: [Float] = []

    static func int64(_ values: [Int], _ extents: [Int]? = nil) -> Constant {
      Constant(type: 7, extents: extents ?? [values.count], integers: values)
    }
    static func float(_ values: [Float], _ extents: [Int]? = nil) -> Constant {
      Constant(type: 1, extents: extents ?? [values.count], floats: values)
    }

    func tensor(_ name: String) -> Onnx_TensorProto {
      var message = Onnx_TensorProto()
      (message.name, message.dataType) = (name, type)
      message.dims = extents.map(Int64.init)
      switch type {
      case 1: message.floatData = floats
      case 7: message.int64Data = integers.map(Int64.init)
      default: message.int32Data = integers.map(Int32.init)
      }
      return message
    }
  }

  /// The extents and elements that an operator makes, from an input of zeros that they are added to.
  private func made(
    _ type: String, _ inputs: [Constant], _ attributes: [Onnx_AttributeProto] = [], count: Int,
    version: Int64 = 20
  ) throws -> [Float] {
    var build = ModelBuilder(version: version, input: [1, count])
    for (index, input) in inputs.enumerated() { build.graph.initializer.append(input.tensor("c\(index)")) }
    build.node(type, inputs.indices.map { "c\($0)" }, ["made"], attributes, name: "made")
    build.integers("row", [1, -1])
    build.node("Reshape", ["made", "row"], ["flat"])
    build.node("Cast", ["flat"], ["floats"], [attribute("to", 1)])
    build.node("Add", ["x", "floats"], ["y"])
    build.output("y")
    return try build.network().computed(Tensor([1, count])).elements
  }

  /// By ONNX's definitions: division towards zero, the remainder with the divisor's sign unless `fmod` says C's.
  @Test func `whole numbers divide as ONNX defines`() throws {
    let (ones, others) = (Constant.int64([7, -7, 7, -7]), Constant.int64([2, 2, -2, -2]))
    #expect(try made("Div", [ones, others], count: 4) == [3, -3, -3, 3])
    #expect(try made("Mod", [ones, others], count: 4) == [1, 1, -1, -1])
    #expect(try made("Mod", [ones, others], [attribute("fmod", 1)], count: 4) == [1, -1, 1, -1])
    #expect(throws: ONNXError.self) { try made("Div", [ones, .int64([0])], count: 4) }
    #expect(throws: ONNXError.self) { try made("Mod", [ones, .int64([0])], count: 4) }
    #expect(try made("Pow", [.int64([-3, 2]), .int64([3, 10])], count: 2) == [-27, 1024])
  }

  @Test(
    arguments: [
      (3, [-128, 127], [127, -128]), (2, [0, 255], [255, 0]), (6, [-2_147_483_648], [2_147_483_647]),
    ] as [(Int32, [Int], [Int])])
  func `whole numbers wrap at the width of their type`(type: Int32, values: [Int], expected: [Int]) throws {
    let steps = values.indices.map { $0 == 0 ? 1 : -1 }
    let constant = Constant(type: type, extents: [values.count], integers: values)
    let step = Constant(type: type, extents: [values.count], integers: type == 2 ? [1, 255] : steps)
    #expect(try made("Sub", [constant, step], count: values.count) == expected.map { Float($0) })
  }

  @Test func `elements broadcast as NumPy's, whatever their type`() throws {
    let column = Constant.int64([10, 20], [2, 1])
    #expect(try made("Add", [column, .int64([1, 2, 3])], count: 6) == [11, 12, 13, 21, 22, 23])
    let isMore = Constant(type: 9, extents: [2, 1], integers: [1, 0])
    #expect(try made("Where", [isMore, .float([1, 2]), .float([9])], count: 4) == [1, 2, 9, 9])
    #expect(try made("Round", [.float([0.5, 1.5, -2.5, 2.6])], count: 4) == [0, 2, -2, 3])
    #expect(try made("LessOrEqual", [.float([1, 2]), .float([1.5])], count: 2) == [1, 0])
  }

  @Test func `reductions take their axes from an attribute or an input`() throws {
    let data = Constant.float([1, 2, 3, 4, 5, 9], [2, 3])
    #expect(try made("ReduceMean", [data], [attribute("axes", [1])], count: 2, version: 13) == [2, 6])
    #expect(try made("ReduceMean", [data, .int64([-1])], count: 2) == [2, 6])
    #expect(try made("ReduceMax", [data, .int64([0])], count: 3) == [4, 5, 9])
    #expect(try made("ReduceProd", [data], count: 1) == [1080])
    #expect(try made("ReduceL2", [.float([3, 4])], count: 1) == [5])
    #expect(try made("ArgMax", [data], [attribute("axis", 1)], count: 2) == [2, 2])
    #expect(
      try made("CumSum", [data, .int64([1], [])], [attribute("reverse", 1)], count: 6) == [
        6, 5, 3, 18, 14, 9,
      ])
  }

  @Test func `positions are gathered, scattered and joined`() throws {
    let data = Constant.int64([0, 1, 2, 3, 4, 5], [2, 3])
    #expect(try made("Gather", [data, .int64([2, -3])], [attribute("axis", 1)], count: 4) == [2, 0, 5, 3])
    #expect(try made("GatherND", [data, .int64([1, 0, 0, 2], [2, 2])], count: 2) == [3, 2])
    #expect(
      try made("GatherElements", [data, .int64([1, 0, 1], [1, 3])], count: 3) == [3, 1, 5])
    #expect(
      try made("ScatterND", [data, .int64([1], [1, 1]), .int64([7, 8, 9], [1, 3])], count: 6)
        == [0, 1, 2, 7, 8, 9])
    #expect(
      try made("Concat", [data, .int64([6, 7], [2, 1])], [attribute("axis", 1)], count: 8) == [
        0, 1, 2, 6, 3, 4, 5, 7,
      ])
    #expect(try made("Tile", [.int64([1, 2]), .int64([2])], count: 4) == [1, 2, 1, 2])
    #expect(
      try made("Pad", [.int64([1, 2, 3]), .int64([2, 1])], [attribute("mode", "reflect")], count: 6)
        == [3, 2, 1, 2, 3, 2])
    #expect(
      try made("Range", [.float([0], []), .float([2], []), .float([0.5], [])], count: 4) == [0, 0.5, 1, 1.5])
    #expect(try made("NonZero", [.int64([0, 3, 0, 4], [2, 2])], count: 4) == [0, 1, 1, 1])
    #expect(try made("Trilu", [data], count: 6) == [0, 1, 2, 0, 4, 5])
  }

  @Test func `products of constants are worked out`() throws {
    let (left, right) = (Constant.float([1, 2, 3, 4], [2, 2]), Constant.float([5, 6, 7, 8], [2, 2]))
    #expect(try made("MatMul", [left, right], count: 4) == [19, 22, 43, 50])
    #expect(try made("Gemm", [left, right], [attribute("transB", 1)], count: 4) == [17, 23, 39, 53])
    #expect(
      try made("Einsum", [left, right], [attribute("equation", "ij,kj->ki")], count: 4) == [17, 39, 23, 53])
    #expect(try made("Einsum", [left], [attribute("equation", "...ii->...")], count: 1) == [5])
    let levels = Constant(type: 3, extents: [2, 2], integers: [-1, 2, 3, 4])
    #expect(
      try made("DequantizeLinear", [levels, .float([0.5, 2])], [attribute("axis", 0)], count: 4)
        == [-0.5, 1, 6, 8])
  }

  /// What would be terabytes is refused by the node's name, before any memory is taken.
  @Test(arguments: ["ConstantOfShape", "Tile", "Expand", "Range", "Pad", "OneHot"])
  func `constants larger than memory are refused by name`(type: String) {
    let large = 1 << 40
    let inputs: [Constant] =
      switch type {
      case "ConstantOfShape": [.int64([large])]
      case "Tile", "Expand": [.float([1]), .int64([large])]
      case "Range": [.int64([0], []), .int64([large], []), .int64([1], [])]
      case "Pad": [.float([1]), .int64([0, 1 << 27])]
      default: [.int64([1]), .int64([large]), .float([0, 1])]
      }
    let error = #expect(throws: ONNXError.self) { try made(type, inputs, count: 1) }
    #expect(error?.description.contains("made (\(type))") == true, "\(error.debugDescription)")
  }

  /// Weight standardisation as exporters write it: a convolution whose filters are worked out from the file's own.
  @Test func `filters may be worked out from constants`() throws {
    var build = ModelBuilder(version: 18, input: [1, 1, 1, 2])
    build.weights("w", [1, 1, 1, 2], [1, 5])
    build.integers("axes", [1, 2, 3])
    build.node("ReduceMean", ["w", "axes"], ["mean"])
    build.node("Sub", ["w", "mean"], ["centred"])
    build.node("Conv", ["x", "centred"], ["y"])
    build.output("y")
    let network = try build.network()
    #expect(network.nodes.count == 1)
    #expect(try network.computed(Tensor([1, 1, 1, 2], elements: [1, 10])).elements == [18])
  }

  // MARK: The number of pictures

  /// Attention as exporters write it: the batch stands second after a transposition, and is squeezed to the front.
  @Test(arguments: [1, 2, 3]) func `the number of pictures is followed to another axis`(images: Int) throws {
    var build = ModelBuilder(version: 13, input: [nil, 4, 3])
    build.integers("apart", [-1, 4, 1, 3])
    build.node("Reshape", ["x", "apart"], ["four"])
    build.node("Transpose", ["four"], ["turned"], [attribute("perm", [2, 0, 1, 3])])
    build.integers("first", [0])
    build.node("Squeeze", ["turned", "first"], ["y"])
    build.output("y")
    let network = try build.network()
    #expect(network.inputs[0].extents == [nil, 4, 3] && network.notes.isEmpty)
    let input = Tensor([images, 4, 3], elements: (0..<images * 12).map { Float($0) })
    for read in [network, try network.rewritten()] {
      let made = try read.computed(input)
      #expect(made.shape == [images, 4, 3] && made.elements == input.elements)
    }
  }

  /// Pictures and heads joined to one axis and parted again.
  @Test(arguments: [1, 3]) func `the number of pictures may be joined to another axis`(images: Int) throws {
    var build = ModelBuilder(version: 13, input: [nil, 4, 3])
    build.node("Shape", ["x"], ["shape"])
    build.integers("zero", [0])
    build.integers("heads", [2])
    build.node("Gather", ["shape", "zero"], ["n"])
    build.node("Mul", ["n", "heads"], ["joined"])
    build.integers("rest", [2, 3])
    build.node("Concat", ["joined", "rest"], ["together"], [attribute("axis", 0)])
    build.node("Reshape", ["x", "together"], ["h"])
    build.node("Relu", ["h"], ["r"])
    build.integers("four", [4, 3])
    build.node("Concat", ["n", "four"], ["apart"], [attribute("axis", 0)])
    build.node("Reshape", ["r", "apart"], ["y"])
    build.output("y")
    let input = Tensor([images, 4, 3], elements: (0..<images * 12).map { Float($0) })
    let made = try build.network().computed(input)
    #expect(made.shape == [images, 4, 3] && made.elements == input.elements)
  }

  /// Positional encodings as exporters write them: a mask of every picture's size, made into a constant for each.
  @Test func `a constant that repeats itself for each picture leaves their number open`() throws {
    var build = ModelBuilder(version: 13, input: [nil, 2, 3])
    build.node("Shape", ["x"], ["shape"])
    build.node(
      "ConstantOfShape", ["shape"], ["ones"], [attribute("value", Constant.float([1]).tensor("one"))])
    build.integers("axis", [2], scalar: true)
    build.node("CumSum", ["ones", "axis"], ["places"])
    build.node("Add", ["x", "places"], ["y"])
    build.output("y")
    let network = try build.network()
    #expect(network.inputs[0].extents == [nil, 2, 3] && network.notes.isEmpty)
    #expect(try network.computed(Tensor([2, 2, 3])).elements == [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3])
  }

  @Test func `nodes that hold for one picture close an open number, and say so`() throws {
    var build = ModelBuilder(version: 13, input: [nil, 4, 3])
    build.integers("one", [1, 12])
    build.node("Reshape", ["x", "one"], ["flat"])
    build.weights("w", [12, 2])
    build.node("Gemm", ["flat", "w"], ["y"])
    build.output("y")
    let network = try build.network()
    #expect(network.inputs[0].extents == [1, 4, 3])
    #expect(network.notes.count == 1 && network.notes[0].contains("hold for one only"))
  }
}
