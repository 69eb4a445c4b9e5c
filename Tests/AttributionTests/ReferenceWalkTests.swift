import Attribution
import Execution
import Kernels
import NetworkFixtures
import Networks
import ReferenceKernels
import Tensors
import TestSupport
import Testing

/// The walk against another written for obviousness, in `Double`, over random networks of every operation.
@Suite struct WalksAndTheirReference {
  static let seeds = 0..<2 * OperationKind.allCases.count

  /// A dozen layers of float32 sums, in parts of the projection's largest value.
  static let tolerance = 2e-5

  /// A network, its last map, and the position where one unit there is largest in size, so that there is something to
  /// carry back.
  private struct Case {
    let network: Network
    let value: String
    let picture: Tensor
    let reference: ReferenceWalk
    let seed: Seed
    let signal: [Double]

    init(seed: Int) throws {
      let drawn = try RandomNetworks.draw(seed: seed)
      network = drawn.network
      value = try #require(drawn.maps.last)
      var generator = SeededGenerator(seed: UInt64(seed) + 100)
      picture = Tensor.random(try network.inputShape(images: 1), using: &generator)
      reference = try ReferenceWalk(network, input: picture.elements.map(Double.init))
      let map = try #require(reference.values[value])
      let (columns, units) = (map.shape.columns, map.shape.channels)
      let positions = stride(from: seed % units, to: map.elements.count, by: units)
      let strongest = try #require(positions.max { abs(map.elements[$0]) < abs(map.elements[$1]) })
      self.seed = .activation(
        unit: seed % units, row: strongest / units / columns, column: strongest / units % columns)
      // The activation as it was found: what rounding left of a small difference is not the walk's.
      let found = try Runner(network, keeping: [value], threads: 1).forward(picture)[value]
      let activation = try #require(found).elements[strongest]
      signal = map.elements.indices.map { $0 == strongest ? Double(activation) : 0 }
    }

    func projection(by composite: Composite) throws -> [Float] {
      let projector = Projector(try Walk(network, from: value, by: composite), threads: 1)
      let runner = try Runner(network, keeping: projector.keptValues, recordingSwitches: true, threads: 1)
      let trace = try runner.forward(picture)
      let projected = try projector.project([try projector.evidence(of: seed, in: trace)])[0]
      return projected.placed(in: picture.shape).elements
    }
  }

  @Test(arguments: seeds)
  func `projections equal the reference's`(seed: Int) throws {
    let it = try Case(seed: seed)
    for rule in RectifierRule.allCases {
      let expected = it.reference.carry(it.signal, from: it.value, rule: rule)
      let largest = expected.map(abs).max() ?? 0
      let difference = largestDifference(try it.projection(by: Composite(rule)), expected)
      #expect(
        difference <= Self.tolerance * largest,
        "seed \(seed), \(it.value), \(rule): off by \(difference) of \(largest)")
    }
  }

  /// Networks without products of computed values; epsilon is large enough that no quotient is of rounding alone.
  @Test(arguments: seeds)
  func `relevance equals the reference's`(seed: Int) throws {
    let it = try Case(seed: seed)
    let found: [Float]
    do {
      found = try it.projection(by: .epsilon(0.1))
    } catch AttributionError.noRule {
      return
    }
    let expected = it.reference.relevance(it.signal, from: it.value, epsilon: Double(Float(0.1))).input
    let largest = expected.map(abs).max() ?? 0
    #expect(
      largestDifference(found, expected) <= Self.tolerance * largest, "seed \(seed), \(it.value)")
  }

  /// The reference's own gradient is the slope of its forward pass, so that it is not merely wrong alike.
  @Test(arguments: seeds)
  func `the reference's gradient is the slope of its forward pass`(seed: Int) throws {
    let it = try Case(seed: seed)
    let (network, value, reference) = (it.network, it.value, it.reference)
    let picture = it.picture.elements.map(Double.init)
    var generator = SeededGenerator(seed: UInt64(seed))
    let shape = try #require(reference.values[value]?.shape)
    let weights = Tensor.random(shape, using: &generator).elements.map(Double.init)
    let direction = Tensor.random([picture.count], using: &generator).elements.map(Double.init)
    let gradient = reference.carry(weights, from: value, rule: .gradient)
    func loss(_ input: [Double]) -> Double {
      let made = try? ReferenceWalk(network, input: input).values[value]
      return zip(made?.elements ?? [], weights).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let measured = slope(of: loss, at: picture, along: direction, step: 1e-7)
    let along = zip(gradient, direction).reduce(0) { $0 + $1.0 * $1.1 }
    let size = zip(gradient, direction).reduce(0) { $0 + abs($1.0 * $1.1) }
    #expect(
      abs(measured - along) <= 1e-5 * size, "seed \(seed): slope \(measured), gradient along it \(along)")
  }
}
