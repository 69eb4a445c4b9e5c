/// Red, green and blue as amounts of light, 0 to 1 (the square of what a screen is sent).
typealias Light = SIMD3<Float>

extension Light {
  /// A colour by hue in turns, saturation and brightness as a screen shows them.
  static func hue(_ hue: Float, saturation: Float, brightness: Float) -> Light {
    let turn = Light(repeating: hue) - [0, 1 / 3, 2 / 3]
    let apart = turn - turn.rounded(.toNearestOrAwayFromZero)
    let strength = (2 - 6 * pointwiseMax(apart, -apart)).bounded
    let shown = brightness * (1 - saturation + saturation * strength)
    return shown * shown
  }

  /// A grey as a screen shows it.
  static func grey(_ brightness: Float) -> Light { Light(repeating: brightness * brightness) }

  func mixed(with other: Light, _ share: Float) -> Light { self + (other - self) * share }

  /// Each amount brought into 0 to 1.
  var bounded: Light {
    let lifted = replacing(with: 0, where: self .< 0)
    return lifted.replacing(with: 1, where: lifted .> 1)
  }

  /// How far apart two colours look.
  func contrast(to other: Light) -> Float {
    let apart = squareRoot() - other.squareRoot()
    return (0.3 * apart.x * apart.x + 0.5 * apart.y * apart.y + 0.2 * apart.z * apart.z).squareRoot()
  }
}

/// What a surface looks like before light falls on it.
struct Paint {
  enum Pattern: CaseIterable {
    case plain, stripes, spots, checks, mottled, fading
  }

  var first: Light
  var second: Light
  var pattern = Pattern.plain
  /// Repeats of the pattern a unit, its direction and where it begins.
  var frequency: Float = 5
  var axis: Point = [1, 0]
  var lattice: UInt32 = 0
  /// How far from its edge the surface is still rounded.
  var bulge: Float = 0.15
  var gloss: Float = 0.1

  init(_ colour: Light, bulge: Float = 0.15, gloss: Float = 0.1) {
    first = colour
    second = colour
    self.bulge = bulge
    self.gloss = gloss
  }

  /// The same surface, rounded differently.
  func bulging(_ bulge: Float) -> Paint {
    var paint = self
    paint.bulge = bulge
    return paint
  }

  /// The same surface in another depth of shade.
  func shaded(_ factor: Float) -> Paint {
    var paint = self
    paint.first = (first * factor).bounded
    paint.second = (second * factor).bounded
    return paint
  }

  /// The colour at a point of the drawing's own coordinates.
  func colour(at point: Point) -> Light {
    let own = point.turnedBack(by: axis) * frequency
    switch pattern {
    case .plain: return first
    case .stripes: return first.mixed(with: second, Self.step(Point.wave(own.x)))
    case .spots:
      let cell = (own + 0.5).floored
      let jitter = Point(
        Noise.value(Int32(cell.x), Int32(cell.y), lattice), Noise.value(Int32(cell.y), Int32(cell.x), lattice)
      )
      let apart = (own - cell - (jitter - 0.5) * 0.4).length
      return first.mixed(with: second, min(max((0.32 - apart) * 8, 0), 1))
    case .checks:
      return first.mixed(with: second, Self.step(Point.wave(own.x * 0.5) * Point.wave(own.y * 0.5)))
    case .mottled: return first.mixed(with: second, Noise.cloud(own, lattice))
    case .fading: return first.mixed(with: second, min(max(0.5 + own.x / frequency * 0.6, 0), 1))
    }
  }

  private static func step(_ wave: Float) -> Float { min(max(wave * 3 + 0.5, 0), 1) }
}

/// Smooth noise from a lattice of hashed values.
enum Noise {
  /// The value at a lattice point, 0 to 1.
  static func value(_ column: Int32, _ row: Int32, _ lattice: UInt32) -> Float {
    var mixed = UInt32(bitPattern: column) &* 0x9E37_79B1 ^ UInt32(bitPattern: row) &* 0x85EB_CA77 ^ lattice
    mixed = (mixed ^ (mixed >> 15)) &* 0x2C1B_3C6D
    mixed = (mixed ^ (mixed >> 12)) &* 0x297A_2D39
    return Float((mixed ^ (mixed >> 15)) >> 8) * 0x1p-24
  }

  /// Values of the lattice, eased from one point to the next.
  static func smooth(_ point: Point, _ lattice: UInt32) -> Float {
    let corner = point.floored
    var along = point - corner
    along = along * along * (3 - 2 * along)
    let (column, row) = (Int32(corner.x), Int32(corner.y))
    let above = value(column, row, lattice)
    let aboveRight = value(column &+ 1, row, lattice)
    let below = value(column, row &+ 1, lattice)
    let belowRight = value(column &+ 1, row &+ 1, lattice)
    let top = above + (aboveRight - above) * along.x
    let bottom = below + (belowRight - below) * along.x
    return top + (bottom - top) * along.y
  }

  /// Two octaves of it.
  static func cloud(_ point: Point, _ lattice: UInt32) -> Float {
    smooth(point, lattice) * 0.67 + smooth(point * 2.17, lattice ^ 0x5bd1e995) * 0.33
  }
}
