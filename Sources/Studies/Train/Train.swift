internal import Communication
public import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Tensors
public import Training

/// A network trained from nothing: by the paper's recipe, or another.
public struct Train: Study {
  public static let kind = "train"
  public static let isAlwaysDrawn = true
  public static let isDivisible = false

  public let settings: TrainConfiguration
  public let split: TrainingSplit
  /// What goes on with a run that was stopped, for a message.
  var remedy: (_ run: String) -> String = { "`switchback train --resume \($0)` goes on from there" }
  /// Told how much of the training is done, after each epoch.
  var observe: (_ share: Double) -> Void = { _ in }

  /// - Parameters:
  ///   - settings: All that the run follows from; the digest of its pictures is worked out here.
  ///   - isStrict: Whether a picture that cannot be read is an error.
  /// - Throws: `TrainingError` for numbers that no training can follow, a loss that does not fit the pictures, or pictures
  ///   that cannot be learned from; or `DatasetError`.
  public init(_ settings: TrainConfiguration, strict isStrict: Bool = false) throws {
    try settings.check()
    self.init(
      settings,
      split: try TrainingSplit(
        settings.pictures, validation: settings.validation, excluding: settings.excluded ?? [],
        holdOut: settings.holdOut, seed: settings.holdOutSeed ?? settings.recipe.seed, strict: isStrict))
    try data.check(batch: settings.recipe.batch)
    _ = try Loss(fitting: split.training.labels, named: settings.recipe.loss)
  }

  /// The same with pictures that were divided before.
  init(_ settings: TrainConfiguration, split: TrainingSplit) {
    var settings = settings
    settings.picturesDigest = split.digest
    if settings.excluded == [] { settings.excluded = nil }
    self.settings = settings
    self.split = split
  }

  public func configuration() throws -> TrainConfiguration { settings }

  /// What `training.json` holds.
  public struct Result: Encodable, Sendable {
    public var model: String
    public var parameters: Int
    public var epochs: [EpochEntry]
    /// Of the last network, each validation picture averaged over ten crops.
    public var tenCrop: Accuracy?
    public var skipped: [Skipped]
  }

  private var data: TrainingData {
    TrainingData(classNames: split.classNames, training: split.training, validation: split.validation)
  }

  public func result(_ work: Work) throws -> Result {
    let folder = try CheckpointFolder(run: work.run.path, snapshots: settings.snapshots.map { Set($0) })
    let start = try work.latest(in: folder) ?? beginning(folder, work)
    let trainer = try Trainer(
      start, recipe: settings.recipe, data: data, folder: folder, threads: settings.threads,
      ranks: work.ranks)
    if trainer.state.steps > 0, !trainer.isFinished {
      work.listener.note("goes on at epoch \(trainer.state.epoch + 1), step \(trainer.state.batch + 1)")
    }
    guard try train(trainer, folder, work) else {
      throw Interruption(
        "stopped at epoch \(trainer.state.epoch + 1), step \(trainer.state.batch + 1); \(remedy(work.run.path))."
      )
    }
    var tenCrop: Accuracy?
    if settings.recipe.augmentation == .tenCrop {
      tenCrop = try trainer.tenCropAccuracy(keepsGoing: { !work.cancellation.isRaised })
      try work.cancellation.check(
        "stopped: the network is trained, its ten-crop test is not done; \(remedy(work.run.path)).")
    }
    try listSkipped(work)
    return Result(
      model: work.run.path(of: "models/final.onnx"),
      parameters: try trainer.learner.network.account().reduce(0) { $0 + $1.parameters },
      epochs: folder.entries(), tenCrop: tenCrop, skipped: work.skipped)
  }

  /// Lists what no rank could read.
  private func listSkipped(_ work: Work) throws {
    for pictures in [split.training, split.validation].compactMap(\.self) {
      try work.ranks.each { pictures.skipped }.forEach(pictures.skip)
    }
    try work.skip(split.unread + split.training.skipped + (split.validation?.skipped ?? []))
  }

  /// The network as it is drawn, with the mean of the training pictures; written as the first checkpoint.
  private func beginning(_ folder: CheckpointFolder, _ work: Work) throws -> CheckpointFolder.Checkpoint {
    let network = try settings.network(classes: split.classNames, of: split.training.labels)
    work.listener.note("mean of \(split.training.labels.count) training images")
    let mean = try pixelMean(
      of: split.training, settings.preprocessing, threads: work.threads, ranks: work.ranks,
      keepsGoing: { !work.cancellation.isRaised })
    guard let mean else { throw Interruption("stopped; the same command starts again.") }
    let checkpoint = CheckpointFolder.Checkpoint(network: try network.subtracting(mean))
    try work.first { try folder.write(checkpoint) }
    return checkpoint
  }

