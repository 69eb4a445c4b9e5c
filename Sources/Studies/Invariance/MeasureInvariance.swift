public import Datasets
internal import Figures
internal import Foundation
internal import Images
internal import Networks
internal import Tensors

/// How far features move when pictures are shifted, scaled, turned or otherwise changed (the paper's figure 5).
public struct MeasureInvariance: Study {
  public static let kind = "invariance"

  /// What a shift or a turn uncovers.
  public enum Border: String, CaseIterable, Sendable {
    case mean, reflect
  }

  /// A change with the amounts asked for.
  public struct Range: Sendable {
    public let change: Invariance.Change
    public let amounts: [Double]

    /// Changes with commas between: each a name, or `name=low...high/step`.
    ///
    /// - Throws: ``StudyError`` for anything else, with near names.
    public static func list(_ text: String) throws(StudyError) -> [Range] {
      let parts = text.split(separator: ",")
      guard !parts.isEmpty else { throw StudyError("--changes names none.") }
      return try parts.map { part throws(StudyError) in try Range(String(part)) }
    }

    private init(_ text: String) throws(StudyError) {
      let sides = text.split(separator: "=", maxSplits: 1).map(String.init)
      guard let change = Invariance.Change(rawValue: sides[0]) else {
        let names = Invariance.Change.allCases.map(\.rawValue)
        let near = nearNames(to: sides[0], among: names)
        throw StudyError(
          "--changes has no '\(sides[0])'. "
            + (near.isEmpty
              ? "It takes \(names.joined(separator: ", "))." : "Near names: \(near.joined(separator: ", ")).")
        )
      }
      self.change = change
      guard sides.count > 1 else {
        amounts = change.amounts
        return
      }
      let bounds = sides[1].components(separatedBy: "...")
      let ends = bounds.count == 2 ? bounds[1].components(separatedBy: "/") : []
      guard ends.count == 2, let low = Double(bounds[0]), let high = Double(ends[0]),
        let step = Double(ends[1]), step > 0, high >= low, (high - low) / step < 10_000
      else { throw StudyError("a range is written as \(change.rawValue)=-20...20/5, not '\(text)'.") }
      if change == .scale, low <= 0 { throw StudyError("an image cannot be scaled by \(low).") }
      amounts = (0...Int((high - low) / step + 1e-9)).map { low + Double($0) * step }
    }
  }

  public let subject: Subject
  public let dataset: Dataset
  public let layers: [StudiedLayer]
  public let border: Border
  private let ranges: [Range]
  private let changes: String
  private let limit: Int?
  private let labels: String?
  private let truth: [Int: Int]
  private let seed: UInt64
  private let isStrict: Bool
  private let names: [String]
  /// What the class folders were taken for, where that should be said.
  public let note: String?

  /// The first convolution and the last layer that holds features are compared unless layers are named; changes are as
  /// ``Range/list(_:)`` takes them, and pictures the first `limit` of the data set.
  ///
  /// - Throws: `NetworkError` for a layer that is not there, `DatasetError` for a list that is none, or ``StudyError``.
  public init(
    _ subject: Subject, _ dataset: Dataset, layers: String? = nil,
    changes: String = "vertical,scale,rotation", border: Border = .mean, limit: Int? = nil,
    labels: String? = nil, seed: UInt64 = 0, strict isStrict: Bool = false
  ) throws {
    self.subject = subject
    self.dataset = dataset
    self.layers = try subject.layers(named: layers, usual: subject.network.firstAndLastFeatures)
    self.changes = changes
    ranges = try Range.list(changes)
    self.border = border
    self.limit = limit
    self.labels = labels
    self.seed = seed
    self.isStrict = isStrict
    names = dataset.resultNames
    (truth, note) = try subject.trueClasses(of: dataset, labels: labels)
  }

  /// What a run is a function of.
  public struct Configuration: Encodable, Sendable {
    var study: SubjectConfiguration
    var changes: String
    var border: String
    var limit: Int?
    var labels: String?
    var seed: UInt64
  }

  public var subjects: [Subject] { [subject] }

  public func configuration() throws -> Configuration {
    Configuration(
      study: try SubjectConfiguration(subject, dataset, layers), changes: changes, border: border.rawValue,
      limit: limit, labels: labels, seed: seed)
  }

