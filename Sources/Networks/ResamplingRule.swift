public import Kernels
public import Tensors

/// How maps are enlarged or reduced, in the words of ONNX `Resize`; two `AxisMap`s once their size is known.
///
/// Positions are worked out in `Float`, and middles found within a millionth, as ONNX Runtime does, so that a position
/// just between two neighbours falls to the same one.
public struct ResamplingRule: Hashable, Sendable {
  /// The neighbour that a position between two takes.
  public enum Rounding: Hashable, Sendable {
    case floor, ceil
    /// The nearest; the lower or the upper one just between two.
    case preferFloor, preferCeil
  }

  /// What is made of the values around a position.
  public enum Method: Hashable, Sendable {
    case nearest(Rounding)
    case linear
    /// Keys's cubic convolution; -0.75 in PyTorch, -0.5 in TensorFlow.
    case cubic(coefficient: Float)
  }

  /// Where a place of the result lies on the map, as ONNX's `coordinate_transformation_mode`.
  public enum Coordinates: Hashable, Sendable {
    case halfPixel, halfPixelSymmetric, torchHalfPixel, alignedCorners, asymmetric, nearestHalfPixel
    /// A box in parts of the map, 0 the first position and 1 the last; outside the map values are 0.
    case crop(top: Float, left: Float, bottom: Float, right: Float)
  }

  /// The result's extent along one axis.
  public enum Extent: Hashable, Sendable {
    /// This many times the map's, rounded down.
    case scale(Float)
    case size(Int)
  }

  /// Whether sizes are reached by stretching, or are the bounds of a map that keeps its proportions.
  public enum Proportions: Hashable, Sendable {
    case stretched, notLarger, notSmaller
  }

  public var method: Method
  public var coordinates: Coordinates
  public var rows: Extent
  public var columns: Extent
  public var proportions = Proportions.stretched
  /// Whether a reduction averages over all positions that a place stands for.
  public var antialiases = false
  /// Whether positions off the map have no weight, rather than the value of the outermost one.
  public var excludesOutside = false

  /// - Parameters:
  ///   - method: What is made of the values around a position.
  ///   - coordinates: Where a place of the result lies on the map.
  ///   - rows: The result's rows.
  ///   - columns: The result's columns.
  public init(method: Method, coordinates: Coordinates, rows: Extent, columns: Extent) {
    self.method = method
    self.coordinates = coordinates
    self.rows = rows
    self.columns = columns
  }

  /// The numbers that may have been worked out from a picture's size.
  var sizes: [Int] {
    [rows, columns].map { extent in
      switch extent {
      case .size(let size): size
      case .scale(let scale): Int(scale.bitPattern)
      }
    }
  }

  /// The linear maps of rows and of columns, for maps of this shape.
  public func resolved(over map: Shape) -> (rows: AxisMap, columns: AxisMap) {
    let (rows, columns) = extents(over: map)
    let (top, left, bottom, right): (Float, Float, Float, Float) =
      if case .crop(let top, let left, let bottom, let right) = coordinates {
        (top, left, bottom, right)
      } else { (0, 0, 1, 1) }
    return (
      axis(over: map.rows, places: rows.places, scale: rows.scale, from: top, to: bottom),
      axis(over: map.columns, places: columns.places, scale: columns.scale, from: left, to: right)
    )
  }

  /// The shape of the result for maps of this shape.
  public func output(over map: Shape) -> Shape {
    let (rows, columns) = extents(over: map)
    return Shape(images: map.images, rows: rows.places, columns: columns.places, channels: map.channels)
  }

  private typealias Target = (places: Int, scale: Float)

