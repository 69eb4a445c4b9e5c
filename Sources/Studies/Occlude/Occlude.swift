public import Datasets
internal import Figures
internal import Files
internal import Foundation
package import Images
internal import Networks
package import Tensors

/// What a network makes of pictures while a square hides each part of them in turn (the paper's figure 7).
public struct Occlude: Study {
  public static let kind = "occlude"

  public let subject: Subject
  public let dataset: Dataset
  public let layers: [StudiedLayer]
  public let sizes: [Int]
  public let stride: Int
  public let fill: OccluderFill
  public let seed: UInt64
  private let label: String
  private let labels: String?
  private let truth: [Int: Int]
  /// The class that the label names, watched in every picture.
  private let namedClass: Int?
  private let neighbours: String?
  private let isStrict: Bool
  private let names: [String]
  /// What the class folders were taken for, where that should be said.
  public let note: String?

  /// Squares of these sides, in pixels of the network's input and each once, stand `stride` pixels apart.
  ///
  /// The strongest map of the last convolution is watched unless layers are named, and of the classes `label`: `auto` for
  /// the most probable one, `true`, an index or a name. `neighbours` is a run of features that the map's other strongest
  /// pictures are taken from; these pictures are searched where there is none.
  ///
  /// - Throws: ``StudyError`` where a square does not fit or a picture has no class to watch.
  public init(
    _ subject: Subject, _ dataset: Dataset, layers: String? = nil, sizes: [Int] = [50], stride: Int = 8,
    fill: OccluderFill = .gray, label: String = "auto", labels: String? = nil, neighbours: String? = nil,
    seed: UInt64 = 0, strict isStrict: Bool = false
  ) throws {
    self.subject = subject
    self.dataset = dataset
    self.layers = try subject.layers(named: layers, usual: subject.convolutions.suffix(1))
    self.sizes = sizes
    self.stride = stride
    self.fill = fill
    self.label = label
    self.labels = labels
    self.neighbours = neighbours
    self.seed = seed
    self.isStrict = isStrict
    names = dataset.resultNames
    for size in sizes { _ = try OcclusionPlaces(size: size, stride: stride, over: subject.input) }
    (truth, note) = try subject.trueClasses(of: dataset, labels: labels)
    if label == "auto" {
      namedClass = nil
      return
    }
    guard let head = subject.head else {
      throw StudyError(
        "\(subject.model) does not end in one score a class, so no class can be watched. Leave --class out: "
          + "feature maps are watched all the same.")
    }
    namedClass = try label == "true" ? nil : subject.network.classIndex(of: label, classes: head.classes)
    for item in dataset.items { _ = try watched(in: item.id) }
  }

  /// The class watched in a picture; nil for the most probable one.
  private func watched(in id: Int) throws(StudyError) -> Int? {
    guard label == "true" else { return namedClass }
    guard let known = truth[id] else {
      throw StudyError(
        "the true class of \(dataset.items[id].path) is not known. Put images into class folders, or give --labels."
      )
    }
    return known
  }

  /// What a run is a function of.
  public struct Configuration: Encodable, Sendable {
    var study: SubjectConfiguration
    var size: String
    var stride: Int
    var fill: String
    var label: String
    var labels: String?
    var from: String?
    /// Of noise alone: no other fill draws anything.
    var seed: UInt64?
  }

  public var subjects: [Subject] { [subject] }

  public func configuration() throws -> Configuration {
    Configuration(
      study: try SubjectConfiguration(subject, dataset, layers),
      size: sizes.map(String.init).joined(separator: ","), stride: stride, fill: fill.rawValue, label: label,
      labels: labels, from: neighbours, seed: fill == .noise ? seed : nil)
  }

