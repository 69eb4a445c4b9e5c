package import Tensors

/// Fills hidden positions of an input from their neighbours, so that what was hidden does not show.
///
/// The noisy linear imputation of ROAD (Rong et al. 2022, "A Consistent and Efficient Evaluation Strategy for
/// Attribution Methods", arXiv 2202.00449). Every hidden position becomes the weighted mean of its eight
/// neighbours: the four beside it count 1/6 each, the four on the diagonals 1/12 each. A neighbour outside
/// the picture is left out, and the weights of the others are divided by their sum. Neighbours may be hidden
/// themselves, so this is one system of linear equations. Gaussian noise is then added to each hidden value.
/// Visible positions keep their values.
///
/// Weights, borders and the place of the noise agree with `NoisyLinearImputer` of pytorch-grad-cam 1.5.7.
/// Without noise, filled values differ from its by rounding only. Its noise has a deviation of 0.01 in the
/// units of its input, which is usually normalised; ours is the caller's choice. An input hidden everywhere
/// has no unique solution there; here the result is documented at ``filled(_:hiding:noise:seed:)``.
package struct LinearImputation: Sendable {
  private let rows: Int
  private let columns: Int

  package init(rows: Int, columns: Int) {
    precondition(rows > 0 && columns > 0, "an input of \(rows) rows and \(columns) columns has no positions")
    (self.rows, self.columns) = (rows, columns)
  }

  /// An input with its hidden positions filled.
  ///
  /// Noise is drawn for hidden positions only, in row-major order and channel by channel. Where no position
  /// is visible there is nothing to fill from: the result is then zero plus noise. Values must be finite.
  ///
  /// - Parameters:
  ///   - input: 1 x rows x columns x channels; any number of channels.
  ///   - hidden: Whether a position is to be filled, in row-major order.
  ///   - noise: The standard deviation of the noise, in the input's units; 0 for none.
  ///   - seed: Decides the noise.
  /// - Returns: A tensor of the input's shape. The same arguments give the same bytes.
  package func filled(_ input: Tensor, hiding hidden: [Bool], noise: Float, seed: UInt64) -> Tensor {
    let expected = Shape(images: 1, rows: rows, columns: columns, channels: input.shape.dimensions.last ?? 0)
    precondition(input.shape == expected, "an input of \(input.shape) instead of \(expected)")
    precondition(hidden.count == rows * columns, "\(hidden.count) positions instead of \(rows * columns)")
    precondition(noise >= 0, "a noise of deviation \(noise)")
    guard hidden.contains(true) else { return input }
    let channels = input.shape.channels
    var values = input.elements
    if hidden.contains(false) {
      var system = ImputationSystem(rows: rows, columns: columns, hidden: hidden)
      for first in stride(from: 0, to: channels, by: 4) {
        let used = min(4, channels - first)
        let solution = system.solution(
          of: hidden.indices.map { position in
            var vector = SIMD4<Float>()
            for lane in 0..<used { vector[lane] = values[position * channels + first + lane] }
            return vector
          })
        for position in hidden.indices where hidden[position] {
          for lane in 0..<used { values[position * channels + first + lane] = solution[position][lane] }
        }
      }
    } else {
      values = [Float](repeating: 0, count: values.count)
    }
    if noise > 0 {
      var generator = SeededGenerator(seed: seed)
      for position in hidden.indices where hidden[position] {
        for element in position * channels..<(position + 1) * channels {
          values[element] += noise * Float.gaussian(using: &generator)
        }
      }
    }
    return Tensor(input.shape, elements: values)
  }
}

/// The equations of the hidden positions, solved for up to four channels at once.
///
/// With W the weights between hidden positions and D the sums of each position's weights inside the picture,
/// the equations are (D - W) x = the weighted sums of visible neighbours. The matrix is symmetric and
/// positive definite where at least one position is visible. Conjugate gradients solve it, preconditioned by
/// a multigrid cycle: without one, a large hidden region costs as many iterations as it has rows, since each
/// iteration carries a value one position further.
private struct ImputationSystem {
  typealias Vector = SIMD4<Float>

  /// From the picture's own grid to a single position, each half as wide as the one before.
  private let grids: [ImputationGrid]
  private let rows: Int
  private let columns: Int
  private let hidden: [Bool]
  /// The right side of each grid's equations within a cycle.
  private var targets: [[Vector]]
  /// The answer of each grid within a cycle.
  private var corrections: [[Vector]]

