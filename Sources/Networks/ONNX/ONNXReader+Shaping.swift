internal import Tensors

extension ONNXReader {
  /// The target of a reshaping node in ONNX's order, for any number of images: 0 copies the first extent.
  func reshaped(_ node: ONNXNode, _ shape: Shape, _ given: ONNXConstant?) throws -> [Int] {
    let extents = shape.dimensions
    switch node.type {
    case "Flatten":
      let axis = try node.integer("axis", default: 1)
      let cut = axis < 0 ? axis + extents.count : axis
      guard (0...extents.count).contains(cut) else {
        throw Unsupported("axis \(axis) of a value of \(shape)")
      }
      if cut == 1 { return [extents[0], extents.dropFirst().reduce(1, *)] }
      return [extents[..<cut].reduce(1, *), extents[cut...].reduce(1, *)]
    case "Squeeze":
      let axes = try given?.integers ?? node.integers("axes")
      let dropped =
        try axes?.map { try axis($0, extents.count) } ?? extents.indices.filter { extents[$0] == 1 }
      guard dropped.allSatisfy({ extents[$0] == 1 }) else {
        throw Unsupported("it squeezes axes \(dropped) of a value of \(shape)")
      }
      return extents.indices.filter { !dropped.contains($0) }.map { extents[$0] }
    case "Unsqueeze":
      guard let axes = try given?.integers ?? node.integers("axes"), axes.count + extents.count <= 8 else {
        throw Unsupported("its axes are not constant")
      }
      let rank = extents.count + axes.count
      let added = try axes.map { try axis($0, rank) }
      var rest = extents.makeIterator()
      return (0..<rank).map { added.contains($0) ? 1 : rest.next() ?? 1 }
    default:
      guard let target = try given?.integers ?? node.integers("shape"), target.count <= 8 else {
        throw Unsupported("its target shape is not constant")
      }
      guard !target.contains(ONNXConstant.unknown), !target.dropFirst().contains(ONNXConstant.batch) else {
        throw Unsupported("its target shape puts the number of images where it cannot be followed")
      }
      let plain = target.map { $0 == ONNXConstant.batch ? extents.first ?? 1 : $0 }
      guard let made = shape.reshaped(to: plain) else {
        throw Unsupported("a value of \(shape) does not reshape to \(plain)")
      }
      return made.dimensions
    }
  }

  /// The same target with the number of images left open: copied where it stays in front, else what remains.
  func open(_ target: [Int], from shape: Shape) -> [Int] {
    guard let first = target.first, let images = shape.dimensions.first else { return target }
    return [first == images ? 0 : -1] + target.dropFirst()
  }

  func axis(_ axis: Int, _ rank: Int) throws -> Int {
    let place = axis < 0 ? axis + rank : axis
    guard (0..<rank).contains(place) else { throw Unsupported("axis \(axis) of \(rank)") }
    return place
  }

  /// An axis of ONNX's order in this package's.
  static func ours(_ axis: Int, rank: Int) -> Int { rank == 4 ? [0, 3, 1, 2][axis] : axis }

  /// Where a slice begins, ends and steps on every axis, in ONNX's order; `inputs` gives the node's constants.
  func slice(
    _ node: ONNXNode, extents: [Int], _ inputs: (Int) throws -> ONNXConstant?
  ) throws -> (starts: [Int], stops: [Int], steps: [Int]) {
    let isOld = node.version < 10
    guard let starts = try isOld ? node.integers("starts") : inputs(1)?.integers,
      let stops = try isOld ? node.integers("ends") : inputs(2)?.integers, starts.count == stops.count
    else { throw Unsupported("its starts and ends are not constant") }
    let axes = (try isOld ? node.integers("axes") : inputs(3)?.integers) ?? Array(starts.indices)
    let steps = (isOld ? nil : try inputs(4)?.integers) ?? Array(repeating: 1, count: starts.count)
    guard axes.count == starts.count, steps.count == starts.count else {
      throw Unsupported("its axes do not match its starts")
    }
    var result = (starts: extents.map { _ in 0 }, stops: extents, steps: extents.map { _ in 1 })
    for index in starts.indices {
      let place = try axis(axes[index], extents.count)
      let (extent, step) = (extents[place], steps[index])
      guard step != 0, step.magnitude < 1 << 31 else { throw Unsupported("a step of \(step)") }
      let isFollowed = [starts[index], stops[index]].allSatisfy {
        $0 > ONNXConstant.unknown || ($0 == ONNXConstant.batch && place == 0)
      }
      guard isFollowed else { throw Unsupported("its bounds are worked out from the number of images") }
      func inside(_ bound: Int, _ range: ClosedRange<Int>) -> Int {
        if bound == ONNXConstant.batch { return range.upperBound }
        let (sum, overflows) = bound.addingReportingOverflow(bound < 0 ? extent : 0)
        return min(max(overflows ? bound : sum, range.lowerBound), range.upperBound)
      }
      let range = step > 0 ? 0...extent : -1...(extent - 1)
      result.starts[place] = inside(starts[index], step > 0 ? range : 0...max(extent - 1, 0))
      result.stops[place] = inside(stops[index], range)
      result.steps[place] = step
    }
    return result
  }
}
