internal import Datasets
internal import Execution
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Tensors
internal import Training

/// What each layer of a network buys: variants trained alike (the paper's table 3).
public struct Ablate: Study {
  public static let kind = "ablate"
  public static let isDivisible = false
  public static let isAlwaysDrawn = true

  public let ablation: Ablation
  /// What each variant takes, in their order.
  public let costs: [Ablation.Cost]
  private let settings: TrainConfiguration
  private let split: TrainingSplit

  /// - Parameters:
  ///   - spec: The variants, and what they share.
  ///   - threads: How many pictures are computed side by side.
  ///   - isStrict: Whether a picture that cannot be read is an error.
  /// - Throws: `DatasetError`, or ``StudyError`` for a variant that does not fit together, or where no pictures are left
  ///   to validate with.
  public init(_ spec: AblationSpec, threads: Int, strict isStrict: Bool = false) throws {
    ablation = spec.ablation
    var settings = spec.settings
    settings.threads = threads
    // Which pictures are held out is the same for every seed.
    settings.holdOutSeed = 0
    let train = try Train(settings, strict: isStrict)
    guard !train.split.training.labels.isMultiple else {
      throw StudyError(
        "\(settings.pictures) has several classes an image, and an ablation compares how often networks name one. Train "
          + "them with `switchback train`.")
    }
    guard let validation = train.split.validation, validation.labels.count > 0 else {
      throw StudyError(
        "\(settings.pictures) leaves no images to validate with: name some under data, validation.")
    }
    self.settings = train.settings
    split = train.split
    let loss = try Loss(fitting: split.training.labels, named: settings.recipe.loss)
    costs = try spec.costs(classes: loss.scores(classes: split.classNames.count, of: split.training.labels))
  }

  public func configuration() throws -> TrainConfiguration { settings }

  /// One network of the study.
  private struct Turn {
    var variant: Ablation.Variant
    var seed: UInt64
    var name: String
    /// Multiply-accumulates per picture: the time of a training is proportional to it.
    var cost: Double

    var folder: String { "variants/\(AblationSpec.folder(of: variant.name))/seed-\(seed)" }
  }

  public func result(_ work: Work) throws -> AblationTable {
    let count = ablation.seeds.count * costs.count
    // Seeds stand outside, so that every variant has a row before any has a second network.
    var turns: [Turn] = []
    for seed in ablation.seeds {
      for (variant, cost) in zip(ablation.variants, costs) {
        let name = "\(turns.count + 1)/\(count) \(variant.name), seed \(seed)"
        turns.append(Turn(variant: variant, seed: seed, name: name, cost: Double(cost.multiplyAccumulates)))
      }
    }
    let waiting = try work.decided {
      try turns.reduce(0.0) { waiting, turn in
        guard work.run.contains(turn.folder + "/outcome.json") else { return waiting + turn.cost }
        // A finished variant is this one only where it was trained as this one says.
        _ = try RunFolder.open(
          at: work.run.path(of: turn.folder), kind: Train.kind,
          configuration: try training(of: turn).configuration())
        return waiting
      }
    }
    var clock = (started: ContinuousClock.now, done: 0.0)
    var outcomes: [AblationTable.Outcome] = []
    for turn in turns {
      // A stage of one network: the table is shown after each.
      let stage = Stage<Turn, AblationTable.Outcome>(
        units: [turn], isCollective: true, file: { $0.folder + "/outcome" },
        isSound: { turn, outcome in outcome.variant == turn.variant.name && outcome.seed == turn.seed }
      ) { turns, _ in
        try turns.map { turn in
          defer { clock.done += turn.cost }
          return try outcome(of: turn, work) { share in
            let done = clock.done + turn.cost * share
            let left = clock.started.duration(to: .now).seconds / done * (waiting - done)
            work.listener.note("all \(count) networks: \(Listener.Progress.time(left)) left")
          }
        }
      }
      outcomes += try work.findings(of: stage).compactMap { $0 }
      try work.publish(report(AblationTable(ablation, costs: costs, outcomes: outcomes), work))
    }
    return AblationTable(ablation, costs: costs, outcomes: outcomes)
  }

