/// An opaque colour, 0...255 a channel.
public struct Colour: Hashable, Sendable {
  public var red: UInt8
  public var green: UInt8
  public var blue: UInt8

  /// Red, green and blue, 0...255, in sRGB.
  public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  public static let ink = Colour(30, 30, 30)
  public static let soft = Colour(100, 100, 100)
  public static let line = Colour(217, 220, 224)
  public static let paper = Colour(255, 255, 255)

  var hexadecimal: String {
    "#" + [red, green, blue].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// A colour of its own for each of a few kinds, told apart by light as well as by hue; they repeat after twelve.
  public static func kind(_ index: Int) -> Colour {
    let kinds = [
      Colour(31, 119, 180), Colour(255, 127, 14), Colour(44, 160, 44), Colour(214, 39, 40),
      Colour(148, 103, 189), Colour(140, 86, 75), Colour(227, 119, 194), Colour(188, 189, 34),
      Colour(23, 190, 207), Colour(60, 60, 120), Colour(160, 200, 140), Colour(250, 200, 120),
    ]
    return kinds[index % kinds.count]
  }

  /// From dark blue over green to yellow as the value goes from 0 to 1: evenly lighter, so it reads in grey too.
  public static func heat(_ value: Double) -> Colour {
    let stops: [(Double, Double, Double)] = [
      (68, 1, 84), (72, 40, 120), (62, 74, 137), (49, 104, 142), (38, 130, 142), (31, 158, 137),
      (53, 183, 121), (109, 205, 89), (180, 222, 44), (253, 231, 37),
    ]
    let place = min(max(value.isNaN ? 0 : value, 0), 1) * Double(stops.count - 1)
    let index = min(Int(place), stops.count - 2)
    let (low, high, share) = (stops[index], stops[index + 1], place - Double(index))
    func mix(_ one: Double, _ other: Double) -> UInt8 { UInt8((one + (other - one) * share).rounded()) }
    return Colour(mix(low.0, high.0), mix(low.1, high.1), mix(low.2, high.2))
  }
}

extension Colour {
  /// What a figure points at.
  package static let mark = Colour(214, 39, 40)

  /// From blue over near-white to red as the value goes from -1 over 0 to 1, for values whose sign matters.
  ///
  /// - Note: ColorBrewer's "RdBu" reversed (Brewer 2003), which readers with red-green blindness tell apart.
  public static func signed(_ value: Double) -> Colour {
    let stops: [(Double, Double, Double)] = [
      (33, 102, 172), (67, 147, 195), (146, 197, 222), (209, 229, 240), (247, 247, 247), (253, 219, 199),
      (244, 165, 130), (214, 96, 77), (178, 24, 43),
    ]
    let place = min(max(value.isNaN ? 0.5 : (value + 1) / 2, 0), 1) * Double(stops.count - 1)
    let index = min(Int(place), stops.count - 2)
    let (low, high, share) = (stops[index], stops[index + 1], place - Double(index))
    func mix(_ one: Double, _ other: Double) -> UInt8 { UInt8((one + (other - one) * share).rounded()) }
    return Colour(mix(low.0, high.0), mix(low.1, high.1), mix(low.2, high.2))
  }

  /// The colour of one of several things that have an order, such as layers: from dark to light.
  package static func ordinal(_ index: Int, of count: Int) -> Colour {
    .heat(count > 1 ? 0.85 * Double(index) / Double(count - 1) : 0.3)
  }
}
