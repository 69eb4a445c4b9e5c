internal import ArgumentParser
internal import Datasets
internal import Kernels
internal import Networks
internal import Synchronization
internal import Tensors

struct ClassifyCommand: ParsableCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "classify",
    abstract: "Labels pictures, with accuracy where their classes are known.",
    discussion: """
      True classes come from class folders, or from --labels: lines of a picture's file name, a tab and a class
      index. A folder stands for the class that it is named as, by name, WordNet id or number; where none is, and
      there are as many folders as classes, in order.

      EXAMPLE
        switchback classify squeezenet1.1.onnx pictures/ --top 5
      """)

  @Argument(help: "The network, an ONNX file.", completion: .file(extensions: ["onnx"]))
  var model: String

  @Argument(help: "A folder of pictures, or one picture.", completion: .directory)
  var pictures: String

  @Option(help: ArgumentHelp("Labels shown for each picture.", valueName: "n"))
  var top = 5

  @Option(help: "True classes: file name, tab, class index.", completion: .file())
  var labels: String?

  @Flag(help: "A picture that cannot be read is an error.")
  var strict = false

  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  private struct Label: Encodable {
    var index: Int
    var name: String
    var probability: Float
  }

  private struct Entry: Encodable {
    var image: String
    var label: Int?
    var top: [Label]

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(image, forKey: .image)
      try container.encode(label, forKey: .label)
      try container.encode(top, forKey: .top)
    }

    enum CodingKeys: CodingKey { case image, label, top }
  }

  private struct Result: Encodable {
    var top1: Double?
    var top5: Double?
    var pictures: [Entry]
    var skipped: [Skipped]
  }

  func validate() throws {
    guard top > 0 else { throw ValidationError("--top must be positive, not \(top).") }
  }

  func run() throws {
    var network = try Network(onnx: model)
    let dataset = try Dataset.parse(pictures)
    let prepared = try preprocessing.resolved(for: network, quiet: common.quiet)
    network.preprocessing = prepared
    let source = Source(dataset, prepared, strict: strict)
    let (scores, count) = try classifier(network)
    let truth = try dataset.trueClasses(
      of: network, model: model, count: count, labels: labels, quiet: common.quiet)
    let runner = try Runner(network, keeping: [scores], threads: common.workers)
    var progress = Progress("classify", total: dataset.items.count, unit: "pictures", quiet: common.quiet)
    var entries: [Int: Entry] = [:]
    var ranks: [Int] = []
    let stretch = 64
    for start in stride(from: 0, to: dataset.items.count, by: stretch) {
      let range = start..<min(start + stretch, dataset.items.count)
      let found = try Interrupts.heeded { try probabilities(of: range, runner, scores, source) }
      for (image, probabilities) in found {
        let item = dataset.items[image]
        guard !probabilities.contains(where: \.isNaN) else {
          throw ArgumentError(
            "\(model): its scores are not finite (NaN, or infinite) for \(item.path). "
              + "Check the network's weights and how pictures are prepared.")
        }
        let order = probabilities.indices.sorted { (probabilities[$1], $0) < (probabilities[$0], $1) }
        let label = truth[image]
        if let label, let rank = order.firstIndex(of: label) { ranks.append(rank) }
        entries[image] = Entry(
          image: item.path, label: label,
          top: order.prefix(top).map {
            Label(index: $0, name: network.name(ofClass: $0), probability: probabilities[$0])
          })
      }
      progress.show(range.upperBound)
    }
    progress.finish(entries.count)
    func share(_ depth: Int) -> Double? {
      ranks.isEmpty ? nil : Double(ranks.count { $0 < depth }) / Double(ranks.count)
    }
    let ordered = entries.sorted { $0.key < $1.key }.map(\.value)
    try report(
      Result(top1: share(1), top5: share(5), pictures: ordered, skipped: source.skipped()),
      labelled: ranks.count)
  }

  /// The value that holds class scores, and the number of classes.
  private func classifier(_ network: Network) throws -> (scores: String, classes: Int) {
    guard let scores = network.scores else { throw ArgumentError("\(model) has no output.") }
    let shapes = try network.shapes(inputs: [network.inputs[0].name: try network.inputShape(images: 1)])
    let shape = shapes[scores] ?? []
    guard shape.rank >= 2, let classes = shape.dimensions.last, shape.count == classes, classes > 1 else {
      throw ArgumentError(
        "\(model) is no classifier: it ends in values of \(shape), not in scores of classes.")
    }
    return (scores, classes)
  }

  private func probabilities(
    of range: Range<Int>, _ runner: Runner, _ scores: String, _ source: Source
  ) throws -> [Int: [Float]] {
    let found = Mutex([Int: [Float]]())
    try runner.run(over: range, input: { try source.tensor($0) }) { trace in
      guard let values = trace[scores] else { return }
      for (index, image) in trace.images.enumerated() {
        let one = values.slices(index..<index + 1)
        let probabilities = try softmax(one.reshaped(to: [1, one.shape.count]), axis: 1).elements
        found.withLock { $0[image] = probabilities }
      }
    }
    return found.withLock { $0 }
  }

  private func report(_ result: Result, labelled: Int) throws {
    guard !result.pictures.isEmpty else {
      throw ArgumentError(
        "none of the pictures in \(pictures) could be read: \(result.skipped.first?.reason ?? "")")
    }
    for skipped in result.skipped where !common.quiet {
      Terminal.say("skipped \(skipped.image): \(skipped.reason)")
    }
    if common.json { return try Terminal.print(json: result) }
    for entry in result.pictures {
      let labels = entry.top.map { "\($0.name) \(percent(Double($0.probability)))" }.joined(separator: ", ")
      try Terminal.print("\(entry.image)\t\(labels)")
    }
    if let top1 = result.top1, let top5 = result.top5 {
      try Terminal.print("top-1 \(percent(top1)), top-5 \(percent(top5)) of \(labelled) labelled pictures")
    }
  }

  private func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
}
