internal import Datasets
internal import Execution
internal import Figures
internal import Files
internal import Images
internal import Networks
internal import Synchronization
internal import Tensors
internal import Training

/// A network trained whole on a fold's pictures, to hold classifiers on fixed features against.
public enum WholeTraining: String, CaseIterable, Sendable {
  /// The architecture with weights drawn anew.
  case fromScratch = "from-scratch"
  /// The network as it is, with a new classifier.
  case fineTune = "fine-tune"

  /// Weights drawn anew take larger steps, and their filters are kept from growing, as the paper's; learned ones are only
  /// nudged.
  func recipe(epochs: Int, pictures: Int, seed: UInt64, loss: Loss?) -> Recipe {
    var recipe = Recipe()
    recipe.loss = loss
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

extension TransferLayers {
  /// What a trained network is a function of, beside the run.
  private struct Settings: Encodable {
    var recipe: Recipe
    var fold: Int
    var pictures: String
    var threads: Int
  }

  /// One network trained whole.
  private struct Turn {
    let kind: WholeTraining
    let fold: ClassFold
    let ids: [Int]
    let recipe: Recipe
    let folder: String
    let title: String
  }

  /// A network that tells two classes apart by one score goes on so; any other has the loss that fits the labels.
  private var loss: Loss? {
    let isOne = subject.head?.classes == 1 && division.dataset.classNames?.count == 2
    return isOne && !division.dataset.isMultiple ? .binaryCrossEntropy : nil
  }

  /// A row for each network trained whole and number of pictures.
  func trainedWhole(
    _ folds: [ClassFold], _ pictures: PreparedPictures, _ work: Work
  ) throws -> [TransferTable.Row] {
    let workers = try work.workers()
    return try trained.flatMap { kind in
      try division.sizes.map { size in
        let pictured = size.map { "\($0) a class" } ?? "all images"
        let turns = try folds.enumerated().map { number, fold in
          let ids = fold.training(perClass: size)
          let recipe = kind.recipe(
            epochs: epochs, pictures: ids.count, seed: seed &+ UInt64(number), loss: loss)
          let settings = Settings(
            recipe: recipe, fold: number, pictures: division.fingerprint([fold], size), threads: workers)
          let name = "trained/\(kind.rawValue)-\(size.map { "\($0)" } ?? "all")-\(number + 1)"
          return Turn(
            kind: kind, fold: fold, ids: ids, recipe: recipe,
            folder: "\(name)-\(try Fingerprint(of: settings))",
            title: "\(kind.rawValue), \(pictured), fold \(number + 1)/\(folds.count)")
        }
        let count = division.dataset.classNames?.count ?? 0
        let stage = Stage<Turn, TransferTable.Outcome>(
          units: turns, isCollective: true, file: { $0.folder + "/outcome" },
          isSound: { _, outcome in
            outcome.classes.count == count && outcome.classes.allSatisfy { (0...1).contains($0 ?? 0) }
          }
        ) { turns, _ in
          try turns.map {
            try judged(try network(of: $0, workers, work), on: $0.fold.testing, pictures, work)
          }
        }
        return TransferTable.Row(
          layer: "all", pooling: "none", features: 0, classifier: kind.rawValue,
          perClass: division.perClass(size, folds[0]),
          outcomes: try work.findings(of: stage).compactMap { $0 })
      }
    }
  }

  private func network(of turn: Turn, _ workers: Int, _ work: Work) throws -> Network {
    let dataset = division.dataset
    let names = dataset.classNames ?? []
    let data = TrainingData(
      classNames: names, training: DatasetPictures(dataset.selecting(turn.ids), strict: isStrict))
    let folder = try CheckpointFolder(run: work.run.path(of: turn.folder), snapshots: [])
    func beginning() throws -> CheckpointFolder.Checkpoint {
      var generator = SeededGenerator(seed: turn.recipe.seed)
      let network = turn.kind == .fromScratch ? subject.network.unlearned(using: &generator) : subject.network
      let loss = try Loss(fitting: data.training.labels, named: turn.recipe.loss)
      return .init(
        network: try network.classifying(
          names, scores: loss.scores(classes: names.count, of: data.training.labels), ending: loss.end,
          using: &generator))
    }
    let start = try work.latest(in: folder) ?? beginning()
    let trainer = try Trainer(
      start, recipe: turn.recipe, data: data, folder: folder, threads: workers, ranks: work.ranks)
    let isDone = try trainer.run(keepsGoing: { !work.cancellation.isRaised }) { event in
      guard case .epoch(let entry) = event else { return }
      work.listener.note(
        "\(turn.title), epoch \(entry.epoch)/\(turn.recipe.epochs): loss \(entry.loss.rounded(decimals: 3)), "
          + "\(entry.picturesPerSecond.brief) images/s")
    }
    guard isDone else { throw Interruption("stopped at \(turn.title); the same command goes on from there.") }
    return try trainer.learner.network
  }

  /// The share of each class's pictures that a network names right, or the class's average precision.
  private func judged(
    _ network: Network, on ids: [Int], _ pictures: PreparedPictures, _ work: Work
  ) throws -> TransferTable.Outcome {
    let scores = network.scores ?? ""
    let runner = try Runner(network, keeping: [scores], threads: work.threads)
    let found = Mutex([Int: [Float]]())
    for start in stride(from: 0, to: ids.count, by: 128) {
      let part = Array(ids[start..<min(start + 128, ids.count)])
      try runner.run(over: 0..<part.count, input: { try pictures.tensor(part[$0]) }) { trace in
        guard let values = trace[scores]?.elements else { return }
        let classes = values.count / max(trace.images.count, 1)
        for (place, image) in trace.images.enumerated() {
          let row = Array(values[place * classes..<(place + 1) * classes])
          found.withLock { $0[part[image]] = row }
        }
      }
    }
    let rows = found.withLock { $0 }
    let judged = ids.filter { rows[$0] != nil }
    let table = judged.compactMap { rows[$0] }
    let classes = division.dataset.classNames?.count ?? 0
    switch division.dataset.labels(of: judged) {
    case .classes(let labels):
      return TransferTable.Outcome(
        predictions: table.map { $0.scoresByClass.argmax }, labels: labels,
        classes: classes)
    case .presences(let presences):
      return TransferTable.Outcome(
        precisions: AveragePrecision.byClass(scores: table, presences: presences, classes: classes))
    }
  }
}
