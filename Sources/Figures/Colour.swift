/// An opaque colour, 0...255 a channel.
public struct Colour: Hashable, Sendable {
  public var red: UInt8
  public var green: UInt8
  public var blue: UInt8
  /// What stands in its place on a dark page; nil where the colour is the same there, as colours of data are.
  let dark: [UInt8]?

  /// Red, green and blue, 0...255, in sRGB.
  public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
    self.init(red, green, blue, dark: nil)
  }

  private init(_ red: UInt8, _ green: UInt8, _ blue: UInt8, dark: [UInt8]?) {
    self.red = red
    self.green = green
    self.blue = blue
    self.dark = dark
  }

  public static let ink = Colour(30, 30, 30, dark: [232, 234, 237])
  public static let soft = Colour(100, 100, 100, dark: [167, 173, 180])
  public static let line = Colour(217, 220, 224, dark: [58, 63, 69])
  public static let paper = Colour(255, 255, 255, dark: [23, 25, 27])

  var hexadecimal: String { Self.hexadecimal([red, green, blue]) }

  static func hexadecimal(_ channels: [UInt8]) -> String {
    "#" + channels.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// A colour of its own for each of a few kinds, which colour-blind readers tell apart too; they repeat after seven.
  ///
  /// - Note: Okabe & Ito 2008, "Color Universal Design", without yellow, which is hard to see on white.
  public static func kind(_ index: Int) -> Colour {
    let kinds = [
      Colour(0, 114, 178, dark: [60, 145, 215]), Colour(213, 94, 0), Colour(0, 158, 115),
      Colour(204, 121, 167), Colour(230, 159, 0), Colour(86, 180, 233), ink,
    ]
    return kinds[index % kinds.count]
  }

  /// From dark blue over green to yellow as the value goes from 0 to 1: evenly lighter, so it reads in grey too.
  ///
  /// - Note: Ten colours of matplotlib's "viridis" (Smith and van der Walt 2015), and what lies between them.
  public static func heat(_ value: Double) -> Colour {
    let stops: [(Double, Double, Double)] = [
      (68, 1, 84), (72, 40, 120), (62, 74, 137), (49, 104, 142), (38, 130, 142), (31, 158, 137),
      (53, 183, 121), (109, 205, 89), (180, 222, 44), (253, 231, 37),
    ]
    return between(stops, at: value.isNaN ? 0 : value)
  }

  /// From blue over near-white to red as the value goes from -1 over 0 to 1, for values whose sign matters.
  ///
  /// - Note: ColorBrewer's "RdBu" reversed (Brewer 2003), which readers with red-green blindness tell apart.
  public static func signed(_ value: Double) -> Colour {
    let stops: [(Double, Double, Double)] = [
      (33, 102, 172), (67, 147, 195), (146, 197, 222), (209, 229, 240), (247, 247, 247), (253, 219, 199),
      (244, 165, 130), (214, 96, 77), (178, 24, 43),
    ]
    return between(stops, at: value.isNaN ? 0.5 : (value + 1) / 2)
  }

  private static func between(_ stops: [(Double, Double, Double)], at share: Double) -> Colour {
    let place = min(max(share, 0), 1) * Double(stops.count - 1)
    let index = min(Int(place), stops.count - 2)
    let (low, high, part) = (stops[index], stops[index + 1], place - Double(index))
    func mix(_ one: Double, _ other: Double) -> UInt8 { UInt8((one + (other - one) * part).rounded()) }
    return Colour(mix(low.0, high.0), mix(low.1, high.1), mix(low.2, high.2))
  }
}

extension Colour {
  /// What a figure points at.
  package static let mark = Colour(214, 39, 40)

  /// The colour of one of several things that have an order, such as layers: from dark to light, and lighter on a dark
  /// page, where the darkest would not be seen.
  package static func ordinal(_ index: Int, of count: Int) -> Colour {
    let share = count > 1 ? Double(index) / Double(count - 1) : 0.35
    let (light, dark) = (heat(0.85 * share), heat(0.4 + 0.6 * share))
    return Colour(light.red, light.green, light.blue, dark: [dark.red, dark.green, dark.blue])
  }

  /// The same colour on light and dark pages, as what stands on a picture or explains one has to be.
  package var fixed: Colour { Colour(red, green, blue) }
}
