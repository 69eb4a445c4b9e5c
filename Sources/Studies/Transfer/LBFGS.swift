/// Finds the least value of a smooth convex function by its gradients (limited-memory BFGS, Nocedal 1980).
///
/// Directions come of the last ten steps; a step is halved until the value falls by a ten-thousandth of what its slope
/// promises. No chance is involved: the same function gives the same point.
struct LBFGS {
  /// The share of the first gradient's length at which it ends.
  var tolerance: Double
  /// The most steps it takes.
  var iterations: Int

  private static let remembered = 10

  private typealias Step = (move: [Float], change: [Float], curvature: Double)

  /// The point of the least value of a function that gives its value and gradient.
  func minimum<Failure: Error>(
    from start: [Float],
    of function: (_ point: [Float]) throws(Failure) -> (value: Double, gradient: [Float])
  ) throws(Failure) -> [Float] {
    var point = start
    var (value, gradient) = try function(point)
    let first = dot(gradient, gradient).squareRoot()
    var steps: [Step] = []
    for _ in 0..<iterations {
      let length = dot(gradient, gradient).squareRoot()
      guard length > tolerance * first else { break }
      var direction = direction(gradient, steps)
      var slope = dot(direction, gradient)
      if slope >= 0 {
        steps = []
        direction = gradient.map { -$0 }
        slope = -length * length
      }
      var size = steps.isEmpty ? min(1, 1 / length) : 1
      var end = moved(point, direction, size)
      var next = try function(end)
      while !(next.value <= value + 1e-4 * size * slope), size > 1e-12 {
        size /= 2
        end = moved(point, direction, size)
        next = try function(end)
      }
      // Floating point has no lower value to give.
      guard next.value < value else { break }
      let move = difference(end, point)
      let change = difference(next.gradient, gradient)
      let curvature = dot(move, change)
      if curvature > 1e-10 * dot(change, change) {
        steps.append((move, change, curvature))
        if steps.count > Self.remembered { steps.removeFirst() }
      }
      (point, value, gradient) = (end, next.value, next.gradient)
    }
    return point
  }

  /// Downhill, bent by what the last steps told of the curvature (the two loops of Nocedal's recursion).
  private func direction(_ gradient: [Float], _ steps: [Step]) -> [Float] {
    var direction = gradient.map { -$0 }
    var shares: [Double] = []
    for step in steps.reversed() {
      let share = dot(step.move, direction) / step.curvature
      shares.append(share)
      direction = moved(direction, step.change, -share)
    }
    if let last = steps.last {
      let scale = Float(last.curvature / dot(last.change, last.change))
      direction = direction.map { $0 * scale }
    }
    for (step, share) in zip(steps, shares.reversed()) {
      let other = dot(step.change, direction) / step.curvature
      direction = moved(direction, step.move, share - other)
    }
    return direction
  }

  private func dot(_ one: [Float], _ other: [Float]) -> Double {
    var sums = SIMD8<Double>()
    let whole = one.count / 8 * 8
    for start in stride(from: 0, to: whole, by: 8) {
      for lane in 0..<8 { sums[lane] += Double(one[start + lane]) * Double(other[start + lane]) }
    }
    return (whole..<one.count).reduce(sums.sum()) { $0 + Double(one[$1]) * Double(other[$1]) }
  }

  private func moved(_ point: [Float], _ direction: [Float], _ size: Double) -> [Float] {
    let size = Float(size)
    return zip(point, direction).map { $0 + size * $1 }
  }

  private func difference(_ one: [Float], _ other: [Float]) -> [Float] { zip(one, other).map { $0 - $1 } }
}
