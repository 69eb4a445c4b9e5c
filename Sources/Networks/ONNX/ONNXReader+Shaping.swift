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
      guard target.allSatisfy({ $0 >= -1 }), let made = shape.reshaped(to: target) else {
        throw Unsupported("a value of \(shape) does not reshape to \(target)")
      }
      return made.dimensions
    }
  }

  /// The same target with the number of images left open: copied where it stays in front, else what remains.
  func open(_ target: [Int], from shape: Shape) -> [Int] {
    guard let first = target.first, let images = shape.dimensions.first else { return target }
    return [first == images ? 0 : -1] + target.dropFirst()
  }

  /// The transposition that a reshaping is which moves the only channel of maps behind their positions or before them.
  static func axes(movingOneChannelOf extents: [Int], to target: [Int]) -> [Int]? {
    guard extents.count == 4, extents != target else { return nil }
    return [[0, 3, 1, 2], [0, 2, 3, 1]].first { axes in
      extents[axes == [0, 3, 1, 2] ? 3 : 1] == 1 && axes.map { extents[$0] } == target
    }
  }

  func axis(_ axis: Int, _ rank: Int) throws -> Int { try ONNXEvaluation.axis(axis, of: rank) }

  /// An axis of ONNX's order in this package's.
  static func ours(_ axis: Int, rank: Int) -> Int { rank == 4 ? [0, 3, 1, 2][axis] : axis }
}

extension ONNXNode {
  /// Where a slice begins, ends and steps on every axis, in ONNX's order; `input` gives the numbers of an input.
  func slice(
    of extents: [Int], _ input: (Int) throws -> [Int]?
  ) throws -> (starts: [Int], stops: [Int], steps: [Int]) {
    let isOld = version < 10
    guard let starts = try isOld ? integers("starts") : input(1),
      let stops = try isOld ? integers("ends") : input(2), starts.count == stops.count
    else { throw ONNXReader.Unsupported("its starts and ends are not constant") }
    let axes = (try isOld ? integers("axes") : input(3)) ?? Array(starts.indices)
    let steps = (isOld ? nil : try input(4)) ?? Array(repeating: 1, count: starts.count)
    guard axes.count == starts.count, steps.count == starts.count else {
      throw ONNXReader.Unsupported("its axes do not match its starts")
    }
    var result = (starts: extents.map { _ in 0 }, stops: extents, steps: extents.map { _ in 1 })
    for index in starts.indices {
      let place = try ONNXEvaluation.axis(axes[index], of: extents.count)
      let extent = extents[place]
      // A step past the end is the same however far it goes.
      let step = max(min(steps[index], 1 << 31), -1 << 31)
      guard step != 0 else { throw ONNXReader.Unsupported("a step of 0") }
      func inside(_ bound: Int, _ range: ClosedRange<Int>) -> Int {
        min(max(bound < 0 ? bound + extent : bound, range.lowerBound), range.upperBound)
      }
      guard extent > 0 else { continue }
      let range = step > 0 ? 0...extent : -1...(extent - 1)
      result.starts[place] = inside(starts[index], step > 0 ? range : 0...max(extent - 1, 0))
      result.stops[place] = inside(stops[index], range)
      result.steps[place] = step
    }
    return result
  }
}
