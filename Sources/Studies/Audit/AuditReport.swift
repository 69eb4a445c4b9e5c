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

  /// Pictures of one side that the other has too, each once.
  public func shared(by side: KeyPath<Pair, String>) -> [String] {
    Array(Set(pairs.map { $0[keyPath: side] })).sorted()
  }
}