  public func result(_ work: Work) throws -> [InvarianceCurves] {
    let pictures = try work.prepare(dataset, subject.preprocessing, strict: isStrict)
    let reading = try Invariance(
      subject.network, layers: layers.named, preprocessing: subject.preprocessing, border: uncovered(),
      seed: seed, threads: work.threads, cancellation: work.cancellation)
    let found = try work.findings(of: curves(of: pictures, by: reading, work)).compactMap { $0 }
    guard !found.isEmpty else { throw StudyError("none of the images in \(dataset.title) could be read.") }
    return ranges.indices.map { index in
      InvarianceCurves(
        change: ranges[index].change, amounts: ranges[index].amounts, layers: layers.map(\.name),
        pictures: found.map { $0[index] })
    }
  }

  private func uncovered() throws -> WarpBorder {
    try border == .mean ? .picture(subject.meanInput()) : .reflect
  }

  /// Every change's curve of a picture: each picture is a unit of work.
  private func curves(
    of pictures: PreparedPictures, by reading: Invariance, _ work: Work
  ) -> Stage<Int, [InvarianceCurves.Picture]> {
    Stage(
      units: Array(0..<min(limit ?? .max, pictures.count)), title: "invariance", counted: "images",
      file: { "invariance/\(names[$0])" },
      isSound: { _, curves in
        curves.count == ranges.count
          && zip(curves, ranges).allSatisfy { curve, range in
            let count = range.amounts.count
            return layers.allSatisfy {
              curve.normalized[$0.name]?.count == count && curve.distances[$0.name]?.count == count
            } && (curve.probability.map { $0.count == count } ?? true)
          }
      }
    ) { ids, _ in
      try ids.map { id in
        guard let input = try pictures.tensor(id) else { return nil }
        return try ranges.map { range in
          try work.cancellation.check("stopped; the same command goes on from there.")
          return try reading.curve(
            of: input, named: dataset.items[id].path, number: id, label: truth[id], under: range.change,
            by: range.amounts)
        }
      }
    }
  }

  public func report(_ result: [InvarianceCurves], _ work: Work) throws -> Report {
    let titles = Dictionary(
      layers.map { ($0.name, subject.title(of: $0)) }, uniquingKeysWith: { one, _ in one })
    let areas = ResultTable(
      headings: ["change"] + layers.map { "mean distance, \(subject.title(of: $0))" },
      rows: result.map { curves in
        [curves.change.rawValue] + layers.map { (curves.area[$0.name] ?? 0).fixed(decimals: 3) }
      })
    let figures = result.map { curves in
      Report.Figure(
        file: "figures/invariance-\(curves.change.rawValue)",
        description:
          "images, their features' distances and their class's probability by \(curves.change.title)"
      ) {
        try curves.drawing(
          examples: try examples(of: curves, work), titles: titles, names: curves.pictures.map(name(of:)))
      }
    }
    return Report(
      title: "Invariance of the features of \(subject.title)",
      facts: [("model", subject.model), ("images", dataset.title), ("border", border.rawValue)],
      sections: [
        Report.Section(
          "Curves", .figures(figures), .table(areas),
          .text(
            "How to read this: each colour is one of the images at the top, black is the mean of all. A curve that stays low "
              + "means that the change leaves the layer's features nearly as they were: the distance between the features of "
              + "the changed and the original image, divided by the length of the original's feature vector, is 0 for equal "
              + "features and about 1 or more for unrelated ones. The probability is that of the image's class: the true one "
              + "where labels are known, else the most probable one of the original image. In the table a mean curve is one "
              + "number, its mean height over the range: the smaller, the more invariant."))
      ], json: [("invariance.json", result)], summary: [areas.aligned])
  }

  /// What a picture is called in a legend.
  private func name(of picture: InvarianceCurves.Picture) -> String {
    picture.image + (picture.label.map { " (\(subject.network.name(ofClass: $0)))" } ?? "")
  }

  /// The first pictures as the network sees them under a change.
  private func examples(of curves: InvarianceCurves, _ work: Work) throws -> [[Picture]] {
    let pictures = try work.prepare(dataset, subject.preprocessing, strict: isStrict)
    let changer = Changer(preprocessing: subject.preprocessing, border: try uncovered(), seed: seed)
    let ids = dataset.idsByPath
    return try curves.pictures.prefix(InvarianceCurves.examples).compactMap { picture in
      guard let id = ids.exact(picture.image).first, let input = try pictures.tensor(id) else { return nil }
      return curves.shownAmounts.map { index in
        subject.preprocessing.picture(
          of: changer.changed(input, curves.change, curves.amounts[index], picture: id))
      }
    }
  }
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
