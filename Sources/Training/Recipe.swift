#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How a network is trained; the defaults are the paper's.
///
/// - Note: Zeiler & Fergus 2014 (arXiv 1311.2901), section 3. The paper is silent about weight decay; we take
///   Krizhevsky's 5e-4.
public struct Recipe: Codable, Hashable, Sendable {
  /// How the learning rate falls.
  public enum Schedule: String, Codable, CaseIterable, Sendable {
    /// A tenth whenever the validation error stalls: the paper's annealing by hand, made a rule.
    case plateau
    /// A tenth after each third of the epochs.
    case step
    /// Half a cosine from the first rate to zero, step by step.
    case cosine
  }

  /// What is cut from a training picture.
  public enum Augmentation: String, Codable, CaseIterable, Sendable {
    /// One of ten: the corners and the centre of the resized picture's central square, mirrored or not.
    case tenCrop = "ten-crop"
    /// Anywhere in the resized picture's central square, mirrored or not.
    case randomCrop = "random-crop"
    /// The centre.
    case none
  }

  public var epochs = 70
  public var batch = 128
  public var rate: Float = 1e-2
  public var momentum: Float = 0.9
  public var weightDecay: Float = 5e-4
  public var schedule = Schedule.plateau
  /// Convolution filters above this root mean square are scaled back to it; nil leaves them.
  public var filterLimit: Float? = 1e-1
  public var augmentation = Augmentation.tenCrop
  /// What is made small; nil for the loss that fits the pictures' labels.
  public var loss: Loss?
  public var seed: UInt64 = 0
  /// Steps between checkpoints within an epoch; every epoch ends with one.
  public var stepsBetweenCheckpoints = 500

  /// The paper's recipe.
  public init() {}

  /// Refuses numbers that no training can follow.
  ///
  /// - Throws: ``TrainingError/recipe(reason:)``.
  public func check() throws(TrainingError) {
    func require(_ holds: Bool, _ reason: String) throws(TrainingError) {
      if !holds { throw .recipe(reason: reason) }
    }
    try require(
      (1...1_000_000).contains(epochs), "\(epochs) epochs: training takes one or more, a million at most.")
    try require(batch > 0, "a batch of \(batch): it takes one image or more.")
    try require(rate > 0 && rate.isFinite, "a learning rate of \(rate): it must be positive, such as 0.01.")
    try require((0..<1).contains(momentum), "a momentum of \(momentum): it must be at least 0 and below 1.")
    try require(
      weightDecay >= 0 && weightDecay.isFinite, "a weight decay of \(weightDecay): it must not be negative.")
    try require(
      filterLimit.map { $0 > 0 && $0.isFinite } ?? true,
      "a filter limit of \(filterLimit ?? 0): it must be positive.")
    try require(
      stepsBetweenCheckpoints > 0, "\(stepsBetweenCheckpoints) steps between checkpoints: one or more.")
  }
}

/// The learning rate as it falls.
public struct Annealing: Codable, Hashable, Sendable {
  /// Epochs without a better validation error after which a plateau's rate falls.
  static let patience = 5

  /// How often a plateau's rate has fallen.
  public private(set) var falls = 0
  private var best: Double?
  private var stalled = 0

  /// A rate that has not fallen yet.
  public init() {}

  /// The rate of a step.
  ///
  /// - Parameters:
  ///   - recipe: The schedule and the first rate.
  ///   - epoch: Epochs done.
  ///   - share: How much of this epoch is done, 0 to 1.
  /// - Returns: The rate.
  public func rate(_ recipe: Recipe, epoch: Int, share: Double) -> Float {
    switch recipe.schedule {
    case .plateau: return recipe.rate * tenth(falls)
    case .step: return recipe.rate * tenth(3 * epoch / recipe.epochs)
    case .cosine:
      let done = (Double(epoch) + share) / Double(recipe.epochs)
      return Float(Double(recipe.rate) * 0.5 * (1 + cos(.pi * done)))
    }
  }

  /// A tenth, so many times over; exact decimals, as a person would set them.
  private func tenth(_ times: Int) -> Float {
    (0..<times).reduce(Float(1)) { factor, _ in factor / 10 }
  }

  /// Takes note of an epoch's validation error, or of its training loss where there is no validation.
  ///
  /// - Returns: Whether a plateau's rate falls from now on; three times at the most.
  @discardableResult
  public mutating func note(_ error: Double) -> Bool {
    if best.map({ error < $0 }) ?? true {
      best = error
      stalled = 0
      return false
    }
    stalled += 1
    guard stalled >= Self.patience, falls < 3 else { return false }
    falls += 1
    stalled = 0
    return true
  }
}
