import Networks
import Tensors

extension ResamplingRule {
  /// For each row of the result, the rows it is a sum of and their weights, as ONNX words it, in `Double`.
  func referenceRows(over map: Shape) -> [[Int: Double]] { reference(rows, over: map.rows) }

  func referenceColumns(over map: Shape) -> [[Int: Double]] { reference(columns, over: map.columns) }

  private func reference(_ extent: Extent, over length: Int) -> [[Int: Double]] {
    let (places, scale) =
      switch extent {
      case .scale(let scale): (Int(Double(length) * Double(scale) + 1e-6), Double(scale))
      case .size(let size): (size, Double(size) / Double(length))
      }
    return (0..<places).map { place in
      let x = Double(place)
      let position =
        switch coordinates {
        case .halfPixel: (x + 0.5) / scale - 0.5
        case .halfPixelSymmetric:
          Double(length) / 2 * (1 - Double(places) / (scale * Double(length))) + (x + 0.5) / scale - 0.5
        case .torchHalfPixel: places > 1 ? (x + 0.5) / scale - 0.5 : 0
        case .alignedCorners: places > 1 ? x * Double(length - 1) / Double(places - 1) : 0
        case .asymmetric: x / scale
        case .nearestHalfPixel: (x + 0.5) / scale
        case .crop: preconditionFailure("crops are not drawn")
        }
      return weights(at: position, scale: scale, length: length)
    }
  }

  private func weights(at position: Double, scale: Double, length: Int) -> [Int: Double] {
    let shrink = antialiases ? min(scale, 1) : 1
    // The scale is a `Float`: a position that would be a half or a whole one lies just beside it.
    let snapped = (position * 4096).rounded() / 4096
    var weights: [Int: Double] = [:]
    switch method {
    case .nearest(.floor): weights[Int(snapped.rounded(.down))] = 1
    case .nearest(.ceil): weights[Int(snapped.rounded(.up))] = 1
    case .nearest(.preferFloor): weights[Int((snapped - 0.5).rounded(.up))] = 1
    case .nearest(.preferCeil): weights[Int((snapped + 0.5).rounded(.down))] = 1
    case .linear:
      for place in -length..<2 * length {
        weights[place] = max(0, 1 - abs(Double(place) - position) * shrink)
      }
    case .cubic(let coefficient):
      let a = Double(coefficient)
      for place in -length..<2 * length {
        let x = abs(Double(place) - position) * shrink
        if x <= 1 {
          weights[place] = (a + 2) * x * x * x - (a + 3) * x * x + 1
        } else if x < 2 {
          weights[place] = a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a
        }
      }
    }
    var kept: [Int: Double] = [:]
    for (place, weight) in weights where weight != 0 {
      let isInside = (0..<length).contains(place)
      if excludesOutside && !isInside { continue }
      kept[min(max(place, 0), length - 1), default: 0] += weight
    }
    let sum = kept.values.reduce(0, +)
    return kept.mapValues { $0 / sum }
  }
}
