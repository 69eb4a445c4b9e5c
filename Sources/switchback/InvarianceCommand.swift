internal import ArgumentParser
internal import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Studies
internal import Tensors

struct InvarianceCommand: ParsableCommand, StudyCommand {
  static let configuration = CommandConfiguration(
    commandName: "invariance",
    abstract: "Shows how far features move when a picture is shifted, scaled, turned or changed.",
    discussion: """
      For each change a curve a picture: the distance between the features of the changed and the original \
      picture at the chosen layers, and the probability of its class. A layer's area is the mean height of \
      its mean curve, so two networks compare by one number.

      EXAMPLE
        switchback invariance model.onnx pictures/ --out run --changes vertical,scale,rotation --limit 5
      """)

  @OptionGroup var study: StudyArguments

  @Option(
    help: ArgumentHelp(
      "Layers compared (default: the first and the last that holds features).", valueName: "a,b"))
  var layers: String?

  @Option(
    help: ArgumentHelp(
      "vertical, horizontal, scale, rotation, brightness, contrast, blur, noise, flip; each may have a range of its own, "
        + "as vertical=-20...20/5.", valueName: "a,b"))
  var changes = "vertical,scale,rotation"

  @Option(help: "What a shift or a turn uncovers: mean or reflect.")
  var border = BorderChoice.mean

  @Option(help: ArgumentHelp("Pictures, the first of the data set.", valueName: "n"))
  var limit: Int?

  @Option(help: "True classes: file name, tab, class index.", completion: .file())
  var labels: String?

  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    _ = try ChangeRange.list(changes)
    if let limit, limit < 1 { throw ValidationError("--limit must be 1 or more, not \(limit).") }
  }

  private struct Configuration: Encodable {
    var study: StudyConfiguration
    var changes: String
    var border: String
    var limit: Int?
    var labels: String?
    var seed: UInt64
  }

  func run() throws {
    let subject = try StudySubject(
      model: model, dataset: try .parse(pictures), pictures: pictures, labels: labels, layers: layers,
      preprocessing: preprocessing, strict: strict, common: common, usual: { $0.firstAndLastFeatures })
    let run = try RunFolder.open(
      at: out, kind: "invariance",
      configuration: Configuration(
        study: try subject.configuration(), changes: changes, border: border.rawValue, limit: limit,
        labels: labels,
        seed: common.seed))
    let subjects = try subject.source.dataset.items.prefix(limit ?? Int.max).compactMap { item in
      try subject.prepared(item.id).map {
        Invariance.Subject(name: item.path, input: $0.input, label: subject.truth[item.id])
      }
    }
    guard !subjects.isEmpty else { throw ArgumentError("none of the pictures in \(pictures) could be read.") }
    let preparation = subject.source.preprocessing
    let study = try Invariance(
      subject.network, layers: subject.namedValues, preprocessing: preparation,
      border: border == .reflect
        ? .reflect : .constant(.init(repeating: 0, count: subjects[0].input.shape.channels)),
      seed: common.seed, threads: common.workers)
    var all: [InvarianceCurves] = []
    for range in try ChangeRange.list(changes) {
      var progress = Progress(
        "\(range.change.rawValue)", total: subjects.count, unit: "pictures", quiet: common.quiet)
      let curves = try Interrupts.heeded {
        try study.curves(of: subjects, under: range.change, by: range.amounts) { done in
          progress.show(done)
          return !Interrupts.isRaised
        }
      }
      guard let curves else { throw Interruption(description: "stopped; the same command starts again.") }
      progress.finish(subjects.count)
      all.append(curves)
    }
    try run.write(json: all, to: "invariance.json")
    try run.write(json: subject.source.skipped(), to: "skipped.json")
    try draw(all, run)
    if common.json { return try Terminal.print(json: all) }
    if !common.quiet {
      try Terminal.print(areas(all).markdown)
      try Terminal.print(run.path(of: "index.html"))
    }
  }

  private func areas(_ all: [InvarianceCurves]) -> ResultTable {
    let names = all[0].layers
    return ResultTable(
      headings: ["change"] + names.map { "area, \($0)" },
      rows: all.map { curves in
        [curves.change.rawValue] + names.map { "\(((curves.area[$0] ?? 0) * 1000).rounded() / 1000)" }
      })
  }

  private func draw(_ all: [InvarianceCurves], _ run: RunFolder) throws {
    var figures: [(file: String, columns: Int, rows: Int, description: String)] = []
    for curves in all {
      let drawing = InvarianceFigure(curves: curves).drawing()
      let name = "figures/invariance-\(curves.change.rawValue)"
      try run.write(bytes: Data(try drawing.svg().utf8), to: name + ".svg")
      try run.write(bytes: Data(try drawing.picture().encodedPNG()), to: name + ".png")
      figures.append((name, drawing.columns, drawing.rows, "features under \(curves.change.rawValue)"))
    }
    let table = areas(all)
    let page = RunPage(
      title: "What \((model as NSString).lastPathComponent) ignores",
      facts: [("model", model), ("pictures", pictures), ("border", border.rawValue)],
      sections: [
        RunPage.Section(
          title: "Curves",
          bodies: [
            .figures(figures), .table(headings: table.headings, rows: table.rows),
            .text(
              "Distances are over the length of the original's features. Thin curves are pictures, thick ones their "
                + "mean. The area is the mean height of the mean curve: the smaller, the more invariant."),
          ])
      ])
    try run.write(bytes: Data(page.html().utf8), to: "index.html")
  }
}

