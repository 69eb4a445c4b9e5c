internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Tensors
public import Training

/// All that a training run follows from; a run resumes only with the same.
public struct TrainConfiguration: Codable, Equatable, Sendable {
  public var pictures = ""
  public var picturesDigest = ""
  public var validation: String?
  /// Paths of pictures left out, in order.
  public var excluded: [String] = []
  public var holdOut = 0.1
  /// Decides which pictures are held out; the recipe's seed where there is none.
  public var holdOutSeed: UInt64?
  public var architecture = "zfnet"
  public var input = 224
  public var width = 1.0
  public var removing: [Int] = []
  public var resizing: [Int: Int] = [:]
  public var firstLayer: FirstLayer?
  public var initialization = Initialization.gaussian
  public var resize: Int?
  public var recipe = Recipe()
  public var snapshots: [Int]?
  public var threads = 1

  public init() {}

  /// What weights are drawn from.
  public enum Initialization: String, Codable, CaseIterable, Sendable {
    case gaussian, he
  }

  private enum CodingKeys: CodingKey {
    case pictures, picturesDigest, validation, excluded, holdOut, holdOutSeed, architecture, input, width,
      removing
    case resizing, firstLayer, initialization, resize, snapshots, threads
  }

  // The recipe's settings stand beside the others, so that a difference is named by its own name.
  public func encode(to encoder: any Encoder) throws {
    try recipe.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(pictures, forKey: .pictures)
    try container.encode(picturesDigest, forKey: .picturesDigest)
    try container.encodeIfPresent(validation, forKey: .validation)
    if !excluded.isEmpty { try container.encode(excluded, forKey: .excluded) }
    try container.encode(holdOut, forKey: .holdOut)
    try container.encodeIfPresent(holdOutSeed, forKey: .holdOutSeed)
    try container.encode(architecture, forKey: .architecture)
    try container.encode(input, forKey: .input)
    try container.encode(width, forKey: .width)
    try container.encode(removing, forKey: .removing)
    let sizes = resizing.map { (String($0.key), $0.value) }
    try container.encode(Dictionary(sizes, uniquingKeysWith: { one, _ in one }), forKey: .resizing)
    try container.encodeIfPresent(firstLayer, forKey: .firstLayer)
    try container.encode(initialization, forKey: .initialization)
    try container.encodeIfPresent(resize, forKey: .resize)
    try container.encodeIfPresent(snapshots, forKey: .snapshots)
    try container.encode(threads, forKey: .threads)
  }

  public init(from decoder: any Decoder) throws {
    recipe = try Recipe(from: decoder)
    let container = try decoder.container(keyedBy: CodingKeys.self)
    pictures = try container.decode(String.self, forKey: .pictures)
    picturesDigest = try container.decode(String.self, forKey: .picturesDigest)
    validation = try container.decodeIfPresent(String.self, forKey: .validation)
    excluded = try container.decodeIfPresent([String].self, forKey: .excluded) ?? []
    holdOut = try container.decode(Double.self, forKey: .holdOut)
    holdOutSeed = try container.decodeIfPresent(UInt64.self, forKey: .holdOutSeed)
    architecture = try container.decode(String.self, forKey: .architecture)
    input = try container.decode(Int.self, forKey: .input)
    width = try container.decode(Double.self, forKey: .width)
    removing = try container.decode([Int].self, forKey: .removing)
    let sizes = try container.decode([String: Int].self, forKey: .resizing)
    for (number, size) in sizes { if let number = Int(number) { resizing[number] = size } }
    firstLayer = try container.decodeIfPresent(FirstLayer.self, forKey: .firstLayer)
    initialization = try container.decode(Initialization.self, forKey: .initialization)
    resize = try container.decodeIfPresent(Int.self, forKey: .resize)
    snapshots = try container.decodeIfPresent([Int].self, forKey: .snapshots)
    threads = try container.decode(Int.self, forKey: .threads)
  }

  /// The settings that a run was started with.
  ///
  /// - Parameter run: The run's folder.
  /// - Throws: ``StudyError`` where it is no training run.
  public init(ofRun run: String) throws(StudyError) {
    struct Header: Decodable {
      var kind: String
      var configuration: TrainConfiguration
    }
    struct Kind: Decodable { var kind: String }
    let file = run + "/run.json"
    guard let bytes = FileManager.default.contents(atPath: file) else {
      throw StudyError("\(run) is no run to resume: it has no run.json. Start one with --out \(run).")
    }
    if let kind = try? JSONDecoder().decode(Kind.self, from: bytes).kind, kind != "train" {
      throw StudyError("\(run) is a run of \(kind), not of train.")
    }
    do {
      self = try JSONDecoder().decode(Header.self, from: bytes).configuration
    } catch {
      throw StudyError("\(file) is damaged. Delete the run and start it again.")
    }
  }

  /// Refuses numbers that no training can follow, such as an edited `run.json` may hold.
  ///
  /// - Throws: `TrainingError.recipe(reason:)`.
  func check() throws(TrainingError) {
    try recipe.check()
    guard (8...1024).contains(input) else {
      throw .recipe(reason: "an input of \(input) pixels: it must be between 8 and 1024.")
    }
    guard width > 0, width <= 64 else {
      throw .recipe(reason: "a width of \(width): it must be above 0, 64 at most.")
    }
    guard (0..<1).contains(holdOut) else {
      throw .recipe(reason: "a share of \(holdOut) held out: it must be at least 0 and below 1.")
    }
    guard (1...1024).contains(threads) else {
      throw .recipe(reason: "\(threads) threads: they must be between 1 and 1024.")
    }
    if let resize, !(input...16384).contains(resize) {
      throw .recipe(
        reason: "pictures of \(resize) pixels for an input of \(input): they must not be smaller.")
    }
  }

  /// How a picture becomes the network's input.
  ///
  /// Pixels stay 0...255 for the paper's weights. He's weights would learn little from values of about one in the
  /// first layer, where they would stay the noise they began as: a step moves a filter in proportion to its input, so
  /// values of about four and filters a quarter as large move sixteen times as far for their size.
  var preprocessing: Preprocessing {
    Preprocessing(
      resize: .init(shorterSide: resize ?? (input * 8 + 6) / 7), crop: .init(center: input),
      scale: initialization == .gaussian ? 1 : 1 / 16)
  }

  /// What is changed about the architecture.
  var edits: Architecture.Edits {
    Architecture.Edits(
      removing: Set(removing), resizing: resizing, firstWindow: firstLayer?.size,
      firstStride: firstLayer?.stride)
  }

  /// The network before it has learned anything.
  func network(classes: [String]) throws -> Network {
    var architecture = try Architecture.named(architecture).scaled(input: input, width: width)
      .edited(by: edits)
    architecture.classes = classes.count
    var generator = SeededGenerator(seed: recipe.seed)
    var network = try architecture.network(
      initialization == .gaussian ? .paper : .he(inputDeviation: 4), using: &generator)
    network.preprocessing = preprocessing
    network.classes = classes
    return network
  }
}

/// Filters of the first layer that are not the architecture's.
public struct FirstLayer: Codable, Equatable, Sendable {
  public var size: Int?
  public var stride: Int?

  public init(size: Int?, stride: Int?) {
    self.size = size
    self.stride = stride
  }
}
