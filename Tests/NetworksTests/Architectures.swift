import Execution
import Foundation
import Networks
import Tensors
import TestSupport
import Testing

@Suite struct Architectures {
  private func network(
    _ architecture: Architecture, _ initialization: Architecture.Initialization = .paper, seed: UInt64 = 0
  ) throws -> Network {
    var generator = SeededGenerator(seed: seed)
    return try architecture.network(initialization, using: &generator)
  }

  private func shapes(_ network: Network) throws -> [String: Shape] {
    try network.shapes(inputs: ["input": network.inputShape(images: 1)])
  }

  /// Rows of square maps, or units.
  private func extents(_ network: Network, _ names: [String]) throws -> [Int] {
    let shapes = try shapes(network)
    return names.map { shapes[$0]?.dimensions[1] ?? 0 }
  }

  @Test func `ZFNet has the sizes of the paper's figure, its parameters and its work`() throws {
    let network = try network(.zfnet)
    let names = ["conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5", "fc6", "fc7", "fc8"]
    #expect(try extents(network, names) == [110, 55, 26, 13, 13, 13, 13, 6, 4096, 4096, 1000])
    let shapes = try shapes(network)
    #expect(
      ["conv1", "conv2", "conv3", "conv4", "conv5"].map { shapes[$0]?.channels } == [96, 256, 384, 384, 256])
    let account = try network.account()
    #expect(account.reduce(0) { $0 + $1.parameters } == 62_357_608)
    let work = account.reduce(0) { $0 + $1.multiplyAccumulates }
    // By hand: 110*110*96*147 + 26*26*256*2400 + 13*13*(384*2304 + 384*3456 + 256*3456) + 9216*4096 + 4096*5096.
    #expect(work == 1_168_032_896)
    #expect(network.nodes.map(\.name).prefix(4) == ["conv1", "relu1", "pool1", "norm1"])
    #expect(network.outputs == ["softmax"])
  }

  @Test func `AlexNet is dense, and normalises before it pools`() throws {
    let network = try network(.alexnet)
    let names = ["conv1", "pool1", "conv2", "pool2", "conv3", "conv5", "pool5"]
    #expect(try extents(network, names) == [55, 27, 27, 13, 13, 13, 6])
    #expect(try network.account().reduce(0) { $0 + $1.parameters } == 62_378_344)
    #expect(network.nodes.map(\.name).prefix(4) == ["conv1", "relu1", "norm1", "pool1"])
  }

  @Test func `model b has more maps in layers 3 to 5 and the same sizes`() throws {
    let shapes = try shapes(network(.zfnetB.scaled(width: 0.125)))
    #expect(["conv3", "conv4", "conv5"].map { shapes[$0]?.channels } == [64, 128, 64])
    #expect(shapes["pool5"] == [1, 6, 6, 64])
    #expect(try Architecture.named("zfnet-b") == .zfnetB)
  }

  @Test func `small versions leave the upper layers room`() throws {
    let names = ["conv1", "pool1", "conv2", "pool2", "conv5", "pool5"]
    #expect(try extents(network(.zfnet.scaled(input: 64, width: 0.25)), names) == [32, 16, 16, 8, 8, 4])
    #expect(try extents(network(.zfnet.scaled(input: 32, width: 0.25)), names) == [32, 16, 16, 8, 8, 4])
    #expect(try extents(network(.alexnet.scaled(input: 64, width: 0.25)), names) == [16, 8, 8, 4, 4, 2])
    let half = try shapes(network(.zfnet.scaled(input: 64, width: 0.5)))
    #expect(["conv1", "conv2", "conv3"].map { half[$0]?.channels } == [48, 128, 192])
    #expect(half["fc6"] == [1, 2048])
  }

  @Test func `edits remove, resize, and change the first filters; other layers keep their numbers`() throws {
    let small = try Architecture.zfnet.scaled(input: 64, width: 0.125)
    let edited = try small.removing([3, 4, 7]).resizing([6: 40, 5: 24]).firstLayer(window: 11, stride: 4)
    let network = try network(edited)
    let names = network.nodes.map(\.name)
    #expect(!names.contains("conv3") && !names.contains("fc7") && names.contains("conv5"))
    let shapes = try shapes(network)
    #expect(shapes["conv5"]?.channels == 24)
    #expect(shapes["fc6"] == [1, 40])
    #expect(shapes["conv1"]?.rows == 15)
    #expect(try shapes["fc8"] == [1, 1000] && small.removing([]) == small)
    let edits = Architecture.Edits(
      removing: [3, 4, 7], resizing: [6: 40, 5: 24], firstWindow: 11, firstStride: 4)
    #expect(try small.edited(by: edits) == edited && small.edited(by: .init()) == small)
  }

  @Test func `an edit that cannot be says which layer and what shapes`() throws {
    let small = try Architecture.alexnet.scaled(input: 32, width: 0.125)
    #expect(throws: ArchitectureError.unknownLayer(number: 9, present: [1, 2, 3, 4, 5, 6, 7, 8])) {
      try small.removing([9])
    }
    #expect(throws: ArchitectureError.classifier(number: 8)) { try small.resizing([8: 5]) }
    #expect(throws: ArchitectureError.size(what: "the size of layer 6", found: "0")) {
      try small.resizing([6: 0])
    }
    #expect(throws: ArchitectureError.unknownName(name: "vgg")) { try Architecture.named("vgg") }
    let error = #expect(throws: ArchitectureError.self) {
      try network(Architecture.zfnet.firstLayer(stride: 64))
    }
    let text = try #require(error).description
    let huge = #expect(throws: ArchitectureError.self) { try network(small.resizing([6: 1 << 40])) }
    #expect(try #require(huge).description.contains("fc6"))
    #expect(text.contains("conv2") && text.contains("96x2x2") && text.contains("window of 5"), "\(text)")
  }

  @Test func `weights follow from the seed, with the deviation asked for and biases of zero`() throws {
    let small = try Architecture.zfnet.scaled(input: 64, width: 0.25)
    func weights(_ network: Network, _ name: String) -> ([Float], [Float]) {
      switch network.nodes.first(where: { $0.name == name })?.operation {
      case .convolution(let convolution): (convolution.filters.elements, convolution.bias?.elements ?? [])
      case .innerProduct(let product): (product.weights.elements, product.bias?.elements ?? [])
      default: ([], [])
      }
    }
    func deviation(_ values: [Float]) -> Double {
      (values.reduce(0) { $0 + Double($1) * Double($1) } / Double(values.count)).squareRoot()
    }
    let paper = try network(small, seed: 3)
    let (filters, biases) = weights(paper, "conv3")
    #expect(filters == weights(try network(small, seed: 3), "conv3").0)
    #expect(filters != weights(try network(small, seed: 4), "conv3").0)
    #expect(biases.allSatisfy { $0 == 0 } && biases.count == 96)
    // The deviation of n samples is off by 1 / sqrt(2 n) of itself; here five times that.
    let slack = 5 / (2 * Double(filters.count)).squareRoot()
    #expect(abs(deviation(filters) / 1e-2 - 1) < slack)
    let he = try network(small, .he(inputDeviation: 4))
    #expect(abs(deviation(weights(he, "conv3").0) / (2.0 / (9 * 64)).squareRoot() - 1) < slack)
    let first = weights(he, "conv1").0
    let firstSlack = 5 / (2 * Double(first.count)).squareRoot()
    #expect(abs(deviation(first) / ((2.0 / (49 * 3)).squareRoot() / 4) - 1) < firstSlack)
    let dense = weights(paper, "fc7").0
    #expect(abs(deviation(dense) / 1e-2 - 1) < 5 / (2 * Double(dense.count)).squareRoot())
  }

  @Test func `a network survives its ONNX file`() throws {
    let folder = try TemporaryFolder()
    for architecture in Architecture.all {
      var small = try architecture.scaled(input: 64, width: 0.125)
      small.classes = 10
      let network = try network(small, .he(inputDeviation: 1))
      let file = folder.file(architecture.name + ".onnx")
      try network.writeONNX(to: file)
      let read = try Network(onnx: file)
      #expect(try shapes(read)["softmax"] == [1, 10])
      var generator = SeededGenerator(seed: 5)
      let input = Tensor.random([2, 64, 64, 3], using: &generator)
      let outputs = try [network, read].map { network in
        try #require(
          Runner(network, keeping: network.outputs, threads: 1).forward(input)[network.outputs[0]]
        ).elements
      }
      #expect(outputs[0] == outputs[1])
    }
  }
}
