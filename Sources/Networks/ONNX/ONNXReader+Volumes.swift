internal import Kernels
internal import Tensors

/// Convolutions over three spatial axes.
extension ONNXReader {
  /// A window over volumes: each of its places along the first axis is a group of channels of its own, which holds the
  /// slices that the window covers there.
  ///
  /// - Parameters:
  ///   - extents: The value's, in ONNX's order.
  ///   - filters: Outputs x inputs of a group x the window's three axes.
  ///   - bias: One an output.
  ///   - depth: How the window slides over the first axis.
  ///   - plane: How it slides over the other two.
  ///   - groups: Into how many groups inputs and outputs are divided.
  /// - Returns: Operations from images x channels x three axes to the same.
  /// - Throws: ``Unsupported``, or `KernelError` where the window does not fit.
  func volumes(
    _ extents: [Int], _ filters: Tensor, bias: Tensor?, depth: SlidingRule, plane: SlidingRule, groups: Int
  ) throws -> [Operation] {
    guard extents.allSatisfy({ $0 > 0 }) else { throw Unsupported("it would read a value of \(extents)") }
    let line = Shape(images: 1, rows: extents[2], columns: 1, channels: 1)
    let map = Shape(images: 1, rows: extents[3], columns: extents[4], channels: 1)
    let slide = depth.resolved(over: line).rows
    let places = try slide.places(over: extents[2])
    let made = try plane.resolved(over: map).output(over: map)
    let (outputs, inputs, reach) = (filters.shape[0], filters.shape[1], filters.shape[2])
    guard extents[1] == inputs * groups, places * filters.shape.count <= 1 << 24 else {
      throw Unsupported("filters of \(filters.shape) in \(groups) groups for a value of \(extents)")
    }
    var parts: [Operation] = []
    if slide.before + slide.after + slide.room > 0 {
      parts.append(
        .padding(
          before: [0, 0, slide.before, 0, 0], after: [0, 0, slide.after + slide.room, 0, 0],
          mode: .constant(0)))
    }
    let positions = (0..<places).flatMap { place in
      (0..<reach).map { place * slide.stride + $0 * slide.dilation }
    }
    let maps = try Device().permuted(filters, [0, 3, 4, 2, 1]).reshaped(
      to: [outputs, filters.shape[3], filters.shape[4], reach * inputs])
    return parts + [
      .gathering(axis: 2, positions: positions),
      .reshape([0, groups, inputs, places, reach, -1]), .transposition([0, 3, 1, 4, 2, 5]),
      .reshape([0, places * groups * reach * inputs, map.rows, map.columns]),
      .convolution(
        Self.grouped(filters: maps, bias: bias, rule: plane, groups: groups, copies: places)),
      .reshape([0, places, outputs, made.rows, made.columns]), .transposition([0, 2, 1, 3, 4]),
    ]
  }
}
