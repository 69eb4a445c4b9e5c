internal import ArgumentParser
internal import Switchback

struct RunCommand: ParsableCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Raw inference on tensors, for parity with other runtimes.",
    discussion: """
      X.safetensors holds a tensor for each of the graph's inputs, by name and in the file's order. \
      Y.safetensors gets the outputs and every value kept. A value named as in the graph is exactly that \
      value; a layer named by its node or as conv3 is read after its rectifier.

      EXAMPLE
        switchback run model.onnx --input x.safetensors --output y.safetensors --keep conv1 fire2/concat
      """)

  @Argument(help: .network, completion: .onnx) var model: String
  @Option(help: "Input tensors.", completion: .file(extensions: ["safetensors"])) var input: String
  @Option(help: "Where the results go.", completion: .file(extensions: ["safetensors"])) var output: String
  @Option(parsing: .upToNextOption, help: .value("layer", "Further values to keep.")) var keep: [String] = []
  @Flag(help: "Keep layers before their rectifier.") var preActivation = false

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    let results = try Inference.values(
      of: try reading.network(model), for: try SafeTensors(reading: input), from: input,
      keeping: keep.flatMap { $0.split(separator: ",").map(String.init) }, beforeRectifier: preActivation,
      threads: common.workers)
    try results.write(to: output)
    let shapes = results.tensors.mapValues(\.shape)
    if common.json { return try Terminal.print(json: shapes.mapValues(\.dimensions)) }
    guard !common.quiet else { return }
    for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) { try Terminal.print("\(name)  \(shape)") }
  }
}