  private func extents(over map: Shape) -> (rows: Target, columns: Target) {
    let sides = [(rows, map.rows), (columns, map.columns)]
    let ratios = sides.compactMap { extent, length -> Float? in
      if case .size(let size) = extent { Float(size) / Float(max(length, 1)) } else { nil }
    }
    let common: Float? =
      switch proportions {
      case .stretched: nil
      case .notLarger: ratios.min()
      case .notSmaller: ratios.max()
      }
    let targets = sides.map { extent, length -> Target in
      switch extent {
      case .scale(let scale): return (Int((Float(length) * scale).rounded(.down)), scale)
      case .size(let size):
        guard let common else { return (size, Float(size) / Float(max(length, 1))) }
        return (Int((Float(length) * common).rounded()), common)
      }
    }
    return (targets[0], targets[1])
  }

  private func axis(
    over length: Int, places: Int, scale: Float, from start: Float, to end: Float
  ) -> AxisMap {
    guard length > 0 else { return AxisMap(length: length, places: Array(repeating: [], count: places)) }
    let (last, count) = (Float(length - 1), Float(places))
    func position(_ place: Int) -> Float {
      let place = Float(place)
      switch coordinates {
      case .asymmetric: return place / scale
      case .nearestHalfPixel: return (place + 0.5) / scale
      case .alignedCorners: return places == 1 ? 0 : place * last / (count - 1)
      case .torchHalfPixel: return places > 1 ? (place + 0.5) / scale - 0.5 : 0
      case .halfPixel: return (place + 0.5) / scale - 0.5
      case .halfPixelSymmetric:
        let offset = Float(length) / 2 * (1 - count / (scale * Float(length)))
        return Float(Double(offset) + (Double(place) + 0.5) / Double(scale) - 0.5)
      case .crop:
        guard places > 1 else { return 0.5 * (start + end) * last }
        return start * last + place * (end - start) * last / (count - 1)
      }
    }
    return AxisMap(
      length: length,
      places: (0..<places).map { place in
        let isUnchanged = scale == 1 && places == length && start == 0 && end == 1
        let at = isUnchanged ? Float(place) : position(place)
        if case .crop = coordinates, at < 0 || at > last { return [] }
        return terms(at: at, scale: scale, length: length)
      })
  }

  private func terms(at position: Float, scale: Float, length: Int) -> [AxisMap.Term] {
    var weights: [Int: Float] = [:]
    func add(_ weight: Float, at place: Int) {
      if excludesOutside, !(0..<length).contains(place) { return }
      weights[min(max(place, 0), length - 1), default: 0] += weight
    }
    let floor = position.rounded(.down)
    // Reductions widen the filter, so that it covers all that a place stands for.
    let narrow = antialiases ? min(scale, 1) : 1
    switch method {
    case .nearest(let rounding):
      let nearest =
        switch rounding {
        case .floor: floor
        case .ceil: position.rounded(.up)
        case .preferFloor, .preferCeil:
          // A position that rounding moved off the middle still lies there.
          abs(position - floor - 0.5) < 1e-6
            ? (rounding == .preferFloor ? floor : floor + 1) : position.rounded()
        }
      return [.init(position: min(max(Int(nearest), 0), length - 1), weight: 1)]
    case .linear:
      let reach = Int((1 / narrow).rounded(.up))
      for place in Int(floor) - reach...Int(floor) + reach + 1 {
        add(max(0, 1 - abs(Float(place) - position) * narrow), at: place)
      }
    case .cubic(let coefficient):
      let reach = Int((2 / narrow).rounded(.up))
      for place in Int(floor) - reach...Int(floor) + reach + 1 {
        add(Self.cubic(abs(Float(place) - position) * narrow, coefficient), at: place)
      }
    }
    let taken = weights.filter { $0.value != 0 }.sorted { $0.key < $1.key }
    let sum = taken.reduce(0) { $0 + $1.value }
    return taken.map { .init(position: $0.key, weight: $0.value / sum) }
  }

  /// The weight that cubic convolution gives a value at a distance.
  private static func cubic(_ distance: Float, _ a: Float) -> Float {
    let x = distance
    if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return ((x - 5) * x + 8) * x * a - 4 * a }
    return 0
  }
}
