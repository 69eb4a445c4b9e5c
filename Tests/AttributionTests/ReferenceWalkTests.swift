import Attribution
import Execution
import Kernels
import NetworkFixtures
import Networks
import Tensors
import TestSupport
import Testing

/// The walk against another written for obviousness, in `Double`, over random networks of every operation.
@Suite struct WalksAndTheirReference {
  static let seeds = 0..<2 * OperationKind.allCases.count

  /// A dozen layers of float32 sums, in parts of the projection's largest value.
  static let tolerance = 2e-5

  private func picture(_ network: Network, seed: Int) throws -> Tensor {
    var generator = SeededGenerator(seed: UInt64(seed) + 100)
    return Tensor.random(try network.inputShape(images: 1), using: &generator)
  }

  @Test(arguments: seeds)
  func `projections equal the reference's`(seed: Int) throws {
    let drawn = try RandomNetworks.draw(seed: seed)
    let (network, value) = (drawn.network, try #require(drawn.maps.last))
    let picture = try picture(network, seed: seed)
    let reference = try ReferenceWalk(network, input: picture.elements.map(Double.init))
    let map = try #require(reference.values[value])
    // The strongest of one unit, so that there is something to carry back.
    let unit = seed % map.shape.channels
    let place = try #require(
      (0..<map.shape.rows * map.shape.columns).max {
        map.elements[$0 * map.shape.channels + unit] < map.elements[$1 * map.shape.channels + unit]
      })
    let activation = Seed.activation(
      unit: unit, row: place / map.shape.columns, column: place % map.shape.columns)
    var signal = [Double](repeating: 0, count: map.elements.count)
    let element = place * map.shape.channels + unit
    signal[element] = map.elements[element]
    for rule in RectifierRule.allCases {
      let projector = try Projector(network, value: value, rule: rule, threads: 1)
      let runner = try Runner(network, keeping: projector.keptValues, recordingSwitches: true, threads: 1)
      let trace = try runner.forward(picture)
      let forward = try #require(trace[value])
      let size = map.elements.map(abs).max() ?? 0
      #expect(largestDifference(forward.elements, map.elements) <= Self.tolerance * size, "\(seed) forward")
      let found = try projector.project([try projector.evidence(of: activation, in: trace)])[0]
      let expected = reference.carry(signal, from: value, rule: rule)
      let largest = expected.map(abs).max() ?? 0
      #expect(
        largestDifference(found.placed(in: picture.shape).elements, expected) <= Self.tolerance * largest,
        "seed \(seed), \(value), \(rule)")
    }
  }

  /// The reference's own gradient is the slope of its forward pass, so that it is not merely wrong alike.
  @Test(arguments: seeds)
  func `the reference's gradient is the slope of its forward pass`(seed: Int) throws {
    let drawn = try RandomNetworks.draw(seed: seed)
    let (network, value) = (drawn.network, try #require(drawn.maps.last))
    let picture = try picture(network, seed: seed).elements.map(Double.init)
    let reference = try ReferenceWalk(network, input: picture)
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
