internal import Datasets
internal import Networks
internal import Training

/// What SPEC.yaml says: the variants, and the recipe and data that they share.
public struct AblationSpec {
  /// What every variant is trained with; its network's edits and seed are still to come.
  public var settings = TrainConfiguration()
  public var ablation = Ablation(variants: [], seeds: [0])
  private let file: String

  /// Reads and checks a file; paths in it start from the working directory, as flags' do.
  ///
  /// - Throws: ``StudyError`` naming file, line and key, or `DatasetError` for a list of exclusions.
  public init(reading file: String) throws {
    self.file = file
    let root = try SpecValue(reading: file).mapping(
      of: ["base", "input", "width", "data", "recipe", "seeds", "variants"])
    settings.snapshots = []
    if let base = root["base"] { settings.architecture = try Self.architecture(base) }
    if let input = root["input"] { settings.input = try input.whole(8...1024) }
    if let width = root["width"] { settings.width = try Self.positive(width) }
    guard let data = root["data"] else { throw StudyError("\(file) has no data: say which images.") }
    try read(data: data)
    if let recipe = root["recipe"] { try read(recipe: recipe) }
    if let resize = settings.resize, resize < settings.input {
      throw StudyError("\(file): resize must not be smaller than the input, \(settings.input): \(resize).")
    }
    ablation.input = settings.input
    ablation.width = settings.width
    if let seeds = root["seeds"] { try read(seeds: seeds) }
    guard let variants = root["variants"], case let list = try variants.list(), !list.isEmpty else {
      throw StudyError("\(file) has no variants: list one or more, each with a name.")
    }
    for (number, value) in list.enumerated() {
      let variant = try variant(value, number: number + 1)
      let folder = Self.folder(of: variant.name)
      guard !ablation.variants.contains(where: { Self.folder(of: $0.name) == folder }) else {
        throw value.failure("two variants are named '\(variant.name)'; each needs a name of its own.")
      }
      ablation.variants.append(variant)
    }
  }

  /// What each variant takes, in their order.
  ///
  /// - Throws: ``StudyError`` naming file and variant, for the first that does not fit together.
  public func costs(classes: Int) throws(StudyError) -> [Ablation.Cost] {
    do {
      return try ablation.costs(classes: classes)
    } catch {
      throw StudyError("\(file): \(error)")
    }
  }

  /// A variant's folder: its name with dashes for what a path should not hold.
  static func folder(of name: String) -> String {
    String(name.lowercased().map { $0.isLetter || $0.isNumber || "-,+_".contains($0) ? $0 : "-" })
  }

  private mutating func read(data: SpecValue) throws {
    let keys = try data.mapping(of: ["pictures", "validation", "exclude", "hold-out", "snapshots"])
    guard let pictures = keys["pictures"] else { throw data.failure("there is no 'pictures'.") }
    settings.pictures = try pictures.text()
    settings.validation = try keys["validation"]?.text()
    if let exclude = keys["exclude"] { settings.excluded = try Exclusions(reading: try exclude.text()).paths }
    if let share = keys["hold-out"] {
      settings.holdOut = try share.number()
      guard settings.holdOut > 0, settings.holdOut < 1 else {
        throw share.failure(
          "a share above 0 and below 1, not \(settings.holdOut): variants are compared on it.")
      }
    }
    if let snapshots = keys["snapshots"] {
      settings.snapshots =
        (try? snapshots.text()) == "all"
        ? nil : try snapshots.list().map { try $0.whole(1...Int.max) }.sorted()
    }
  }

  private mutating func read(recipe value: SpecValue) throws {
    let keys = try value.mapping(of: [
      "epochs", "batch", "rate", "momentum", "weight-decay", "schedule", "augment", "no-renormalization",
      "loss", "checkpoint-every", "init", "resize",
    ])
    func set<Value>(
      _ key: String, _ path: WritableKeyPath<TrainConfiguration, Value>, _ read: (SpecValue) throws -> Value
    ) rethrows {
      if let value = keys[key] { settings[keyPath: path] = try read(value) }
    }
    try set("epochs", \.recipe.epochs) { try $0.whole(1...1_000_000) }
    try set("batch", \.recipe.batch) { try $0.whole(1...1_000_000) }
    try set("rate", \.recipe.rate) { Float(try $0.number()) }
    try set("momentum", \.recipe.momentum) { Float(try $0.number()) }
    try set("weight-decay", \.recipe.weightDecay) { Float(try $0.number()) }
    try set("schedule", \.recipe.schedule) { try $0.word() }
    try set("augment", \.recipe.augmentation) { try $0.word() }
    try set("loss", \.recipe.loss) { try $0.word() as Loss }
    if let free = keys["no-renormalization"], try free.flag() { settings.recipe.filterLimit = nil }
    try set("checkpoint-every", \.recipe.stepsBetweenCheckpoints) { try $0.whole(1...1_000_000_000) }
    try set("init", \.initialization) { try $0.word() }
    try set("resize", \.resize) { try $0.whole(8...16384) }
    do {
      try settings.recipe.check()
    } catch {
      throw value.failure(error.description)
    }
  }

  private mutating func read(seeds value: SpecValue) throws {
    let seeds = try value.list().map { UInt64(try $0.whole(0...Int.max)) }
    guard !seeds.isEmpty, Set(seeds).count == seeds.count else {
      throw value.failure("one seed or more, each once.")
    }
    ablation.seeds = seeds
  }

  private func variant(_ value: SpecValue, number: Int) throws -> Ablation.Variant {
    let called = value.name(under: "name").map { "variant '\($0)'" } ?? "variant \(number)"
    let keys = try value.renamed([called])
      .mapping(of: ["name", "base", "removing", "resizing", "first-layer", "published"])
    guard let named = keys["name"] else { throw value.failure("variant \(number) has no name.") }
    let name = try named.text()
    guard Self.folder(of: name).contains(where: { $0 != "-" }), name.count <= 80 else {
      throw named.failure("a name of letters or digits, of up to 80, not '\(name.prefix(80))'.")
    }
    var variant = Ablation.Variant(name: name, base: settings.architecture)
    if let base = keys["base"] { variant.base = try Self.architecture(base) }
    if let removing = keys["removing"] {
      variant.edits.removing = Set(try removing.list().map { try $0.whole(1...1000) })
    }
    if let resizing = keys["resizing"] {
      variant.edits.resizing = try resizing.numbered().mapValues { try $0.whole(1...1_000_000) }
    }
    if let first = try keys["first-layer"]?.mapping(of: ["size", "stride"]) {
      variant.edits.firstWindow = try first["size"]?.whole(1...1024)
      variant.edits.firstStride = try first["stride"]?.whole(1...1024)
    }
    if let published = keys["published"] {
      let errors = try published.list().map { try $0.number() }
      guard errors.count == 3, errors.allSatisfy({ (0...100).contains($0) }) else {
        throw published.failure(
          "three errors in percent: of training top-1, validation top-1, validation top-5, as [35.1, 40.5, 18.1]."
        )
      }
      variant.published = Ablation.Errors(trainTop1: errors[0], top1: errors[1], top5: errors[2])
    }
    return variant
  }

  private static func architecture(_ value: SpecValue) throws -> String {
    do {
      return try Architecture.named(try value.text()).name
    } catch let error as ArchitectureError {
      throw value.failure(error.description)
    }
  }

  private static func positive(_ value: SpecValue) throws -> Double {
    let number = try value.number()
    guard number > 0, number < 64 else { throw value.failure("a width above 0 and below 64, not \(number).") }
    return number
  }
}
