import Foundation
import NetworkFixtures
import Networks
import ONNXMessages
import TestSupport
import Testing

/// Layers called as the program that was exported calls its modules.
@Suite struct ModuleNames {
  /// A stem, one residual block and a classifier, as PyTorch's two exporters write them.
  enum Exporter: CaseIterable, Sendable {
    case dynamo, legacy

    /// A node by the module that it belongs to, the normalisation folded into a convolution aside.
    func file() -> ModelBuilder {
      var build = ModelBuilder(input: [nil, 3, 8, 8])
      var value = "x"
      func scopes(_ module: String) -> [String] {
        let parts = module.split(separator: ".")
        return [""] + parts.indices.map { parts[...$0].joined(separator: ".") }
      }
      func add(
        _ type: String, in module: String, weights extents: [Int]? = nil, reading others: [String] = [],
        scope: String? = nil, _ attributes: [Onnx_AttributeProto] = []
      ) {
        let number = build.graph.node.count
        var inputs = [value] + others
        if let extents {
          inputs.append(
            build.weights(self == .dynamo ? "\(module).weight" : "onnx::\(type)_\(number)", extents))
        }
        switch self {
        case .dynamo:
          value = "val_\(number)"
          build.node(type, inputs, [value], attributes, name: "node_\(type)_\(number)")
          var entry = Onnx_StringStringEntryProto()
          entry.key = "pkg.torch.onnx.name_scopes"
          entry.value =
            "[" + (scopes(scope ?? module) + ["op_\(number)"]).map { "'\($0)'" }.joined(separator: ", ") + "]"
          build.graph.node[number].metadataProps = [entry]
        case .legacy:
          // A container's children are called by the container too: /layer1/layer1.0/conv1/Conv.
          var path = scopes(module).dropFirst().map { $0 }
          if let leaf = path.last, path.count > 2 {
            path[path.count - 1] = String(leaf.split(separator: ".")[2])
          }
          let name = (path + ["\(type)"]).map { "/" + $0 }.joined()
          value = name + "_output_0"
          build.node(type, inputs, [value], attributes, name: name)
        }
      }
      add("Conv", in: "conv1", weights: [4, 3, 1, 1], scope: "bn1")
      add("Relu", in: "relu")
      let skipped = value
      add("Conv", in: "layer1.0.conv1", weights: [4, 4, 1, 1], scope: "layer1.0.bn1")
      add("Relu", in: "layer1.0.relu")
      add("Conv", in: "layer1.0.conv2", weights: [4, 4, 1, 1], scope: "layer1.0.bn2")
      add("Add", in: "layer1.0", reading: [skipped])
      add("Relu", in: "layer1.0.relu_1")
      add("GlobalAveragePool", in: "avgpool")
      add("Flatten", in: "")
      add("Gemm", in: "fc", weights: [5, 4], [attribute("transB", 1)])
      build.output(value)
      return build
    }
  }

  @Test(arguments: Exporter.allCases)
  func `a layer is called by its module's path, and found by it`(exporter: Exporter) throws {
    let network = try exporter.file().network()
    let convolutions = network.layers.filter {
      $0.aliases.contains { $0.hasPrefix("conv") } || $0.name == "conv1"
    }
    #expect(convolutions.map(\.name) == ["conv1", "layer1.0.conv1", "layer1.0.conv2"])
    #expect(try network.layer(named: "layer1.0.conv2") == convolutions[2])
    #expect(try network.layer(named: "conv3") == convolutions[2])
    #expect(try network.layer(named: "fc").node == network.nodes.last?.name)
    #expect(try network.layer(named: "avgpool") == network.layer(named: "pool1"))
  }

  @Test(arguments: Exporter.allCases)
  func `a block is the value that it makes last`(exporter: Exporter) throws {
    let network = try exporter.file().network()
    let end = try network.layer(named: "layer1")
    #expect(end.name == "layer1")
    #expect(try network.layer(named: "layer1.0") == end)
    #expect(network.nodes.first { $0.name == end.node }?.operation.name == "Relu")
    #expect(network.nodes.first { $0.inputs == [end.output] }?.operation.name == "GlobalAveragePool")
  }

  @Test func `a normalisation folded into a convolution still names it`() throws {
    let network = try Exporter.dynamo.file().network()
    let layer = try network.layer(named: "layer1.0.bn2")
    #expect(layer.name == "layer1.0.conv2")
    #expect(layer.aliases == ["layer1.0.bn2", "conv3"])
  }