  /// How many pictures have their maps.
  public func result(_ work: Work) throws -> OccludedPictures {
    if subject.head == nil {
      work.listener.note("note: \(subject.model) classifies nothing; only feature maps are watched.")
    }
    let pictures = try work.prepare(dataset, subject.preprocessing, strict: isStrict)
    let occlusion = try Occlusion(
      subject.network, layers: layers.named, threads: work.threads, cancellation: work.cancellation)
    let mean = try fill == .mean ? subject.meanInput() : nil
    let maps = try sizes.map { try work.findings(of: sweeps($0, occlusion, pictures, mean, work)) }
    try work.requireReadable(pictures)
    return OccludedPictures(pictures: dataset.count(without: work.skipped), maps: maps)
  }

  private func file(_ id: Int, _ size: Int) -> String {
    "occlusion/\(names[id])\(sizes.count > 1 ? "-size\(size)" : "")"
  }

  /// A sweep of each picture: a unit is a picture; eight of them share batches.
  private func sweeps(
    _ size: Int, _ occlusion: Occlusion, _ pictures: PreparedPictures, _ mean: Tensor?, _ work: Work
  ) throws -> Stage<Int, OcclusionMap> {
    let places = try OcclusionPlaces(size: size, stride: stride, over: subject.input)
    return Stage(
      units: Array(dataset.items.indices), title: "occlude \(size)", counted: "positions",
      weight: places.count,
      group: 8, file: { file($0, size) },
      isSound: { _, map in map.isSound(at: places, layers: layers, classes: subject.head?.classes ?? 0) }
    ) { ids, show in
      var readable: [Int] = []
      var subjects: [Occlusion.Subject] = []
      for id in ids {
        guard let input = try pictures.tensor(id) else { continue }
        let cover = fill.cover(of: input, subject.preprocessing, mean: mean, seed: seed &+ UInt64(id))
        subjects.append(
          Occlusion.Subject(
            name: dataset.items[id].path, input: input, cover: cover, label: try watched(in: id)))
        readable.append(id)
      }
      let sweeps = try occlusion.sweep(subjects, size: size, stride: stride) { done in
        show(done)
        try work.cancellation.check("stopped at image \(ids[0] + 1); the same command goes on from there.")
      }
      var maps: [Int: OcclusionMap] = [:]
      for (id, sweep) in zip(readable, sweeps) {
        if let scores = sweep.scores {
          try SafeTensors(["logits": scores]).write(
            to: try work.run.preparedPath(of: file(id, size) + ".safetensors"))
        }
        maps[id] = sweep.map
      }
      return ids.map { maps[$0] }
    }
  }

  // MARK: Report

  private static let rowsOfSheet = 8

  private static let reading =
    "How to read this: where a map is blue, hiding that part of the image lowers the value, so the network relies on it. "
    + "The total activation is the spatial sum of the layer's map that is strongest in the unoccluded image; its projection "
    + "shows in which part of the image the map's strongest activation lies. Where the most probable class changes, the "
    + "hidden part was what told the two classes apart."

  public func report(_ result: OccludedPictures, _ work: Work) throws -> Report {
    let pictures = try work.prepare(dataset, subject.preprocessing, strict: isStrict)
    // Made when the first sheet is drawn: a run that is done draws none.
    var made: Neighbours?
    func others() throws -> Neighbours {
      let others = try made ?? Neighbours(subject, layers[0], of: neighbours, pictures, work)
      made = others
      return others
    }
    let sections = zip(sizes, result.maps).map { size, maps in
      let ids = maps.indices.filter { maps[$0] != nil }
      let figures = Swift.stride(from: 0, to: ids.count, by: Self.rowsOfSheet).enumerated().map {
        page, start in
        let name = "figures/occlusion-\(size)" + (ids.count > Self.rowsOfSheet ? "-\(page + 1)" : "")
        return Report.Figure(file: name, description: "occlusion maps, a row for each image") {
          let rows = try ids[start..<min(start + Self.rowsOfSheet, ids.count)].compactMap { id in
            try maps[id].flatMap { try row(id, $0, others(), pictures) }
          }
          return try OcclusionSheet(
            title: "Occlusion sensitivity of \(subject.title)",
            subtitle:
              "A \(fill.rawValue) square of \(size) x \(size) pixels covers the image, moved by \(stride) pixels "
              + "each time. Each cell of a map stands where the centre of the square was. White: as in the unoccluded image; "
              + "blue: lower; red: higher. Places are (row, column) in pixels of the network's input.",
            rows: rows
          ).drawing()
        }
      }
      return Report.Section("A square of \(size) pixels", .figures(figures), .text(Self.reading))
    }
    return Report(
      title: "Occlusion sensitivity of \(subject.title)",
      facts: [
        ("model", subject.model), ("images", dataset.title), ("fill", fill.rawValue),
        ("preprocessing", "\(subject.preprocessing)"),
      ], sections: sections, json: [])
  }

