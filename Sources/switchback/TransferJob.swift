internal import Datasets
internal import Dispatch
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Studies
internal import Synchronization
internal import Tensors

/// The stages of `transfer`: features, shard by shard; classifiers on each layer's; networks trained whole; the page.
///
/// A shard, a row of the table and a trained network are files each, so a run that was stopped goes on after the last.
struct TransferJob {
  let command: TransferCommand
  let subject: StudySubject
  let selections: [FeatureExtraction.Selection]
  let division: TransferDivision
  let run: RunFolder

  var common: CommonOptions { command.common }

  func perform() throws {
    let features = TransferFeatures(
      run: run, subject: subject, selections: selections, threads: common.workers, isQuiet: common.quiet)
    try Interrupts.heeded { try features.extract() }
    try run.write(json: subject.source.skipped(), to: "skipped.json")
    guard subject.source.skipped().count < subject.source.dataset.items.count else {
      throw ArgumentError(
        "none of the pictures in \(command.pictures) could be read: \(subject.source.skipped()[0].reason)")
    }
    let folds = try division.folds(without: subject.source.skippedIDs())
    let rows = try Interrupts.heeded { try classify(features, folds) + trainWhole(folds) }
    let table = TransferTable(
      model: command.model, pictures: command.pictures,
      measure: division.dataset.isMultiple ? .averagePrecision : .accuracy, squareRoot: command.squareRoot,
      normalized: command.normalize, classNames: division.dataset.classNames ?? [], rows: rows)
    try report(table)
  }

  // MARK: Classifiers

  /// What a row of the table is a function of, beside the run.
  private struct Settings: Encodable {
    var layer: String
    var pooling: String
    var scaling: FeatureScaling
    var classifier: String
    var cost: Double?
    var seed: UInt64
    var folds: String
  }

  private struct Task {
    let size: Int?
    let classifier: Transfer.Classifier
    let file: String
  }

  private func classify(_ features: TransferFeatures, _ folds: [ClassFold]) throws -> [TransferTable.Row] {
    let scaling = FeatureScaling(
      takesSquareRoot: command.squareRoot, normalizesLength: command.normalize)
    let classifiers = try command.chosenClassifiers()
    let marks = division.sizes.map { division.fingerprint(folds, $0) }
    var rows: [TransferTable.Row] = []
    var progress = Progress(
      "classifiers", total: selections.count * division.sizes.count * classifiers.count, unit: "rows",
      quiet: common.quiet)
    for selection in selections {
      let tasks = try zip(division.sizes, marks).flatMap { size, mark in
        try classifiers.map { classifier in
          let settings = Settings(
            layer: selection.layer, pooling: selection.pooling.description, scaling: scaling,
            classifier: classifier.rawValue, cost: try command.chosenCost(of: classifier).number,
            seed: common.seed, folds: mark)
          let name = "\(features.stem(of: selection))-\(classifier.rawValue)-\(size.map { "\($0)" } ?? "all")"
          return Task(size: size, classifier: classifier, file: try run.file("rows/" + name, for: settings))
        }
      }
      let waiting = tasks.filter { !run.contains($0.file) }
      if !waiting.isEmpty {
        let (images, values) = try features.read(selection, scaling)
        let study = Transfer(layer: selection.layer, features: values, targets: division.targets(of: images))
        try inLanes(waiting, classifiers) { task, threads in
          try run.write(
            json: try row(selection, task, study, images, folds, threads: threads), to: task.file)
        }
      }
      for task in tasks { rows.append(try run.read(TransferTable.Row.self, from: task.file)) }
      progress.show(rows.count)
    }
    progress.finish(rows.count)
    return rows
  }

  /// Each classifier's tasks one after another, the classifiers side by side: LIBLINEAR takes one thread, and one turn.
  private func inLanes(
    _ tasks: [Task], _ classifiers: [Transfer.Classifier],
    _ work: @Sendable (Task, _ threads: Int) throws -> Void
  ) throws {
    let lanes = common.workers > 1 ? classifiers.map { [$0] } : [classifiers]
    let failures = Mutex([Int: any Error]())
    DispatchQueue.concurrentPerform(iterations: lanes.count) { lane in
      do {
        for task in tasks where lanes[lane].contains(task.classifier) {
          try work(task, max(1, common.workers - lanes.count + 1))
        }
      } catch {
        failures.withLock { $0[lane] = error }
      }
    }
    if let failure = failures.withLock({ $0.min { $0.key < $1.key }?.value }) { throw failure }
  }

