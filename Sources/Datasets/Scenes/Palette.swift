/// The surfaces of one object, drawn without regard to what it is.
struct Palette {
  var main: Paint
  var second: Paint
  var accent: Paint
  /// Rubber, pupils, lines.
  var dark: Paint
  /// Windows.
  var glass: Paint

  init(_ chance: inout Chance) {
    let hue = chance.unit()
    let other = hue + chance.pick([0.08, -0.08, 0.33, 0.5, 0.62])
    let bright = chance.happens(0.6)
    main = Self.surface(&chance, hue: hue, brightness: bright ? 0.6...1 : 0.22...0.6)
    second = Self.surface(&chance, hue: other, brightness: bright ? 0.25...0.7 : 0.55...1)
    accent = Paint(
      .hue(chance.unit(), saturation: chance.number(0.3...0.9), brightness: chance.number(0.45...1)),
      gloss: 0.2)
    dark = Paint(
      .hue(chance.unit(), saturation: chance.number(0...0.4), brightness: chance.number(0.08...0.25)),
      bulge: 0.05)
    glass = Paint(
      .hue(
        chance.number(0.48...0.66), saturation: chance.number(0.05...0.5),
        brightness: chance.number(0.2...0.95)),
      bulge: 0.03, gloss: 0.5)
    glass.second = Light(repeating: 0.9)
    glass.pattern = .fading
    glass.axis = .direction(turns: chance.unit())
  }

  /// A surface with a pattern, more often plain than not.
  static func surface(_ chance: inout Chance, hue: Float, brightness: ClosedRange<Float>) -> Paint {
    let saturation = chance.happens(0.25) ? chance.number(0...0.15) : chance.number(0.2...0.9)
    let shown = chance.number(brightness)
    var paint = Paint(.hue(hue, saturation: saturation, brightness: shown))
    let offset = chance.number(0.2...0.45)
    paint.second = .hue(
      hue + chance.number(-0.12...0.12), saturation: saturation * chance.number(0.3...1),
      brightness: shown > 0.55 ? shown - offset : shown + offset)
    paint.pattern =
      chance.happens(0.5) ? .plain : chance.pick([.stripes, .spots, .checks, .mottled, .mottled, .fading])
    paint.frequency = chance.number(3...7)
    paint.axis = .direction(turns: chance.unit())
    paint.lattice = chance.lattice()
    paint.gloss = chance.happens(0.4) ? chance.number(0.2...0.6) : 0.04
    return paint
  }
}
