/// How features came to be: the paper's figure 4 as data, `evolution.json` of a run.
public struct EvolutionTable: Codable, Hashable, Sendable {
  /// A unit at one epoch.
  public struct Moment: Codable, Hashable, Sendable {
    public var epoch: Int
    /// The picture that activates it most; nil where none does.
    public var image: String?
    public var value: Float
    public var row: Int
    public var column: Int
    /// The cosine of its projection and the one at the last epoch; nil where either is missing.
    public var cosine: Double?
  }

  /// A unit that was projected.
  public struct Unit: Codable, Hashable, Sendable {
    public var unit: Int
    public var moments: [Moment]
    /// The first epoch from which the projection's cosine similarity to the last epoch's stays above
    /// `Evolution.settledCosine`; nil if the unit has no projection at the last epoch.
    public var settled: Int?
  }

  /// A layer's units.
  public struct Layer: Codable, Hashable, Sendable {
    public var layer: String
    /// Of all units active at the epoch or the one before: the share whose strongest picture is another than before;
    /// nil at the first epoch, and where no unit is active.
    public var changed: [Double?]
    /// Of the units drawn that have a projection at the last epoch: the share that has settled by the epoch.
    public var settledShare: [Double]
    /// The epoch by which half of them have settled; nil where none has a projection in the end.
    public var settled: Int?
    public var units: [Unit]
  }

  public var epochs: [Int]
  public var layers: [Layer]
}
