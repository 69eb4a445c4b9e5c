extension Sketch {
  /// Seen from the side, facing right.
  mutating func car(_ chance: inout Chance, _ palette: Palette) {
    let top = chance.number(-0.62 ... -0.45)
    let rear = chance.number(-0.78 ... -0.4)
    let front = chance.number(0.1...0.32)
    let hood = chance.number(-0.12 ... -0.02)
    let low = chance.number(0.28...0.36)
    part(.body) { body in
      body.fill(
        .polygon(
          [
            [rear - 0.1, hood + 0.05], [rear + 0.08, top], [front, top], [front + 0.3, hood + 0.05],
          ], rounding: 0.06), palette.main)
      body.fill(
        .polygon(
          [[-0.9, hood], [0.45, hood], [0.88, hood + 0.12], [0.92, low], [-0.9, low]], rounding: 0.07),
        palette.main)
      body.fill(.taper([-0.93, low], [0.95, low], 0.045, 0.045), palette.second.bulging(0.04))
    }
    let middle = (rear + front) / 2 + 0.08
    let sill = hood - 0.04
    window(
      [
        [rear + 0.03, sill], [rear + 0.14, top + 0.07], [middle - 0.05, top + 0.07], [middle - 0.05, sill],
      ], palette)
    window(
      [
        [middle + 0.05, sill], [middle + 0.05, top + 0.07], [front - 0.03, top + 0.07], [front + 0.18, sill],
      ], palette)
    part(.door) { door in
      door.fill(.taper([middle, hood], [middle, low], 0.012, 0.012), palette.dark)
      door.part(
        .handle, .taper([middle - 0.2, hood + 0.12], [middle - 0.08, hood + 0.12], 0.025, 0.025), palette.dark
      )
    }
    fill(
      .ellipse([0.9, hood + 0.2], [0.05, 0.07]), Paint(.hue(0.14, saturation: 0.4, brightness: 1), gloss: 0.6)
    )
    let radius = chance.number(0.19...0.25)
    for column in [-0.55, 0.55] as [Float] {
      fill(.circle([column, low], radius + 0.05), palette.dark.shaded(0.5))
      wheel([column, low + 0.02], radius, isSpoked: false, palette)
    }
  }

  /// Seen from the side, facing right.
  mutating func bicycle(_ chance: inout Chance, _ palette: Palette) {
    let radius = chance.number(0.36...0.42)
    let (rear, front) = (Point(-0.56, 0.28), Point(0.58, 0.28))
    let crank = Point(-0.08, 0.3)
    let seat = Point(chance.number(-0.34 ... -0.24), chance.number(-0.38 ... -0.26))
    let head = Point(0.38, chance.number(-0.36 ... -0.26))
    wheel(rear, radius, isSpoked: true, palette)
    wheel(front, radius, isSpoked: true, palette)
    part(.body) { body in
      let thick = chance.number(0.045...0.065)
      for (from, to) in [
        (rear, crank), (rear, seat), (crank, seat), (crank, head), (seat, head), (head, front),
      ] {
        body.fill(.taper(from, to, thick, thick), palette.main.bulging(thick))
      }
      body.fill(.circle(crank, 0.1), palette.second.bulging(0.05))
      body.fill(.taper(crank - [0.05, 0.12], crank + [0.05, 0.12], 0.03, 0.03), palette.dark)
    }
    let post = seat + [-0.04, -0.14]
    fill(.taper(seat, post, 0.035, 0.035), palette.dark)
    part(
      .seat, .taper(post + [-0.12, -0.02], post + [0.14, 0], 0.07, 0.035), palette.second.bulging(0.05))
    let stem = head + [-0.04, -0.2]
    part(.handle) { handle in
      handle.fill(.taper(head, stem, 0.035, 0.035), palette.dark)
      if chance.happens(0.5) {
        handle.fill(
          .curve(stem, stem + [0.28, -0.04], stem + [0.18, 0.18], 0.04, 0.045), palette.dark.bulging(0.04))
      } else {
        handle.fill(
          .curve(stem, stem + [0.02, -0.14], stem + [-0.22, -0.08], 0.04, 0.05), palette.dark.bulging(0.04))
      }
    }
  }

  /// Seen from the side and a little above, facing right.
  mutating func airplane(_ chance: inout Chance, _ palette: Palette) {
    let sweep = chance.number(0.15...0.5)
    let span = chance.number(0.55...0.8)
    let girth = chance.number(0.13...0.18)
    let wing = palette.second.bulging(0.05)
    part(
      .wing,
      .polygon(
        [[0.2, -0.05], [0.2 - sweep, -span * 0.85], [0.02 - sweep, -span * 0.85], [-0.2, -0.05]],
        rounding: 0.02), wing.shaded(0.75))
    part(
      .tail, .polygon([[-0.5, -0.02], [-0.8, -0.5], [-0.97, -0.5], [-0.88, 0]], rounding: 0.02),
      palette.second.bulging(0.05))
    if chance.happens(0.4) {
      for column in [-0.1, 0.5] as [Float] {
        fill(.taper([column, 0.1], [column, 0.32], 0.025, 0.025), palette.dark)
        wheel([column, 0.36], 0.08, isSpoked: false, palette)
      }
    }
    part(
      .body,
      .path([[-0.85, -0.02], [-0.4, 0], [0.6, 0.02], [0.86, 0.05]], girth * 0.5, girth).joined(
        .taper([0.2, 0.01], [-0.4, 0], girth, girth), blend: 0.1), palette.main.bulging(girth))
    part(
      .tail, .polygon([[-0.62, 0], [-0.9, 0.2], [-1.0, 0.2], [-0.85, 0]], rounding: 0.02),
      palette.second.bulging(0.04))
    let count = chance.integer(3...5)
    for index in 0..<count {
      let column = -0.32 + 0.8 * Float(index) / Float(count)
      part(.window, .ellipse([column, -0.045], [0.04, 0.045]), palette.glass)
    }
    window([[0.66, -0.08], [0.78, -0.08], [0.88, 0.01], [0.66, 0.01]], palette, rounding: 0.005)
    part(
      .wing,
      .polygon(
        [[0.25, 0.08], [0.1 - sweep, span], [-0.12 - sweep, span], [-0.22, 0.08]], rounding: 0.02), wing)
    if chance.happens(0.5) {
      let place = Point(0.08 - sweep * 0.4, span * 0.5)
      fill(.taper(place, place + [0.2, 0], 0.075, 0.085), palette.accent.bulging(0.08))
    }
  }
}