/// A change with the amounts asked for: its name, or `name=low...high/step`.
struct ChangeRange {
  let change: Invariance.Change
  let amounts: [Double]

  static func list(_ text: String) throws -> [ChangeRange] {
    let parts = text.split(separator: ",")
    guard !parts.isEmpty else { throw ValidationError("--changes names none.") }
    return try parts.map { try ChangeRange(String($0)) }
  }

  private init(_ text: String) throws {
    let sides = text.split(separator: "=", maxSplits: 1).map(String.init)
    guard let change = Invariance.Change(rawValue: sides[0]) else {
      let names = Invariance.Change.allCases.map(\.rawValue)
      let near = nearNames(to: sides[0], among: names)
      throw ValidationError(
        "--changes has no '\(sides[0])'. "
          + (near.isEmpty
            ? "It takes \(names.joined(separator: ", "))." : "Near names: \(near.joined(separator: ", "))."))
    }
    self.change = change
    guard sides.count > 1 else {
      amounts = change.amounts
      return
    }
    let bounds = sides[1].components(separatedBy: "...")
    let ends = bounds.count == 2 ? bounds[1].components(separatedBy: "/") : []
    guard ends.count == 2, let low = Double(bounds[0]), let high = Double(ends[0]),
      let step = Double(ends[1]),
      step > 0, high >= low, (high - low) / step < 10_000
    else { throw ValidationError("a range is written as \(change.rawValue)=-20...20/5, not '\(text)'.") }
    if change == .scale, low <= 0 { throw ValidationError("a picture cannot be scaled by \(low).") }
    amounts = (0...Int((high - low) / step + 1e-9)).map { low + Double($0) * step }
  }
}

/// What a shift uncovers, as an argument.
enum BorderChoice: String, CaseIterable, ExpressibleByArgument {
  case mean, reflect
}

extension Network {
  /// The first convolution, and the last layer that holds features: a fully connected one before the classes, or the
  /// last convolution.
  fileprivate var firstAndLastFeatures: [Layer] {
    let layers = featureLayers(includingProducts: true)
    let last = layers.last.flatMap { $0.output == scores ? layers.dropLast().last : $0 }
    return [layers.first, last].compactMap { $0 }
  }
}
