/// What is right and wrong with a network's features: `diagnosis.json` of a run holds one a model.
public struct DiagnosisReport: Codable, Hashable, Sendable {
  /// One feature map and its filter.
  public struct Unit: Codable, Hashable, Sendable {
    /// The largest value in any picture.
    public var peak: Float
    /// Pictures in which it is above zero somewhere.
    public var active: Int
    /// The share of its peaks, added up over all pictures, that its strongest hundredth of them holds.
    public var topShare: Double
    /// Of its filter's weights.
    public var rms: Double
  }

  /// One convolution.
  public struct Layer: Codable, Hashable, Sendable {
    public var layer: String
    public var units: [Unit]
    /// Filters that repeat one before them.
    public var repeating: [Int]
    /// Pairs of filters that point the same way, the most alike first; the first 256 of them.
    public var duplicates: [FilterBank.Pair]
  }

  /// The first layer's filters by frequency: the mean of filters' shares.
  public struct FirstLayer: Codable, Hashable, Sendable {
    public var layer: String
    public var bands: Spectrum.Bands
    /// Nyquist's limit of its stride.
    public var limit: FrequencyLimit
    public var aboveLimit: Double
  }

  /// The second layer's projections by frequency: the mean of projections' shares.
  public struct SecondLayer: Codable, Hashable, Sendable {
    public var layer: String
    public var projections: Int
    public var bands: Spectrum.Bands
    /// The share above the first layer's limit.
    public var aboveLimit: Double
  }

  /// One number with what it means.
  public struct Finding: Codable, Hashable, Sendable {
    public var layer: String
    public var measure: Measure
    public var value: Double
    public var verdict: Verdict
    /// Beyond the first the value is worth a look, beyond the second it is trouble.
    public var watch: Double
    public var trouble: Double
    /// Units it is about, the worst first.
    public var units: [Int]
    public var text: String
    /// What to try; nil where nothing is wrong.
    public var remedy: String?
  }

  public var model: String
  /// Pictures that were looked at.
  public var pictures: Int
  public var layers: [Layer]
  /// Nil where there is no convolution.
  public var first: FirstLayer?
  /// Nil where there are fewer than two convolutions, or no unit of the second was active.
  public var second: SecondLayer?
  /// Layer by layer; what is right is in it too.
  public var findings: [Finding]
}
