/// How alike the changes are that masking a part makes, by part and layer: `correspondence.json` of a run.
public struct CorrespondenceTable: Codable, Hashable, Sendable {
  /// One layer's agreement for one part, against random masks.
  public struct Row: Codable, Hashable, Sendable {
    public var part: String
    public var layer: String
    /// The mean over pairs of pictures of the share of features whose change has another sign (the paper's table 1).
    public var delta: Double
    /// The standard deviation over the pairs.
    public var deviation: Double
    /// The same mean for random boxes as large, averaged over the draws, and its deviation over them.
    public var random: Double
    public var randomDeviation: Double
    /// The chance that random boxes agree as well: (1 + draws at or below delta) / (1 + draws).
    public var p: Double
    /// Where 95 % of delta less random lie when pictures are drawn with replacement, 1000 times.
    public var interval: [Double]
  }

  public var pictures: [String]
  /// Sets of random masks a part.
  public var draws: Int
  public var rows: [Row]
}
