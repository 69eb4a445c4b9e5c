internal import ArgumentParser
internal import Foundation
internal import Switchback

struct TransferCommand: StudyCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "transfer",
    abstract: "Linear classifiers on each layer's features, for other images (figure 9, table 7).",
    discussion: """
      Features are extracted once and kept under RUN/features. A linear SVM and a softmax classifier are trained \
      on each layer's features and tested on held-out images: mean accuracy over classes, or mean average \
      precision of multi-label images. A dataset with its own splits uses them, any other is split at random. \
      Other classifiers, training sizes and layers for the same --out reuse the features. Interrupted or killed \
      at any moment, the same command resumes.

      EXAMPLE
        switchback transfer model.onnx caltech101:images --out run --square-root --normalize
        switchback transfer model.onnx pictures/ --out run --layers conv5,pool5 --per-class 1,2,4,6,10,15,30
      """)

  @OptionGroup var study: StudyArguments

  @Option(
    help: .value("a,b", "Layers compared (default: convolutions, the last pool and fully connected layers)."),
    completion: .layers)
  var layers: String?

  @Option(
    help: .value(
      "pooling",
      "Pooling of feature maps: none, average, max or grid:N; a layer may have its own, as average,pool5=none "
        + "(default: none up to 10,000 features, then the finest grid below that)."),
    transform: { try .init($0) })
  var pooling = TransferLayers.PoolingChoice()

  @Flag(help: "Take the square root of features.") var squareRoot = false
  @Flag(help: "Normalise each image's features to length 1.") var normalize = false
  @Option(help: .value("a,b", "svm, softmax or both.")) var classifiers = "svm,softmax"

  @Option(
    name: .customLong("c"),
    help: .value(
      "cost",
      "The cost C of an error against large weights: a number, or cross-validation (default: 1 for svm, 100 for softmax)."
    ))
  var cost: String?

  @Option(
    help:
      "What the network sees: the whole image, squeezed to the input, or the model's own crop (whole or model)."
  )
  var view = ViewChoice.whole

  @OptionGroup(title: "Images") var splits: SplitOptions
  @OptionGroup(title: "Networks trained whole") var training: WholeOptions

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var cluster: ClusterOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    _ = try chosenClassifiers()
    _ = try chosenCost()
  }

  private func chosenClassifiers() throws -> [Transfer.Classifier] {
    let names = classifiers.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    let found = names.compactMap(Transfer.Classifier.init(rawValue:))
    guard !found.isEmpty, found.count == names.count, Set(found).count == found.count else {
      throw ValidationError("--classifiers takes svm, softmax or svm,softmax; not '\(classifiers)'.")
    }
    return found
  }

  private func chosenCost() throws -> Transfer.Cost? {
    guard let cost else { return nil }
    if cost == "cross-validation" { return .crossValidated }
    guard let number = Double(cost), number > 0, number.isFinite else {
      throw ValidationError("--c takes a positive number, or cross-validation; not '\(cost)'.")
    }
    return .given(number)
  }

  var model: String { study.model }

  func run() throws {
    let dataset = try Dataset.parse(study.pictures)
    let subject = try preprocessing.subject(
      model, size: try reading.sides(), squeezingWhole: view == .whole, common)
    let transfer = try TransferLayers(
      subject, try splits.division(of: dataset, seed: common.seed), layers: layers,
      pooling: pooling, scaling: .init(takesSquareRoot: squareRoot, normalizesLength: normalize),
      classifiers: try chosenClassifiers(), cost: try chosenCost(),
      training: (training.fromScratch ? [.fromScratch] : []) + (training.fineTune ? [.fineTune] : []),
      epochs: training.epochs, seed: common.seed, strict: common.strict)
    try cluster.perform(transfer, in: study.out, common, json: \.result)
  }
}

/// What a network sees of a picture, as an argument; `--resize` and `--crop` settle it themselves.
enum ViewChoice: String, CaseIterable, ExpressibleByArgument {
  case whole, model
}

/// Which pictures are learned from and which are judged.
struct SplitOptions: ParsableArguments {
  @Option(
    help: .value(
      "n,n", "Training images per class; several as 1,2,4 (default: all of the dataset's own split, else 30)."
    ))
  var perClass: String?

  @Option(help: .value("n", "Number of random splits (default: 5, or 1 where nothing is random)."))
  var folds: Int?

  @Option(
    help: .value("n", "Test images per class, at most (default: 50, or all of the dataset's own split)."))
  var testPerClass: Int?

  @Option(
    help: "The dataset's own splits, or random ones of all images (default: own where there are any).")
  var splits: Choice<Dataset.Division>?

  @Option(
    help: .value("list", "A list of images to leave out, one path per line, as audit writes it."),
    completion: .file(extensions: ["txt"]))
  var exclude: String?

  func validate() throws {
    _ = try numbers()
    if let folds, !(1...1000).contains(folds) {
      throw ValidationError("--folds must be between 1 and 1000, not \(folds).")
    }
    if let testPerClass, testPerClass < 1 {
      throw ValidationError("--test-per-class must be 1 or more, not \(testPerClass).")
    }
  }

  /// The numbers asked for, ascending; nil where none are.
  func numbers() throws -> [Int]? {
    guard let perClass else { return nil }
    guard let numbers = wholeNumbers(perClass) else {
      throw ValidationError("--per-class takes numbers such as 30, or 1,2,4; not '\(perClass)'.")
    }
    return Set(numbers).sorted()
  }
}

extension SplitOptions {
  func division(of dataset: Dataset, seed: UInt64) throws -> TransferDivision {
    try TransferDivision(
      dataset, by: splits?.value, perClass: try numbers(), folds: folds, testPerClass: testPerClass,
      excluding: try exclude.map { try Exclusions(reading: $0) }, seed: seed)
  }
}

/// Networks that are trained whole, to hold the classifiers against.
struct WholeOptions: ParsableArguments {
  @Flag(help: "Also train the same architecture from random weights.") var fromScratch = false
  @Flag(help: "Also fine-tune all layers, with a new classifier.") var fineTune = false
  @Option(help: .value("n", "Epochs of those trainings.")) var epochs = 20

  func validate() throws {
    if epochs < 1 { throw ValidationError("--epochs must be 1 or more, not \(epochs).") }
  }
}