  /// Iterations end when what the cycle would still correct is this share of the visible values' range, or
  /// less.
  private static let tolerance: Float = 2e-6
  /// A bound that only rounding could reach; 10 to 20 are usual.
  private static let mostIterations = 100

  init(rows: Int, columns: Int, hidden: [Bool]) {
    (self.rows, self.columns, self.hidden) = (rows, columns, hidden)
    var grids = [ImputationGrid(rows: rows, columns: columns, hidden: hidden)]
    var last = grids[0]
    while last.rows > 1 || last.columns > 1 {
      last = last.coarsened()
      grids.append(last)
    }
    self.grids = grids
    targets = grids.map { [Vector](repeating: .zero, count: $0.inverses.count) }
    corrections = targets
  }

  /// The filled values at hidden positions; undefined at visible ones.
  mutating func solution(of values: [Vector]) -> [Vector] {
    let grid = grids[0]
    // Centred on the visible mean: rounding is then relative to the range, and a constant stays exact.
    var sum = SIMD4<Double>()
    var (lowest, highest) = (Vector(repeating: .infinity), Vector(repeating: -.infinity))
    var count = 0.0
    for position in values.indices where !hidden[position] {
      sum += SIMD4<Double>(values[position])
      lowest.replace(with: values[position], where: values[position] .< lowest)
      highest.replace(with: values[position], where: values[position] .> highest)
      count += 1
    }
    let mean = Vector(sum / count)
    let enough = (highest - lowest) * Self.tolerance
    var centred = [Vector](repeating: .zero, count: grid.inverses.count)
    for row in 0..<rows {
      for column in 0..<columns where !hidden[row * columns + column] {
        centred[grid.index(row, column)] = values[row * columns + column] - mean
      }
    }
    var residual = grid.sumOfVisibleNeighbours(centred, isHidden: hidden)
    var found = [Vector](repeating: .zero, count: residual.count)
    var direction = found
    var product = found
    var energy = SIMD4<Double>()
    for iteration in 0..<Self.mostIterations {
      targets[0] = residual
      cycle(0)
      let next = grid.dot(residual, corrections[0])
      if grid.isWithin(enough, corrections[0]) {
        for index in found.indices { found[index] += corrections[0][index] }
        break
      }
      let factor = iteration == 0 ? .zero : Vector(Self.ratio(next, energy))
      energy = next
      for index in direction.indices { direction[index] = corrections[0][index] + factor * direction[index] }
      grid.multiply(direction, into: &product)
      let step = Vector(Self.ratio(energy, grid.dot(direction, product)))
      for index in found.indices {
        found[index] += step * direction[index]
        residual[index] -= step * product[index]
      }
    }
    return (0..<rows * columns).map { found[grid.index($0 / columns, $0 % columns)] + mean }
  }

  /// An approximate answer to `targets[level]`, left in `corrections[level]`.
  ///
  /// A forward sweep, a correction by the next grid, and a backward sweep: the same operator from either
  /// side, so conjugate gradients may use it.
  private mutating func cycle(_ level: Int) {
    let grid = grids[level]
    grid.sweepForward(&corrections[level], toward: targets[level])
    guard level + 1 < grids.count else { return }
    let coarse = grids[level + 1]
    grid.gatherResidual(of: corrections[level], into: &targets[level + 1], on: coarse)
    cycle(level + 1)
    grid.addCorrection(corrections[level + 1], of: coarse, to: &corrections[level])
    grid.sweepBackward(&corrections[level], toward: targets[level])
  }

  /// Quotients, 0 where a channel is solved already and both are 0.
  private static func ratio(_ one: SIMD4<Double>, _ other: SIMD4<Double>) -> SIMD4<Double> {
    (one / other).replacing(with: 0, where: other .<= 0)
  }
}

/// One grid of the multigrid cycle: unknowns, and the weights between neighbours.
///
/// Arrays have a margin of one position on each side, so that every position has eight neighbours. A position
/// without an unknown has no weights and an inverse of 0, which keeps its value at 0.
private struct ImputationGrid {
  typealias Vector = SIMD4<Float>

