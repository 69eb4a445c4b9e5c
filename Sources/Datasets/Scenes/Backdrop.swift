/// What stands behind an object: open country, a room, a surface, or leaves out of focus.
struct Backdrop {
  private enum Kind: CaseIterable {
    case country, room, surface, leaves
  }

  private let kind: Kind
  private let far: Paint
  private let near: Paint
  /// Where the ground begins, as a share of the rows.
  private let horizon: Float
  private let lattice: UInt32
  private let roughness: Float

  init(_ chance: inout Chance) {
    kind = chance.pick(Kind.allCases)
    let hue = chance.unit()
    let isBright = chance.happens(0.5)
    far = Self.paint(&chance, hue: hue, isBright: isBright)
    near = Self.paint(&chance, hue: hue + chance.number(-0.3...0.3), isBright: chance.happens(0.5))
    horizon = chance.number(0.5...0.85)
    lattice = chance.lattice()
    roughness = chance.number(0.02...0.12)
  }

  private static func paint(_ chance: inout Chance, hue: Float, isBright: Bool) -> Paint {
    var paint = Palette.surface(&chance, hue: hue, brightness: isBright ? 0.55...0.95 : 0.15...0.5)
    // Quieter than what stands before it.
    paint.first = paint.first.mixed(with: Light(repeating: paint.first.sum() / 3), 0.35)
    paint.second = paint.second.mixed(with: paint.first, chance.number(0.3...0.8))
    return paint
  }

  /// Paints every pixel of an easel.
  func paint(_ easel: inout Easel, _ chance: inout Chance, _ sun: Sun) {
    let side = easel.side
    let unit = 2 / Float(side)
    let line = horizon * 2 - 1
    for row in 0..<side {
      let down = (Float(row) + 0.5) * unit - 1
      for column in 0..<side {
        let point = Point((Float(column) + 0.5) * unit - 1, down)
        easel.pixels[row * side + column] = SIMD4(colour(at: point, line), 1)
      }
    }
    if kind == .leaves {
      let pose = Pose(origin: Point(repeating: Float(side) / 2), scale: Float(side) / 2)
      for _ in 0..<10 {
        let spot = Point(chance.number(-1...1), chance.number(-1...1))
        let colour = chance.happens(0.5) ? far.second : near.first
        let leaf = Outline.ellipse(
          spot, [chance.number(0.12...0.35), chance.number(0.08...0.2)], turns: chance.unit())
        easel.fill(
          leaf, Paint(colour * chance.number(0.6...1.2), bulge: 0.1), pose, sun, softness: Float(side) / 14)
      }
    }
  }

  private func colour(at point: Point, _ line: Float) -> Light {
    let grain = 1 + roughness * (Noise.smooth(point * 14, lattice) - 0.5) * 2
    switch kind {
    case .country:
      let hills = line + (Noise.smooth(Point(point.x * 1.7 + 9, 0), lattice) - 0.5) * 0.5
      if point.y > line {
        // The pattern of the ground widens towards the viewer.
        let depth = 0.35 / (point.y - line + 0.25)
        return near.colour(at: Point(point.x * depth, depth * 1.5)) * grain
      }
      let air = (point.y + 1) / (line + 1.001)
      if point.y > hills { return near.first.mixed(with: far.first, 0.45) * (0.7 * grain) }
      let cloud = max(Noise.cloud(Point(point.x * 1.6, point.y * 3.2), lattice) - 0.5, 0) * 1.5
      return far.first.mixed(with: Light(repeating: 0.9), min(cloud + air * 0.35, 1))
    case .room:
      if point.y > line {
        let depth = 0.5 / (point.y - line + 0.4)
        return near.colour(at: Point(point.x * depth, depth * 1.5)) * grain
      }
      if point.y > line - 0.05 { return near.first * 0.55 }
      return far.colour(at: point) * (grain * (0.8 + 0.2 * (point.y + 1)))
    case .surface: return far.colour(at: point * 0.8) * grain
    case .leaves: return far.first.mixed(with: near.first, Noise.smooth(point * 2.2, lattice)) * grain
    }
  }
}