  private func train(_ trainer: Trainer, _ folder: CheckpointFolder, _ work: Work) throws -> Bool {
    let epochs = settings.recipe.epochs
    var meter: Meter?
    return try trainer.run(keepsGoing: { !work.cancellation.isRaised }) { event in
      switch event {
      case .step(let epoch, let batch, let batches, _, _):
        if meter == nil {
          meter = work.meter(
            "epoch \(epoch)/\(epochs)", total: batches, unit: "steps", alreadyDone: batch - 1)
        }
        meter?.show(batch)
      case .epoch(let entry):
        meter = nil
        work.listener.note(entry.sentence(of: epochs))
        try listSkipped(work)
        try work.publish(report(of: folder.entries(), result: nil))
        observe(Double(entry.epoch) / Double(epochs))
      case .rate(let rate): work.listener.note("the validation error stalls: learning rate \(rate)")
      }
    }
  }

  public func report(_ result: Result, _ work: Work) throws -> Report {
    report(of: result.epochs, result: result)
  }

  private func report(of entries: [EpochEntry], result: Result?) -> Report {
    let isMultiple = split.training.labels.isMultiple
    let rows = entries.map { entry in
      let measures =
        isMultiple
        ? [entry.meanAveragePrecision] : [entry.trainTop1, entry.top1, entry.top5]
      return ["\(entry.epoch)", "\(entry.loss.rounded(decimals: 4))"] + measures.map { $0?.percent ?? "" }
        + ["\(entry.rate)"]
    }
    let headings =
      ["epoch", "loss"] + (isMultiple ? ["mean AP"] : ["train top-1", "top-1", "top-5"]) + ["rate"]
    return Report(
      title: "Training of \(settings.architecture)",
      facts: [
        ("images", settings.pictures), ("network", settings.architecture),
        ("input", "\(settings.input) x \(settings.input)"), ("batch", "\(settings.recipe.batch)"),
      ],
      sections: [
        Report.Section(
          "Learning curve",
          .figure("figures/learning", "loss and accuracy by epoch") {
            entries.learningCurve(of: try Loss(fitting: split.training.labels, named: settings.recipe.loss))
          },
          .text(
            "How to read this: training goes well while the loss falls and the accuracies rise. A validation accuracy that "
              + "stays behind the training accuracy is overfitting.")),
        Report.Section("Epochs", .table(ResultTable(headings: headings, rows: rows))),
      ], json: result.map { [("training.json", $0)] } ?? [],
      summary: result?.tenCrop.flatMap { measured($0.top1, $0.top5, $0.meanAveragePrecision) }
        .map { ["ten crops: validation \($0)"] } ?? [])
  }

  /// How labels of several classes a picture are learned.
  public var notes: [String] {
    var notes: [String] = []
    if split.training.labels.isMultiple {
      notes.append(
        "Images can hold several classes: each class is learned alone (\(Loss.binaryCrossEntropy.rawValue))."
      )
    }
    let unseen = data.unseenClasses
    if !unseen.isEmpty {
      notes.append(
        "No training image shows \(unseen.prefix(6).joined(separator: ", "))"
          + (unseen.count > 6 ? " and \(unseen.count - 6) more" : "")
          + ": the network learns that \(unseen.count == 1 ? "this class is" : "these classes are") absent.")
    }
    return notes
  }
}

/// What validation came to, in words; nil where there was none.
private func measured(_ top1: Double?, _ top5: Double?, _ meanAveragePrecision: Double?) -> String? {
  if let top1, let top5 { return "top-1 \(top1.percent), top-5 \(top5.percent)" }
  return meanAveragePrecision.map { "mean average precision \($0.percent)" }
}

extension EpochEntry {
  /// An epoch in a line.
  fileprivate func sentence(of epochs: Int) -> String {
    var parts = ["epoch \(epoch)/\(epochs): loss \(loss.rounded(decimals: 3))"]
    if let trainTop1 { parts.append("train top-1 \(trainTop1.percent)") }
    if let measured = measured(top1, top5, meanAveragePrecision) { parts.append("validation \(measured)") }
    return (parts + ["\(picturesPerSecond.brief) images/s"]).joined(separator: ", ")
  }
}
