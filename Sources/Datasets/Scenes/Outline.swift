/// A shape as the distance to its edge: negative inside, in the units of its coordinates.
///
/// Distances give smooth edges, soft shadows and rounded surfaces alike.
struct Outline {
  enum Piece {
    case ellipse(center: Point, radii: Point, axis: Point)
    /// A line with round ends whose radius goes from one to another.
    case taper(from: Point, to: Point, start: Float, end: Float)
    /// Up to eight corners, rounded outwards.
    case polygon(InlineArray<8, Point>, count: Int, rounding: Float)
    case ring(center: Point, radius: Float, thickness: Float)
  }

  var pieces: [Piece]
  /// How far apart pieces begin to flow into each other.
  var blend: Float = 0

  func joined(_ other: Outline, blend: Float = 0) -> Outline {
    Outline(pieces: pieces + other.pieces, blend: blend)
  }

  func distance(to point: Point) -> Float {
    var nearest = Float.infinity
    for piece in pieces {
      let distance = piece.distance(to: point)
      if blend > 0, nearest < .infinity {
        let overlap = max(blend - abs(nearest - distance), 0) / blend
        nearest = min(nearest, distance) - overlap * overlap * blend * 0.25
      } else {
        nearest = min(nearest, distance)
      }
    }
    return nearest
  }

  /// Opposite corners of a box that holds it.
  var bounds: (low: Point, high: Point) {
    var low = Point(repeating: .infinity)
    var high = -low
    for piece in pieces {
      let (first, last) = piece.bounds
      low = pointwiseMin(low, first)
      high = pointwiseMax(high, last)
    }
    return (low - blend * 0.25, high + blend * 0.25)
  }
}

extension Outline {
  static func ellipse(_ center: Point, _ radii: Point, turns: Float = 0) -> Outline {
    Outline(pieces: [.ellipse(center: center, radii: radii, axis: .direction(turns: turns))])
  }

  static func circle(_ center: Point, _ radius: Float) -> Outline {
    Outline(pieces: [.taper(from: center, to: center, start: radius, end: radius)])
  }

  static func ring(_ center: Point, _ radius: Float, thickness: Float) -> Outline {
    Outline(pieces: [.ring(center: center, radius: radius, thickness: thickness)])
  }

  static func taper(_ from: Point, _ to: Point, _ start: Float, _ end: Float) -> Outline {
    Outline(pieces: [.taper(from: from, to: to, start: start, end: end)])
  }

  static func polygon(_ corners: [Point], rounding: Float = 0) -> Outline {
    precondition((3...8).contains(corners.count), "\(corners.count) corners of a polygon")
    var held = InlineArray<8, Point>(repeating: .zero)
    for index in corners.indices { held[index] = corners[index] }
    return Outline(pieces: [.polygon(held, count: corners.count, rounding: rounding)])
  }

  static func box(_ low: Point, _ high: Point, rounding: Float = 0) -> Outline {
    let inner = (low + rounding, high - rounding)
    return polygon(
      [inner.0, Point(inner.1.x, inner.0.y), inner.1, Point(inner.0.x, inner.1.y)], rounding: rounding)
  }

  /// A line through points, whose radius goes evenly from one to another.
  static func path(_ points: [Point], _ start: Float, _ end: Float) -> Outline {
    let steps = Float(points.count - 1)
    return Outline(
      pieces: zip(points, points.dropFirst()).enumerated().map { index, ends in
        .taper(
          from: ends.0, to: ends.1, start: start + (end - start) * Float(index) / steps,
          end: start + (end - start) * Float(index + 1) / steps)
      })
  }

  /// A line bent by a middle point that pulls it (a quadratic curve).
  static func curve(_ from: Point, _ pull: Point, _ to: Point, _ start: Float, _ end: Float) -> Outline {
    let points = (0...6).map { step in
      let along = Float(step) / 6
      let first = from + (pull - from) * along
      let second = pull + (to - pull) * along
      return first + (second - first) * along
    }
    return path(points, start, end)
  }
}

extension Outline.Piece {
  func distance(to point: Point) -> Float {
    switch self {
    case .ellipse(let center, let radii, let axis):
      let own = (point - center).turnedBack(by: axis)
      let near = (own / radii).length
      let steep = (own / (radii * radii)).length
      return steep > 1e-6 ? near * (near - 1) / steep : -radii.min()
    case .taper(let from, let to, let start, let end):
      let line = to - from
      let offset = point - from
      let square = line.dot(line)
      let along = square > 0 ? min(max(offset.dot(line) / square, 0), 1) : 0
      return (offset - line * along).length - (start + (end - start) * along)
    case .polygon(let corners, let count, let rounding):
      var square = Float.infinity
      var isInside = false
      var previous = corners[count - 1]
      for index in 0..<count {
        let corner = corners[index]
        let edge = previous - corner
        let offset = point - corner
        let apart = offset - edge * min(max(offset.dot(edge) / edge.dot(edge), 0), 1)
        square = min(square, apart.dot(apart))
        // A ray to the right crosses the edge where one end is above it and the other is not.
        if (corner.y > point.y) != (previous.y > point.y) {
          let crossing = corner.x + (point.y - corner.y) * edge.x / edge.y
          if point.x < crossing { isInside.toggle() }
        }
        previous = corner
      }
      return (isInside ? -square.squareRoot() : square.squareRoot()) - rounding
    case .ring(let center, let radius, let thickness):
      return abs((point - center).length - radius) - thickness
    }
  }

  var bounds: (low: Point, high: Point) {
    switch self {
    case .ellipse(let center, let radii, _):
      let reach = radii.max()
      return (center - reach, center + reach)
    case .taper(let from, let to, let start, let end):
      let reach = max(start, end)
      return (pointwiseMin(from, to) - reach, pointwiseMax(from, to) + reach)
    case .polygon(let corners, let count, let rounding):
      var low = corners[0]
      var high = corners[0]
      for index in 1..<count {
        low = pointwiseMin(low, corners[index])
        high = pointwiseMax(high, corners[index])
      }
      return (low - rounding, high + rounding)
    case .ring(let center, let radius, let thickness):
      return (center - (radius + thickness), center + (radius + thickness))
    }
  }
}
