public import Images

/// What each unit of some layers responds to most: the paper's figure 2 as data, `features.json` of a run.
public struct FeatureTable: Codable, Hashable, Sendable {
  /// One of a unit's strongest activations, at most one a picture.
  public struct Entry: Codable, Hashable, Sendable {
    /// The picture's path within its data set.
    public var image: String
    /// The activation; where the layer has an ``Layer/upperBound``, the value before it.
    public var value: Float
    /// Where in the feature map.
    public var row: Int
    public var column: Int
    /// The receptive field in pixels of the original picture.
    public var box: Box
  }

  /// A feature map and its strongest activations, strongest first.
  public struct Unit: Codable, Hashable, Sendable {
    public var unit: Int
    public var top: [Entry]
    /// The share of the pictures that make it active anywhere.
    public var active: Double?
    /// How few of the pictures its activity rests on, from 0 to 1; nil where it was never active.
    ///
    /// - Note: Vinje & Gallant 2000 (Science 287).
    public var selectivity: Double?
    /// The classes that it fires for, where pictures have classes; see ``FeatureTable/ClassShare``.
    public var classes: [ClassShare]?
  }

  /// A layer's units.
  public struct Layer: Codable, Hashable, Sendable {
    public var layer: String
    /// What the layer's activation passes on at most, as ReLU6 does 6; nil where it has no such bound.
    ///
    /// What the network passes on of a value above the bound is the bound.
    public var upperBound: Float?
    public var units: [Unit]
  }

  public var model: String
  public var layers: [Layer]
}