  let rows: Int
  let columns: Int
  /// The weights toward the four neighbours that come later in row-major order, as in `steps`.
  private(set) var weights: [SIMD4<Float>]
  /// The weight toward visible neighbours.
  private(set) var anchors: [Float]
  /// One over the sum of a position's weights.
  private(set) var inverses: [Float]

  /// Rows down and columns across to the later neighbours: right, below left, below, below right.
  private static let steps = [(0, 1), (1, -1), (1, 0), (1, 1)]
  private static let (beside, diagonal): (Float, Float) = (1 / 6, 1 / 12)
  /// How much of a coarse grid's answer is added.
  ///
  /// A coarse answer is one value for four positions. Such steps are steeper than the slope they stand for,
  /// so the equations make the answer too small; a factor of 1.5 to 1.9 takes 10 to 20 iterations.
  private static let overcorrection: Float = 1.7

  private var width: Int { columns + 2 }

  func index(_ row: Int, _ column: Int) -> Int { (row + 1) * width + column + 1 }

  private init(rows: Int, columns: Int) {
    (self.rows, self.columns) = (rows, columns)
    let count = (rows + 2) * (columns + 2)
    weights = [SIMD4<Float>](repeating: .zero, count: count)
    anchors = [Float](repeating: 0, count: count)
    inverses = anchors
  }

  /// The picture's own grid.
  init(rows: Int, columns: Int, hidden: [Bool]) {
    self.init(rows: rows, columns: columns)
    let steps = Self.steps
    for row in 0..<rows {
      for column in 0..<columns {
        let here = index(row, column)
        let isHidden = hidden[row * columns + column]
        for (lane, (down, across)) in steps.enumerated() {
          let (other, its) = (row + down, column + across)
          guard other < rows, (0..<columns).contains(its) else { continue }
          let weight = down == 0 || across == 0 ? Self.beside : Self.diagonal
          switch (isHidden, hidden[other * columns + its]) {
          case (true, true): weights[here][lane] = weight
          case (true, false): anchors[here] += weight
          case (false, true): anchors[index(other, its)] += weight
          case (false, false): break
          }
        }
      }
    }
    invert()
  }

  /// The grid of half as many rows and columns, whose unknowns stand for up to four each.
  ///
  /// This is the matrix that acts on values which are constant in each group: weights between two groups add
  /// up, and weights inside a group have no effect.
  func coarsened() -> ImputationGrid {
    var coarse = ImputationGrid(rows: (rows + 1) / 2, columns: (columns + 1) / 2)
    let steps = Self.steps
    for row in 0..<rows {
      for column in 0..<columns {
        let (here, group) = (index(row, column), coarse.index(row / 2, column / 2))
        coarse.anchors[group] += anchors[here]
        for (lane, (down, across)) in steps.enumerated() {
          let weight = weights[here][lane]
          guard weight > 0 else { continue }
          switch ((row + down) / 2 - row / 2, (column + across) / 2 - column / 2) {
          case (0, 0): break
          case (0, 1): coarse.weights[group][0] += weight
          case (0, _): coarse.weights[group - 1][0] += weight
          case (_, -1): coarse.weights[group][1] += weight
          case (_, 0): coarse.weights[group][2] += weight
          default: coarse.weights[group][3] += weight
          }
        }
      }
    }
    coarse.invert()
    return coarse
  }

  private mutating func invert() {
    for row in 0..<rows {
      for here in index(row, 0)..<index(row, columns) {
        let (up, own) = (weights[here - width], weights[here])
        let sum =
          anchors[here] + own.sum() + weights[here - 1][0] + up[2] + weights[here - width + 1][1]
          + weights[here - width - 1][3]
        inverses[here] = sum > 0 ? 1 / sum : 0
      }
    }
  }
}

extension ImputationGrid {
  /// The right side of the picture's own equations: visible neighbours' values times their weights.
  func sumOfVisibleNeighbours(_ values: [Vector], isHidden: [Bool]) -> [Vector] {
    var sums = [Vector](repeating: .zero, count: values.count)
    for row in 0..<rows {
      for column in 0..<columns where isHidden[row * columns + column] {
        let here = index(row, column)
        let (up, down) = (here - width, here + width)
        let straight = values[here - 1] + values[here + 1] + values[up] + values[down]
        let slanted = values[up - 1] + values[up + 1] + values[down - 1] + values[down + 1]
        sums[here] = Self.beside * straight + Self.diagonal * slanted
      }
    }
    return sums
  }

