public import Communication
internal import Datasets
internal import Images
internal import Kernels
internal import Networks
internal import Tensors

/// Trains a network by a recipe: epochs of steps, each epoch judged and kept, stopped and gone on with at any step.
///
/// The same recipe, data, seed and threads give the same bytes, however often the run was stopped or killed.
/// A class because its learner changes where it stands. One call at a time.
public final class Trainer {
  /// What happens along the way.
  public enum Event: Sendable {
    /// A step is done: batches done of the epoch's, and its mean loss so far.
    case step(epoch: Int, batch: Int, batches: Int, pictures: Int, loss: Double)
    /// An epoch is done.
    case epoch(EpochEntry)
    /// The learning rate fell because the validation error stalls.
    case rate(Float)
  }

  public let recipe: Recipe
  public private(set) var state: TrainingState
  public let learner: Learner
  private let data: TrainingData
  private let preprocessing: Preprocessing
  private let folder: CheckpointFolder
  private let ranks: Ranks
  /// The rate of the last step.
  private var rate: Float
  /// When the last step ended, or the first began.
  private var mark = ContinuousClock.now

  /// - Parameters:
  ///   - start: Where training starts or goes on.
  ///   - recipe: How it is done.
  ///   - data: What it learns from and is judged on.
  ///   - folder: Where checkpoints go; rank 0 writes them.
  ///   - threads: How many pictures are computed, and decoded, side by side, 1 to 1024, on all ranks together.
  ///   - ranks: The processes that train together, to the same bytes however many they are; every call is then collective.
  /// - Throws: ``TrainingError`` where recipe, data and network do not fit: a network that ends in a softmax does not learn
  ///   pictures of several classes.
  public init(
    _ start: CheckpointFolder.Checkpoint, recipe: Recipe, data: TrainingData, folder: CheckpointFolder,
    threads: Int, ranks: Ranks = .alone
  ) throws {
    try recipe.check()
    guard (1...1024).contains(threads) else {
      throw TrainingError.recipe(reason: "\(threads) threads: training takes 1 to 1024.")
    }
    try data.check(batch: recipe.batch)
    guard let preprocessing = start.network.preprocessing else {
      throw TrainingError.network(reason: "it does not say how images are preprocessed.")
    }
    self.recipe = recipe
    rate = recipe.rate
    self.data = data
    self.folder = folder
    self.ranks = ranks
    self.preprocessing = preprocessing
    state = start.state
    learner = try Learner(
      start.network, velocities: start.velocities, seed: recipe.seed, threads: threads, ranks: ranks,
      filterLimit: recipe.filterLimit)
    let loss = try Loss(fitting: data.training.labels, named: recipe.loss)
    // Where nothing asks for another loss, pictures of one class each are learned by the network's own.
    let isFree = recipe.loss == nil && !data.training.labels.isMultiple
    guard isFree || learner.loss == loss else {
      throw TrainingError.network(
        reason:
          "it ends for \(learner.loss.rawValue), and \(loss.rawValue) takes a \(loss.end.rawValue) there.")
    }
  }

  public var isFinished: Bool { state.epoch >= recipe.epochs }

