internal import Tensors

/// How two operands of broadcasting shapes are walked together: extents of 1 dropped, neighbouring axes merged
/// where both operands step through them evenly, and at least two axes left.
///
/// A step of 0 repeats an operand along an axis. Shapes align at the right, as in NumPy.
struct Broadcast {
  let shape: Shape
  private(set) var extents: [Int] = []
  private(set) var leftSteps: [Int] = []
  private(set) var rightSteps: [Int] = []

  /// - Returns: Nothing where the shapes do not broadcast.
  init?(_ left: Shape, _ right: Shape) {
    let rank = max(left.rank, right.rank)
    let leftExtents = Array(repeating: 1, count: rank - left.rank) + left.dimensions
    let rightExtents = Array(repeating: 1, count: rank - right.rank) + right.dimensions
    var together: [Int] = []
    for (one, other) in zip(leftExtents, rightExtents) {
      guard one == other || one == 1 || other == 1 else { return nil }
      together.append(one == 1 ? other : one)
    }
    shape = Shape(together)
    var (leftStep, rightStep) = (1, 1)
    for axis in (0..<rank).reversed() {
      let extent = together[axis]
      if extent != 1 {
        prepend(
          extent, leftExtents[axis] == 1 ? 0 : leftStep, rightExtents[axis] == 1 ? 0 : rightStep)
      }
      leftStep *= leftExtents[axis]
      rightStep *= rightExtents[axis]
    }
    while extents.count < 2 {
      extents.insert(1, at: 0)
      leftSteps.insert(0, at: 0)
      rightSteps.insert(0, at: 0)
    }
  }

  private mutating func prepend(_ extent: Int, _ left: Int, _ right: Int) {
    if let inner = extents.first, left == leftSteps[0] * inner, right == rightSteps[0] * inner {
      extents[0] = inner * extent
    } else {
      extents.insert(extent, at: 0)
      leftSteps.insert(left, at: 0)
      rightSteps.insert(right, at: 0)
    }
  }

  var innermost: Int { extents.count - 1 }

  /// Visits each block of the two innermost axes with the offsets of both operands, in row-major order.
  func forEachBlock(_ body: (_ block: Int, _ left: Int, _ right: Int) -> Void) {
    if shape.count == 0 { return }
    let outer = extents.count - 2
    forEachOffset(
      extents: Array(extents[..<outer]), first: Array(leftSteps[..<outer]),
      second: Array(rightSteps[..<outer]),
      body)
  }
}

/// Counts through `extents` in row-major order, carrying two offsets along.
func forEachOffset(
  extents: [Int], first: [Int], second: [Int], _ body: (_ index: Int, _ first: Int, _ second: Int) -> Void
) {
  if extents.contains(0) { return }
  var place = [Int](repeating: 0, count: extents.count)
  var (one, other) = (0, 0)
  for index in 0..<extents.reduce(1, *) {
    body(index, one, other)
    var axis = extents.count - 1
    while axis >= 0 {
      place[axis] += 1
      one += first[axis]
      other += second[axis]
      if place[axis] < extents[axis] { break }
      one -= extents[axis] * first[axis]
      other -= extents[axis] * second[axis]
      place[axis] = 0
      axis -= 1
    }
  }
}

/// The distance between neighbours of each axis in row-major order.
func rowMajorSteps(_ extents: [Int]) -> [Int] {
  var steps = [Int](repeating: 1, count: extents.count)
  for axis in extents.indices.dropLast().reversed() { steps[axis] = steps[axis + 1] * extents[axis + 1] }
  return steps
}
