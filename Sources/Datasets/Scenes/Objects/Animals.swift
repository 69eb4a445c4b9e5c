extension Sketch {
  /// Seen from the side, facing right: standing, or in flight.
  mutating func bird(_ chance: inout Chance, _ palette: Palette) {
    let flies = chance.happens(0.35)
    let head = Point(chance.number(0.42...0.52), chance.number(-0.48 ... -0.32))
    let size = chance.number(0.2...0.25)
    let wing = palette.second.bulging(0.12)
    let tip = Point(-0.95, chance.number(-0.15...0.25))
    if flies {
      part(.wing, .curve([0.15, -0.05], [0.2, -0.5], [-0.1, -0.85], 0.2, 0.03), wing.shaded(0.7))
    } else {
      for column in [-0.02, 0.18] as [Float] {
        leg([column, 0.3], [column - 0.05, 0.55], [column, 0.82], 0.05, 0.035, toe: 0.13, palette.accent)
      }
    }
    part(
      .tail, .polygon([[-0.3, -0.02], tip + [0, -0.1], tip + [0.04, 0.14], [-0.3, 0.2]], rounding: 0.03),
      palette.second.bulging(0.06))
    part(.beak) { beak in
      let reach = chance.number(0.22...0.36)
      beak.fill(
        .polygon(
          [head + [size * 0.7, -0.1], head + [size + reach, 0.04], head + [size * 0.7, 0.1]], rounding: 0.015),
        palette.accent.bulging(0.06))
    }
    part(.body) { body in
      let trunk = Outline.ellipse([-0.02, 0.06], [0.5, 0.32], turns: chance.number(-0.09 ... -0.03))
      body.fill(trunk.joined(.circle(head, size), blend: 0.3), palette.main.bulging(0.3))
    }
    eye(head + [size * 0.35, -size * 0.2], 0.075, palette)
    if flies {
      part(.wing, .curve([0.1, 0.02], [-0.05, -0.45], [-0.5, -0.8], 0.22, 0.04), wing)
    } else {
      part(.wing, .curve([0.18, 0.02], [-0.1, 0.2], [-0.6, 0.12], 0.2, 0.04), wing)
    }
  }

  /// Seen from the side, facing right.
  mutating func fish(_ chance: inout Chance, _ palette: Palette) {
    let height = chance.number(0.3...0.48)
    let fork = chance.number(0.3...0.46)
    part(
      .tail, .polygon([[-0.42, 0], [-0.95, -fork], [-0.8, 0], [-0.95, fork]], rounding: 0.03),
      palette.second.bulging(0.06))
    part(
      .fin,
      .polygon(
        [[-0.3, -height * 0.7], [-0.1, -height - 0.24], [0.2, -height - 0.12], [0.35, -height * 0.75]],
        rounding: 0.03), palette.second.bulging(0.06))
    part(
      .fin,
      .polygon([[-0.15, height * 0.7], [-0.2, height + 0.18], [0.12, height * 0.85]], rounding: 0.03),
      palette.second.bulging(0.06))
    part(
      .body,
      Outline.ellipse([0.14, 0], [0.68, height]).joined(.taper([-0.5, 0], [0, 0], 0.08, 0.15), blend: 0.3),
      palette.main.bulging(0.3))
    fill(.curve([0.38, -height * 0.6], [0.26, 0], [0.38, height * 0.6], 0.018, 0.018), palette.dark)
    fill(.curve([0.8, 0.1], [0.7, 0.12], [0.64, 0.08], 0.02, 0.015), palette.dark)
    part(
      .fin, .polygon([[0.22, 0.05], [-0.1, 0.24], [-0.04, 0.02]], rounding: 0.025),
      palette.second.bulging(0.05))
    eye([0.56, -height * 0.25], 0.09, palette)
  }

  /// Standing, facing right; or sitting, seen from the front.
  mutating func cat(_ chance: inout Chance, _ palette: Palette) {
    let sits = chance.happens(0.4)
    let fur = palette.main.bulging(0.2)
    let head: Point
    if sits {
      head = [0, -0.42]
      let side: Float = chance.happens(0.5) ? 1 : -1
      part(
        .tail,
        .curve(
          [0.25 * side, 0.75], [0.95 * side, 0.8], [0.72 * side, chance.number(-0.1...0.25)], 0.09, 0.06), fur
      )
      part(
        .body,
        Outline.ellipse([0, 0.4], [0.4, 0.45]).joined(.taper([0, -0.1], [0, 0.3], 0.22, 0.3), blend: 0.2),
        palette.main.bulging(0.3))
      for column in [-0.13, 0.13] as [Float] {
        leg([column, 0.25], [column, 0.5], [column, 0.82], 0.09, 0.075, toe: 0.02, fur)
      }
    } else {
      head = [chance.number(0.48...0.58), chance.number(-0.4 ... -0.25)]
      for column in [-0.42, 0.3] as [Float] {
        leg([column, 0.15], [column + 0.05, 0.45], [column, 0.76], 0.1, 0.06, toe: 0.05, fur.shaded(0.6))
      }
      part(
        .tail,
        .curve(
          [-0.55, 0.02], [-1.0, chance.number(-0.2...0.1)], [chance.number(-0.95 ... -0.7), -0.62], 0.08,
          0.055), fur)
      part(
        .body,
        Outline.taper([-0.42, 0.05], [0.32, 0.02], 0.25, 0.23).joined(
          .taper([0.3, 0], head, 0.16, 0.16), blend: 0.1), palette.main.bulging(0.24))
      for column in [-0.55, 0.42] as [Float] {
        leg([column, 0.15], [column + 0.03, 0.48], [column, 0.8], 0.1, 0.06, toe: 0.05, fur)
      }
    }
    part(.head) { part in
      for side in [-1, 1] as [Float] {
        part.part(.ear) { ear in
          let root = head + [0.15 * side, -0.14]
          ear.fill(
            .polygon(
              [root + [-0.11, 0], root + [0.06 * side, -0.26], root + [0.11, 0.02]], rounding: 0.02),
            fur.bulging(0.08))
          ear.fill(
            .polygon(
              [root + [-0.05, -0.02], root + [0.05 * side, -0.17], root + [0.06, 0]], rounding: 0.01),
            palette.accent.bulging(0.02))
        }
      }
      part.fill(.ellipse(head, [0.3, 0.26]), palette.main.bulging(0.22))
      part.fill(.ellipse(head + [0, 0.12], [0.13, 0.09]), palette.second.bulging(0.08))
    }
    for side in [-1, 1] as [Float] { eye(head + [0.125 * side, -0.04], 0.075, palette) }
    fill(
      .polygon([head + [-0.04, 0.06], head + [0.04, 0.06], head + [0, 0.11]], rounding: 0.01), palette.dark)
  }

  /// Seen from above, one side nearer than the other.
  mutating func butterfly(_ chance: inout Chance, _ palette: Palette) {
    let fold = chance.number(0.5...1)
    let tilt = chance.number(-0.09...0.02)
    let size = chance.number(0.85...1.05)
    for (side, width) in [(-1, fold), (1, 1)] as [(Float, Float)] {
      let across = side * width
      part(.wing) { wing in
        wing.fill(
          Outline.ellipse([0.42 * across, 0.34], [0.34 * width, 0.34 * size], turns: 0.08 * side).joined(
            .taper([0, 0.1], [0.3 * across, 0.3], 0.08, 0.15), blend: 0.08), palette.second.bulging(0.08))
        wing.fill(.circle([0.46 * across, 0.4], 0.1 * width), palette.accent.bulging(0.02))
      }
      part(.wing) { wing in
        let top = Outline.ellipse([0.52 * across, -0.34], [0.44 * width, 0.34 * size], turns: tilt * side)
        wing.fill(
          top.joined(.taper([0, -0.05], [0.4 * across, -0.25], 0.1, 0.18), blend: 0.08),
          palette.main.bulging(0.1))
        wing.fill(.ellipse([0.66 * across, -0.38], [0.13 * width, 0.12]), palette.accent.bulging(0.02))
      }
      fill(
        .curve([0.02 * side, -0.42], [0.06 * side, -0.7], [0.26 * across, -0.86], 0.022, 0.03), palette.dark)
    }
    part(
      .body, Outline.taper([0, -0.4], [0, 0.55], 0.085, 0.05), palette.dark.shaded(2).bulging(0.08))
    for side in [-1, 1] as [Float] { eye([0.055 * side, -0.46], 0.045, palette) }
  }
}
