/// The slope of `loss` at `point` along `direction`, by central differences.
public func slope(
  of loss: ([Double]) -> Double, at point: [Double], along direction: [Double], step: Double = 1e-5
) -> Double {
  let ahead = zip(point, direction).map { $0 + step * $1 }
  let behind = zip(point, direction).map { $0 - step * $1 }
  return (loss(ahead) - loss(behind)) / (2 * step)
}
