internal import Datasets
internal import Foundation
internal import Images
internal import Tensors

/// What becomes of a class's score as positions of a picture are hidden in a map's order.
package struct HidingCurves: Codable, Hashable, Sendable {
  /// Steps from the whole picture to one that is hidden everywhere.
  package static let steps = 50

  /// The positions with the largest values are hidden first (MoRF: deletion, read from the other end).
  package var mostFirst: [Double]
  /// Those with the smallest values are hidden first (LeRF): read backwards, the curve of insertion.
  package var leastFirst: [Double]

  /// The mean height of each: areas over the share hidden, by trapezoids.
  package var areas: (mostFirst: Double, leastFirst: Double) { (Self.area(mostFirst), Self.area(leastFirst)) }

  private static func area(_ curve: [Double]) -> Double {
    guard curve.count > 1 else { return curve.first ?? 0 }
    return zip(curve, curve.dropFirst()).reduce(0) { $0 + ($1.0 + $1.1) / 2 } / Double(curve.count - 1)
  }
}

/// Holds maps of one picture against what the network says when parts of the picture are hidden.
///
/// A map is one number a position of the input, row after row: what a method made it by is of no concern here.
struct MapTrial {
  let input: Tensor
  let label: Int
  let scores: ClassScores
  let seed: UInt64

  private var positions: Int { input.shape.rows * input.shape.columns }

  // MARK: Hiding in order

  /// The curves of each map, of the class's probability and of its score.
  ///
  /// Positions are ordered by their values, and those of one value row by row. At every step the same share is hidden from
  /// either end, so that what is shown when all but the least are hidden is what insertion has shown by then.
  ///
  /// - Note: Petsiuk et al. 2018 (RISE), section 4; Samek et al. 2017; Blücher et al. 2024.
  func curves(of maps: [[Float]], fill: Tensor) throws -> [(probability: HidingCurves, score: HidingCurves)] {
    let (steps, positions) = (HidingCurves.steps, positions)
    let orders = maps.map(Self.order)
    // Both ends are the same for all.
    let ends = try scores.readings(2, of: label) { [input] in $0 == 0 ? input : fill }
    let each = 2 * (steps - 1)
    let readings = try scores.readings(maps.count * each, of: label) { [input] number in
      let (map, rest) = (number / each, number % each)
      let (isMost, step) = (rest < steps - 1, rest % (steps - 1) + 1)
      let bound = positions * (isMost ? step : steps - step) / steps
      let hidden = isMost ? orders[map][..<bound] : orders[map][bound...]
      return input.hiding(hidden, by: fill)
    }
    return maps.indices.map { map in
      let own = readings[map * each..<(map + 1) * each]
      let (most, least) = (own.prefix(steps - 1), own.suffix(steps - 1))
      func curves(_ read: (ClassScores.Reading) -> Double) -> HidingCurves {
        func whole(_ inner: ArraySlice<ClassScores.Reading>) -> [Double] {
          [read(ends[0])] + inner.map(read) + [read(ends[1])]
        }
        return HidingCurves(mostFirst: whole(most), leastFirst: whole(least))
      }
      return (curves(\.probability), curves(\.score))
    }
  }

  /// Positions from the largest value to the smallest.
  private static func order(_ map: [Float]) -> [Int] {
    map.indices.sorted { (map[$1], $0) < (map[$0], $1) }
  }

  /// ROAD: how much more of the probability is left when the least relevant positions are filled from their neighbours than
  /// when the most relevant are: the mean over a tenth to nine tenths of the positions.
  ///
  /// - Note: Rong et al. 2022, "A consistent and efficient evaluation strategy for attribution methods".
  func imputed(_ maps: [[Float]]) throws -> [Double] {
    let shares = Array(1...9)
    let orders = maps.map(Self.order)
    let filling = LinearImputation(rows: input.shape.rows, columns: input.shape.columns)
    let noise = 0.01 * range
    let each = 2 * shares.count
    let readings = try scores.readings(maps.count * each, of: label) { [input, positions, seed] number in
      let (map, rest) = (number / each, number % each)
      let count = positions * shares[rest % shares.count] / 10
      let chosen = rest < shares.count ? orders[map].prefix(count) : orders[map].suffix(count)
      var hidden = [Bool](repeating: false, count: positions)
      for position in chosen { hidden[position] = true }
      return filling.filled(input, hiding: hidden, noise: noise, seed: seed &+ UInt64(rest))
    }
    return maps.indices.map { map in
      let own = readings[map * each..<(map + 1) * each].map(\.probability)
      return zip(own.suffix(shares.count), own.prefix(shares.count)).reduce(0) { $0 + $1.0 - $1.1 }
        / Double(shares.count)
    }
  }

  /// The largest value of the picture less the smallest.
  private var range: Float {
    let elements = input.elements
    return (elements.max() ?? 0) - (elements.min() ?? 0)
  }

  // MARK: Hiding by chance

