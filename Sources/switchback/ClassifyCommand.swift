internal import ArgumentParser
internal import Datasets
internal import Execution
internal import Images
internal import Kernels
internal import Networks
internal import Synchronization
internal import Tensors

struct ClassifyCommand: ParsableCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "classify",
    abstract: "Labels pictures, with accuracy where their classes are known.",
    discussion: """
      True classes come from class folders, or from --labels: lines of a picture's file name, a tab and a \
      class index. A folder stands for the class that it is named as, by name, WordNet id or number; where \
      none is, and there are as many folders as classes, in order.

      EXAMPLE
        switchback classify squeezenet1.1.onnx pictures/ --top 5
        switchback classify a.onnx pictures/ --ensemble b.onnx c.onnx --ten-crop
      """)

  @Argument(help: "The network, an ONNX file.", completion: .file(extensions: ["onnx"]))
  var model: String

  @Argument(help: "A folder of pictures, or one picture.", completion: .directory)
  var pictures: String

  @Option(help: ArgumentHelp("Labels shown for each picture.", valueName: "n"))
  var top = 5

  @Option(help: "True classes: file name, tab, class index.", completion: .file())
  var labels: String?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Further networks of the same classes; probabilities are averaged over all.", valueName: "model"),
    completion: .file(extensions: ["onnx"]))
  var ensemble: [String] = []

  @Flag(help: "Average each picture over ten crops: corners and centre, mirrored or not.")
  var tenCrop = false

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
    let dataset = try Dataset.parse(pictures)
    let members = try ([model] + ensemble).map { try Member(file: $0, dataset, self) }
    let network = members[0].network
    let source = members[0].source
    for (member, file) in zip(members, [model] + ensemble).dropFirst() {
      guard member.classes == members[0].classes, member.network.classes == network.classes else {
        throw ArgumentError("\(file) has other classes than \(model): they cannot be averaged.")
      }
    }
    let truth = try dataset.trueClasses(
      of: network, model: model, count: members[0].classes, labels: labels, quiet: common.quiet)
    let placements = tenCrop ? Placement.ten : [.center]
    var progress = Progress("classify", total: dataset.items.count, unit: "pictures", quiet: common.quiet)
    var entries: [Int: Entry] = [:]
    var ranks: [Int] = []
    let stretch = 64
    for start in stride(from: 0, to: dataset.items.count, by: stretch) {
      let range = start..<min(start + stretch, dataset.items.count)
      let found = try Interrupts.heeded { try probabilities(of: range, members, placements) }
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

  /// One network of an ensemble, ready to run, with its own way to prepare pictures.
  private struct Member {
    let network: Network
    let source: Source
    let runner: Runner
    let scores: String
    let classes: Int

    init(file: String, _ dataset: Dataset, _ command: ClassifyCommand) throws {
      var network = try Network(onnx: file)
      let prepared = try command.preprocessing.resolved(for: network, quiet: command.common.quiet)
      network.preprocessing = prepared
      source = Source(dataset, prepared, strict: command.strict)
      guard let scores = network.scores else { throw ArgumentError("\(file) has no output.") }
      let shapes = try network.shapes(inputs: [network.inputs[0].name: try network.inputShape(images: 1)])
      let shape = shapes[scores] ?? []
      guard shape.rank >= 2, let classes = shape.dimensions.last, shape.count == classes, classes > 1 else {
        throw ArgumentError(
          "\(file) is no classifier: it ends in values of \(shape), not in scores of classes.")
      }
      self.network = network
      self.scores = scores
      self.classes = classes
      runner = try Runner(network, keeping: [scores], threads: command.common.workers)
    }

    /// The probabilities of each of some pictures, by its number, once for every placement.
    func probabilities(of range: Range<Int>, at placements: [Placement]) throws -> [Int: [[Float]]] {
      let (count, scores, source) = (placements.count, scores, source)
      let found = Mutex([Int: [Float]]())
      try runner.run(
        over: range.lowerBound * count..<range.upperBound * count,
        input: { try source.tensor($0 / count, at: placements[$0 % count]) }
      ) { trace in
        guard let values = trace[scores] else { return }
        for (index, image) in trace.images.enumerated() {
          let one = values.slices(index..<index + 1)
          let probabilities = try Device().softmax(one.reshaped(to: [1, one.shape.count]), axis: 1).elements
          found.withLock { $0[image] = probabilities }
        }
      }
      // In the order of the placements, so that sums are the same however many threads there were.
      return found.withLock { $0 }.sorted { $0.key < $1.key }
        .reduce(into: [:]) { $0[$1.key / count, default: []].append($1.value) }
    }
  }

  /// Probabilities by picture, averaged over networks and placements.
  private func probabilities(
    of range: Range<Int>, _ members: [Member], _ placements: [Placement]
  ) throws -> [Int: [Float]] {
    var all: [Int: [[Float]]] = [:]
    for member in members {
      all.merge(try member.probabilities(of: range, at: placements)) { $0 + $1 }
    }
    return all.mapValues { parts in
      if parts.count == 1 { return parts[0] }
      return parts[0].indices.map { index in parts.reduce(0) { $0 + $1[index] } / Float(parts.count) }
    }
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
