/// A place in the plane: columns to the right, rows down.
typealias Point = SIMD2<Float>

extension Point {
  /// The unit vector at an angle in turns, clockwise from the right; the same bits on every machine.
  static func direction(turns: Float) -> Point {
    let vector = Point(wave(turns + 0.25), wave(turns))
    return vector / vector.length
  }

  /// A sine of turns, within 0.001, by a parabola and its correction.
  static func wave(_ turns: Float) -> Float {
    let turn = turns - turns.rounded()
    let arch = 16 * turn * (0.5 - abs(turn))
    return 0.225 * (arch * abs(arch) - arch) + arch
  }

  /// The largest whole numbers that are not above it, without a call to a library.
  var floored: Point {
    let toward = Point(Float(Int32(x)), Float(Int32(y)))
    return toward - Point.zero.replacing(with: 1, where: toward .> self)
  }

  var length: Float { (x * x + y * y).squareRoot() }

  func dot(_ other: Point) -> Float { x * other.x + y * other.y }

  /// The vector turned by the angle of a unit vector.
  func turned(by axis: Point) -> Point { Point(x * axis.x - y * axis.y, x * axis.y + y * axis.x) }

  /// The vector turned back by the angle of a unit vector.
  func turnedBack(by axis: Point) -> Point { Point(x * axis.x + y * axis.y, y * axis.x - x * axis.y) }
}

/// How a drawing's own coordinates, about -1 to 1, lie on the picture's pixels.
struct Pose {
  var origin: Point
  /// Pixels a unit.
  var scale: Float
  /// Width over height, about 1; negative where the drawing is mirrored.
  var stretch: Float = 1
  /// The direction of the drawing's own right.
  var axis: Point = [1, 0]

  /// A drawing's point in pixels.
  func pixels(_ point: Point) -> Point {
    origin + Point(point.x * stretch, point.y).turned(by: axis) * scale
  }

  /// A pixel's point in the drawing.
  func own(_ pixel: Point) -> Point {
    let turned = ((pixel - origin) / scale).turnedBack(by: axis)
    return Point(turned.x / stretch, turned.y)
  }

  /// The drawing's point at the middle of the first pixel, and the steps to the next column and the next row.
  var grid: (origin: Point, right: Point, down: Point) {
    let first = own([0.5, 0.5])
    return (first, own([1.5, 0.5]) - first, own([0.5, 1.5]) - first)
  }
}
