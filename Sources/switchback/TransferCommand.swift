internal import ArgumentParser
internal import Datasets
internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Studies
internal import Tensors

struct TransferCommand: ParsableCommand, StudyCommand {
  static let configuration = CommandConfiguration(
    commandName: "transfer",
    abstract: "Shows which layer's features transfer to other pictures.",
    discussion: """
      Features of the chosen layers are extracted once, and kept under RUN/features; then a linear support \
      vector machine and a softmax are trained on each layer's features and judged on other pictures, by the \
      mean accuracy of the classes (where pictures hold several classes, by their mean average precision). A \
      data set with lists of its own is divided by them, any other by draws. Other classifiers, numbers and \
      layers in the same run use the features that are there. Stopped or killed at any moment, the same \
      command goes on where it was.

      EXAMPLE
        switchback transfer model.onnx caltech101:pictures --out run --square-root --normalize
        switchback transfer model.onnx pictures/ --out run --layers conv5,pool5 --per-class 1,2,4,6,10,15,30
      """)

  @OptionGroup var study: StudyArguments

  @Option(
    help: ArgumentHelp(
      "Layers compared (default: convolutions, the last pool and fully connected layers).", valueName: "a,b"))
  var layers: String?

  @Option(
    help: ArgumentHelp(
      "How maps become features: none, average, max or grid:N; a layer may have its own, as average,pool5=none "
        + "(default: none up to 10,000 features, then the finest grid below that).", valueName: "pooling"))
  var pooling: String?

  @Flag(help: "Features become their square roots.")
  var squareRoot = false

  @Flag(help: "Each picture's features are divided by their length.")
  var normalize = false

  @Option(help: ArgumentHelp("svm, softmax or both.", valueName: "a,b"))
  var classifiers = "svm,softmax"

  @Option(
    name: .customLong("c"),
    help: ArgumentHelp(
      "What an error costs against long weights: a number, or cross-validation (default: 1 for svm, 100 for softmax).",
      valueName: "cost"))
  var cost: String?

  @Option(
    help:
      "What is seen of a picture: all of it, squeezed to the input, or what the model's own preparation crops."
  )
  var view = ViewChoice.whole

  @OptionGroup(title: "Pictures") var splits: SplitOptions
  @OptionGroup(title: "Networks trained whole") var training: WholeOptions

  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    for classifier in try chosenClassifiers() { _ = try chosenCost(of: classifier) }
    _ = try PoolingChoice(pooling)
  }

  func chosenClassifiers() throws -> [Transfer.Classifier] {
    let names = classifiers.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    let found = names.compactMap(Transfer.Classifier.init(rawValue:))
    guard !found.isEmpty, found.count == names.count, Set(found).count == found.count else {
      throw ValidationError("--classifiers takes svm, softmax or svm,softmax; not '\(classifiers)'.")
    }
    return found
  }

  func chosenCost(of classifier: Transfer.Classifier) throws -> Transfer.Cost {
    // A softmax is never sure of a picture, so it takes more to move its weights.
    guard let cost else { return .given(classifier == .svm ? 1 : 100) }
    if cost == "cross-validation" { return .crossValidated }
    guard let number = Double(cost), number > 0, number.isFinite else {
      throw ValidationError("--c takes a positive number, or cross-validation; not '\(cost)'.")
    }
    return .given(number)
  }

  /// What the features are a function of; classifiers and numbers are not part of it.
  private struct Configuration: Encodable {
    var model: String
    var modelDigest: String
    var pictures: String
    var picturesDigest: String
    var preprocessing: Preprocessing
  }

  func run() throws {
    let dataset = try Dataset.parse(pictures)
    let subject = try StudySubject(
      model: model, dataset: dataset, pictures: pictures, layers: layers, preprocessing: preprocessing,
      isWhole: view == .whole, strict: strict, common: common, namesClasses: false,
      usual: { $0.transferLayers })
    let choice = try PoolingChoice(pooling)
    let selections = try choice.selections(of: subject, named: layers)
    let division = try TransferDivision(splits, of: dataset, seed: common.seed)
    try training.check(dataset)
    let study = try subject.configuration()
    let run = try RunFolder.open(
      at: out, kind: "transfer",
      configuration: Configuration(
        model: study.model, modelDigest: study.modelDigest, pictures: study.pictures,
        picturesDigest: study.picturesDigest, preprocessing: study.preprocessing))
    try TransferJob(command: self, subject: subject, selections: selections, division: division, run: run)
      .perform()
  }
}

/// What a network sees of a picture, as an argument; `--resize` and `--crop` settle it themselves.
enum ViewChoice: String, CaseIterable, ExpressibleByArgument {
  case whole, model
}

/// Which pictures are learned from and which are judged.
struct SplitOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Training pictures a class; several as 1,2,4 (default: all of the data set's own list, else 30).",
      valueName: "n,n"))
  var perClass: String?

  @Option(
    help: ArgumentHelp("Draws of the pictures (default: 5, or 1 where nothing is drawn).", valueName: "n"))
  var folds: Int?

  @Option(
    help: ArgumentHelp(
      "The most test pictures a class (default: 50, or all of the data set's own list).", valueName: "n"))
  var testPerClass: Int?

  @Option(
    help: "The data set's own lists, or folds drawn from all pictures (default: own where there are any).")
  var splits: Choice<Dataset.Division>?

  @Option(
    help: ArgumentHelp(
      "Pictures neither learned from nor judged, a path a line, as audit writes them.", valueName: "list"),
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
    let numbers = perClass.split(separator: ",").map { Int($0.trimmingCharacters(in: .whitespaces)) ?? 0 }
    guard !numbers.isEmpty, numbers.allSatisfy({ $0 > 0 }) else {
      throw ValidationError("--per-class takes numbers such as 30, or 1,2,4; not '\(perClass)'.")
    }
    return Set(numbers).sorted()
  }
}

