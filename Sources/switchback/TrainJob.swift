internal import Studies
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Training

/// One training run from its settings to its last network: prepares, trains, reports.
struct TrainJob {
  let settings: TrainConfiguration
  let split: TrainingSplit
  let run: RunFolder
  let isQuiet: Bool
  let asJSON: Bool
  /// Said before each line, where the run is one of several.
  var name = ""
  /// What goes on with a run that was stopped; the command that resumes it where nothing is said.
  var remedy: String?
  /// Whether the last network's path, or the result, ends up on standard output.
  var endsWithModel = true
  /// Told what happens as it trains.
  var observe: (Trainer.Event) -> Void = { _ in }

  /// What `training.json` holds.
  private struct Result: Encodable {
    var model: String
    var parameters: Int
    var epochs: [EpochEntry]
    /// Of the last network, each validation picture averaged over ten crops.
    var tenCrop: Accuracy?
    var skipped: [Skipped]
  }

  func perform() throws {
    let data = split.data
    try data.check(batch: settings.recipe.batch)
    let folder = try CheckpointFolder(run: run.path, snapshots: settings.snapshots.map { Set($0) })
    let start = try folder.latest() ?? Interrupts.heeded { try beginning(folder) }
    let trainer = try Trainer(
      start, recipe: settings.recipe, data: data, folder: folder, threads: settings.threads)
    if trainer.state.steps > 0, !trainer.isFinished, !isQuiet {
      Terminal.say(name + "goes on at epoch \(trainer.state.epoch + 1), step \(trainer.state.batch + 1)")
    }
    let isDone = try Interrupts.heeded { try train(trainer, folder) }
    guard isDone else {
      throw Interruption(
        description: name + "stopped at epoch \(trainer.state.epoch + 1), step \(trainer.state.batch + 1); "
          + (remedy ?? "`switchback train --resume \(run.path)` goes on from there") + ".")
    }
    try finish(trainer, folder)
  }

  /// The network as it is drawn, with the mean of the training pictures; written as the first checkpoint.
  private func beginning(_ folder: CheckpointFolder) throws -> CheckpointFolder.Checkpoint {
    let network = try settings.network(classes: split.classNames)
    if !isQuiet { Terminal.say(name + "mean of \(split.training.labels.count) training pictures") }
    let mean = try pixelMean(
      of: split.training, settings.preprocessing, threads: settings.threads,
      keepsGoing: { !Interrupts.isRaised })
    guard let mean else { throw Interruption(description: "stopped; the same command starts again.") }
    let checkpoint = CheckpointFolder.Checkpoint(network: try network.subtracting(mean))
    try folder.write(checkpoint)
    return checkpoint
  }

  private func train(_ trainer: Trainer, _ folder: CheckpointFolder) throws -> Bool {
    var progress: Progress?
    return try trainer.run(keepsGoing: { !Interrupts.isRaised }) { event in
      switch event {
      case .step(let epoch, let batch, let batches, _, _):
        if progress == nil {
          progress = Progress(
            name + "epoch \(epoch)/\(settings.recipe.epochs)", total: batches, unit: "steps",
            alreadyDone: batch - 1,
            quiet: isQuiet)
        }
        progress?.show(batch)
      case .epoch(let entry):
        progress = nil
        if !isQuiet { Terminal.say(name + Self.sentence(entry, of: settings.recipe.epochs)) }
        try draw(folder.entries())
      case .rate(let rate):
        if !isQuiet { Terminal.say("the validation error stalls: learning rate \(rate)") }
      }
      observe(event)
    }
  }

  private static func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }

  private static func sentence(_ entry: EpochEntry, of epochs: Int) -> String {
    var text =
      "epoch \(entry.epoch)/\(epochs): loss \((entry.loss * 1000).rounded() / 1000), train top-1 "
      + percent(entry.trainTop1)
    if let top1 = entry.top1, let top5 = entry.top5 {
      text += ", validation top-1 \(percent(top1)), top-5 \(percent(top5))"
    }
    return text + ", \(Int(entry.picturesPerSecond.rounded())) pictures a second"
  }

  private func draw(_ entries: [EpochEntry]) throws {
    let curve = LearningCurve(
      points: entries.map {
        LearningCurve.Point(
          epoch: $0.epoch, loss: $0.loss, trainTop1: $0.trainTop1, top1: $0.top1, top5: $0.top5)
      })
    let drawing = curve.drawing()
    try run.write(bytes: Data(try drawing.svg().utf8), to: "figures/learning.svg")
    try run.write(bytes: Data(try drawing.picture().encodedPNG()), to: "figures/learning.png")
    let headings = ["epoch", "loss", "train top-1", "top-1", "top-5", "rate"]
    let rows = entries.map { entry in
      [
        "\(entry.epoch)", "\((entry.loss * 1e4).rounded() / 1e4)", Self.percent(entry.trainTop1),
        entry.top1.map(Self.percent) ?? "", entry.top5.map(Self.percent) ?? "", "\(entry.rate)",
      ]
    }
    let page = RunPage(
      title: "How \(settings.architecture) learned",
      facts: [
        ("pictures", settings.pictures), ("network", settings.architecture),
        ("input", "\(settings.input) x \(settings.input)"), ("batch", "\(settings.recipe.batch)"),
      ],
      sections: [
        RunPage.Section(
          title: "Learning curve",
          bodies: [
            .figures([
              ("figures/learning", drawing.columns, drawing.rows, "loss and accuracy by epoch")
            ])
          ]),
        RunPage.Section(title: "Epochs", bodies: [.table(headings: headings, rows: rows)]),
      ])
    try run.write(bytes: Data(page.html().utf8), to: "index.html")
  }

  private func finish(_ trainer: Trainer, _ folder: CheckpointFolder) throws {
    var tenCrop: Accuracy?
    if settings.recipe.augmentation == .tenCrop {
      tenCrop = try Interrupts.heeded {
        try trainer.tenCropAccuracy(keepsGoing: { !Interrupts.isRaised })
      }
      if Interrupts.isRaised {
        throw Interruption(description: "stopped: the network is trained, its ten-crop test is not done.")
      }
    }
    let model = run.path(of: "models/final.onnx")
    let skipped = split.training.skipped + (split.validation?.skipped ?? [])
    let result = Result(
      model: model, parameters: try trainer.learner.network.account().reduce(0) { $0 + $1.parameters },
      epochs: folder.entries(), tenCrop: tenCrop, skipped: skipped)
    try run.write(json: skipped, to: "skipped.json")
    try run.write(json: result, to: "training.json")
    if asJSON, endsWithModel { return try Terminal.print(json: result) }
    guard !isQuiet else { return }
    if !skipped.isEmpty {
      Terminal.say("\(skipped.count) pictures could not be read: see \(run.path(of: "skipped.json"))")
    }
    if let tenCrop {
      Terminal.say(
        "ten crops: validation top-1 \(Self.percent(tenCrop.top1)), top-5 \(Self.percent(tenCrop.top5))")
    }
    if endsWithModel { try Terminal.print(model) }
  }
}