  /// Trains a network, unless that is done, and judges it.
  private func outcome(
    of turn: Turn, _ work: Work, observe: @escaping (_ share: Double) -> Void
  ) throws -> AblationTable.Outcome {
    var train = training(of: turn)
    train.remedy = { _ in "the same command goes on from there" }
    train.observe = observe
    do {
      let trained = try Job(
        train, threads: work.threads, ranks: work.ranks, cancellation: work.cancellation,
        listener: work.listener.named(turn.name + ": ")
      ).perform(in: work.run.path(of: turn.folder))
      return try judged(turn, trained.result, work)
    } catch let interruption as Interruption {
      throw Interruption("\(turn.name): \(interruption.description)")
    }
  }

  private func training(of turn: Turn) -> Train {
    var own = settings
    let edits = turn.variant.edits
    own.architecture = turn.variant.base
    own.removing = edits.removing.sorted()
    own.resizing = edits.resizing
    if edits.firstWindow != nil || edits.firstStride != nil {
      own.firstLayer = FirstLayer(size: edits.firstWindow, stride: edits.firstStride)
    }
    own.recipe.seed = turn.seed
    return Train(own, split: split)
  }

  private func judged(_ turn: Turn, _ trained: Train.Result, _ work: Work) throws -> AblationTable.Outcome {
    let network = try Network(onnx: trained.model)
    guard let last = trained.epochs.last, let top1 = last.top1, let top5 = last.top5,
      let preprocessing = network.preprocessing
    else {
      throw RunError.damaged(
        file: work.run.path(of: turn.folder + "/history.jsonl"), reason: "it has no validation.")
    }
    work.listener.note("\(turn.name): the training images once more, as it classifies them now")
    let training = try Learner(network, threads: settings.threads, ranks: work.ranks).accuracy(
      on: split.training, preprocessing, batch: settings.recipe.batch,
      keepsGoing: { !work.cancellation.isRaised })
    guard let trainTop1 = training?.top1 else {
      throw Interruption("stopped; it is trained but not judged. The same command goes on from there.")
    }
    // In percent, without the last bits of a difference.
    func error(_ share: Double) -> Double { ((1 - share) * 1e8).rounded() / 1e6 }
    return AblationTable.Outcome(
      variant: turn.variant.name, seed: turn.seed,
      errors: Ablation.Errors(trainTop1: error(trainTop1), top1: error(top1), top5: error(top5)),
      seconds: trained.epochs.reduce(0) { sum, entry in
        // An epoch whose speed is not known, as one that was stopped after its last step, takes no time.
        entry.picturesPerSecond > 0
          ? sum + Double(split.training.labels.count) / entry.picturesPerSecond : sum
      })
  }

  public func report(_ result: AblationTable, _ work: Work) throws -> Report {
    let lines = result.lines
    let order = result.agreementLines
    let tables = [lines] + (order.rows.isEmpty ? [] : [order])
    let validated = "validated with \(split.validation?.labels.count ?? 0)"
    let seeds = ablation.seeds.map(String.init).joined(separator: ", ")
    return Report(
      title: "Ablation: what each layer contributes",
      facts: [
        ("images", settings.pictures), ("trained on", "\(split.training.labels.count), \(validated)"),
        ("input", "\(settings.input) x \(settings.input), width \(settings.width)"),
        ("recipe", "\(settings.recipe.epochs) epochs, batches of \(settings.recipe.batch), seeds \(seeds)"),
      ],
      sections: [
        Report.Section(
          "Variants",
          .figure("figures/ablation", "errors of each variant") {
            result.drawing(title: "Ablation: what each layer contributes")
          }, .table(lines),
          .text(
            "How to read this: a longer bar is a worse network, so a variant whose bars grow beside the whole network's lost a "
              + "layer that it needed. Errors are the finished network's on the centre crop of each image, training and "
              + "validation alike. ± is one standard deviation between seeds. Training time leaves validation out."
          ))
      ] + (order.rows.isEmpty ? [] : [Report.Section("The published order", .table(order))]),
      json: [("ablation.json", result)],
      texts: [
        ("ablation.csv", lines.csv), ("ablation.md", tables.map(\.markdown).joined(separator: "\n")),
      ],
      summary: [tables.map(\.aligned).joined(separator: "\n\n")])
  }
}
