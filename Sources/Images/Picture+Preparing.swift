public import Tensors

extension Picture {
  /// The picture as a network's input.
  ///
  /// - Returns: 1 x rows x columns x 3 in the network's channel order, and how its pixels map back.
  /// - Throws: ``ImageError/preparation(reason:)`` where the picture is smaller than the crop.
  public func prepared(_ preprocessing: Preprocessing) throws(ImageError) -> (
    tensor: Tensor, framing: Framing
  ) {
    let framing = try Framing(rows: rows, columns: columns, preprocessing)
    let resized = try resized(rows: framing.resizedRows, columns: framing.resizedColumns)
    // One table a channel: 256 values are all there are.
    let order = preprocessing.channels == .rgb ? [0, 1, 2] : [2, 1, 0]
    let tables = (0..<3).map { channel in
      (0..<256).map {
        (Float($0) * preprocessing.scale - preprocessing.mean[channel]) / preprocessing.std[channel]
      }
    }
    let values = tables[0] + tables[1] + tables[2]
    let shape = Shape(images: 1, rows: framing.cropRows, columns: framing.cropColumns, channels: 3)
    let tensor = Tensor(shape) { elements in
      let pixels = resized.pixels.span
      let values = values.span
      var target = 0
      for row in 0..<framing.cropRows {
        var source = ((row + framing.cropTop) * resized.columns + framing.cropLeft) * 3
        for _ in 0..<framing.cropColumns {
          elements[target] = values[Int(pixels[source + order[0]])]
          elements[target + 1] = values[256 + Int(pixels[source + order[1]])]
          elements[target + 2] = values[512 + Int(pixels[source + order[2]])]
          source += 3
          target += 3
        }
      }
    }
    return (tensor, framing)
  }
}