  /// The part of a position's sum that comes from the neighbours before it in row-major order.
  @inline(__always)
  private func earlier(_ values: [Vector], _ here: Int) -> Vector {
    let up = here - width
    let above = weights[up - 1][3] * values[up - 1] + weights[up][2] * values[up]
    return above + weights[up + 1][1] * values[up + 1] + weights[here - 1][0] * values[here - 1]
  }

  /// The part of a position's sum that comes from the neighbours after it in row-major order.
  @inline(__always)
  private func later(_ values: [Vector], _ here: Int) -> Vector {
    let (down, own) = (here + width, weights[here])
    let below = own[3] * values[down + 1] + own[2] * values[down]
    return below + own[1] * values[down - 1] + own[0] * values[here + 1]
  }

  /// The matrix times a vector; 0 at positions without an unknown.
  ///
  /// Differences are weighted, not values: a sum of rounded weights would pull a large hidden region toward
  /// zero.
  func multiply(_ values: [Vector], into product: inout [Vector]) {
    for row in 0..<rows {
      for here in index(row, 0)..<index(row, columns) where inverses[here] > 0 {
        let (up, down, value) = (here - width, here + width, values[here])
        var sum = anchors[here] * value + weights[up - 1][3] * (value - values[up - 1])
        sum += weights[up][2] * (value - values[up]) + weights[up + 1][1] * (value - values[up + 1])
        let own = weights[here]
        sum += weights[here - 1][0] * (value - values[here - 1]) + own[0] * (value - values[here + 1])
        sum += own[1] * (value - values[down - 1]) + own[2] * (value - values[down])
        product[here] = sum + own[3] * (value - values[down + 1])
      }
    }
  }

  /// Gauss-Seidel from zero, in row-major order.
  func sweepForward(_ values: inout [Vector], toward target: [Vector]) {
    for row in 0..<rows {
      for here in index(row, 0)..<index(row, columns) {
        values[here] = inverses[here] * (target[here] + earlier(values, here))
      }
    }
  }

  /// Gauss-Seidel from the values as they are, in reverse order.
  func sweepBackward(_ values: inout [Vector], toward target: [Vector]) {
    for row in (0..<rows).reversed() {
      for here in (index(row, 0)..<index(row, columns)).reversed() {
        values[here] = inverses[here] * (target[here] + earlier(values, here) + later(values, here))
      }
    }
  }

  /// What a forward sweep from zero leaves unsolved, added up by groups of the coarse grid.
  ///
  /// The sweep satisfied each equation with the later neighbours still 0, so their part is all that is
  /// missing.
  func gatherResidual(of values: [Vector], into sums: inout [Vector], on coarse: ImputationGrid) {
    for index in sums.indices { sums[index] = .zero }
    for row in 0..<rows {
      let (start, group) = (index(row, 0), coarse.index(row / 2, 0))
      for column in 0..<columns where inverses[start + column] > 0 {
        sums[group + column / 2] += later(values, start + column)
      }
    }
  }

  /// Adds to each unknown its group's correction.
  func addCorrection(_ correction: [Vector], of coarse: ImputationGrid, to values: inout [Vector]) {
    for row in 0..<rows {
      let (start, group) = (index(row, 0), coarse.index(row / 2, 0))
      for column in 0..<columns where inverses[start + column] > 0 {
        values[start + column] += Self.overcorrection * correction[group + column / 2]
      }
    }
  }

  /// Each channel's scalar product, in double precision.
  func dot(_ one: [Vector], _ other: [Vector]) -> SIMD4<Double> {
    var sum = SIMD4<Double>()
    for row in 0..<rows {
      var part = Vector()
      for here in index(row, 0)..<index(row, columns) { part += one[here] * other[here] }
      sum += SIMD4<Double>(part)
    }
    return sum
  }

  /// Whether no value is larger than a bound, channel by channel.
  func isWithin(_ bound: Vector, _ values: [Vector]) -> Bool {
    var largest = Vector()
    for value in values {
      let size = value.replacing(with: -value, where: value .< 0)
      largest.replace(with: size, where: size .> largest)
    }
    return all(largest .<= bound)
  }
}