  private func row(
    _ selection: FeatureExtraction.Selection, _ task: Task, _ study: Transfer, _ images: [Int],
    _ folds: [ClassFold], threads: Int
  ) throws -> TransferTable.Row {
    let places = Dictionary(uniqueKeysWithValues: zip(images, images.indices))
    let cost = try command.chosenCost(of: task.classifier)
    let outcomes = try folds.enumerated().map { number, fold in
      try Interrupts.check()
      return try study.outcome(
        of: task.classifier, cost: cost,
        training: fold.training(perClass: task.size).compactMap { places[$0] },
        testing: fold.testing.compactMap { places[$0] }, seed: common.seed &+ UInt64(number), threads: threads
      )
    }
    return TransferTable.Row(
      layer: selection.layer, pooling: selection.pooling.description, features: selection.count,
      classifier: task.classifier.rawValue, perClass: division.perClass(task.size, folds[0]),
      outcomes: outcomes)
  }

  // MARK: Page

  private func report(_ table: TransferTable) throws {
    try run.write(json: table, to: "transfer.json")
    let lines = TransferFigure.table(table)
    let classes = TransferFigure.classTable(table)
    try run.write(bytes: Data(lines.csv.utf8), to: "transfer.csv")
    try run.write(bytes: Data(lines.markdown.utf8), to: "transfer.md")
    try run.write(bytes: Data(classes.csv.utf8), to: "classes.csv")
    let figure = TransferFigure(table: table)
    var figures: [(file: String, columns: Int, rows: Int, description: String)] = []
    for (name, drawing) in [
      ("figures/by-layer", figure.byLayer()), ("figures/by-pictures", figure.byPictures()),
    ] {
      guard let drawing else { continue }
      try run.write(bytes: Data(try drawing.svg().utf8), to: name + ".svg")
      try run.write(bytes: Data(try drawing.picture().encodedPNG()), to: name + ".png")
      figures.append((name, drawing.columns, drawing.rows, drawing.description))
    }
    var sections = [
      RunPage.Section(
        title: "Layers",
        bodies: [.figures(figures), .table(headings: lines.headings, rows: lines.rows)]),
      RunPage.Section(
        title: "Classes", bodies: [.table(headings: classes.headings, rows: classes.rows)]),
    ]
    let skipped = subject.source.skipped()
    if !skipped.isEmpty {
      sections.append(
        RunPage.Section(
          title: "Skipped pictures",
          bodies: [.table(headings: ["picture", "reason"], rows: skipped.map { [$0.image, $0.reason] })]))
    }
    let scaling = (command.squareRoot ? ["square root"] : []) + (command.normalize ? ["length 1"] : [])
    let page = RunPage(
      title: "What \((command.model as NSString).lastPathComponent) transfers",
      facts: [
        ("model", command.model), ("pictures", command.pictures),
        ("divided by", division.division == .own ? "the data set's own lists" : "draws"),
        ("features", scaling.isEmpty ? "as they are" : scaling.joined(separator: ", ")),
        ("C", command.cost ?? "1 for svm, 100 for softmax"),
        ("preparation", "\(subject.source.preprocessing)"),
      ], sections: sections)
    try run.write(bytes: Data(page.html().utf8), to: "index.html")
    if common.json { return try Terminal.print(json: table) }
    guard !common.quiet else { return }
    if !skipped.isEmpty {
      Terminal.say("\(skipped.count) pictures could not be read: see \(run.path(of: "skipped.json"))")
    }
    try Terminal.print(lines.markdown)
    try Terminal.print(run.path(of: "index.html"))
  }
}

extension Transfer.Cost {
  /// The number given; nil for cross-validation.
  fileprivate var number: Double? {
    switch self {
    case .given(let number): number
    case .crossValidated: nil
    }
  }
}

extension RunFolder {
  /// A file's name that goes with settings: other settings are another file.
  func file(_ name: String, for settings: some Encodable) throws -> String {
    "\(try folder(name, for: settings)).json"
  }

  /// A folder's name that goes with settings.
  func folder(_ name: String, for settings: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var mark = Fingerprint()
    mark.add(String(decoding: try encoder.encode(settings), as: UTF8.self))
    return "\(name)-\(mark)"
  }
}
