internal import Datasets
internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Tensors
public import Training

/// All that a training run follows from; a run resumes only with the same.
@dynamicMemberLookup
public struct TrainConfiguration: Codable, Equatable, Sendable {
  /// What is trained on what; each is read and set as a property of the configuration.
  public struct Settings: Codable, Equatable, Sendable {
    public var pictures = ""
    public var picturesDigest = ""
    public var validation: String?
    /// Paths of pictures left out, in order.
    public var excluded: [String]?
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
    public var snapshots: [Int]?
    public var threads = 1
  }

  private var settings = Settings()
  public var recipe = Recipe()

  /// ZFNet on 224 x 224 pixels by the paper's recipe.
  public init() {}

  public subscript<Value>(dynamicMember setting: WritableKeyPath<Settings, Value>) -> Value {
    get { settings[keyPath: setting] }
    set { settings[keyPath: setting] = newValue }
  }

  /// What weights are drawn from.
  public enum Initialization: String, Codable, CaseIterable, Sendable {
    case gaussian, he
  }

  // The recipe's settings stand beside the others, so that a difference is named by its own name.
  public func encode(to encoder: any Encoder) throws {
    try recipe.encode(to: encoder)
    try settings.encode(to: encoder)
  }

  public init(from decoder: any Decoder) throws {
    recipe = try Recipe(from: decoder)
    settings = try Settings(from: decoder)
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
    guard let bytes = FileSystem.contents(of: file) else {
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
    func require(_ holds: Bool, _ reason: String) throws(TrainingError) {
      if !holds { throw .recipe(reason: reason) }
    }
    let input = settings.input
    try require((8...1024).contains(input), "an input of \(input) pixels: it must be between 8 and 1024.")
    try require(
      settings.width > 0 && settings.width <= 64,
      "a width of \(settings.width): it must be above 0, 64 at most.")
    try require(
      (0..<1).contains(settings.holdOut),
      "a share of \(settings.holdOut) held out: it must be at least 0 and below 1.")
    try require(
      (1...1024).contains(settings.threads),
      "\(settings.threads) threads: they must be between 1 and 1024.")
    let resize = settings.resize ?? input
    try require(
      (input...16384).contains(resize),
      "images of \(resize) pixels for an input of \(input): they must not be smaller.")
  }

  /// How a picture becomes the network's input.
  ///
  /// Pixels stay 0...255 for the paper's weights. He's weights would learn little from values of about one in the
  /// first layer, where they would stay the noise they began as: a step moves a filter in proportion to its input, so
  /// values of about four and filters a quarter as large move sixteen times as far for their size.
  var preprocessing: Preprocessing {
    Preprocessing(
      resize: .init(shorterSide: settings.resize ?? (settings.input * 8 + 6) / 7),
      crop: .init(center: settings.input), scale: settings.initialization == .gaussian ? 1 : 1 / 16)
  }

  /// What is changed about the architecture.
  var edits: Architecture.Edits {
    Architecture.Edits(
      removing: Set(settings.removing), resizing: settings.resizing, firstWindow: settings.firstLayer?.size,
      firstStride: settings.firstLayer?.stride)
  }

  /// The network before it has learned anything of some labels.
  func network(classes: [String], of labels: Labels) throws -> Network {
    let loss = try Loss(fitting: labels, named: recipe.loss)
    var architecture = try Architecture.named(settings.architecture)
      .scaled(input: settings.input, width: settings.width).edited(by: edits)
    architecture.classes = loss.scores(classes: classes.count, of: labels)
    var generator = SeededGenerator(seed: recipe.seed)
    var network = try architecture.network(
      settings.initialization == .gaussian ? .paper : .he(inputDeviation: 4), ending: loss.end,
      using: &generator)
    network.preprocessing = preprocessing
    network.classes = classes
    return network
  }
}

/// Filters of the first layer that are not the architecture's.
public struct FirstLayer: Codable, Equatable, Sendable {
  public var size: Int?
  public var stride: Int?

  /// Nil leaves the architecture's own.
  public init(size: Int?, stride: Int?) {
    self.size = size
    self.stride = stride
  }
}
