internal import Figures
public import Images
public import Tensors

/// One activation of a picture, a whole map or a class score, carried back to pixels by one rule.
public struct ActivationProjection: Sendable {
  /// What is carried back.
  public enum Target: Sendable {
    /// An activation of a layer; the strongest units where none is named, the unit's strongest position where none is.
    case activation(layer: String, unit: Int?, at: (row: Int, column: Int)?)
    /// A unit's whole map, each activation with its own value.
    case map(layer: String, unit: Int?)
    /// A class's score, by index or name.
    case score(String)

    /// The layer, as the user called it; nil for a score.
    var layer: String? {
      switch self {
      case .activation(let layer, _, _), .map(let layer, _): layer
      case .score: nil
      }
    }
  }

  /// What was carried back, as `--json` prints it.
  public struct Report: Encodable, Sendable {
    public var layer: String
    public var unit: Int
    /// The class's name, of a score.
    public var name: String?
    public var row: Int?
    public var column: Int?
    /// The activation that is carried back; where the layer has an ``upperBound``, the value before it.
    public var value: Float?
    /// What the layer's activation passes on at most (6 of ReLU6); nil where it has no such bound.
    public var upperBound: Float?
    /// Whether the value reaches that bound, so that the network passes on the bound instead.
    public var isSaturated: Bool
    /// Whether the projection is zero everywhere.
    public var isZero: Bool
    public var rule: String
    /// The receptive field in the network's input, and in the original picture: top, left, bottom, right.
    public var inputBox: Box
    public var box: Box
  }

  /// Where it lies, and what it is of.
  public let report: Report
  /// 1 x rows x columns x channels in the network's channel order, zero outside the receptive field.
  public let pixels: Tensor
  /// Whether the network's channels are blue, green, red.
  let isBGR: Bool

  /// The receptive field as a picture: zero is mid-grey, the largest magnitude black or white.
  public var picture: Picture { Picture(projection: field, isBGR: isBGR) }

  /// The receptive field alone, rows x columns x channels.
  var field: Tensor {
    pixels.reshaped(to: [pixels.shape.rows, pixels.shape.columns, pixels.shape.channels])
      .part(in: report.inputBox)
  }
}
