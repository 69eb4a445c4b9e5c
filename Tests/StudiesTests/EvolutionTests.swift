import Attribution
import NetworkFixtures
import Networks
import Peaks
import Studies
import Tensors
import Testing

@Suite struct Evolutions {
  private static func picture(_ index: Int) throws -> Tensor {
    var generator = SeededGenerator(seed: UInt64(200 + index))
    return Tensor.random([1, 47, 53, 3], using: &generator)
  }

  private static let names = (0..<6).map { "picture \($0)" }

  /// A search of the pictures from nothing.
  static func search(_ network: Network, _ values: [String], count: Int = names.count) throws -> PeakTable {
    let shapes = try network.shapes(inputs: [network.inputs[0].name: network.inputShape(images: 1)])
    let empty = PeakTable(units: values.map { ($0, shapes[$0]?.channels ?? 0) }, keeping: 1)
    return try PeakSearch(network, values: values, threads: 2).run(
      from: .init(peaks: empty), count: count, input: { try picture($0) }
    ) { _ in true }.peaks
  }

  private func table(
    _ seeds: [Int: UInt64], units: Int = 4, seed: UInt64 = 1, threads: Int = 2, layers: [String]? = nil,
    receive: (Int, String, [(place: Gallery.Place, projection: PixelProjection)]) -> Void = { _, _, _ in }
  ) throws -> EvolutionTable {
    let study = Evolution(layers: layers, unitsPerLayer: units, seed: seed, threads: threads)
    return try study.table(
      over: seeds.keys.sorted(), network: { try TinyNetworks.plain(seed: seeds[$0] ?? 0) },
      images: Self.names,
      input: { try Self.picture($0) }, search: { try Self.search($1, $2) }, receive: receive)
  }

  @Test func `snapshots that are the same never change and have settled at the first`() throws {
    let table = try table([1: 7, 2: 7, 5: 7])
    #expect(table.epochs == [1, 2, 5])
    #expect(table.layers.map(\.layer) == ["conv1", "conv2", "conv3"])
    for layer in table.layers {
      #expect(layer.changed == [nil, 0, 0])
      #expect(layer.settled == 1)
      #expect(layer.settledShare == [1, 1, 1])
      for unit in layer.units {
        #expect(unit.settled == 1)
        #expect(unit.moments.allSatisfy { abs(($0.cosine ?? 0) - 1) < 1e-5 })
      }
    }
  }

  @Test func `a network that became another settles when it did`() throws {
    let table = try table([1: 7, 2: 8, 3: 8])
    for layer in table.layers {
      #expect(layer.settled == 2)
      #expect(layer.settledShare == [0, 1, 1])
      #expect((layer.changed[1] ?? 0) > 0)
      #expect(layer.changed[2] == 0)
    }
  }

  @Test func `a network that comes back had not settled before it left`() throws {
    let table = try table([1: 7, 2: 8, 3: 7])
    #expect(table.layers.allSatisfy { $0.settled == 3 })
    let first = try #require(table.layers.first?.units.first)
    #expect(abs((first.moments[0].cosine ?? 0) - 1) < 1e-5)
    #expect((first.moments[1].cosine ?? 1) < Evolution.settledCosine)
  }

  @Test func `units are drawn by the seed, and threads change nothing`() throws {
    let one = try table([1: 7, 2: 8], threads: 1)
    #expect(try one == table([1: 7, 2: 8], threads: 3))
    let other = try table([1: 7, 2: 8], seed: 2)
    #expect(one.layers.map { $0.units.map(\.unit) } != other.layers.map { $0.units.map(\.unit) })
    #expect(one.layers.map(\.changed) == other.layers.map(\.changed))
  }

  @Test func `each projection comes once an epoch, of the layers asked for`() throws {
    var seen: [String: Int] = [:]
    let table = try table([3: 7, 4: 8], units: 2, layers: ["conv2"]) { epoch, layer, results in
      for (place, _) in results { seen["\(epoch) \(layer) \(place.unit)", default: 0] += 1 }
    }
    let units = try #require(table.layers.first).units.map(\.unit)
    #expect(units.count == 2)
    #expect(Set(seen.keys) == Set(units.flatMap { ["3 conv2 \($0)", "4 conv2 \($0)"] }))
    #expect(seen.values.allSatisfy { $0 == 1 })
  }

  @Test func `no epochs make an empty table, and stopping makes none`() throws {
    let study = Evolution(unitsPerLayer: 1, seed: 0, threads: 1)
    let empty = try study.table(
      over: [], network: { _ in try TinyNetworks.plain() }, images: [], input: { try Self.picture($0) },
      search: { try Self.search($1, $2) })
    #expect(empty.layers.isEmpty)
    #expect(throws: Interruption()) {
      try study.table(
        over: [1], network: { _ in try TinyNetworks.plain() }, images: Self.names,
        input: { try Self.picture($0) }, search: { try Self.search($1, $2) },
        receive: { _, _, _ in throw Interruption() })
    }
  }
}
