internal import Attribution
package import Kernels
package import Networks

/// Where projections of a layer lie in the network's input, without what it takes to compute them.
package struct FieldGeometry: Sendable {
  /// Rows and columns of every projection.
  package let extents: (rows: Int, columns: Int)
  /// Whether projections reach further, through squeeze-and-excite gates: only what a unit sees without them is given.
  package let isCutAtGates: Bool
  /// How positions of the layer lie in the input; nil where a projection is all of it.
  private let reach: (rows: Reach, columns: Reach)?

  /// - Throws: `NetworkError` where the value is not known.
  package init(_ network: Network, value: String, rule: RectifierRule) throws {
    try self.init(try Walk(network, from: value, by: Composite(rule)))
  }

  init(_ walk: Walk) throws {
    isCutAtGates = walk.window != nil
    let input = walk.network.inputs[0].name
    let shapes = try walk.network.shapes(inputs: [input: walk.input])
    if let window = walk.window {
      reach = window
    } else if case .window(let rows, let columns)? = walk.network.fields(
      below: walk.value, shapes: shapes, limitedToMaps: true)[input]
    {
      reach = (rows, columns)
    } else {
      reach = nil
    }
    extents = reach.map { ($0.rows.extent, $0.columns.extent) } ?? walk.extents
  }

  /// Where the projection of a peak begins in the input: negative where it hangs over the edge.
  package func start(ofRow row: Int, column: Int) -> (top: Int, left: Int) {
    reach.map { ($0.rows.start(row), $0.columns.start(column)) } ?? (0, 0)
  }
}
