import Studies
import Testing

@Suite struct LayerTitles {
  @Test func `a layer that goes by a number is also called as in the file`() {
    #expect(layerTitle("conv26", node: "conv10_2", featureMaps: "conv10") == "conv26 (conv10)")
    #expect(
      layerTitle("conv2", node: "fire2/squeeze1x1_2", featureMaps: "fire2/squeeze1x1")
        == "conv2 (fire2/squeeze1x1)")
    #expect(layerTitle("conv1_2", node: "conv1_2", featureMaps: "conv1") == "conv1_2 (conv1)")
  }

  @Test func `a name of the file's own stands alone`() {
    #expect(layerTitle("conv1", node: "conv1", featureMaps: "relu1") == "conv1")
    #expect(layerTitle("layer2.0.conv2", node: "node_Conv_310", featureMaps: "relu_5") == "layer2.0.conv2")
  }

  @Test func `names that an exporter made up are not shown`() {
    for value in [
      "getitem_18", "node_relu_2", "input.4", "/features/features.0/Conv_output_0", "123", "val_7",
    ] {
      #expect(layerTitle("conv7", node: "node_Conv_310", featureMaps: value) == "conv7")
    }
  }
}
