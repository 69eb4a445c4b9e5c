#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif
public import Tensors

/// A change of place: where each position of the result is taken from, about the picture's centre.
///
/// Positions count in pixels. A position between pixels is the bilinear mean of the four around it.
public enum Warp: Hashable, Sendable {
  /// Moves the picture down and to the right by pixels; negative ones move it up and left.
  case shift(rows: Double, columns: Double)
  /// Enlarges the picture by a factor.
  case scale(Double)
  /// Turns the picture counter-clockwise by degrees.
  case rotation(degrees: Double)
  /// Mirrors left and right.
  case flip

  /// The source of a position, both measured from the centre.
  fileprivate func source(_ row: Double, _ column: Double) -> (row: Double, column: Double) {
    switch self {
    case .shift(let rows, let columns):
      return (row - rows, column - columns)
    case .scale(let factor):
      return (row / factor, column / factor)
    case .rotation(let degrees):
      let (sine, cosine) = Self.sineAndCosine(degrees)
      // Rows grow downwards, so this turns what a person sees counter-clockwise.
      return (cosine * row + sine * column, cosine * column - sine * row)
    case .flip:
      return (row, -column)
    }
  }

  /// Exact at quarter turns, so that four of them are the identity.
  private static func sineAndCosine(_ degrees: Double) -> (Double, Double) {
    let turn = degrees.truncatingRemainder(dividingBy: 360)
    switch turn < 0 ? turn + 360 : turn {
    case 0: return (0, 1)
    case 90: return (1, 0)
    case 180: return (0, -1)
    case 270: return (-1, 0)
    case let angle: return (sin(angle * .pi / 180), cos(angle * .pi / 180))
    }
  }
}

/// What a warp shows where it looks beyond the picture.
public enum WarpBorder: Sendable {
  /// One value a channel.
  case constant([Float])
  /// Another picture of the same size, as it is: a mean picture, say.
  case picture(Tensor)
  /// The picture mirrored at its outermost pixels, which are not repeated.
  case reflect
}

extension Tensor {
  /// The maps under a warp.
  ///
  /// - Parameters:
  ///   - warp: Where each position is taken from.
  ///   - border: What stands where it looks beyond the map.
  /// - Returns: A tensor of this shape: images x rows x columns x channels. The identity gives the very elements.
  public func warped(by warp: Warp, border: WarpBorder) -> Tensor {
    let (rows, columns, channels) = (shape.rows, shape.columns, shape.channels)
    let (middleRow, middleColumn) = (Double(rows - 1) / 2, Double(columns - 1) / 2)
    // What stands where a position looks beyond the map: a value a channel, from where it stands.
    var (beyond, apart) = ([Float](repeating: 0, count: channels), 0)
    switch border {
    case .constant(let values): beyond = values
    case .picture(let picture): (beyond, apart) = (picture.elements, channels)
    case .reflect: break
    }
    precondition(
      beyond.count == (apart == 0 ? channels : rows * columns * channels),
      "\(beyond.count) values for \(rows) x \(columns) positions of \(channels) channels")
    func inside(_ place: Int, _ extent: Int) -> Int? {
      if (0..<extent).contains(place) { return place }
      guard case .reflect = border else { return nil }
      return Self.folded(place, extent)
    }
    return Tensor(shape) { target in
      withSpan { source in
        for image in 0..<shape.images {
          for row in 0..<rows {
            for column in 0..<columns {
              let from = warp.source(Double(row) - middleRow, Double(column) - middleColumn)
              let (r, c) = (from.row + middleRow, from.column + middleColumn)
              let (top, left) = (Self.floor(r), Self.floor(c))
              let (down, across) = (Float(r - top), Float(c - left))
              let base = ((image * rows + row) * columns + column) * channels
              for channel in 0..<channels { target[base + channel] = 0 }
              for (step, weight) in [(0, 1 - down), (1, down)] where weight != 0 {
                for (side, share) in [(0, 1 - across), (1, across)] where share != 0 {
                  let place = inside(Int(top) + step, rows).flatMap { row in
                    inside(Int(left) + side, columns).map { ((image * rows + row) * columns + $0) * channels }
                  }
                  for channel in 0..<channels {
                    target[base + channel] +=
                      weight * share
                      * (place.map { source[$0 + channel] }
                        ?? beyond[(row * columns + column) * apart + channel])
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  /// The place that stands for one beyond an axis which is mirrored at its outermost places.
  private static func folded(_ place: Int, _ extent: Int) -> Int {
    let period = max(2 * (extent - 1), 1)
    let wrapped = ((place % period) + period) % period
    return wrapped < extent ? wrapped : period - wrapped
  }

  /// The whole number below, kept where a position can be counted: a warp may look anywhere, or nowhere (NaN).
  private static func floor(_ place: Double) -> Double { max(min(1e9, place.rounded(.down)), -1e9) }

  /// The maps blurred by a Gaussian, mirrored at their edges.
  ///
  /// - Parameter deviation: The Gaussian's, in pixels; 0 changes nothing.
  /// - Returns: A tensor of this shape: images x rows x columns x channels.
  public func blurred(deviation: Double) -> Tensor {
    guard deviation > 0 else { return self }
    let radius = Int(min((3 * deviation).rounded(.up), 65536))
    let weights = (-radius...radius).map { exp(-Double($0 * $0) / (2 * deviation * deviation)) }
    let sum = weights.reduce(0, +)
    let kernel = weights.map { Float($0 / sum) }
    return blurred(kernel, alongRows: true).blurred(kernel, alongRows: false)
  }

  private func blurred(_ kernel: [Float], alongRows: Bool) -> Tensor {
    let (rows, columns, channels) = (shape.rows, shape.columns, shape.channels)
    let radius = kernel.count / 2
    let extent = alongRows ? rows : columns
    return Tensor(shape) { target in
      withSpan { source in
        for image in 0..<shape.images {
          for row in 0..<rows {
            for column in 0..<columns {
              let base = ((image * rows + row) * columns + column) * channels
              for channel in 0..<channels { target[base + channel] = 0 }
              for (index, weight) in kernel.enumerated() {
                let place = Self.folded((alongRows ? row : column) + index - radius, extent)
                let from =
                  ((image * rows + (alongRows ? place : row)) * columns + (alongRows ? column : place))
                  * channels
                for channel in 0..<channels { target[base + channel] += weight * source[from + channel] }
              }
            }
          }
        }
      }
    }
  }
}
