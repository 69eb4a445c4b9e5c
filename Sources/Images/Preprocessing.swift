/// How a picture becomes a network's input: value = (pixel * scale - mean) / std, with pixels of 0...255.
///
/// Coded as the JSON of a model file's `switchback.preprocessing`.
public struct Preprocessing: Codable, Hashable, Sendable, CustomStringConvertible {
  /// Before the crop: the shorter side in pixels, the other in proportion; or both sides.
  public struct Resize: Codable, Hashable, Sendable {
    public var shorterSide: Int?
    public var rows: Int?
    public var columns: Int?
    /// How pixels are weighed; nil for `bilinear`.
    public var interpolation: Picture.Resampling?
    /// Whether shrinking averages over all that a pixel covers, as Pillow does and torchvision unless told otherwise; nil for
    /// yes.
    public var antialias: Bool?

    /// The shorter side becomes so many pixels, the other in proportion, rounded down.
    public init(shorterSide: Int) { self.shorterSide = shorterSide }

    /// Both sides become so many pixels, whatever the proportion was.
    public init(rows: Int, columns: Int) {
      self.rows = rows
      self.columns = columns
    }
  }

  /// A square from the centre.
  public struct Crop: Codable, Hashable, Sendable {
    public var center: Int

    /// A square with sides of so many pixels.
    public init(center: Int) { self.center = center }
  }

  /// The order of the network's channels, and of ``mean`` and ``std``.
  public enum Channels: String, Codable, Hashable, Sendable {
    case rgb = "RGB"
    case bgr = "BGR"
    /// One channel: a picture's brightness, as television weighs its colours (ITU-R BT.601).
    case grey = "GRAY"

    public var count: Int { self == .grey ? 1 : 3 }
  }

  /// Where a crop begins that has an odd number of pixels too many around it.
  public enum Rounding: String, Codable, Hashable, Sendable, CaseIterable {
    /// At the lower of the two middle places.
    case down
    /// At the even one of them, as torchvision's `CenterCrop` and timm have it.
    case even
  }

  public var resize: Resize?
  public var crop: Crop?
  /// Nil for ``Rounding/down``.
  public var rounding: Rounding?
  public var channels: Channels
  public var scale: Float
  public var mean: [Float]
  public var std: [Float]

  /// How pictures are prepared: value = (pixel x scale - mean) / std.
  ///
  /// - Parameters:
  ///   - resize: Nil leaves pictures at their size.
  ///   - crop: Nil leaves them whole.
  ///   - rounding: Where a crop begins that cannot be in the very middle; nil for ``Rounding/down``.
  ///   - channels: The order of the network's channels, or brightness alone.
  ///   - scale: What each pixel, 0...255, is multiplied by.
  ///   - mean: Subtracted after scaling: one a channel, or one for all.
  ///   - std: Divided by after that: one a channel, or one for all.
  public init(
    resize: Resize?, crop: Crop?, rounding: Rounding? = nil, channels: Channels = .rgb, scale: Float = 1,
    mean: [Float] = [0], std: [Float] = [1]
  ) {
    self.resize = resize
    self.crop = crop
    self.rounding = rounding
    self.channels = channels
    self.scale = scale
    // One number stands for every channel.
    self.mean = mean.count == 1 ? Array(repeating: mean[0], count: channels.count) : mean
    self.std = std.count == 1 ? Array(repeating: std[0], count: channels.count) : std
  }

  /// Decodes the JSON; every key may be absent.
  ///
  /// - Throws: `DecodingError` where a number is one that no picture can be prepared with (``isSound``).
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      resize: try container.decodeIfPresent(Resize.self, forKey: .resize),
      crop: try container.decodeIfPresent(Crop.self, forKey: .crop),
      rounding: try container.decodeIfPresent(Rounding.self, forKey: .rounding),
      channels: try container.decodeIfPresent(Channels.self, forKey: .channels) ?? .rgb,
      scale: try container.decodeIfPresent(Float.self, forKey: .scale) ?? 1,
      mean: try container.decodeIfPresent([Float].self, forKey: .mean) ?? [0],
      std: try container.decodeIfPresent([Float].self, forKey: .std) ?? [1])
    guard isSound else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: fault ?? ""))
    }
  }

  /// Whether every number is one that a picture can be prepared with.
  public var isSound: Bool { fault == nil }

  /// The key whose value no picture can be prepared with, and why; nil where there is none.
  private var fault: String? {
    let sides = [resize?.shorterSide, resize?.rows, resize?.columns]
    func fits(_ side: Int?) -> Bool { side.map { (1...16384).contains($0) } ?? true }
    if let resize, (resize.shorterSide != nil) == (resize.rows != nil && resize.columns != nil) {
      return "'resize' is {\"shorterSide\":N}, or {\"rows\":N,\"columns\":N}"
    }
    if !sides.allSatisfy(fits) { return "'resize' is 1 to 16384 pixels" }
    if !fits(crop?.center) { return "'crop' is 1 to 16384 pixels" }
    if !scale.isFinite { return "'scale' is a finite number" }
    if mean.count != channels.count || !mean.allSatisfy(\.isFinite) {
      return "'mean' is one finite number, or one a channel"
    }
    if std.count != channels.count || !std.allSatisfy({ $0.isFinite && $0 != 0 }) {
      return "'std' is one finite number that is not 0, or one a channel"
    }
    let isBounded = zip(mean, std).allSatisfy { ((255 * scale - $0) / $1).isFinite && ($0 / $1).isFinite }
    return isBounded ? nil : "'scale', 'mean' and 'std' take pixels out of what a number holds"
  }

  /// The same for a network that takes so many channels: of colours for one channel their brightness is taken, with
  /// the average of their means and deviations; nil where pictures have no such channels.
  public func adapted(toChannels count: Int) -> Preprocessing? {
    if count == channels.count { return self }
    guard count == 1, mean.count == 3, std.count == 3 else { return nil }
    var grey = self
    grey.channels = .grey
    grey.mean = [mean.reduce(0, +) / 3]
    grey.std = [std.reduce(0, +) / 3]
    return grey
  }

  /// What most networks trained on ImageNet expect.
  public static let imageNet = Preprocessing(
    resize: Resize(shorterSide: 256), crop: Crop(center: 224), scale: 1 / 255, mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225])

  /// The extents of what it makes, where they do not depend on the picture.
  public var size: (rows: Int, columns: Int)? {
    if let crop { return (crop.center, crop.center) }
    if let rows = resize?.rows, let columns = resize?.columns { return (rows, columns) }
    return nil
  }

  public var description: String {
    var parts: [String] = []
    if let side = resize?.shorterSide { parts.append("shorter side \(side)") }
    if let rows = resize?.rows, let columns = resize?.columns { parts.append("\(rows) x \(columns)") }
    if let interpolation = resize?.interpolation { parts.append(interpolation.rawValue) }
    if resize?.antialias == false { parts.append("not antialiased") }
    if let crop {
      parts.append("centre crop \(crop.center)" + (rounding == .even ? ", rounded to even" : ""))
    }
    parts.append("\(channels.rawValue) * \(scale) - \(mean) over \(std)")
    return parts.joined(separator: ", ")
  }
}
