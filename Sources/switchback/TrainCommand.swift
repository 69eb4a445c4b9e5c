internal import ArgumentParser
internal import Switchback

struct TrainCommand: StudyCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a network by the paper's recipe, or another.",
    discussion: """
      <pictures> is a folder with a subfolder for each class, or another kind of dataset. Multi-label images \
      (voc2012:) are trained with binary cross-entropy and evaluated by mean average precision. Validation \
      images are the dataset's own, those of --validation, or a share of each class held out. Every epoch writes \
      a network to RUN/models and a line to RUN/history.jsonl. Interrupted or killed at any moment, the same \
      command, or --resume RUN, resumes and ends with the same bytes.

      EXAMPLE
        switchback train pictures/ --arch zfnet --out run
        switchback train scenes: --arch zfnet --input 64 --width 0.5 --init he --epochs 10 --out run
        switchback train --resume run
      """)

  @Argument(help: "The training images; not needed to resume.", completion: .directory)
  var pictures: String?

  @Option(help: .run, completion: .directory) var out: String?

  @Option(help: .value("run", "Resume a run, with its own settings."), completion: .directory)
  var resume: String?

  @OptionGroup(title: "Network") var network: NetworkOptions
  @OptionGroup(title: "Recipe") var recipe: RecipeOptions
  @OptionGroup(title: "Data") var data: DataOptions

  @OptionGroup var cluster: ClusterOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if resume == nil {
      guard pictures != nil else {
        throw ValidationError("train takes images and --out RUN, or --resume RUN.")
      }
      guard out != nil else { throw ValidationError("--out RUN says where the run goes.") }
    } else if out != nil {
      throw ValidationError("--resume RUN goes on in that folder: leave --out away.")
    }
  }

  func run() throws {
    var settings = try resume.map { try TrainConfiguration(ofRun: $0) } ?? TrainConfiguration()
    if let pictures { settings.pictures = pictures }
    network.apply(to: &settings)
    recipe.apply(to: &settings.recipe)
    try data.apply(to: &settings)
    if common.threads != nil || resume == nil { settings.threads = common.workersOfAllRanks }
    if common.seed != 0 { settings.recipe.seed = common.seed }
    let train: Train
    do {
      train = try Train(settings, strict: common.strict)
    } catch DatasetError.missing(let path) where resume != nil && !path.hasPrefix("/") {
      throw StudyError(
        "\(path): there is no such folder or image. The run names its images as seen from the folder where it was "
          + "started: resume it there.")
    }
    for note in train.notes { Terminal.say("note: \(note)") }
    try cluster.perform(train, in: resume ?? out ?? "", common, json: \.result, last: { $0.result.model })
  }
}

/// Which network is trained; each flag changes a default, or with `--resume` names a difference.
struct NetworkOptions: ParsableArguments {
  @Option(help: .value("name", "alexnet, zfnet or zfnet-b (default: zfnet).")) var arch: String?
  @Option(help: .value("pixels", "Rows and columns of its input (default: 224).")) var input: Int?

  @Option(help: .value("factor", "The share of maps and units that layers have (default: 1)."))
  var width: Double?

  @Option(help: .value("numbers", "Layers left out, as 3,4.")) var removing: String?
  @Option(help: .value("number:size", "Layers of another size, as 6:2048,7:2048.")) var resizing: String?

  @Option(
    help: .value(
      "size/stride", "The first layer's filters, as 11/4: size and stride."))
  var firstLayer: String?

  @Option(name: .customLong("init"), help: "Initial weights: gaussian or he (default: gaussian).")
  var initialization: Choice<TrainConfiguration.Initialization>?

  @Option(help: .value("pixels", "Shorter side of images before the crop (default: 8/7 of the input)."))
  var resize: Int?

  func validate() throws {
    _ = try removing.map(Self.numbers)
    _ = try resizing.map(Self.sizes)
    _ = try firstLayer.map(Self.filters)
    if let input, !(8...1024).contains(input) {
      throw ValidationError("--input must be between 8 and 1024, not \(input).")
    }
    if let resize, resize < input ?? 1 {
      throw ValidationError("--resize must not be smaller than the input: \(resize).")
    }
  }

  func apply(to settings: inout TrainConfiguration) {
    if let arch { settings.architecture = arch }
    if let input { settings.input = input }
    if let width { settings.width = width }
    if let removing { settings.removing = (try? Self.numbers(removing)) ?? [] }
    if let resizing { settings.resizing = (try? Self.sizes(resizing)) ?? [:] }
    if let firstLayer { settings.firstLayer = try? Self.filters(firstLayer) }
    if let initialization { settings.initialization = initialization.value }
    if let resize { settings.resize = resize }
  }

