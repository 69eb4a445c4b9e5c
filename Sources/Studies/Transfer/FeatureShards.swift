internal import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Networks
internal import Tensors

/// Features on disk: for each layer and pooling a folder of shards, each with the features of so many pictures.
///
/// A shard `features/LAYER-POOLING/00000.safetensors` holds `features` (pictures x features, as pooled), `images` (their
/// ids) and, in its metadata, the pictures that could not be read. What is held in memory is one shard a layer.
struct FeatureShards {
  let subject: Subject
  let pictures: PreparedPictures
  let selections: [FeatureExtraction.Selection]
  let work: Work
  /// Each layer's name as a file's, unlike any other layer's of the network.
  private let stems: [String: String]

  private static let picturesAShard = 128

  init(
    _ subject: Subject, _ pictures: PreparedPictures, _ selections: [FeatureExtraction.Selection],
    _ work: Work
  ) {
    self.subject = subject
    self.pictures = pictures
    self.selections = selections
    self.work = work
    let titles = subject.layers.map(subject.network.title)
    stems = Dictionary(zip(titles, fileNames(forLayers: titles)), uniquingKeysWith: { one, _ in one })
  }

  /// A layer and its pooling as a file's name.
  func stem(of selection: FeatureExtraction.Selection) -> String {
    let layer = try? subject.network.layer(named: selection.layer)
    let title = layer.map(subject.network.title) ?? selection.layer
    return "\(stems[title] ?? title)-\(selection.pooling.description.replacing(":", with: ""))"
  }

  private var count: Int { pictures.count }
  private var shards: Int { (count + Self.picturesAShard - 1) / Self.picturesAShard }

  private func file(_ selection: FeatureExtraction.Selection, _ shard: Int) -> String {
    "features/\(stem(of: selection))/\(String(format: "%05d", shard)).safetensors"
  }

  /// Writes the shards that are not there, every layer's from one pass over their pictures.
  func extract() throws {
    try recallSkipped()
    var last: FeatureExtraction?
    let waiting = try work.decided { work.units(of: shards).filter { shard in !missing(shard).isEmpty } }
    guard !waiting.isEmpty else { return try work.endPart() }
    work.noteFinding()
    var meter = work.meter("features", total: waiting.reduce(0) { $0 + range($1).count }, unit: "images")
    var done = 0
    try work.deal(waiting.count) { place in
      let shard = waiting[place]
      let missing = missing(shard)
      let extraction =
        try last.flatMap { $0.selections == missing ? $0 : nil }
        ?? FeatureExtraction(subject.network, selections: missing, threads: work.threads)
      last = extraction
      let (images, features) = try extraction.features(
        of: range(shard), names: { pictures.dataset.items[$0].path },
        input: { [pictures] in try pictures.tensor($0) })
      let paths = Set(range(shard).map { ExactName(pictures.dataset.items[$0].path) })
      let skipped = pictures.skipped().filter { paths.contains(ExactName($0.image)) }
      let text = String(decoding: try JSONEncoder.inKeyOrder.encode(skipped), as: UTF8.self)
      for (selection, features) in zip(missing, features) {
        try SafeTensors(
          ["features": features, "images": Tensor([images.count], elements: images.map(Float.init))],
          metadata: ["skipped": text]
        ).write(to: try work.run.preparedPath(of: file(selection, shard)))
      }
      return Data()
    } keep: { place, _ in
      done += range(waiting[place]).count
      meter.show(done)
    }
    meter.finish()
    try work.endPart()
  }

  private func missing(_ shard: Int) -> [FeatureExtraction.Selection] {
    selections.filter { !work.run.contains(file($0, shard)) }
  }

  private func range(_ shard: Int) -> Range<Int> {
    shard * Self.picturesAShard..<min((shard + 1) * Self.picturesAShard, count)
  }

  /// A layer's scaled features of all pictures that could be read: their ids, ascending, and pictures x features.
  ///
  /// - Throws: `RunError` for a shard that is damaged, or ``StudyError`` where memory does not hold them.
  func read(
    _ selection: FeatureExtraction.Selection, _ scaling: FeatureScaling
  ) throws -> (images: [Int], features: Tensor) {
    // The features, a copy of those learned from, and LIBLINEAR's of four times the size.
    let bytes = Double(count) * Double(selection.count) * 24
    guard bytes < Double(ProcessInfo.processInfo.physicalMemory) else {
      throw StudyError(
        "classifiers on the \(selection.count.grouped) features of layer \(selection.layer) would need \(Int(bytes / 1e9)) GB "
          + "for \(count.grouped) images. Pool them, as --pooling \(selection.layer)=average.")
    }
    var images: [Int] = []
    var parts: [Tensor] = []
    for shard in 0..<shards {
      let path = work.run.path(of: file(selection, shard))
      let arrays = try SafeTensors(reading: path)
      guard let features = arrays.tensors["features"], let ids = arrays.tensors["images"],
        features.shape == [ids.shape.count, selection.count]
      else {
        throw RunError.damaged(file: path, reason: "it does not hold \(selection.layer)'s features.")
      }
      let found = ids.elements.compactMap { Int(exactly: $0) }
      guard found.count == ids.shape.count, found.allSatisfy(range(shard).contains),
        Set(found).count == found.count
      else {
        throw RunError.damaged(
          file: path, reason: "its images are not those of its place among the shards.")
      }
      images += found
      parts.append(features)
      scaling.apply(to: &parts[shard])
    }
    return (images, Tensor.stacking(parts))
  }

  /// Takes note of pictures that an earlier attempt could not read.
  private func recallSkipped() throws {
    guard let least = selections.min(by: { $0.count < $1.count }) else { return }
    pictures.skip(
      try work.decided {
        try (0..<shards).filter { work.run.contains(file(least, $0)) }.flatMap { shard in
          let saved = try SafeTensors(reading: work.run.path(of: file(least, shard)))
          return try saved.metadata["skipped"].map {
            try JSONDecoder().decode([Skipped].self, from: Data($0.utf8))
          } ?? []
        }
      })
  }
}
