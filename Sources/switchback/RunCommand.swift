internal import ArgumentParser
internal import Execution
internal import Files
internal import Networks
internal import Tensors

struct RunCommand: ParsableCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Raw inference on tensors, for parity with other runtimes.",
    discussion: """
      X.safetensors holds a tensor for each of the graph's inputs, by name and in ONNX's order. \
      Y.safetensors gets the outputs and every value kept. A value named as in the graph is exactly that \
      value; a layer named by its node or as conv3 is read after its rectifier.

      EXAMPLE
        switchback run model.onnx --input x.safetensors --output y.safetensors --keep conv1 fire2/concat
      """)

  @Argument(help: "The network, an ONNX file.", completion: .file(extensions: ["onnx"]))
  var model: String

  @Option(help: "Input tensors.", completion: .file(extensions: ["safetensors"]))
  var input: String

  @Option(help: "Where the results go.", completion: .file(extensions: ["safetensors"]))
  var output: String

  @Option(parsing: .upToNextOption, help: ArgumentHelp("Further values to keep.", valueName: "layer"))
  var keep: [String] = []

  @Flag(help: "Keep layers before their rectifier.")
  var preActivation = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    let network = try Network(onnx: model)
    let given = try SafeTensors(reading: input)
    var inputs: [String: Tensor] = [:]
    for expected in network.inputs {
      guard let tensor = given.tensors[expected.name] else {
        throw ArgumentError(
          "\(input) has no tensor '\(expected.name)', which \(model) takes; it has "
            + "\(given.tensors.keys.sorted().joined(separator: ", ")).")
      }
      let fits =
        tensor.shape.rank == expected.extents.count
        && zip(tensor.shape.dimensions, expected.extents).dropFirst().allSatisfy { $1 == nil || $0 == $1 }
      guard fits else {
        let extents = expected.extents.map { $0.map(String.init) ?? "any" }.joined(separator: " x ")
        throw NetworkError.input(name: expected.name, expected: extents, found: "\(tensor.shape) in \(input)")
      }
      inputs[expected.name] = try tensor.fromONNXOrder()
    }
    let names = try keep.flatMap { $0.split(separator: ",").map(String.init) }.map { name in
      (name, try value(named: name, of: network))
    }
    let kept = names + network.outputs.map { ($0, $0) }
    let runner = try Runner(network, keeping: kept.map(\.1), threads: common.workers)
    let trace = try runner.forward(inputs: inputs)
    let shapes = try network.shapes(inputs: inputs.mapValues(\.shape))
    var results: [String: Tensor] = [:]
    for (name, value) in kept {
      if let tensor = trace[value] {
        results[name] = try network.inONNXOrder(tensor, of: value, shapes: shapes)
      }
    }
    try SafeTensors(results).write(to: output)
    if common.json {
      try Terminal.print(json: results.mapValues(\.shape.dimensions))
    } else if !common.quiet {
      for (name, tensor) in results.sorted(by: { $0.key < $1.key }) {
        try Terminal.print("\(name)  \(tensor.shape)")
      }
    }
  }

  private func value(named name: String, of network: Network) throws -> String {
    if network.nodes.contains(where: { $0.outputs.contains(name) })
      || network.inputs.contains(where: { $0.name == name })
    {
      return name
    }
    let layer = try network.layer(named: name)
    return preActivation ? layer.output : layer.featureMaps
  }
}
