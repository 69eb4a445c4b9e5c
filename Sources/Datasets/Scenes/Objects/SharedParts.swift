/// Parts that several objects have, drawn alike on all of them.
extension Sketch {
  /// A tyre around a hub, or around spokes.
  mutating func wheel(_ center: Point, _ radius: Float, isSpoked: Bool, _ palette: Palette) {
    part(.wheel) { sketch in
      guard isSpoked else {
        sketch.fill(.circle(center, radius), palette.dark.bulging(radius * 0.4))
        sketch.fill(.circle(center, radius * 0.55), palette.accent.bulging(radius * 0.3))
        sketch.fill(.circle(center, radius * 0.18), palette.dark.bulging(0.02))
        return
      }
      for spoke in 0..<4 {
        let along = Point.direction(turns: Float(spoke) / 8 + 0.05) * radius
        sketch.fill(.taper(center - along, center + along, 0.012, 0.012), palette.accent.bulging(0.01))
      }
      sketch.fill(.ring(center, radius, thickness: 0.055), palette.dark.bulging(0.05))
      sketch.fill(.circle(center, 0.06), palette.accent.bulging(0.05))
    }
  }

  /// A white ball with a pupil and a glint.
  mutating func eye(_ center: Point, _ radius: Float, _ palette: Palette) {
    part(.eye) { sketch in
      sketch.fill(.circle(center, radius), Paint(.grey(0.95), bulge: radius, gloss: 0.3))
      sketch.fill(.circle(center + [radius * 0.15, 0], radius * 0.6), palette.dark.bulging(radius * 0.3))
      sketch.fill(
        .circle(center + [-radius * 0.05, -radius * 0.25], radius * 0.2), Paint(.grey(1), bulge: 0.01))
    }
  }

  /// A pane in a frame.
  mutating func window(_ corners: [Point], _ palette: Palette, rounding: Float = 0.02) {
    part(.window) { sketch in
      sketch.fill(.polygon(corners, rounding: rounding + 0.03), palette.second.shaded(0.6).bulging(0.03))
      sketch.fill(.polygon(corners, rounding: rounding), palette.glass)
    }
  }

  /// A limb with a foot.
  mutating func leg(
    _ hip: Point, _ knee: Point, _ foot: Point, _ start: Float, _ end: Float, toe: Float, _ paint: Paint
  ) {
    part(.leg) { sketch in
      sketch.fill(
        Outline.path([hip, knee, foot], start, end).joined(.taper(foot, foot + [toe, 0], end, end * 0.9)),
        paint.bulging(max(start, end)))
    }
  }
}
