internal import ArgumentParser
internal import Switchback

struct RunCommand: ParsableCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs a network on tensors, to compare with other runtimes.",
    discussion: """
      X.safetensors holds one tensor per graph input, named as the input, with the file's order of axes. \
      Y.safetensors receives the outputs and every value of --keep. A name of a value in the graph means \
      exactly that value; a layer named by its node or as conv3 is read after its ReLU.

      EXAMPLE
        switchback run model.onnx --input x.safetensors --output y.safetensors --keep conv1 fire2/concat
      """)

  @Argument(help: .network, completion: .onnx) var model: String
  @Option(help: "Input tensors.", completion: .file(extensions: ["safetensors"])) var input: String
  @Option(help: "The file of the results.", completion: .file(extensions: ["safetensors"])) var output: String
  @Option(parsing: .upToNextOption, help: .value("layer", "Further values to write.")) var keep: [String] = []
  @Flag(help: "Read layers before their ReLU.") var preActivation = false

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    let network = try reading.network(model)
    try common.tell(network.notes, of: model)
    let results = try Inference.values(
      of: network, for: try SafeTensors(reading: input), from: input,
      keeping: keep.flatMap { $0.split(separator: ",").map(String.init) }, beforeRectifier: preActivation,
      threads: common.workers)
    try results.write(to: output)
    let shapes = results.tensors.mapValues(\.shape)
    if common.json { return try Terminal.print(json: shapes.mapValues(\.dimensions)) }
    guard !common.quiet else { return }
    for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) { try Terminal.print("\(name)  \(shape)") }
  }
}
