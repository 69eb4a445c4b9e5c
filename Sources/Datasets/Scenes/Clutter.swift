/// Things that mean nothing: shapes and loose parts behind an object, and what stands in front of it.
enum Clutter {
  /// Paints what lies about behind an object.
  static func behind(_ easel: inout Easel, _ chance: inout Chance, _ sun: Sun) {
    let side = Float(easel.side)
    for _ in 0..<chance.integer(0...3) {
      let pose = place(&chance, side, scale: 0.08...0.22)
      let paint = Palette.surface(&chance, hue: chance.unit(), brightness: 0.2...0.95)
      easel.fill(
        shape(&chance), paint, pose, sun, softness: side / 64 * chance.number(1...4), contact: side / 40)
    }
    guard chance.happens(0.3) else { return }
    let palette = Palette(&chance)
    var sketch = Sketch()
    switch chance.integer(0...3) {
    case 0: sketch.wheel(.zero, 0.9, isSpoked: false, palette)
    case 1: sketch.eye(.zero, 0.6, palette)
    case 2: sketch.window([[-0.6, -0.6], [0.6, -0.6], [0.6, 0.6], [-0.6, 0.6]], palette)
    default: sketch.leg([0, -0.9], [0.1, 0], [0, 0.9], 0.2, 0.14, toe: 0.25, palette.main)
    }
    let pose = place(&chance, side, scale: 0.06...0.13)
    for stroke in sketch.strokes { easel.fill(stroke.outline, stroke.paint, pose, sun, contact: side / 40) }
  }

  /// Paints one thing in front of part of a box, given in pixels.
  static func before(
    _ easel: inout Easel, _ chance: inout Chance, _ sun: Sun, center: Point, reach: Float
  ) {
    let side = Float(easel.side)
    let paint = Palette.surface(&chance, hue: chance.unit(), brightness: 0.15...0.9)
    let softness = side / 64 * chance.number(1...2.5)
    let around = Point.direction(turns: chance.unit())
    let contact = side / 24
    switch chance.integer(0...2) {
    case 0:
      // A pole or a blade of grass across the whole picture.
      let pose = Pose(origin: center + around * reach * chance.number(0.15...0.7), scale: side)
      let along = Point.direction(
        turns: chance.happens(0.6) ? 0.25 + chance.number(-0.06...0.06) : chance.unit())
      let thick = chance.number(0.015...0.04)
      easel.fill(
        .taper(along * -1.5, along * 1.5, thick, thick * chance.number(0.5...1)), paint.bulging(thick), pose,
        sun,
        softness: softness, contact: contact)
    case 1:
      let pose = Pose(
        origin: center + around * reach * chance.number(0.55...0.95),
        scale: reach * chance.number(0.25...0.42),
        axis: .direction(turns: chance.unit()))
      easel.fill(shape(&chance), paint, pose, sun, softness: softness, contact: contact)
    default:
      // Leaves that hang in from an edge.
      for _ in 0..<3 {
        let pose = Pose(
          origin: center + (around + Point.direction(turns: chance.unit()) * 0.3) * reach * 0.95,
          scale: reach * chance.number(0.25...0.45), axis: .direction(turns: chance.unit()))
        easel.fill(
          .ellipse(.zero, [0.8, 0.28]), paint.shaded(chance.number(0.7...1.1)), pose, sun, softness: softness,
          contact: contact)
      }
    }
  }

  private static func place(_ chance: inout Chance, _ side: Float, scale: ClosedRange<Float>) -> Pose {
    Pose(
      origin: Point(chance.unit(), chance.unit()) * side, scale: side * chance.number(scale),
      axis: .direction(turns: chance.unit()))
  }

  private static func shape(_ chance: inout Chance) -> Outline {
    switch chance.integer(0...5) {
    case 0: .ellipse(.zero, [0.9, chance.number(0.4...0.9)])
    case 1: .box([-0.8, -0.5], [0.8, 0.5], rounding: 0.06)
    case 2: .polygon([[-0.8, 0.6], [0, -0.8], [0.8, 0.6]], rounding: 0.08)
    case 3: .taper([-1, 0], [1, 0], 0.14, chance.number(0.05...0.2))
    case 4: .ring(.zero, 0.6, thickness: chance.number(0.08...0.2))
    default: .curve([-0.9, 0.3], [0, chance.number(-1.2...0.2)], [0.9, 0.3], 0.16, 0.06)
    }
  }
}
