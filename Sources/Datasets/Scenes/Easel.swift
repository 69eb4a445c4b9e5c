/// Where the light of a scene comes from.
struct Sun {
  /// Towards it: right, down, and out of the picture; a unit vector.
  let direction: SIMD3<Float>
  /// Halfway between it and the viewer.
  let halfway: SIMD3<Float>
  let ambient: Float

  init(_ chance: inout Chance) {
    // From above, from the left to the right.
    let slant = Point.direction(turns: chance.number(0.55...0.95))
    let height = chance.number(0.45...0.75)
    let level = (1 - height * height).squareRoot()
    direction = [slant.x * level, slant.y * level, height]
    let sum = direction + [0, 0, 1]
    halfway = sum / (sum * sum).sum().squareRoot()
    ambient = chance.number(0.35...0.6)
  }

  /// How much light a surface of this slope sends back, 1 where it faces the viewer, and how much it mirrors.
  func shade(_ normal: SIMD3<Float>, gloss: Float) -> (light: Float, glint: Float) {
    let facing = max((normal * direction).sum(), 0)
    let mirror = max((normal * halfway).sum(), 0)
    let fourth = mirror * mirror * mirror * mirror
    let sixteenth = fourth * fourth * fourth * fourth
    return (ambient + (1 - ambient) * facing / direction.z, gloss * sixteenth * fourth)
  }
}

/// A square picture being painted: the light of each pixel, how much of it is covered, and by which parts.
struct Easel {
  let side: Int
  /// Red, green, blue times cover, and cover.
  var pixels: [SIMD4<Float>]
  /// A bit for every part that ever covered a pixel, and the last one for the object itself.
  private(set) var claims: [UInt32]
  /// The part on top of each pixel; ``nobody`` where that is no part of the object.
  private(set) var owners: [UInt8]
  private var distances: [Float] = []

  /// The object's own place among its parts: what it has beside them.
  static let object = 31
  static let nobody: UInt8 = 32

  init(side: Int) {
    self.side = side
    pixels = [SIMD4<Float>](repeating: .zero, count: side * side)
    claims = [UInt32](repeating: 0, count: side * side)
    owners = [UInt8](repeating: Self.nobody, count: side * side)
  }

  /// Paints an outline over what is there.
  ///
  /// - Parameters:
  ///   - outline: In the drawing's own coordinates.
  ///   - paint: Its surface, in the same coordinates.
  ///   - pose: Where the drawing lies.
  ///   - sun: What lights it.
  ///   - softness: Pixels over which its edge fades; 1 is sharp.
  ///   - contact: Pixels around it that it darkens.
  ///   - part: The part of the object that it belongs to; nil for anything else.
  mutating func fill(
    _ outline: Outline, _ paint: Paint, _ pose: Pose, _ sun: Sun, softness: Float = 1, contact: Float = 0,
    part: Int? = nil
  ) {
    let margin = max(softness, contact) + 1
    let (low, high) = outline.bounds
    var first = Point(repeating: .infinity)
    var last = -first
    for corner in [low, Point(high.x, low.y), high, Point(low.x, high.y)] {
      first = pointwiseMin(first, pose.pixels(corner))
      last = pointwiseMax(last, pose.pixels(corner))
    }
    first -= margin
    last += margin
    let columns = max(Int(first.x), 0)..<max(Int(first.x), 0, min(Int(last.x) + 1, side))
    let rows = max(Int(first.y), 0)..<max(Int(first.y), 0, min(Int(last.y) + 1, side))
    guard !columns.isEmpty, !rows.isEmpty else { return }
    // One row and column more than is painted, for the slope.
    let width = columns.count + 1
    measure(outline, pose, columns, rows)
    let (origin, right, down) = pose.grid
    let bulge = max(paint.bulge * pose.scale, 0.5)
    for row in rows {
      for column in columns {
        let place = (row - rows.lowerBound) * width + column - columns.lowerBound
        let distance = distances[place]
        let pixel = row * side + column
        let cover = min(max(0.5 - distance / softness, 0), 1)
        if contact > 0, distance > 0, distance < contact {
          let near = 1 - distance / contact
          pixels[pixel] *= SIMD4(SIMD3(repeating: 1 - 0.45 * near * near), 1)
        }
        guard cover > 0 else { continue }
        let slope = Point(distances[place + 1] - distance, distances[place + width] - distance)
        let own = origin + down * Float(row) + right * Float(column)
        let light = Self.lit(paint, own, depth: -distance / bulge, slope, sun)
        pixels[pixel] += (SIMD4(light, 1) - pixels[pixel]) * cover
        if cover >= 0.5 {
          owners[pixel] = part.map { UInt8($0) } ?? Self.nobody
          if let part { claims[pixel] |= 1 << UInt32(part) | 1 << UInt32(Self.object) }
        }
      }
    }
  }

