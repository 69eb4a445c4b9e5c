public import Datasets

/// What an audit found: pictures that two data sets share, by name.
public struct AuditReport: Codable, Hashable, Sendable {
  /// A data set that was looked at.
  public struct Side: Codable, Hashable, Sendable {
    /// As the caller named it.
    public var name: String
    public var pictures: Int
    /// Pictures without contrast, which pair with nothing.
    public var flat: [String]
    public var unreadable: Int

    public init(name: String, pictures: Int, flat: [String], unreadable: Int) {
      self.name = name
      self.pictures = pictures
      self.flat = flat
      self.unreadable = unreadable
    }
  }

  /// Two pictures that are one.
  public struct Pair: Codable, Hashable, Sendable {
    public var training: String
    public var test: String
    public var correlation: Float
    public var alignment: Alignment
  }

  public var training: Side
  public var test: Side
  public var threshold: Float
  public var findsMirrored: Bool
  /// The closest first.
  public var pairs: [Pair]
  /// Pictures of either side that could not be read; nil where there are none.
  public var skipped: [Skipped]?

  /// - Parameters:
  ///   - training: What was looked at to train on.
  ///   - test: What was looked at to test with.
  ///   - audit: When two pictures are one.
  ///   - pairs: What was found, by the pictures' numbers.
  ///   - trainingPaths: What the training pictures are called.
  ///   - testPaths: What the test pictures are called.
  ///   - skipped: Pictures of either side that could not be read.
  public init(
    training: Side, test: Side, audit: Audit, pairs: [Audit.Pair], trainingPaths: [String],
    testPaths: [String], skipped: [Skipped] = []
  ) {
    self.skipped = skipped.isEmpty ? nil : skipped
    self.training = training
    self.test = test
    threshold = audit.threshold
    findsMirrored = audit.findsMirrored
    self.pairs = pairs.map {
      Pair(
        training: trainingPaths[$0.training], test: testPaths[$0.test], correlation: $0.correlation,
        alignment: $0.alignment)
    }
  }

  /// Pictures of one side that the other has too, each once.
  public func shared(by side: KeyPath<Pair, String>) -> [String] {
    Array(Set(pairs.map { $0[keyPath: side] })).sorted()
  }
}
