internal import Datasets
internal import Execution
internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Studies
internal import Synchronization
internal import Tensors
internal import Training

/// A network trained whole on a fold's pictures, to hold classifiers on fixed features against.
enum WholeTraining: String, CaseIterable {
  /// The architecture with weights drawn anew.
  case fromScratch = "from-scratch"
  /// The network as it is, with a new classifier.
  case fineTune = "fine-tune"

  /// Weights drawn anew take larger steps, and their filters are kept from growing, as the paper's; learned ones are only
  /// nudged.
  func recipe(epochs: Int, pictures: Int, seed: UInt64) -> Recipe {
    var recipe = Recipe()
    recipe.epochs = epochs
    recipe.batch = min(32, pictures)
    recipe.rate = self == .fromScratch ? 1e-2 : 1e-3
    recipe.schedule = .cosine
    recipe.augmentation = .randomCrop
    recipe.filterLimit = self == .fromScratch ? 1e-1 : nil
    recipe.seed = seed
    return recipe
  }
}

extension TransferJob {
  /// What a trained network is a function of, beside the run.
  private struct Settings: Encodable {
    var recipe: Recipe
    var fold: Int
    var pictures: String
    var threads: Int
  }

  /// A row for each network trained whole and number of pictures.
  func trainWhole(_ folds: [ClassFold]) throws -> [TransferTable.Row] {
    let asked = WholeTraining.allCases.filter {
      $0 == .fromScratch ? command.training.fromScratch : command.training.fineTune
    }
    return try asked.flatMap { kind in
      try division.sizes.map { size in
        let outcomes = try folds.enumerated().map { number, fold in
          try outcome(of: kind, size, fold, number: number, of: folds.count)
        }
        return TransferTable.Row(
          layer: "all", pooling: "none", features: 0, classifier: kind.rawValue,
          perClass: division.perClass(size, folds[0]), outcomes: outcomes)
      }
    }
  }

  private func outcome(
    of kind: WholeTraining, _ size: Int?, _ fold: ClassFold, number: Int, of count: Int
  ) throws -> TransferTable.Outcome {
    let ids = fold.training(perClass: size)
    let seed = common.seed &+ UInt64(number)
    let recipe = kind.recipe(epochs: command.training.epochs, pictures: ids.count, seed: seed)
    let settings = Settings(
      recipe: recipe, fold: number, pictures: division.fingerprint([fold], size), threads: common.workers)
    let name = try run.folder(
      "trained/\(kind.rawValue)-\(size.map { "\($0)" } ?? "all")-\(number + 1)", for: settings)
    let result = name + "/outcome.json"
    if run.contains(result) { return try run.read(TransferTable.Outcome.self, from: result) }
    _ = try run.preparedPath(of: result)
    let title =
      "\(kind.rawValue), \(size.map { "\($0) a class" } ?? "all pictures"), fold \(number + 1)/\(count)"
    let network = try trained(kind, on: ids, recipe, in: run.path(of: name), title: title)
    let outcome = try judged(network, on: fold.testing)
    try run.write(json: outcome, to: result)
    return outcome
  }

  private func trained(
    _ kind: WholeTraining, on ids: [Int], _ recipe: Recipe, in path: String, title: String
  ) throws -> Network {
    let dataset = division.dataset
    let data = TrainingData(
      classNames: dataset.classNames ?? [],
      training: DatasetPictures(dataset.selecting(ids), strict: command.strict))
    let folder = try CheckpointFolder(run: path, snapshots: [])
    var start = try folder.latest()
    if start == nil {
      var generator = SeededGenerator(seed: recipe.seed)
      let network = kind == .fromScratch ? subject.network.unlearned(using: &generator) : subject.network
      start = .init(network: try network.classifying(dataset.classNames ?? [], using: &generator))
    }
    guard let start else { return subject.network }
    let trainer = try Trainer(start, recipe: recipe, data: data, folder: folder, threads: common.workers)
    let isDone = try trainer.run(keepsGoing: { !Interrupts.isRaised }) { event in
      guard case .epoch(let entry) = event, !common.quiet else { return }
      Terminal.say(
        "\(title), epoch \(entry.epoch)/\(recipe.epochs): loss \((entry.loss * 1000).rounded() / 1000), "
          + "\(Int(entry.picturesPerSecond.rounded())) pictures a second")
    }
    guard isDone else {
      throw Interruption(description: "stopped at \(title); the same command goes on from there.")
    }
    return trainer.learner.network
  }

  /// The share of each class's pictures that a network names right.
  private func judged(_ network: Network, on ids: [Int]) throws -> TransferTable.Outcome {
    let scores = network.scores ?? ""
    let runner = try Runner(network, keeping: [scores], threads: common.workers)
    let named = Mutex([Int: Int]())
    let source = subject.source
    for start in stride(from: 0, to: ids.count, by: 128) {
      let part = Array(ids[start..<min(start + 128, ids.count)])
      try runner.run(over: 0..<part.count, input: { try source.tensor(part[$0]) }) { trace in
        guard let values = trace[scores]?.elements else { return }
        let classes = values.count / max(trace.images.count, 1)
        for (place, image) in trace.images.enumerated() {
          let row = values[place * classes..<(place + 1) * classes]
          let best = row.indices.reduce(row.startIndex) { row[$1] > row[$0] ? $1 : $0 } - row.startIndex
          named.withLock { $0[part[image]] = best }
        }
      }
    }
    let predictions = named.withLock { $0 }
    let judged = ids.filter { predictions[$0] != nil }
    let accuracy = ClassAccuracy(
      predictions: judged.compactMap { predictions[$0] },
      labels: judged.map { division.dataset.items[$0].label ?? 0 },
      classes: division.dataset.classNames?.count ?? 0)
    return TransferTable.Outcome(classes: accuracy.shares, overall: accuracy.overall)
  }
}
