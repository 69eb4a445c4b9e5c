import NetworkFixtures
import Networks
import Testing

@Suite struct LayerNames {
  @Test func `a layer is known by its kind and number, its node and its output`() throws {
    let network = try TinyNetworks.classifier()
    for name in ["conv2", "gateConv", "gateConv.out"] {
      #expect(try network.layer(named: name).node == "gateConv")
    }
    #expect(try network.layer(named: "pool1").node == "squeeze")
    #expect(try network.layer(named: "pool2").node == "pool")
    #expect(try network.layer(named: "fc2").output == "fc2.out")
    #expect(network.layers.map(\.node) == network.nodes.map(\.name))
  }

  /// A file whose own names look like ours means its own.
  @Test func `a node's own name goes before a number`() throws {
    var build = TinyNetworks.Builder(seed: 1)
    build.convolution("conv2", 4, of: 3, window: 1)
    build.convolution("conv1", 4, of: 4, window: 1)
    let network = try build.network(rows: 4, columns: 4)
    #expect(try network.layer(named: "conv1").output == "conv1.out")
    #expect(try network.layer(named: "conv2").output == "conv2.out")
  }

  @Test func `feature maps are taken after normalisation and rectifier`() throws {
    let residual = try TinyNetworks.residual()
    #expect(try residual.layer(named: "stem").featureMaps == "stemRelu.out")
    #expect(try residual.layer(named: "branch1").featureMaps == "branchRelu.out")
    #expect(try residual.layer(named: "sum").featureMaps == "sumRelu.out")
    // Its normalisation goes into a sum, not into a rectifier of its own.
    #expect(try residual.layer(named: "again").featureMaps == "againNorm.out")
    #expect(try residual.layer(named: "skip").featureMaps == "skip.out")
    let classifier = try TinyNetworks.classifier()
    #expect(try classifier.layer(named: "fc1").featureMaps == "relu.out")
    #expect(try classifier.layer(named: "conv1").featureMaps == "hard.out")
  }

  @Test func `a value that is an output of the network is not passed over`() throws {
    var build = TinyNetworks.Builder(seed: 1)
    build.convolution("conv", 4, of: 3, window: 1)
    build.relu("relu")
    let network = try build.network(rows: 4, columns: 4, outputs: ["conv.out", "relu.out"])
    #expect(try network.layer(named: "conv").featureMaps == "conv.out")
  }

  @Test func `a name that is not there lists the names nearest to it`() throws {
    let network = try TinyNetworks.residual()
    let error = #expect(throws: NetworkError.self) { try network.layer(named: "brench1") }
    guard case .unknownLayer("brench1", let near)? = error else { return }
    #expect(near.first == "branch1" && near.count <= 5 && Set(near).count == near.count)
    #expect(error?.description.contains("Near names: branch1") == true)
    #expect(
      try #require(throws: NetworkError.self) { try network.layer(named: "xyzzyxyzzyxyzzyq") }
        == .unknownLayer(name: "xyzzyxyzzyxyzzyq", near: []))
  }

  @Test func `feature layers are the convolutions, and products when asked for`() throws {
    let network = try TinyNetworks.classifier()
    #expect(network.featureLayers().map(\.name) == ["conv1", "conv2"])
    #expect(network.featureLayers(includingProducts: true).map(\.name) == ["conv1", "conv2", "fc1", "fc2"])
    #expect(network.scores == "fc2.out")
  }
}
