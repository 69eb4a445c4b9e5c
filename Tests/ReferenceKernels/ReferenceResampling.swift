public import Kernels
internal import Tensors

/// One linear map along rows and another along columns: every product of a row's and a column's weight.
///
/// Transposed, values go back from the places of the maps to the positions that they read.
public func referenceResampled(
  _ input: ReferenceTensor, rows: AxisMap, columns: AxisMap, transposes: Bool = false
) -> ReferenceTensor {
  let shape = Shape(
    images: input.shape.images, rows: transposes ? rows.length : rows.places.count,
    columns: transposes ? columns.length : columns.places.count, channels: input.shape.channels)
  var output = ReferenceTensor(shape)
  func offset(_ shape: Shape, _ image: Int, _ row: Int, _ column: Int, _ channel: Int) -> Int {
    ((image * shape.rows + row) * shape.columns + column) * shape.channels + channel
  }
  for (row, down) in rows.places.enumerated() {
    for (column, across) in columns.places.enumerated() {
      for (one, other) in down.flatMap({ one in across.map { (one, $0) } }) {
        for image in 0..<shape.images {
          for channel in 0..<shape.channels {
            let (place, position) = ((row, column), (one.position, other.position))
            let (from, to) = transposes ? (place, position) : (position, place)
            output.elements[offset(shape, image, to.0, to.1, channel)] +=
              Double(one.weight) * Double(other.weight)
              * input.elements[offset(input.shape, image, from.0, from.1, channel)]
          }
        }
      }
    }
  }
  return output
}