  /// Fills `distances` with the outline's at every pixel's middle, in pixels.
  private mutating func measure(_ outline: Outline, _ pose: Pose, _ columns: Range<Int>, _ rows: Range<Int>) {
    let width = columns.count + 1
    let count = width * (rows.count + 1)
    if distances.count < count { distances = [Float](repeating: 0, count: count) }
    let (origin, right, down) = pose.grid
    var place = 0
    for row in rows.lowerBound...rows.upperBound {
      let start = origin + down * Float(row)
      for column in columns.lowerBound...columns.upperBound {
        let own = start + right * Float(column)
        distances[place] = outline.distance(to: own) * pose.scale
        place += 1
      }
    }
  }

  /// A surface's light: round near its edge, flat further in.
  private static func lit(_ paint: Paint, _ own: Point, depth: Float, _ slope: Point, _ sun: Sun) -> Light {
    let steep = 1 - min(max(depth, 0), 1)
    let tilt = min(steep * steep, 0.98)
    let normal = SIMD3(slope.x * tilt, slope.y * tilt, (1 - tilt * tilt).squareRoot())
    let (light, glint) = sun.shade(normal, gloss: paint.gloss)
    return paint.colour(at: own) * light + Light(repeating: glint)
  }

  /// Lays another picture, of the same side, over this one.
  mutating func lay(_ layer: Easel) {
    for pixel in pixels.indices {
      let above = layer.pixels[pixel]
      pixels[pixel] = above + pixels[pixel] * (1 - above.w)
    }
    claims = layer.claims
    owners = layer.owners
  }

  /// Darkens this picture where another would throw its shadow.
  mutating func shadow(of layer: Easel, _ sun: Sun, strength: Float) {
    let reach = max(side / 20, 1)
    var cover = layer.pixels.map { $0.w }
    for _ in 0..<2 { cover = Self.blurred(cover, side: side, reach: reach) }
    let (right, down) = (
      Int(-sun.direction.x * Float(side) * 0.09), Int(-sun.direction.y * Float(side) * 0.09)
    )
    for row in max(0, down)..<min(side, side + down) {
      for column in max(0, right)..<min(side, side + right) {
        let dark = cover[(row - down) * side + column - right]
        pixels[row * side + column] *= SIMD4(SIMD3(repeating: 1 - strength * dark), 1)
      }
    }
  }

  /// Averages over a box of `2 * reach + 1` pixels, along rows and then along columns.
  private static func blurred(_ values: [Float], side: Int, reach: Int) -> [Float] {
    var result = values
    let share = 1 / Float(2 * reach + 1)
    for (step, line) in [(1, side), (side, 1)] {
      let source = result
      for start in 0..<side {
        var sum: Float = 0
        for index in 0..<min(reach, side) { sum += source[start * line + index * step] }
        for index in 0..<side {
          if index + reach < side { sum += source[start * line + (index + reach) * step] }
          if index > reach { sum -= source[start * line + (index - reach - 1) * step] }
          result[start * line + index * step] = sum * share
        }
      }
    }
    return result
  }
}
