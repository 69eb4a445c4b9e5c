/// Where training stands between two steps: with the network, the velocities and the recipe, all that the rest
/// follows from.
public struct TrainingState: Codable, Hashable, Sendable {
  /// Epochs done.
  public var epoch = 0
  /// Batches of the present epoch that are done.
  public var batch = 0
  /// Steps since the start.
  public var steps = 0
  public var annealing = Annealing()
  /// Sums over the pictures of the present epoch so far: losses in nats, and how many were right where each has one class.
  public var loss = 0.0
  public var correct = 0
  public var correctInFive = 0
  public var pictures = 0
  /// Seconds that the present epoch's steps took so far, decoding included, over interruptions; nil before its first.
  public var seconds: Double?

  /// Before the first step.
  public init() {}
}

/// The losses and accuracies of one epoch; a line of `history.jsonl`.
public struct EpochEntry: Codable, Hashable, Sendable {
  /// Counted from 1.
  public var epoch: Int
  /// The mean over the training pictures, each when its turn came, in nats.
  public var loss: Double
  /// Shares of the training pictures, each judged when its turn came, 0 to 1; absent where they can hold several classes.
  public var trainTop1: Double?
  public var trainTop5: Double?
  /// Shares of the validation pictures, 0 to 1; absent where there are none, or they can hold several classes.
  public var top1: Double?
  public var top5: Double?
  /// Where validation pictures can hold several classes, ``Accuracy/meanAveragePrecision`` over them.
  public var meanAveragePrecision: Double?
  /// The rate of the epoch's last step.
  public var rate: Float
  /// Training pictures a second, decoding included; time when the run stood still does not count.
  public var picturesPerSecond: Double
}