/// Networks that are trained whole, to hold the classifiers against.
struct WholeOptions: ParsableArguments {
  @Flag(help: "The same architecture is also trained from random weights.")
  var fromScratch = false

  @Flag(help: "The network is also trained on, all layers, with a new classifier.")
  var fineTune = false

  @Option(help: ArgumentHelp("Times through the training pictures.", valueName: "n"))
  var epochs = 20

  func validate() throws {
    if epochs < 1 { throw ValidationError("--epochs must be 1 or more, not \(epochs).") }
  }

  func check(_ dataset: Dataset) throws {
    if fromScratch || fineTune, dataset.isMultiple {
      throw ArgumentError(
        "networks are trained whole on pictures of one class each, and \(dataset.name) has several a picture. Leave "
          + "--from-scratch and --fine-tune out.")
    }
  }
}

/// How each layer is pooled, as an argument: one for all, and a layer's own as `layer=pooling`.
struct PoolingChoice {
  private var general: FeaturePooling?
  private var own: [String: FeaturePooling] = [:]

  /// The most features that a layer has without its being asked for.
  private static let limit = 10_000

  init(_ text: String?) throws {
    guard let text else { return }
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let sides = part.split(separator: "=", omittingEmptySubsequences: false).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      guard sides.count <= 2, let last = sides.last, let pooling = FeaturePooling(last),
        sides.count == 2 || general == nil
      else {
        throw ValidationError(
          "--pooling takes none, average, max or grid:N, for a layer as pool5=none; not '\(text)'.")
      }
      if sides.count == 2 { own[sides[0]] = pooling } else { general = pooling }
    }
  }

  /// What is extracted, in the layers' order.
  ///
  /// - Parameters:
  ///   - subject: The network and its layers.
  ///   - text: What the user called them; nil where none were named.
  /// - Returns: A selection a layer, called as the user does.
  /// - Throws: ``ArgumentError`` for a pooling of a layer that is not compared.
  func selections(of subject: StudySubject, named text: String?) throws -> [FeatureExtraction.Selection] {
    let called = try (text?.split(separator: ",") ?? []).map { name in
      let name = name.trimmingCharacters(in: .whitespaces)
      return (try subject.network.layer(named: name).name, name)
    }
    let titles = Dictionary(called, uniquingKeysWith: { one, _ in one })
    let own = Dictionary(subject.network.layers.map { ($0.name, $0) }, uniquingKeysWith: { one, _ in one })
    let names = Set(subject.layers.map(\.name))
    for (name, _) in self.own.sorted(by: { $0.key < $1.key }) {
      let layer = try subject.network.layer(named: name)
      guard names.contains(layer.name) else {
        throw ArgumentError("--pooling names layer \(name), which is not among the layers compared.")
      }
    }
    let pooled = try Dictionary(
      self.own.map { (try subject.network.layer(named: $0.key).name, $0.value) },
      uniquingKeysWith: { one, _ in one })
    let input = try subject.network.inputShape(images: 1)
    let shapes = try subject.network.shapes(inputs: [subject.network.inputs[0].name: input])
    return subject.layers.map { layer in
      let shape = shapes[layer.value] ?? []
      let pooling = pooled[layer.name] ?? general ?? Self.usual(shape)
      return FeatureExtraction.Selection(
        layer: titles[layer.name] ?? own[layer.name].map(subject.network.title) ?? layer.name,
        value: layer.value,
        pooling: pooling, count: pooling.count(of: shape))
    }
  }

  private static func usual(_ shape: Shape) -> FeaturePooling {
    guard FeaturePooling.none.count(of: shape) > limit else { return .none }
    let finest = (1...32).last { FeaturePooling.grid($0).count(of: shape) <= limit }
    return finest.map { $0 < 2 ? .average : .grid($0) } ?? .average
  }
}

extension Dataset {
  /// Whether a picture can hold several classes.
  var isMultiple: Bool { items.contains { $0.presences != nil } }
}

extension Network {
  /// What a table calls a layer: its node's own name where that is of the kind `conv5`, else its kind and number, unless
  /// another layer goes by that.
  func title(of layer: Layer) -> String {
    let isPlain = layer.node.wholeMatch(of: /(conv|pool|fc)[0-9]+/) != nil
    let isNamed = (try? self.layer(named: layer.name)) == layer
    return isPlain || !isNamed ? layer.node : layer.name
  }

  /// Every convolution and fully connected layer but the classifier, and the last pool.
  fileprivate var transferLayers: [Layer] {
    let features = featureLayers(includingProducts: true).filter {
      $0.output != scores && $0.featureMaps != scores
    }
    let pool = nodes.last {
      if case .maxPooling = $0.operation { true } else { false }
    }
    let chosen = Set(features.map(\.name))
    return layers.filter { chosen.contains($0.name) || $0.node == pool?.name }
  }
}
