import Kernels
import NetworkFixtures
import Networks
import Peaks
import Studies
import Testing

@Suite struct Galleries {
  /// Pictures of 256 x 256, a layer of 24 maps, and above it a gate over the whole picture or a convolution.
  private func network(gated isGated: Bool) throws -> Network {
    var build = TinyNetworks.Builder(seed: 8)
    build.convolution("conv1", 24, of: 3, window: 3, padding: 1)
    let maps = build.relu("relu1")
    build.add("squeeze", .globalAveragePooling)
    let gate = build.add("gate", .activation(.sigmoid))
    if isGated { build.add("scale", .arithmetic(.multiply), from: [maps, gate]) }
    build.convolution("conv2", 8, of: 24, window: 3, padding: 1, from: isGated ? nil : [maps])
    return try build.network(rows: 256, columns: 256)
  }

  private let places = (0..<150).map {
    (unit: $0 % 8, rank: $0 / 8, peak: Peak(value: 1, image: $0 / 2, row: 9, column: 9))
  }

  @Test func `pictures whose evidence is whole maps are few at a time`() throws {
    let gallery = try Gallery(try network(gated: true), value: "conv2.out", rule: .gradient, threads: 1)
    let stretches = gallery.stretches(of: places)
    // Of each picture the 24 maps and their gates are held, of each of its two seeds a whole projection.
    let picture = 4 * 256 * 256 * 24 + 4 * 24 + 2 * 4 * 256 * 256 * 3
    #expect(stretches.map(\.count) == [34, 34, 7] && (256 << 20) / picture == 34)
    #expect(stretches.flatMap { $0.flatMap { $0 } }.elementsEqual(places) { $0 == $1 })
  }

  @Test func `pictures whose evidence is small are as many as before`() throws {
    let gallery = try Gallery(try network(gated: false), value: "conv2.out", rule: .gradient, threads: 1)
    #expect(gallery.stretches(of: places).map(\.count) == [64, 11])
  }

  @Test func `a picture that alone is more than fits is taken alone`() throws {
    var build = TinyNetworks.Builder(seed: 8)
    build.convolution("conv1", 300, of: 3, window: 1)
    build.relu("relu1")
    build.add("squeeze", .globalAveragePooling)
    let network = try build.network(rows: 500, columns: 500)
    let gallery = try Gallery(network, value: "squeeze.out", rule: .guided, threads: 1)
    #expect(gallery.stretches(of: places).map(\.count) == [Int](repeating: 1, count: 75))
  }
}
