internal import Foundation
public import Tensors

/// Where the energy of a filter or a projection lies over spatial frequency.
///
/// Frequencies are in cycles per pixel, 0...0.5, along rows and along columns. What stands for both is the larger of
/// the two, since a stride samples each axis on its own: what is above 0.5 / stride on either axis folds down.
public struct Spectrum: Sendable {
  /// Shares of the energy by frequency; the three add up to 1.
  public struct Bands: Codable, Hashable, Sendable {
    /// Up to 1/8 cycle a pixel: blobs and plain colour, eight pixels and more a cycle.
    public var low: Double
    /// Up to 1/4 cycle a pixel: most edges, four to eight pixels a cycle.
    public var middle: Double
    /// Above it: fine lines and noise.
    public var high: Double
  }

  /// Frequencies along an axis, both signs: a power of two.
  private let side: Int
  /// Rows of frequencies x columns of frequencies; they add up to 1.
  private let energies: [Double]

  /// The spectrum of a small picture, its channels' energies added up.
  ///
  /// The picture is laid into a larger square of zeros, so that windows of every size share one fine grid of
  /// frequencies. Nil where it is zero everywhere, or holds what is no number.
  ///
  /// - Parameter picture: Rows x columns x channels.
  public init?(of picture: Tensor) {
    let (rows, columns, channels) = (picture.shape[0], picture.shape[1], picture.shape[2])
    var side = 64
    while side < max(rows, columns) { side *= 2 }
    let transform = FourierTransform(count: side)
    let elements = picture.elements
    var energies = [Double](repeating: 0, count: side * side)
    for channel in 0..<channels {
      var real = [[Double]](repeating: [Double](repeating: 0, count: side), count: side)
      var imaginary = real
      for row in 0..<rows {
        for column in 0..<columns {
          real[row][column] = Double(elements[(row * columns + column) * channels + channel])
        }
        transform.apply(&real[row], &imaginary[row])
      }
      for column in 0..<side {
        var (line, other) = (real.map { $0[column] }, imaginary.map { $0[column] })
        transform.apply(&line, &other)
        for row in 0..<side {
          energies[row * side + column] += line[row] * line[row] + other[row] * other[row]
        }
      }
    }
    let total = energies.reduce(0, +)
    guard total > 0, total.isFinite else { return nil }
    self.side = side
    self.energies = energies.map { $0 / total }
  }

  private func share(where isCounted: (_ rows: Double, _ columns: Double) -> Bool) -> Double {
    func frequency(_ index: Int) -> Double { Double(min(index, side - index)) / Double(side) }
    var share = 0.0
    for row in 0..<side {
      for column in 0..<side where isCounted(frequency(row), frequency(column)) {
        share += energies[row * side + column]
      }
    }
    return share
  }

  /// The share of the energy above a frequency on either axis.
  public func share(above limit: FrequencyLimit) -> Double {
    share { $0 > limit.rows || $1 > limit.columns }
  }

  public var bands: Bands {
    Bands(
      low: share { max($0, $1) <= 0.125 }, middle: share { max($0, $1) > 0.125 && max($0, $1) <= 0.25 },
      high: share { max($0, $1) > 0.25 })
  }
}

/// The highest frequency along rows and along columns, in cycles per pixel, that a stride can tell from lower ones.
public struct FrequencyLimit: Codable, Hashable, Sendable {
  public var rows: Double
  public var columns: Double

  /// Nyquist's limit of sampling every so many pixels.
  public init(rowStride: Int, columnStride: Int) {
    precondition(rowStride > 0 && columnStride > 0, "strides of \(rowStride) and \(columnStride)")
    rows = 0.5 / Double(rowStride)
    columns = 0.5 / Double(columnStride)
  }
}

extension Spectrum.Bands {
  /// The mean of several, each as heavy as the others.
  static func mean(_ all: [Spectrum.Bands]) -> Spectrum.Bands {
    Spectrum.Bands(low: all.map(\.low).mean, middle: all.map(\.middle).mean, high: all.map(\.high).mean)
  }
}

/// The discrete Fourier transform of lines of one length, a power of two, by halving (Cooley & Tukey 1965).
struct FourierTransform {
  private let count: Int
  private let cosines: [Double]
  private let sines: [Double]
  /// Where each place goes before the halves are joined: its bits in reverse.
  private let reversed: [Int]

  init(count: Int) {
    precondition(count > 1 && count & (count - 1) == 0, "\(count) is no power of two")
    self.count = count
    let angles = (0..<count / 2).map { -2 * Double.pi * Double($0) / Double(count) }
    cosines = angles.map(cos)
    sines = angles.map(sin)
    var reversed = [0]
    while reversed.count < count { reversed = reversed.map { 2 * $0 } + reversed.map { 2 * $0 + 1 } }
    self.reversed = reversed
  }

  /// Transforms complex numbers in place.
  func apply(_ real: inout [Double], _ imaginary: inout [Double]) {
    for place in 0..<count where place < reversed[place] {
      real.swapAt(place, reversed[place])
      imaginary.swapAt(place, reversed[place])
    }
    var half = 1
    while half < count {
      let step = count / (2 * half)
      for start in stride(from: 0, to: count, by: 2 * half) {
        for place in 0..<half {
          let (one, other) = (start + place, start + place + half)
          let (cosine, sine) = (cosines[place * step], sines[place * step])
          let turnedReal = real[other] * cosine - imaginary[other] * sine
          let turnedImaginary = real[other] * sine + imaginary[other] * cosine
          real[other] = real[one] - turnedReal
          imaginary[other] = imaginary[one] - turnedImaginary
          real[one] += turnedReal
          imaginary[one] += turnedImaginary
        }
      }
      half *= 2
    }
  }
}
