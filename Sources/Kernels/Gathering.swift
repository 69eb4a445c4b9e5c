internal import CVector
internal import Tensors

/// A result whose every axis takes positions of the same axis of a source: padding and slicing are this.
struct Gathering {
  /// For each axis, for each position of the result, a position of the source, or none.
  let sources: [[Int?]]

  var shape: Shape { Shape(sources.map(\.count)) }

  /// Elements that follow each other in source and result, to be moved as one.
  private struct Run {
    var source: Int
    var target: Int
    var count: Int
  }

  private func runs(alongAxis axis: Int, of inner: Int) -> [Run] {
    var runs: [Run] = []
    for (target, source) in sources[axis].enumerated() {
      guard let source else { continue }
      if let run = runs.last, run.target + run.count == target * inner,
        run.source + run.count == source * inner
      {
        runs[runs.count - 1].count += inner
      } else {
        runs.append(Run(source: source * inner, target: target * inner, count: inner))
      }
    }
    return runs
  }

  /// Visits each run of neighbours with its offsets in the source, whose extents are given, and the result.
  private func forEachRun(of extents: [Int], _ body: (_ source: Int, _ target: Int, _ count: Int) -> Void) {
    let sourceSteps = rowMajorSteps(extents)
    let targetSteps = rowMajorSteps(sources.map(\.count))
    // Innermost axes taken whole move as one with the axis around them.
    var last = extents.count - 1
    while last > 0, sources[last] == Array(0..<extents[last]) { last -= 1 }
    let runs = runs(alongAxis: last, of: sourceSteps[last])
    func visit(_ axis: Int, _ source: Int, _ target: Int) {
      if axis == last {
        for run in runs { body(source + run.source, target + run.target, run.count) }
        return
      }
      for (position, from) in sources[axis].enumerated() {
        guard let from else { continue }
        visit(axis + 1, source + from * sourceSteps[axis], target + position * targetSteps[axis])
      }
    }
    visit(0, 0, 0)
  }

  /// The result, with `filler` where no source is named.
  func gather(_ tensor: Tensor, filler: Float) -> Tensor {
    if sources.isEmpty { return tensor }
    var result = Tensor(shape, repeating: filler)
    unsafe result.withUnsafeMutableElements { target in
      unsafe tensor.withUnsafeElements { source in
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        forEachRun(of: tensor.shape.dimensions) { source, target, count in
          unsafe (to + target).update(from: from + source, count: count)
        }
      }
    }
    return result
  }

  /// The transpose: each element of a result added to where it came from.
  func scatter(_ signal: Tensor, onto shape: Shape) -> Tensor {
    if sources.isEmpty { return signal }
    var result = Tensor(shape)
    unsafe result.withUnsafeMutableElements { target in
      unsafe signal.withUnsafeElements { source in
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        forEachRun(of: shape.dimensions) { target, source, count in
          unsafe vector_adding(from + source, to + target, count)
        }
      }
    }
    return result
  }
}
