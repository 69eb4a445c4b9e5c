internal import Attribution
public import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Peaks
internal import Tensors

/// What is wrong with networks' features, side by side, and what to try (the paper's figure 6).
public struct Diagnose: Study {
  public static let kind = "diagnose"

  public let subjects: [Subject]
  public let dataset: Dataset
  private let isStrict: Bool
  /// Names of files, or paths where files share theirs.
  private let names: [String]

  /// One network or more, each looked at through the same pictures.
  ///
  /// - Throws: ``StudyError`` for a network without convolutions.
  public init(_ subjects: [Subject], _ dataset: Dataset, strict isStrict: Bool = false) throws {
    for subject in subjects where subject.convolutions.isEmpty {
      throw StudyError("\(subject.model) has no convolution to diagnose.")
    }
    self.subjects = subjects
    self.dataset = dataset
    self.isStrict = isStrict
    let short = subjects.map(\.name)
    names = Set(short).count == short.count ? short : subjects.map(\.model)
  }

  /// What a run is a function of.
  public struct Configuration: Encodable, Sendable {
    var models: [String]
    var modelDigests: [String]
    var pictures: String
    var picturesDigest: String
    var preprocessing: [Preprocessing]
  }

  public func configuration() throws -> Configuration {
    Configuration(
      models: subjects.map(\.model), modelDigests: try subjects.map { try $0.digest() },
      pictures: dataset.title, picturesDigest: dataset.digest, preprocessing: subjects.map(\.preprocessing))
  }

  /// What `diagnosis.json` holds.
  public struct Result: Codable, Sendable {
    public var models: [DiagnosisReport]
  }

  public func result(_ work: Work) throws -> Result {
    let reports = try work.findings(of: reports(work))
    return Result(models: reports.compactMap { $0 })
  }

  /// Projections of the second layer that a sheet shows: as many as can be made out.
  private static let shownProjections = 36
  /// How large so many are drawn, in pixels a side.
  private static let projectionSide = 66

  /// A network's report, and a picture of some of its projections: each network is a unit of work.
  private func reports(_ work: Work) -> Stage<Int, DiagnosisReport> {
    let files = fileNames(forLayers: names)
    return Stage(
      units: Array(subjects.indices), isCollective: true, file: { "models/\(files[$0])" },
      isSound: { index, report in report.model == names[index] }
    ) { indices, _ in
      try indices.map { index in
        let subject = subjects[index]
        let study = Diagnosis(subject.network, threads: work.threads)
        let pictures = try work.prepare(dataset, subject.preprocessing, strict: isStrict)
        let peaks = try work.search(
          study.values, keeping: 1, of: subject, in: pictures, file: "searches/\(files[index]).safetensors",
          title: "diagnose \(names[index])")
        var shown: [(unit: Int, picture: Picture)] = []
        let report = try study.report(
          name: names[index], of: peaks, input: { try pictures.tensor($0) }
        ) { results in
          shown += results.map {
            (
              $0.place.unit,
              subject.preprocessing.shown(projection: $0.projection.pixels, side: Self.projectionSide)
            )
          }
          try work.cancellation.check("stopped; the same command goes on from there.")
        }
        shown.sort { $0.unit < $1.unit }
        let count = min(Self.shownProjections, shown.count)
        try work.first {
          for place in 0..<count {
            try work.run.write(
              bytes: Data(try shown[place * shown.count / count].picture.encodedPNG()),
              to: Self.file(files[index], projection: place))
          }
        }
        return report
      }
    }
  }

  /// Where a projection of a network's second layer is kept.
  private static func file(_ network: String, projection place: Int) -> String {
    "models/\(network)/projection-\(place).png"
  }

  private func column(_ index: Int, _ report: DiagnosisReport, _ work: Work) throws -> DiagnosisSheet.Column {
    let isBGR = subjects[index].preprocessing.channels == .bgr
    let bank = Diagnosis(subjects[index].network, threads: work.threads).banks.first.flatMap {
      [1, 3].contains($0.filters.shape[3]) ? $0 : nil
    }
    func filters(_ scale: FilterGrid.Scale) -> [Picture] {
      bank.map { FilterGrid.tiles(of: $0.filters, isBGR: isBGR, scale: scale) } ?? []
    }
    let network = fileNames(forLayers: names)[index]
    let files = (0..<Self.shownProjections).map { Self.file(network, projection: $0) }
    let pictures = try files.filter(work.run.contains).map { try Picture(decoding: work.run.path(of: $0)) }
    // The files are a spread of the units that some picture activates.
    let active = report.layers.dropFirst().first.map { layer in
      layer.units.indices.filter { layer.units[$0].peak > 0 }
    }
    let projections = pictures.enumerated().map { place, picture in
      let units = active ?? []
      let index = place * units.count / pictures.count
      return (unit: units.indices.contains(index) ? units[index] : place, picture: picture)
    }
    return (report, filters(.common), filters(.own), projections)
  }

  public func report(_ result: Result, _ work: Work) throws -> Report {
    let table = DiagnosisSheet.table(of: result.models)
    let figure = Report.Section.Body.figure(
      "figures/diagnosis", "first-layer filters, second-layer projections and findings, a column a model"
    ) {
      try DiagnosisSheet.drawing(
        title: "Diagnosis of the features",
        columns: try result.models.enumerated().map { try column($0.offset, $0.element, work) })
    }
    let says =
      "How to read this: on one scale for all filters, the ones that dominate stand out; on scales of their own, each shows "
      + "what it detects: edges and colours where training succeeded, specks where it did not. Numbers count units from 0, "
      + "row by row. Fine grids and blocks in the projections are patterns that the first layer's stride is too coarse for. "
      + "Units that a finding names are outlined in its colour."
    return Report(
      title: "Diagnosis of " + subjects.map(\.title).joined(separator: ", "),
      facts: result.models.map { ("model", $0.model) } + [("images", dataset.title)],
      sections: [Report.Section("Filters and projections", figure, .text(says))]
        + result.models.map { report in
          Report.Section(
            title: report.model,
            bodies: [.text("\(report.pictures.counted("images")). " + DiagnosisSheet.limits)]
              + report.wrong.map { .text($0.sentence) })
        } + [
          Report.Section(
            title: "What is measured",
            bodies: [
              .table(
                ResultTable(
                  headings: ["measure", "limits", "meaning"],
                  rows: Measure.allCases.map { [$0.title, $0.limits, $0.meaning] }))
            ]), Report.Section("All measures", .table(table)),
        ],
      json: [("diagnosis.json", result)], texts: [("diagnosis.csv", table.csv)],
      summary: result.models.flatMap { report in
        ["\(report.model): \(report.wrong.count) of \(report.findings.count) measures are beyond a limit"]
          + report.wrong.map { "  " + $0.sentence }
      })
  }
}

extension DiagnosisReport.Finding {
  /// A finding with its units and remedy.
  fileprivate var sentence: String {
    let named = units.prefix(12).map(String.init).joined(separator: ", ")
    let more = units.count > 12 ? " and \(units.count - 12) more" : ""
    return "\(layer), \(measure.title): \(text), \(verdict.title) (\(measure.limits))"
      + (named.isEmpty ? ". " : "; units \(named)\(more). ") + (remedy ?? "")
  }
}
