internal import ArgumentParser
internal import Attribution
internal import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Studies
internal import Tensors

struct DiagnoseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diagnose",
    abstract: "Says what is wrong with networks' features, side by side, and what to try.",
    discussion: """
      Reads every convolution over the pictures: units that are dead or that few pictures own, filters that \
      dominate, decayed or repeat each other; the spectrum of the first layer against its stride, and \
      aliasing in projections of the second. Each number has a verdict, and each fault a remedy.

      EXAMPLE
        switchback diagnose alexnet.onnx zfnet.onnx pictures/ --out run
      """)

  @Argument(
    help: ArgumentHelp("Networks, ONNX files, and last the pictures.", valueName: "model ... pictures"),
    completion: .file())
  var arguments: [String]

  @Option(
    help: ArgumentHelp("The run's folder; made if it is not there.", valueName: "run"), completion: .directory
  )
  var out: String

  @Flag(help: "A picture that cannot be read is an error.")
  var strict = false

  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  var models: [String] { arguments.dropLast() }
  var pictures: String { arguments.last ?? "" }

  func validate() throws {
    guard arguments.count > 1 else {
      throw ValidationError(
        "diagnose takes one network or more, then pictures: diagnose a.onnx b.onnx pictures/")
    }
    guard Set(models).count == models.count else { throw ValidationError("a network is named twice.") }
  }

  /// A network with its pictures prepared as it wants them.
  private struct Subject {
    var name: String
    var network: Network
    var source: Source
  }

  func run() throws {
    let dataset = try Dataset.parse(pictures)
    let subjects = try zip(models, names()).map { model, name in
      var network = try Network(onnx: model)
      guard !network.featureLayers().isEmpty else {
        throw ArgumentError("\(model) has no convolution to diagnose.")
      }
      let preparation = try preprocessing.resolved(for: network, quiet: common.quiet)
      network.preprocessing = preparation
      return Subject(name: name, network: network, source: Source(dataset, preparation, strict: strict))
    }
    let run = try RunFolder.open(
      at: out, kind: "diagnose",
      configuration: Configuration(
        models: models, modelDigests: try models.map { try weights(of: $0) }, pictures: pictures,
        picturesDigest: dataset.fingerprint,
        preprocessing: subjects.map(\.source.preprocessing)))
    let columns = try subjects.map { try diagnosed($0, count: dataset.items.count) }
    try write(columns, subjects[0].source.skipped(), run)
  }

  private func weights(of model: String) throws -> String {
    var weights = Fingerprint()
    try weights.add(file: model)
    return weights.description
  }

  private struct Configuration: Encodable {
    var models: [String]
    var modelDigests: [String]
    var pictures: String
    var picturesDigest: String
    var preprocessing: [Preprocessing]
  }

  /// Names of files, or paths where files share theirs.
  private func names() -> [String] {
    let short = models.map { ($0 as NSString).lastPathComponent }
    return Set(short).count == short.count ? short : models
  }

  private func diagnosed(_ subject: Subject, count: Int) throws -> DiagnosisSheet.Column {
    let study = Diagnosis(subject.network, threads: common.workers)
    let source = subject.source
    let isBGR = source.preprocessing.channels == .bgr
    var progress = Progress("diagnose \(subject.name)", total: count, unit: "pictures", quiet: common.quiet)
    var projections: [(unit: Int, picture: Picture)] = []
    let report = try Interrupts.heeded {
      try study.report(
        name: subject.name, count: count, input: { try source.tensor($0) },
        observe: {
          progress.show($0)
          return !Interrupts.isRaised
        },
        receive: { results in
          projections += results.map {
            ($0.place.unit, Picture(projection: $0.projection.pixels, isBGR: isBGR, saturating: 0.01))
          }
        })
    }
    guard let report else { throw Interruption(description: "stopped; the same command starts again.") }
    progress.finish(count)
    guard report.pictures > 0 else {
      throw ArgumentError(
        "none of the pictures in \(pictures) could be read: \(source.skipped().first?.reason ?? "")")
    }
    projections.sort { $0.unit < $1.unit }
    // As many as can be made out, from all over the layer.
    let shown = min(36, projections.count)
    let tiles = (0..<shown).map { projections[$0 * projections.count / shown].picture }
    let bank = study.banks.first.flatMap { [1, 3].contains($0.filters.shape[3]) ? $0 : nil }
    func filters(_ scale: FilterGrid.Scale) -> [Picture] {
      bank.map { FilterGrid.tiles(of: $0.filters, isBGR: isBGR, scale: scale) } ?? []
    }
    return DiagnosisSheet.Column(
      report: report, common: filters(.common), own: filters(.own), projections: tiles)
  }

  /// What `diagnosis.json` holds.
  private struct Result: Encodable {
    var models: [DiagnosisReport]
  }

  private func write(_ columns: [DiagnosisSheet.Column], _ skipped: [Skipped], _ run: RunFolder) throws {
    let sheet = DiagnosisSheet(title: "What the features show", columns: columns)
    let result = Result(models: columns.map(\.report))
    try run.write(json: result, to: "diagnosis.json")
    try run.write(json: skipped, to: "skipped.json")
    let table = sheet.table
    try run.write(bytes: Data(table.csv.utf8), to: "diagnosis.csv")
    let drawing = try sheet.drawing()
    try run.write(bytes: Data(try drawing.svg().utf8), to: "figures/diagnosis.svg")
    try run.write(bytes: Data(try drawing.picture().encodedPNG()), to: "figures/diagnosis.png")
    let page = RunPage(
      title: "What is wrong, and what to try",
      facts: columns.map { ("model", $0.report.model) } + [("pictures", pictures)],
      sections: [
        RunPage.Section(
          title: "Filters and projections",
          bodies: [
            .figures([
              (
                "figures/diagnosis", drawing.columns, drawing.rows,
                "first-layer filters, second-layer projections and findings, a column a model"
              )
            ]),
            .text(
              "Filters on one scale show which of them dominate; on their own scales, what each looks for. Below them are "
                + "the second layer's strongest activations carried back to pixels: grids and blocks in them are what "
                + "the first layer's stride folds down."),
          ])
      ]
        + columns.map { column in
          RunPage.Section(
            title: column.report.model,
            bodies: column.report.findings.filter { $0.verdict != .ok }.map { .text(Self.sentence($0)) })
        }
        + [
          RunPage.Section(title: "All measures", bodies: [.table(headings: table.headings, rows: table.rows)])
        ])
    try run.write(bytes: Data(page.html().utf8), to: "index.html")
    try report(result, skipped, run)
  }

  private func report(_ result: Result, _ skipped: [Skipped], _ run: RunFolder) throws {
    if common.json { return try Terminal.print(json: result) }
    guard !common.quiet else { return }
    if !skipped.isEmpty {
      Terminal.say("\(skipped.count) pictures could not be read: see \(run.path(of: "skipped.json"))")
    }
    for report in result.models {
      let wrong = report.findings.filter { $0.verdict != .ok }
      try Terminal.print("\(report.model): \(wrong.count) of \(report.findings.count) measures want a look")
      for verdict in [Verdict.trouble, .watch] {
        for finding in wrong where finding.verdict == verdict {
          try Terminal.print("  " + Self.sentence(finding))
        }
      }
    }
    try Terminal.print(run.path(of: "index.html"))
  }

  /// A finding with its units and remedy.
  private static func sentence(_ finding: DiagnosisReport.Finding) -> String {
    let named = finding.units.prefix(12).map(String.init).joined(separator: ", ")
    let more = finding.units.count > 12 ? " and \(finding.units.count - 12) more" : ""
    return "\(finding.verdict.rawValue): \(finding.layer), \(finding.measure.title): \(finding.text)"
      + (named.isEmpty ? ". " : " (units \(named)\(more)). ") + (finding.remedy ?? "")
  }
}

extension Dataset {
  /// Tells its pictures' names from others'.
  var fingerprint: String {
    var paths = Fingerprint()
    for item in items { paths.add(item.path) }
    return paths.description
  }
}
