internal import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Networks
internal import Studies
internal import Tensors

/// Features on disk: for each layer and pooling a folder of shards, each with the features of so many pictures.
///
/// A shard `features/LAYER-POOLING/00000.safetensors` holds `features` (pictures x features, as pooled), `images` (their
/// ids) and, in its metadata, the pictures that could not be read. What is held in memory is one shard a layer.
struct TransferFeatures {
  let run: RunFolder
  let subject: StudySubject
  let selections: [FeatureExtraction.Selection]
  let threads: Int
  let isQuiet: Bool
  /// Each layer's name as a file's, unlike any other layer's of the network.
  private let stems: [String: String]

  private static let picturesAShard = 128

  init(
    run: RunFolder, subject: StudySubject, selections: [FeatureExtraction.Selection], threads: Int,
    isQuiet: Bool
  ) {
    self.run = run
    self.subject = subject
    self.selections = selections
    self.threads = threads
    self.isQuiet = isQuiet
    stems = SearchedLayer.stems(of: subject.network.layers.map(subject.network.title))
  }

  /// A layer and its pooling as a file's name.
  func stem(of selection: FeatureExtraction.Selection) -> String {
    let layer = try? subject.network.layer(named: selection.layer)
    let title = layer.map(subject.network.title) ?? selection.layer
    return "\(stems[title] ?? title)-\(selection.pooling.description.replacing(":", with: ""))"
  }

  private var count: Int { subject.source.dataset.items.count }
  private var shards: Int { (count + Self.picturesAShard - 1) / Self.picturesAShard }

  private func file(_ selection: FeatureExtraction.Selection, _ shard: Int) -> String {
    let number = String(shard)
    let padded = String(repeating: "0", count: max(0, 5 - number.count)) + number
    return "features/\(stem(of: selection))/\(padded).safetensors"
  }

  /// Writes the shards that are not there, every layer's from one pass over their pictures.
  func extract() throws {
    try recallSkipped()
    var extraction: FeatureExtraction?
    let waiting = (0..<shards).filter { shard in !missing(shard).isEmpty }
    let pictures = waiting.reduce(0) { $0 + range($1).count }
    guard pictures > 0 else { return }
    var progress = Progress("features", total: pictures, unit: "pictures", quiet: isQuiet)
    var done = 0
    for shard in waiting {
      let missing = missing(shard)
      if extraction?.selections != missing {
        extraction = try FeatureExtraction(subject.network, selections: missing, threads: threads)
      }
      let source = subject.source
      guard
        let (images, features) = try extraction?.features(
          of: range(shard), names: { source.dataset.items[$0].path }, input: { try source.tensor($0) })
      else { continue }
      let skipped = source.skipped().filter { entry in
        range(shard).contains { source.dataset.items[$0].path == entry.image }
      }
      let text = String(decoding: try JSONEncoder().encode(skipped), as: UTF8.self)
      for (selection, features) in zip(missing, features) {
        try SafeTensors(
          ["features": features, "images": Tensor([images.count], elements: images.map(Float.init))],
          metadata: ["skipped": text]
        ).write(to: try run.preparedPath(of: file(selection, shard)))
      }
      done += range(shard).count
      progress.show(done)
    }
    progress.finish(done)
  }

  private func missing(_ shard: Int) -> [FeatureExtraction.Selection] {
    selections.filter { !run.contains(file($0, shard)) }
  }

  private func range(_ shard: Int) -> Range<Int> {
    shard * Self.picturesAShard..<min((shard + 1) * Self.picturesAShard, count)
  }

  /// A layer's features of all pictures that could be read.
  ///
  /// - Parameters:
  ///   - selection: The layer and its pooling.
  ///   - scaling: What is done to each vector.
  /// - Returns: Ids of the pictures, ascending, and pictures x features.
  /// - Throws: `RunError` for a shard that is damaged, or ``ArgumentError`` where memory does not hold them.
  func read(
    _ selection: FeatureExtraction.Selection, _ scaling: FeatureScaling
  ) throws -> (images: [Int], features: Tensor) {
    // The features, a copy of those learned from, and LIBLINEAR's of four times the size.
    let bytes = Double(count) * Double(selection.count) * 24
    guard bytes < Double(ProcessInfo.processInfo.physicalMemory) else {
      throw ArgumentError(
        "classifiers on the \(selection.count.grouped) features of layer \(selection.layer) would need \(Int(bytes / 1e9)) GB "
          + "for \(count.grouped) pictures. Pool them, as --pooling \(selection.layer)=average.")
    }
    var images: [Int] = []
    var parts: [Tensor] = []
    for shard in 0..<shards {
      let name = file(selection, shard)
      let arrays = try SafeTensors(reading: run.path(of: name))
      guard let features = arrays.tensors["features"], let ids = arrays.tensors["images"],
        features.shape == [ids.shape.count, selection.count]
      else {
        throw RunError.damaged(
          file: run.path(of: name), reason: "it does not hold \(selection.layer)'s features.")
      }
      images += ids.elements.map { Int($0) }
      var scaled = features
      scaling.apply(to: &scaled)
      parts.append(scaled)
    }
    return (images, Tensor.stacking(parts))
  }

  /// Takes note of pictures that an earlier attempt could not read.
  private func recallSkipped() throws {
    guard let least = selections.min(by: { $0.count < $1.count }) else { return }
    for shard in 0..<shards where run.contains(file(least, shard)) {
      guard let text = try SafeTensors(reading: run.path(of: file(least, shard))).metadata["skipped"] else {
        continue
      }
      subject.source.skip(try JSONDecoder().decode([Skipped].self, from: Data(text.utf8)))
    }
  }
}
