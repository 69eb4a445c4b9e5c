internal import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Studies
internal import Training

/// An ablation from its variants to its table: trains what is not trained yet, judges, reports.
struct AblateJob {
  let ablation: Ablation
  let costs: [Ablation.Cost]
  /// What every variant is trained with.
  let settings: TrainConfiguration
  let split: TrainingSplit
  let run: RunFolder
  let isQuiet: Bool
  let asJSON: Bool

  /// One network of the study.
  private struct Turn {
    var variant: Ablation.Variant
    var seed: UInt64
    /// Multiply-accumulates of a picture: what time goes with.
    var work: Double
  }

  func perform() throws {
    // Seeds stand outside, so that every variant has a row before any has a second network.
    let turns = ablation.seeds.flatMap { seed in
      zip(ablation.variants, costs).map {
        Turn(variant: $0, seed: seed, work: Double($1.multiplyAccumulates))
      }
    }
    var outcomes: [AblationTable.Outcome] = []
    let clock = StudyClock(work: turns.map(\.work))
    for (number, turn) in turns.enumerated() {
      outcomes.append(try outcome(of: turn, number: number, clock))
      try write(AblationTable(ablation, costs: costs, outcomes: outcomes))
    }
    let table = AblationTable(ablation, costs: costs, outcomes: outcomes)
    if asJSON { return try Terminal.print(json: table) }
    guard !isQuiet else { return }
    try Terminal.print(AblationSheet.table(table).markdown)
    if !table.agreement.isEmpty { try Terminal.print(AblationSheet.agreement(table).markdown) }
    try Terminal.print(run.path(of: "index.html"))
  }

  /// Trains a network, unless that is done, and judges it.
  private func outcome(of turn: Turn, number: Int, _ clock: StudyClock) throws -> AblationTable.Outcome {
    let place = "variants/\(AblationSpec.folder(of: turn.variant.name))/seed-\(turn.seed)"
    var own = settings
    own.architecture = turn.variant.base
    own.removing = turn.variant.edits.removing.sorted()
    own.resizing = turn.variant.edits.resizing
    if turn.variant.edits.firstWindow != nil || turn.variant.edits.firstStride != nil {
      own.firstLayer = FirstLayer(
        size: turn.variant.edits.firstWindow, stride: turn.variant.edits.firstStride)
    }
    own.recipe.seed = turn.seed
    let folder = try RunFolder.open(at: run.path(of: place), kind: "train", configuration: own)
    if folder.contains("outcome.json") {
      clock.skip(number)
      return try folder.read(AblationTable.Outcome.self, from: "outcome.json")
    }
    let name = "\(number + 1)/\(clock.count) \(turn.variant.name), seed \(turn.seed)"
    var job = TrainJob(settings: own, split: split, run: folder, isQuiet: isQuiet, asJSON: false)
    job.name = name + ": "
    job.remedy = "the same command goes on from there"
    job.endsWithModel = false
    job.observe = { event in
      guard case .epoch(let entry) = event, !isQuiet else { return }
      let share = Double(entry.epoch) / Double(own.recipe.epochs)
      if let left = clock.left(in: number, share: share) {
        Terminal.say("all \(clock.count) networks: \(left) left")
      }
    }
    try job.perform()
    let outcome = try Interrupts.heeded { try judged(turn, folder, name) }
    try folder.write(json: outcome, to: "outcome.json")
    return outcome
  }

  private func judged(_ turn: Turn, _ folder: RunFolder, _ name: String) throws -> AblationTable.Outcome {
    let network = try Network(onnx: folder.path(of: "models/final.onnx"))
    let entries = try CheckpointFolder(run: folder.path).entries()
    guard let last = entries.last, let top1 = last.top1, let top5 = last.top5,
      let preprocessing = network.preprocessing
    else { throw RunError.damaged(file: folder.path(of: "history.jsonl"), reason: "it has no validation.") }
    if !isQuiet { Terminal.say("\(name): the training pictures once more, as it classifies them now") }
    let learner = try Learner(network, threads: settings.threads)
    let training = try learner.accuracy(
      on: split.training, preprocessing, batch: settings.recipe.batch, keepsGoing: { !Interrupts.isRaised })
    guard let training else {
      throw Interruption(
        description: "\(name): stopped; it is trained but not judged. The same command goes on from there.")
    }
    // In percent, without the last bits of a difference.
    func error(_ share: Double) -> Double { ((1 - share) * 1e8).rounded() / 1e6 }
    return AblationTable.Outcome(
      variant: turn.variant.name, seed: turn.seed,
      errors: Ablation.Errors(trainTop1: error(training.top1), top1: error(top1), top5: error(top5)),
      seconds: entries.reduce(0) { $0 + Double(split.training.labels.count) / $1.picturesPerSecond })
  }

  private func write(_ table: AblationTable) throws {
    let lines = AblationSheet.table(table)
    let order = AblationSheet.agreement(table)
    try run.write(json: table, to: "ablation.json")
    try run.write(bytes: Data(lines.csv.utf8), to: "ablation.csv")
    let text = lines.markdown + (order.rows.isEmpty ? "" : "\n" + order.markdown)
    try run.write(bytes: Data(text.utf8), to: "ablation.md")
    let drawing = AblationSheet(title: "What each layer buys", table: table).drawing()
    try run.write(bytes: Data(try drawing.svg().utf8), to: "figures/ablation.svg")
    try run.write(bytes: Data(try drawing.picture().encodedPNG()), to: "figures/ablation.png")
    var sections = [
      RunPage.Section(
        title: "Variants",
        bodies: [
          .figures([("figures/ablation", drawing.columns, drawing.rows, "errors of each variant")]),
          .table(headings: lines.headings, rows: lines.rows),
          .text(
            "Errors are the finished network's, from the centre of each picture: on the training pictures as on those for "
              + "validation. After ± stands the deviation between seeds. Training time leaves validation out."
          ),
        ])
    ]
    if !order.rows.isEmpty {
      sections.append(
        RunPage.Section(
          title: "The published order", bodies: [.table(headings: order.headings, rows: order.rows)]))
    }
    let page = RunPage(
      title: "What each layer buys",
      facts: [
        ("pictures", settings.pictures),
        (
          "trained on",
          "\(split.training.labels.count), validated with \(split.validation?.labels.count ?? 0)"
        ),
        ("input", "\(settings.input) x \(settings.input), width \(settings.width)"),
        (
          "recipe",
          "\(settings.recipe.epochs) epochs, batches of \(settings.recipe.batch), seeds "
            + ablation.seeds.map(String.init).joined(separator: ", ")
        ),
      ], sections: sections)
    try run.write(bytes: Data(page.html().utf8), to: "index.html")
  }
}

/// How long a study of several trainings still takes, by the work that each is.
private final class StudyClock {
  private let work: [Double]
  private let started = ContinuousClock.now
  private var skipped = Set<Int>()

  init(work: [Double]) { self.work = work }

  var count: Int { work.count }

  func skip(_ number: Int) { skipped.insert(number) }

  /// The time left where a share of one training is done; nil where nothing was.
  func left(in number: Int, share: Double) -> String? {
    func sum(_ range: Range<Int>) -> Double { range.reduce(0) { skipped.contains($1) ? $0 : $0 + work[$1] } }
    let done = sum(0..<number) + work[number] * share
    guard done > 0 else { return nil }
    let rest = sum(number + 1..<count) + work[number] * (1 - share)
    return Progress.time(Progress.seconds(ContinuousClock.now - started) / done * rest)
  }
}