  /// How far each map's sums over squares are from what hiding the squares takes from the score: the share of these falls' mean
  /// square that no factor of the map explains, from 0 to 1.
  ///
  /// - Note: Yeh et al. 2019, "On the (in)fidelity and sensitivity of explanations", with hidden squares as perturbations; the
  ///   best factor is taken out, since maps have scales of their own.
  func infidelity(of maps: [[Float]], fill: Tensor, squares count: Int = 100) throws -> [Double] {
    let (rows, columns) = (input.shape.rows, input.shape.columns)
    var generator = SeededGenerator(mixing: [seed, 17])
    let side = min(rows, columns)
    let squares = (0..<count).map { _ in
      let size = Int.random(in: max(side / 8, 1)...max(side / 3, 1), using: &generator)
      let top = Int.random(in: 0...rows - size, using: &generator)
      let left = Int.random(in: 0...columns - size, using: &generator)
      return Box(top: top, left: left, bottom: top + size, right: left + size)
    }
    let readings = try scores.readings(count + 1, of: label) { [input] number in
      guard number > 0 else { return input }
      return input.hiding(squares[number - 1].positions(of: columns), by: fill)
    }
    let falls = readings.dropFirst().map { readings[0].score - $0.score }
    let whole = falls.reduce(0) { $0 + $1 * $1 }
    return maps.map { map in
      let sums = squares.map { square in
        square.positions(of: columns).reduce(0.0) { $0 + Double(map[$1]) }
      }
      let product = zip(sums, falls).reduce(0) { $0 + $1.0 * $1.1 }
      let size = sums.reduce(0) { $0 + $1 * $1 }
      guard whole > 0, size > 0 else { return 1 }
      return max(1 - product * product / (size * whole), 0)
    }
  }

  /// The picture with a little noise, evenly up to a fiftieth of its range: what an explanation should not depend on.
  func disturbed(_ number: Int) -> Tensor {
    var generator = SeededGenerator(mixing: [seed, 29, UInt64(number)])
    let reach = 0.02 * range
    return Tensor(
      input.shape, elements: input.elements.map { $0 + Float.random(in: -reach...reach, using: &generator) })
  }

  // MARK: Controls

  /// Maps that know nothing of the network: positions by chance, the picture's middle, the picture's edges (Sobel).
  static let controls = ["random", "centre", "sobel"]

  func control(_ name: String) -> [Float] {
    let (rows, columns) = (input.shape.rows, input.shape.columns)
    switch name {
    case "random":
      var generator = SeededGenerator(mixing: [seed, 3])
      return (0..<positions).map { _ in Float.random(in: 0...1, using: &generator) }
    case "centre":
      return (0..<positions).map { position in
        let (down, across) = (
          (Float(position / columns) + 0.5) / Float(rows) - 0.5,
          (Float(position % columns) + 0.5) / Float(columns) - 0.5
        )
        return 1 - down * down - across * across
      }
    default: return input.edges(top: 0, left: 0, rows: rows, columns: columns).elements
    }
  }
}

/// How like each other the maps of two pictures are, and how much a map says.
enum MapLikeness {
  /// How far a map moves: the size of the difference over the map's own.
  static func change(_ map: Tensor, to other: Tensor) -> Double {
    var (difference, size) = (0.0, 0.0)
    for (mine, its) in zip(map.elements, other.elements) {
      difference += Double(mine - its) * Double(mine - its)
      size += Double(mine) * Double(mine)
    }
    return size > 0 ? (difference / size).squareRoot() : 0
  }

  /// The entropy, in nats, of how a map's values are spread over a hundred bins of equal width from the smallest to the largest.
  ///
  /// - Note: Hedström et al. 2024, "A fresh look at sanity checks for saliency maps" (efficient MPRT).
  static func entropy(_ map: [Float]) -> Double {
    guard let low = map.min(), let high = map.max(), high > low else { return 0 }
    var counts = [Int](repeating: 0, count: 100)
    for value in map { counts[min(Int((value - low) / (high - low) * 100), 99)] += 1 }
    return counts.filter { $0 > 0 }.reduce(0) { sum, count in
      let share = Double(count) / Double(map.count)
      return sum - share * log(share)
    }
  }
}

extension Tensor {
  /// One number a position: the sum over the channels of a map of rows x columns x channels, or the map itself.
  var positionSums: [Float] {
    guard shape.rank == 3 else { return elements }
    let (elements, channels) = (elements, shape[2])
    return (0..<shape[0] * shape[1]).map { place in
      (0..<channels).reduce(0) { $0 + elements[place * channels + $1] }
    }
  }

  /// Some positions of an input replaced by another's.
  fileprivate func hiding(_ positions: some Sequence<Int>, by fill: Tensor) -> Tensor {
    var hidden = self
    let channels = shape.channels
    fill.withSpan { other in
      hidden.withMutableSpan { elements in
        for position in positions {
          for index in position * channels..<(position + 1) * channels { elements[index] = other[index] }
        }
      }
    }
    return hidden
  }
}

extension Box {
  /// Its positions in a map of so many columns, row after row.
  fileprivate func positions(of columns: Int) -> [Int] {
    (top..<bottom).flatMap { row in (left..<right).map { row * columns + $0 } }
  }
}