  private func row(
    _ id: Int, _ map: OcclusionMap, _ neighbours: Neighbours, _ pictures: PreparedPictures
  ) throws -> OcclusionSheet.Row? {
    guard let picture = try pictures.seen(id) else { return nil }
    let activations = layers.compactMap { layer in
      map.maps[layer.name].map {
        OcclusionSheet.Heat(
          title: "total activation", subtitle: "\(subject.title(of: layer)), map \($0.unit)",
          values: $0.total, base: $0.base, isProbability: false)
      }
    }
    let network = subject.network
    var probability: OcclusionSheet.Heat?
    var names: [Int: String] = [:]
    var caption = dataset.items[id].path
    if let label = map.label, let base = map.base, let values = map.probability {
      probability = OcclusionSheet.Heat(
        title: "probability", subtitle: "of \(network.name(ofClass: label))", values: values,
        base: base.probability, isProbability: true)
      for index in Set((map.labels ?? []).joined()) { names[index] = network.name(ofClass: index) }
      caption += ": \(network.name(ofClass: label)) \(Double(base.probability).probability)"
      if base.label != label { caption += ", most probable: \(network.name(ofClass: base.label))" }
    }
    return OcclusionSheet.Row(
      caption: caption, picture: picture, map: map, activations: activations,
      projections: try map.maps[layers[0].name].map { try neighbours.projections(of: $0.unit, in: id) } ?? [],
      probability: probability, names: names)
  }
}

/// What a run of occlude found, a file a picture; the maps are not written again.
public struct OccludedPictures: Encodable {
  /// Pictures that could be read.
  public var pictures: Int
  /// By size of the square, then by picture.
  var maps: [[OcclusionMap?]]

  private enum CodingKeys: CodingKey { case pictures }
}

/// What an occluder shows.
public enum OccluderFill: String, CaseIterable, Sendable {
  case gray, mean, black, noise, blur

  /// What hides an input, a tensor of its shape: for ``mean`` `Subject.meanInput()`, for ``noise`` drawn from the seed.
  package func cover(of input: Tensor, _ preprocessing: Preprocessing, mean: Tensor?, seed: UInt64) -> Tensor
  {
    func level(_ level: Float) -> Tensor { preprocessing.withPixels(of: input) { _ in level } }
    switch self {
    case .gray: return level(128)
    case .black: return level(0)
    case .mean: return mean ?? Tensor(input.shape)
    case .blur: return input.blurred(deviation: Double(input.shape.rows) / 16)
    case .noise:
      var generator = SeededGenerator(seed: seed)
      return preprocessing.withPixels(of: input) { _ in Float.random(in: 0...255, using: &generator) }
    }
  }
}

/// What a study of a network's layers over pictures depends on.
struct SubjectConfiguration: Encodable {
  var model: String
  var modelDigest: String
  var pictures: String
  var picturesDigest: String
  var layers: [String]
  var preprocessing: Preprocessing

  init(_ subject: Subject, _ dataset: Dataset, _ layers: [StudiedLayer]) throws {
    model = subject.model
    modelDigest = try subject.digest()
    pictures = dataset.title
    picturesDigest = dataset.digest
    self.layers = layers.map(\.name)
    preprocessing = subject.preprocessing
  }
}