  /// Trains until all epochs are done or it is told to stop.
  ///
  /// - Parameters:
  ///   - keepsGoing: Asked after each step; false ends with a checkpoint.
  ///   - report: Told what happens.
  /// - Returns: Whether all epochs are done.
  /// - Throws: ``TrainingError/diverged(epoch:step:rate:)``, ``TrainingError/nothingReadable``, and what keeps a
  ///   checkpoint from being written.
  @discardableResult
  public func run(keepsGoing: () -> Bool = { true }, _ report: (Event) throws -> Void = { _ in }) throws
    -> Bool
  {
    while !isFinished {
      mark = .now
      let batches = Batches.training(data.training, preprocessing, recipe, epoch: state.epoch, for: learner)
      let ahead = PrefetchQueue(state.batch..<batches.count) { try batches.batch($0) }
      while let batch = try ahead.next() {
        rate = rate(of: state.batch, in: batches)
        try learn(try batches.readable(batch))
        try report(
          .step(
            epoch: state.epoch + 1, batch: state.batch, batches: batches.count, pictures: state.pictures,
            loss: state.loss / Double(max(state.pictures, 1))))
        if try ranks.stop(!keepsGoing()) { return try stop() }
        if state.steps % recipe.stepsBetweenCheckpoints == 0, state.batch < batches.count { try save() }
      }
      guard state.pictures > 0 else { throw TrainingError.nothingReadable }
      var accuracy: Accuracy?
      if let validation = data.validation {
        accuracy = try learner.accuracy(
          on: validation, preprocessing, batch: recipe.batch, keepsGoing: keepsGoing)
        guard accuracy != nil else { return try stop() }
      }
      let pictures = Double(state.pictures)
      let isMultiple = data.training.labels.isMultiple
      // Gone on with after its last step, the epoch has the rate all the same.
      rate = rate(of: batches.count - 1, in: batches)
      let entry = EpochEntry(
        epoch: state.epoch + 1, loss: state.loss / pictures,
        trainTop1: isMultiple ? nil : Double(state.correct) / pictures,
        trainTop5: isMultiple ? nil : Double(state.correctInFive) / pictures, top1: accuracy?.top1,
        top5: accuracy?.top5, meanAveragePrecision: accuracy?.meanAveragePrecision, rate: rate,
        picturesPerSecond: pictures / max(state.seconds ?? 0, 1e-9))
      try finishEpoch(entry)
      try report(.epoch(entry))
      if state.annealing.falls > 0, recipe.schedule == .plateau, !isFinished {
        let next = rate(of: 0, in: batches)
        if next < rate { try report(.rate(next)) }
      }
    }
    return true
  }

  private func rate(of batch: Int, in batches: Batches) -> Float {
    state.annealing.rate(recipe, epoch: state.epoch, share: Double(batch) / Double(batches.count))
  }

  private func learn(_ batch: (ids: [Int], own: [Tensor])) throws {
    let outcome = try learner.learn(
      from: batch.own, labels: data.training.labels.selecting(batch.ids),
      by: MomentumStep(rate: rate, momentum: recipe.momentum, decay: recipe.weightDecay), number: state.steps)
    guard outcome.loss.isFinite else {
      throw TrainingError.diverged(epoch: state.epoch + 1, step: state.batch + 1, rate: rate)
    }
    state.batch += 1
    state.steps += 1
    state.loss += outcome.loss
    state.correct += outcome.correct
    state.correctInFive += outcome.correctInFive
    state.pictures += outcome.pictures
    let now = ContinuousClock.now
    state.seconds = (state.seconds ?? 0) + mark.duration(to: now).seconds
    mark = now
  }

  private func finishEpoch(_ entry: EpochEntry) throws {
    state.annealing.note((entry.top1 ?? entry.meanAveragePrecision).map { 1 - $0 } ?? entry.loss)
    state.epoch += 1
    state.batch = 0
    (state.loss, state.correct, state.correctInFive, state.pictures, state.seconds) = (0, 0, 0, 0, nil)
    if ranks.isFirst { try folder.append(entry) }
    try save()
  }

  private func stop() throws -> Bool {
    try save()
    return false
  }

  private func save() throws {
    guard try learner.isFinite else {
      throw TrainingError.diverged(
        epoch: state.epoch + (state.batch == 0 ? 0 : 1), step: state.batch, rate: rate)
    }
    let checkpoint = CheckpointFolder.Checkpoint(
      network: try learner.network, velocities: try learner.velocities, state: state)
    _ = try ranks.decided {
      try folder.write(checkpoint, isLast: isFinished)
      return true
    }
  }

  /// How often the network as it is now is right on the validation pictures, each averaged over ten crops.
  ///
  /// - Parameter keepsGoing: Asked once a batch; false ends the work.
  /// - Returns: The shares, or the mean average precision; nil where there are no validation pictures or it was ended.
  /// - Throws: What keeps a picture from being prepared.
  public func tenCropAccuracy(keepsGoing: () -> Bool = { true }) throws -> Accuracy? {
    guard let validation = data.validation else { return nil }
    return try learner.accuracy(
      on: validation, preprocessing, placements: Placement.ten, batch: recipe.batch, keepsGoing: keepsGoing)
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
