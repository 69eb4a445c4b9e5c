internal import ArgumentParser
internal import Datasets
internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Tensors

/// A network, its pictures and the layers asked about: what every study of prepared pictures starts from.
struct StudySubject {
  let model: String
  /// The network, with its preprocessing settled.
  let network: Network
  let source: Source
  let layers: [SearchedLayer]
  /// True classes by picture id, where they are known.
  let truth: [Int: Int]
  /// The value that holds class scores; nil where the network classifies nothing.
  let scores: String?
  /// How many classes they are for.
  let classes: Int
  private let pictures: String

  /// - Parameters:
  ///   - model: The network's file.
  ///   - dataset: The pictures.
  ///   - pictures: What the user called them.
  ///   - labels: A list of true classes; the data set's own where there is none.
  ///   - layers: Names with commas between; nil for `usual`.
  ///   - preprocessing: The flags that override the model's own.
  ///   - isWhole: Whether pictures are squeezed to the input whole, where no flag says how they are cut.
  ///   - strict: Whether a picture that cannot be read is an error.
  ///   - common: The flags of every command.
  ///   - namesClasses: Whether pictures' true classes are sought among the network's own.
  ///   - usual: The layers where none are named.
  /// - Throws: Every error of a model, a data set or an argument that does not fit.
  init(
    model: String, dataset: Dataset, pictures: String, labels: String? = nil, layers: String?,
    preprocessing: PreprocessingOptions, isWhole: Bool = false, strict: Bool, common: CommonOptions,
    namesClasses: Bool = true, usual: (Network) -> [Layer]
  ) throws {
    self.model = model
    self.pictures = pictures
    var network = try Network(onnx: model)
    var prepared = try preprocessing.resolved(for: network, quiet: common.quiet)
    if isWhole, !preprocessing.cutsPictures, let size = prepared.size {
      prepared.resize = .init(rows: size.rows, columns: size.columns)
      prepared.crop = nil
    }
    guard prepared.size != nil else {
      throw ArgumentError("pictures must come to one size before they are compared: give --crop.")
    }
    network.preprocessing = prepared
    let named = try layers.map { names in
      try names.split(separator: ",").map {
        try network.layer(named: $0.trimmingCharacters(in: .whitespaces))
      }
    }
    self.layers = try SearchedLayer.all(named ?? usual(network), of: network, beforeRectifier: false)
    guard !self.layers.isEmpty else {
      throw ArgumentError("\(model) has no convolution; name layers, as `switchback inspect` lists them.")
    }
    self.network = network
    source = Source(dataset, prepared, strict: strict)
    scores = try network.classScores()
    let shapes = try network.shapes(inputs: [network.inputs[0].name: try network.inputShape(images: 1)])
    classes = scores.flatMap { shapes[$0]?.count } ?? 0
    truth =
      classes == 0 || !namesClasses
      ? [:]
      : try dataset.trueClasses(
        of: network, model: model, count: classes, labels: labels, quiet: common.quiet)
  }

  /// The layers as studies take them.
  var namedValues: [(name: String, value: String)] { layers.map { ($0.name, $0.value) } }

  /// What results depend on, for the run's folder.
  func configuration() throws -> StudyConfiguration {
    var weights = Fingerprint()
    for file in [model] + network.externalFiles { try weights.add(file: file) }
    var paths = Fingerprint()
    for item in source.dataset.items { paths.add(item.path) }
    return StudyConfiguration(
      model: model, modelDigest: weights.description, pictures: pictures, picturesDigest: paths.description,
      layers: layers.map(\.name), preprocessing: source.preprocessing)
  }

  /// A picture as the network sees it, and as its input; nil where it cannot be read.
  func prepared(_ id: Int) throws -> (seen: Picture, input: Tensor)? {
    try source.seen(id).map { ($0, $0.values(source.preprocessing)) }
  }

  /// The class that `auto`, `true`, an index or a name stands for; nil for the most probable one.
  func label(_ text: String, of id: Int) throws -> Int? {
    switch text {
    case "auto": return nil
    case "true":
      guard let label = truth[id] else {
        throw ArgumentError(
          "the true class of \(source.dataset.items[id].path) is not known. Put pictures into class folders, or "
            + "give --labels.")
      }
      return label
    default: return try network.classIndex(of: text, classes: classes)
    }
  }
}

/// What a study of pictures is a function of.
struct StudyConfiguration: Encodable {
  var model: String
  var modelDigest: String
  var pictures: String
  var picturesDigest: String
  var layers: [String]
  var preprocessing: Preprocessing
}

extension Network {
  /// The class of an index or a name.
  ///
  /// - Throws: ``ArgumentError`` with near names where there is none.
  func classIndex(of text: String, classes count: Int) throws -> Int {
    if let index = Int(text), (0..<count).contains(index) { return index }
    if let index = ClassLookup(classes ?? []).index(of: text) { return index }
    let near = nearNames(to: text, among: classes ?? [])
    throw ArgumentError(
      "there is no class '\(text)'. "
        + (near.isEmpty
          ? "Give an index from 0 to \(count - 1)." : "Near names: \(near.joined(separator: "; "))."))
  }
}

extension Dataset {
  /// Names of files for results: the pictures' own without endings, where those stay apart.
  var fileNames: [String] {
    func flat(_ path: some StringProtocol) -> String { String(path.map { $0 == "/" ? "-" : $0 }) }
    let paths = items.map(\.path)
    let stems = paths.map { path -> String in
      let name = path.split(separator: "/").last ?? ""
      guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return flat(path) }
      return flat(path[..<dot])
    }
    return Set(stems).count == stems.count ? stems : paths.map { flat($0) }
  }
}
