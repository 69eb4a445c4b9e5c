extension Sketch {
  /// Seen from the front and a little above.
  mutating func chair(_ chance: inout Chance, _ palette: Palette) {
    let skew = chance.number(-0.22...0.22)
    let top = chance.number(-0.92 ... -0.7)
    let thick = chance.number(0.05...0.075)
    let wood = palette.main.bulging(thick)
    let (left, right) = (Point(-0.38 + skew, 0.08), Point(0.38 + skew, 0.08))
    for hip in [left, right] {
      leg(hip, hip + [0, 0.35], hip + [0, 0.66], thick, thick * 0.8, toe: 0, wood.shaded(0.6))
    }
    part(.back) { back in
      let lean = Point(skew * 0.3, 0)
      let (leftTop, rightTop) = (Point(left.x, top) + lean, Point(right.x, top) + lean)
      if chance.happens(0.4) {
        back.fill(.polygon([left, leftTop, rightTop, right], rounding: 0.04), palette.second.bulging(0.1))
      } else if chance.happens(0.5) {
        for share in [0.25, 0.5, 0.75] as [Float] {
          back.fill(
            .taper(left + (right - left) * share, leftTop + (rightTop - leftTop) * share, 0.035, 0.035), wood)
        }
      } else {
        for share in [0.25, 0.55] as [Float] {
          back.fill(
            .taper(left + (leftTop - left) * share, right + (rightTop - right) * share, 0.05, 0.05), wood)
        }
      }
      back.fill(.taper(left, leftTop, thick, thick), wood)
      back.fill(.taper(right, rightTop, thick, thick), wood)
      back.fill(.taper(leftTop, rightTop, thick * 1.3, thick * 1.3), wood)
    }
    let (frontLeft, frontRight) = (Point(-0.5, 0.3), Point(0.5, 0.3))
    for hip in [frontLeft, frontRight] {
      leg(hip + [0, 0.02], hip + [0, 0.35], hip + [0, 0.66], thick, thick * 0.8, toe: 0, wood)
    }
    part(.seat) { seat in
      seat.fill(.polygon([left, right, frontRight, frontLeft], rounding: 0.06), palette.second.bulging(0.08))
      seat.fill(.taper(frontLeft + [0, 0.05], frontRight + [0, 0.05], 0.045, 0.045), wood)
    }
  }

  /// Seen from the front.
  mutating func house(_ chance: inout Chance, _ palette: Palette) {
    let half = chance.number(0.55...0.75)
    let eaves = chance.number(-0.2...0)
    let ridge = chance.number(-0.9 ... -0.65)
    let flat = chance.happens(0.4) ? chance.number(0.2...0.4) : 0.02
    if chance.happens(0.7) {
      let column = chance.pick([-0.4, 0.4]) as Float
      fill(.box([column - 0.09, ridge - 0.02], [column + 0.09, eaves]), palette.accent.bulging(0.04))
    }
    part(.body, .box([-half, eaves], [half, 0.78]), palette.main.bulging(0.05))
    part(
      .roof,
      .polygon(
        [[-half - 0.14, eaves + 0.03], [-flat, ridge], [flat, ridge], [half + 0.14, eaves + 0.03]],
        rounding: 0.03), palette.second.bulging(0.06))
    let door = chance.pick([-0.3, 0, 0.3]) as Float
    let sill = eaves + 0.5
    for column in [-0.36, 0, 0.36] as [Float] where abs(column * half / 0.6 - door) > 0.22 {
      let center = Point(column * half / 0.6, sill - 0.12)
      let size = Point(0.105, chance.number(0.1...0.14))
      window(
        [center - size, center + [size.x, -size.y], center + size, center + [-size.x, size.y]], palette)
      fill(
        .taper(center - [0, size.y], center + [0, size.y], 0.014, 0.014), palette.second.shaded(0.6))
      fill(
        .taper(center - [size.x, 0], center + [size.x, 0], 0.014, 0.014), palette.second.shaded(0.6))
    }
    part(.door) { part in
      part.fill(
        .box([door - 0.15, 0.26], [door + 0.15, 0.78], rounding: 0.03),
        palette.second.shaded(0.6).bulging(0.04))
      part.fill(.box([door - 0.11, 0.3], [door + 0.11, 0.78], rounding: 0.02), palette.accent.bulging(0.03))
      part.part(.handle, .circle([door + 0.07, 0.55], 0.03), palette.dark)
    }
  }

  /// Seen from the side, its spout to the right.
  mutating func teapot(_ chance: inout Chance, _ palette: Palette) {
    let width = chance.number(0.44...0.56)
    let height = chance.number(0.36...0.48)
    let center = Point(-0.02, 0.18)
    part(.handle) { handle in
      let (top, bottom) = (center + [-width * 0.7, -height * 0.6], center + [-width * 0.75, height * 0.55])
      handle.fill(
        .curve(top, center + [-width - 0.75, -0.1], bottom, 0.065, 0.055), palette.second.bulging(0.06))
    }
    part(
      .spout,
      .curve(
        center + [width * 0.7, 0.1], center + [width + 0.2, 0.05], center + [width + 0.36, -height - 0.02],
        0.16, 0.06), palette.main.bulging(0.1))
    fill(
      .box(center + [-width * 0.55, height * 0.8], center + [width * 0.55, height + 0.07], rounding: 0.04),
      palette.second.bulging(0.05))
    part(.body, .ellipse(center, [width, height]), palette.main.bulging(0.3))
    part(.lid) { lid in
      let rim = center - [0, height * 0.86]
      lid.fill(.ellipse(rim, [width * 0.55, 0.1]), palette.second.bulging(0.08))
      lid.fill(.ellipse(rim - [0, 0.05], [width * 0.42, 0.1]), palette.second.bulging(0.08))
      lid.fill(.circle(rim - [0, 0.19], chance.number(0.06...0.09)), palette.accent.bulging(0.08))
    }
  }
}