  @Test func `a path that is not there lists the paths nearest to it`() throws {
    let network = try Exporter.dynamo.file().network()
    let error = try #require(throws: NetworkError.self) { try network.layer(named: "layer1.0.conv3") }
    guard case .unknownLayer(_, let near) = error else { return }
    #expect(near.prefix(2) == ["layer1.0.conv1", "layer1.0.conv2"])
  }

  /// The program's own `conv1` may be any convolution by order.
  @Test func `a module's path goes before a number`() throws {
    var build = ModelBuilder()
    build.node("Conv", ["x", build.weights("conv2.weight", [4, 3, 1, 1])], ["a"])
    build.node("Conv", ["a", build.weights("conv1.weight", [4, 4, 1, 1])], ["b"])
    build.output("b")
    let network = try build.network()
    #expect(network.layers.map(\.name) == ["conv2", "conv1"])
    #expect(try network.layer(named: "conv1").output == "b")
    #expect(network.layers.map(\.aliases) == [[], []])
  }

  @Test func `a module that runs twice is its last run, and the first goes by its number`() throws {
    var build = ModelBuilder()
    build.node("Conv", ["x", build.weights("shared.weight", [3, 3, 1, 1])], ["a"])
    build.node("Conv", ["a", "shared.weight"], ["b"])
    build.output("b")
    let network = try build.network()
    #expect(network.layers.map(\.name) == ["conv1", "shared"])
    #expect(try network.layer(named: "shared").output == "b")
  }

  /// The letter é as one code point and as two are equal strings, and two names.
  @Test func `names are found byte by byte, and in another Unicode form where only that is there`() throws {
    let (one, two) = ("caf\u{E9}", "cafe\u{301}")
    var build = ModelBuilder()
    build.node("Conv", ["x", build.weights("\(one).weight", [3, 3, 1, 1])], ["a"])
    build.node("Relu", ["a"], ["b"], name: two)
    build.output("b")
    let network = try build.network()
    #expect(try network.layer(named: one).output == "a")
    #expect(try network.layer(named: two).output == "b")
    var single = ModelBuilder()
    single.node("Relu", ["x"], ["b"], name: two)
    single.output("b")
    #expect(try single.network().layer(named: one).output == "b")
  }

  @Test(arguments: Exporter.allCases)
  func `what is written back keeps the names`(exporter: Exporter) throws {
    let network = try exporter.file().network()
    let again = try network.rewritten()
    #expect(again.layers == network.layers)
    #expect(again.nodes.map(\.modules) == network.nodes.map(\.modules))
  }

  /// A path of a million parts would name a million modules.
  @Test func `a path longer than any module's is none`() throws {
    var build = ModelBuilder()
    let long = String(repeating: "a.", count: 1 << 19)
    build.node("Conv", ["x", build.weights(long + "b.weight", [3, 3, 1, 1])], ["a"])
    build.output("a")
    #expect(try build.network().layers.map(\.name) == ["conv1"])
  }

  /// A node may be called as the value of another one.
  @Test func `a node called as another's value is renamed`() throws {
    var build = ModelBuilder()
    build.node("Relu", ["x"], ["a"], name: "b")
    build.node("Abs", ["a"], ["b"], name: "a")
    build.output("b")
    let network = try build.network()
    #expect(network.nodes.map(\.name) == ["b_2", "a_2"])
    try expectNamesFound(in: network)
  }

  static let tiny = ["plain", "residual", "branches", "gated", "averages", "classifier"]
  static let shared = [
    "models/squeezenet1.1.onnx", "models/alexnet-conv.onnx", "golden/onnx-light/light_bvlc_alexnet.onnx",
    "golden/onnx-light/light_squeezenet.onnx", "golden/onnx-light/light_zfnet512.onnx",
  ]

  @Test func `every name finds the layer that it was given for`() throws {
    for exporter in Exporter.allCases { try expectNamesFound(in: exporter.file().network()) }
    for name in Self.tiny { try expectNamesFound(in: TinyNetworks.named(name)) }
    for seed in 0..<40 { try expectNamesFound(in: RandomNetworks.draw(seed: seed).network) }
  }

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.reason)"), arguments: shared)
  func `every name of a real network finds its layer`(file: String) throws {
    try expectNamesFound(in: Network(onnx: SharedData.path(file)))
  }

  private func expectNamesFound(in network: Network) throws {
    for layer in network.layers {
      for name in [layer.name, layer.node, layer.output] + layer.aliases {
        #expect(try network.layer(named: name) == layer, "\(name)")
      }
    }
  }
}
