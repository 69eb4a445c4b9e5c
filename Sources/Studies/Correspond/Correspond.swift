public import Datasets
internal import Figures
internal import Foundation
internal import Images
internal import Networks
internal import Tensors

/// Whether a network relates the same part of different pictures (the paper's figure 8 and table 1).
public struct Correspond: Study {
  public static let kind = "correspond"

  public let subject: Subject
  public let parts: PartsList
  public let layers: [StudiedLayer]
  public let fill: OccluderFill
  public let draws: Int
  private let seed: UInt64
  private let title: String

  /// Every convolution and fully connected layer is compared unless layers are named.
  ///
  /// A mask shows gray, mean or black; each part is held against `draws` sets of random masks. The title is what the user
  /// called the parts.
  ///
  /// - Throws: `NetworkError` for a layer that is not there, or ``StudyError``.
  public init(
    _ subject: Subject, _ parts: PartsList, title: String, layers: String? = nil, fill: OccluderFill = .gray,
    draws: Int = 199, seed: UInt64 = 0
  ) throws {
    guard fill != .noise, fill != .blur else { throw StudyError("a mask shows gray, mean or black here.") }
    self.subject = subject
    self.parts = parts
    self.title = title
    self.layers = try subject.layers(
      named: layers, usual: subject.network.featureLayers(includingProducts: true))
    self.fill = fill
    self.draws = draws
    self.seed = seed
  }

  /// What a run is a function of.
  public struct Configuration: Encodable, Sendable {
    var study: SubjectConfiguration
    var fill: String
    var draws: Int
    var seed: UInt64
  }

  public var subjects: [Subject] { [subject] }

  public func configuration() throws -> Configuration {
    var study = try SubjectConfiguration(subject, parts.dataset, layers)
    study.pictures = title
    return Configuration(study: study, fill: fill.rawValue, draws: draws, seed: seed)
  }

  public func result(_ work: Work) throws -> CorrespondenceTable {
    let pictures = try work.prepare(parts.dataset, subject.preprocessing, strict: true)
    let subjects = try zip(parts.dataset.items, parts.boxes).compactMap { item, boxes in
      try pictures.tensor(item.id).flatMap { input in
        try pictures.framing(of: item.id).map { framing in
          (name: item.path, input: input, parts: boxes.mapValues { framing.input($0) })
        }
      }
    }
    guard let first = subjects.first else { throw Correspondence.tooFew(0) }
    let cover = fill.cover(
      of: first.input, subject.preprocessing, mean: try fill == .mean ? subject.meanInput() : nil, seed: 0)
    let reading = try Correspondence(
      subject.network, layers: layers.named, cover: cover, draws: draws, seed: seed, threads: work.threads,
      cancellation: work.cancellation)
    let readings = try Correspondence.Readings(of: subjects, by: reading)
    let rows = try work.findings(of: rows(readings, by: reading, work)).compactMap { $0 }
    return CorrespondenceTable(pictures: subjects.map(\.name), draws: draws, rows: rows.flatMap(\.self))
  }

  /// A row a layer of each part: each part is a unit of work.
  private func rows(
    _ readings: Correspondence.Readings, by reading: Correspondence, _ work: Work
  ) -> Stage<Int, [CorrespondenceTable.Row]> {
    let files = fileNames(forLayers: parts.names)
    return Stage(
      units: Array(parts.names.indices), title: "correspond", counted: "sets of masks", weight: draws,
      file: { "parts/\(files[$0])" },
      isSound: { number, rows in
        rows.map(\.layer) == layers.map(\.name) && rows.allSatisfy { $0.part == parts.names[number] }
          && rows.allSatisfy { $0.interval.count == 2 }
      }
    ) { numbers, show in
      try numbers.map { number in
        try reading.rows(of: number, among: parts.names, readings) { done in
          show(done)
          try work.cancellation.check("stopped; the same command goes on from there.")
        }
      }
    }
  }

  public func report(_ result: CorrespondenceTable, _ work: Work) throws -> Report {
    let lines = result.lines
    return Report(
      title: "Correspondence of parts in \(subject.title)",
      facts: [("model", subject.model), ("parts", title), ("random masks", "\(draws) sets for each part")],
      sections: [
        Report.Section(
          "Parts",
          .figure(
            "figures/correspondence",
            "images with each part masked; delta of each part beside that of random masks, layer by layer"
          ) { try sheet(result, work) },
          .table(lines),
          .text(
            "How to read this: the same part is masked in every image, and the features' changes are compared between images. "
              + "Delta is the share of features that rise in one image and fall in the other (or do not change), averaged over "
              + "pairs of images: 0 where masking changes all images alike. A part whose delta lies below that of random masks "
              + "is one that the network relates across images. p is one-sided: (1 + sets of random masks with a delta as low "
              + "or lower) / (1 + sets). The last column of the table is the 95% interval of delta less that of random masks."
          ))
      ], json: [("correspondence.json", result)],
      texts: [("correspondence.csv", lines.csv), ("correspondence.md", lines.markdown)],
      summary: [lines.aligned])
  }

  /// The pictures as the network sees them, with each part masked and with random masks, and the plot.
  private func sheet(_ table: CorrespondenceTable, _ work: Work) throws -> Drawing {
    let pictures = try work.prepare(parts.dataset, subject.preprocessing, strict: true)
    let shade = fill.shade(subject.preprocessing)
    var shown: [(picture: Picture, boxes: [String: Box])] = []
    for (item, boxes) in zip(parts.dataset.items, parts.boxes) {
      guard let picture = try pictures.seen(item.id), let framing = try pictures.framing(of: item.id)
      else { continue }
      shown.append((picture, boxes.mapValues { framing.input($0) }))
    }
    func masked(_ name: String, _ boxes: [Box?]) -> CorrespondenceTable.Masked {
      (
        name,
        zip(shown, boxes).map { shown, box in
          (box.map { shown.picture.filled($0, with: shade) } ?? shown.picture, box)
        }
      )
    }
    var columns = [masked("original", shown.map { _ in nil })]
    columns += parts.names.map { name in masked(name, shown.map { $0.boxes[name] }) }
    if let first = parts.names.first {
      let boxes = shown.compactMap { $0.boxes[first] }
      let random = Correspondence.firstMasks(of: boxes, within: subject.input, seed: seed)
      columns.append(masked("random, 1 of \(draws)", random))
    }
    return try table.drawing(
      title: "Correspondence of parts in \(subject.title)", masked: columns,
      names: Dictionary(
        layers.map { ($0.name, subject.title(of: $0)) }, uniquingKeysWith: { one, _ in one }))
  }
}

extension OccluderFill {
  /// The level of grey that shows it in a figure: what stands for a mean colour is the mean of its channels.
  fileprivate func shade(_ preprocessing: Preprocessing) -> UInt8 {
    switch self {
    case .black: 0
    case .mean where preprocessing.mean.contains { $0 != 0 }:
      UInt8(min(max(preprocessing.mean.map { Double($0 / preprocessing.scale) }.mean, 0), 255))
    default: 128
    }
  }
}

extension Picture {
  /// The picture with a box of one shade of grey, clipped to it.
  fileprivate func filled(_ box: Box, with shade: UInt8) -> Picture {
    var canvas = Canvas(rows: rows, columns: columns)
    canvas.place(self, top: 0, left: 0)
    canvas.fill(
      top: Double(box.top), left: Double(box.left), rows: Double(box.rows), columns: Double(box.columns),
      Colour(shade, shade, shade))
    return canvas.picture
  }
}