  private static func numbers(_ text: String) throws -> [Int] {
    let numbers = text.split(separator: ",").compactMap { Int($0) }
    guard !numbers.isEmpty, numbers.count == text.split(separator: ",").count else {
      throw ValidationError("--removing takes layers' numbers such as 3,4; not '\(text)'.")
    }
    return Set(numbers).sorted()
  }

  private static func sizes(_ text: String) throws -> [Int: Int] {
    var sizes: [Int: Int] = [:]
    for pair in text.split(separator: ",") {
      let sides = pair.split(separator: ":").compactMap { Int($0) }
      guard sides.count == 2 else {
        throw ValidationError("--resizing takes pairs such as 6:2048,7:2048; not '\(text)'.")
      }
      sizes[sides[0]] = sides[1]
    }
    return sizes
  }

  private static func filters(_ text: String) throws -> FirstLayer {
    let sides = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard sides.count == 2, let size = sides[0], let stride = sides[1], size > 0, stride > 0 else {
      throw ValidationError("--first-layer takes a size and a stride such as 11/4; not '\(text)'.")
    }
    return FirstLayer(size: size, stride: stride)
  }
}

/// How the network is trained; defaults are the paper's.
struct RecipeOptions: ParsableArguments {
  @Option(help: .value("n", "Number of epochs (default: 70).")) var epochs: Int?
  @Option(help: .value("n", "Images per batch (default: 128).")) var batch: Int?
  @Option(help: .value("rate", "Initial learning rate (default: 0.01).")) var rate: Float?
  @Option(help: .value("share", "Momentum (default: 0.9).")) var momentum: Float?

  @Option(help: .value("share", "Weight decay (default: 0.0005)."))
  var weightDecay: Float?

  @Option(help: "Learning-rate schedule: plateau, step or cosine (default: plateau).")
  var schedule: Choice<Recipe.Schedule>?

  @Option(
    help:
      "Loss: cross-entropy, or binary-cross-entropy for each class alone (default: what fits the labels)."
  )
  var loss: Choice<Loss>?

  @Option(help: "Data augmentation: ten-crop, random-crop or none (default: ten-crop).")
  var augment: Choice<Recipe.Augmentation>?

  @Flag(help: "Do not renormalise filters whose root mean square exceeds 0.1.")
  var noRenormalization = false

  @Option(help: .value("n", "Steps between checkpoints within an epoch (default: 500)."))
  var checkpointEvery: Int?

  func apply(to recipe: inout Recipe) {
    if let epochs { recipe.epochs = epochs }
    if let batch { recipe.batch = batch }
    if let rate { recipe.rate = rate }
    if let momentum { recipe.momentum = momentum }
    if let weightDecay { recipe.weightDecay = weightDecay }
    if let schedule { recipe.schedule = schedule.value }
    if let loss { recipe.loss = loss.value }
    if let augment { recipe.augmentation = augment.value }
    if noRenormalization { recipe.filterLimit = nil }
    if let checkpointEvery { recipe.stepsBetweenCheckpoints = checkpointEvery }
  }
}

/// What the network is judged on, and what is kept.
struct DataOptions: ParsableArguments {
  @Option(help: .value("images", "The validation images, of the same classes.")) var validation: String?

  @Option(
    help: .value("list", "A list of images to leave out, one path per line, as audit writes it."),
    completion: .file(extensions: ["txt"]))
  var exclude: String?

  @Option(
    help: .value(
      "share", "Share of each class held out where nothing names validation images (default: 0.1)."))
  var holdOut: Double?

  @Option(help: .value("a,b", "Epochs whose networks are kept: all, or as 1,2,5,10 (default: all)."))
  var snapshots: String?

  func validate() throws {
    if let holdOut, !(0..<1).contains(holdOut) {
      throw ValidationError("--hold-out must be at least 0 and below 1, not \(holdOut).")
    }
    if let snapshots, snapshots != "all" {
      let parts = snapshots.split(separator: ",")
      guard !parts.isEmpty, parts.allSatisfy({ Int($0).map { $0 > 0 } ?? false }) else {
        throw ValidationError("--snapshots takes all, or epochs such as 1,2,5; not '\(snapshots)'.")
      }
    }
  }

  /// - Throws: `DatasetError` for a list of exclusions that is none.
  func apply(to settings: inout TrainConfiguration) throws {
    if let validation { settings.validation = validation }
    if let exclude { settings.excluded = try Exclusions(reading: exclude).paths }
    if let holdOut { settings.holdOut = holdOut }
    if let snapshots {
      settings.snapshots =
        snapshots == "all" ? nil : snapshots.split(separator: ",").compactMap { Int($0) }.sorted()
    }
  }
}
