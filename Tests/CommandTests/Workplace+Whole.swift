import Images
import Kernels
import Networks
import Tensors
import TestSupport

extension Workplace {
  /// Two convolutions, a pool, a global mean and five classes: every method has a rule for each of its nodes.
  func whole(
    _ name: String = "whole.onnx", classes: [String] = Workplace.classes,
    _ change: (inout [Network.Node]) -> Void = { _ in }
  ) throws -> String {
    var generator = SeededGenerator(seed: 2)
    func convolution(_ units: Int, of channels: Int) -> Networks.Operation {
      .convolution(
        Convolution(
          filters: .random([units, 3, 3, channels], using: &generator),
          bias: .random([units], using: &generator),
          rule: SlidingRule(window: [3, 3])))
    }
    var nodes: [Network.Node] = []
    func add(_ name: String, _ operation: Networks.Operation) {
      nodes.append(
        .init(
          name: name, operation: operation, inputs: [nodes.last?.outputs[0] ?? "input"],
          outputs: [name + ".out"]))
    }
    add("conv1", convolution(6, of: 3))
    add("relu1", .activation(.relu))
    add("pool", .maxPooling(SlidingRule(window: [2, 2], strides: [2, 2])))
    add("conv2", convolution(7, of: 6))
    add("relu2", .activation(.relu))
    add("mean", .globalAveragePooling)
    add("flat", .flatten)
    add(
      "fc",
      .innerProduct(
        InnerProduct(weights: .random([5, 7], using: &generator), bias: .random([5], using: &generator))))
    change(&nodes)
    var network = try Network(
      name: "whole", inputs: [.init(name: "input", extents: [nil, 3, 16, 20])], nodes: nodes,
      outputs: [nodes[nodes.count - 1].outputs[0]])
    network.classes = classes
    network.preprocessing = Preprocessing(
      resize: .init(rows: 16, columns: 20), crop: nil, scale: 1 / 64, mean: [2], std: [1])
    try network.writeONNX(to: path(name))
    return path(name)
  }
}
