import Attribution
import Execution
import Kernels
import NetworkFixtures
import Networks
import Peaks
import Studies
import Tensors
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
    #expect(stretches.map(\.count) == [17, 17, 17, 17, 7] && (128 << 20) / picture == 17)
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

  /// Sheets and pages take places of projections from the geometry alone.
  @Test func `a projection begins where the geometry says`() throws {
    let network = try network(gated: false)
    let gallery = try Gallery(network, value: "conv2.out", rule: .deconvnet, threads: 1)
    let geometry = try FieldGeometry(network, value: "conv2.out", rule: .deconvnet)
    #expect(geometry.extents == gallery.extents && !geometry.isCutAtGates)
    var generator = SeededGenerator(seed: 4)
    let picture = Tensor.random([1, 256, 256, 3], using: &generator)
    let peaks = [(0, 0), (7, 255), (255, 3), (100, 101)].map { Peak(value: 1, image: 0, row: $0, column: $1) }
    var count = 0
    try gallery.project(peaks.enumerated().map { (unit: 1, rank: $0, peak: $1) }, input: { _ in picture }) {
      for (place, projection) in $0 {
        #expect(
          geometry.start(ofRow: place.peak.row, column: place.peak.column) == (
            projection.top, projection.left
          ))
        count += 1
      }
    }
    #expect(count == 4)
  }

  /// Windows without padding leave the last row and column of the picture out; no gate does.
  @Test func `without a gate nothing is cut`() throws {
    var build = TinyNetworks.Builder(seed: 9)
    build.convolution("conv1", 6, of: 3, window: 3, stride: 3)
    build.relu("relu1")
    build.convolution("conv2", 4, of: 6, window: 3)
    let gallery = try Gallery(
      try build.network(rows: 10, columns: 10), value: "conv2.out", rule: .gradient, threads: 1)
    #expect(gallery.extents == (10, 10) && !gallery.isCutAtGates)
    let geometry = try FieldGeometry(
      try build.network(rows: 10, columns: 10), value: "conv2.out", rule: .gradient)
    #expect(
      geometry.extents == (10, 10) && !geometry.isCutAtGates && geometry.start(ofRow: 0, column: 0) == (0, 0))
  }

  /// The projection through the gate's path is computed and left out of the crop; what is shown keeps its values.
  @Test func `behind a gate a projection is cut to what its windows see`() throws {
    var build = TinyNetworks.Builder(seed: 9)
    build.convolution("conv1", 6, of: 3, window: 3, padding: 1)
    let maps = build.relu("relu1")
    build.add("squeeze", .globalAveragePooling)
    let gate = build.add("gate", .activation(.sigmoid))
    build.add("scale", .arithmetic(.multiply), from: [maps, gate])
    build.convolution("conv2", 4, of: 6, window: 3, padding: 1)
    let network = try build.network(rows: 20, columns: 24)
    let value = "conv2.out"
    let gallery = try Gallery(network, value: value, rule: .gradient, threads: 1)
    #expect(gallery.extents == (5, 5) && gallery.isCutAtGates)
    var generator = SeededGenerator(seed: 2)
    let picture = Tensor.random([1, 20, 24, 3], using: &generator)
    let peak = Peak(value: 1, image: 0, row: 0, column: 23)
    var projections: [PixelProjection] = []
    try gallery.project([(unit: 2, rank: 0, peak: peak)], input: { _ in picture }) {
      projections += $0.map(\.projection)
    }
    let cut = try #require(projections.first)
    let geometry = try FieldGeometry(network, value: value, rule: .gradient)
    #expect(geometry.extents == (5, 5) && geometry.isCutAtGates)
    #expect(geometry.start(ofRow: 0, column: 23) == (cut.top, cut.left))
    #expect(projections.count == 1 && cut.pixels.shape == [5, 5, 3] && (cut.top, cut.left) == (-2, 21))
    let projector = try Projector(network, value: value, rule: .gradient, threads: 1)
    let runner = try Runner(network, keeping: projector.keptValues, recordingSwitches: true, threads: 1)
    let evidence = try projector.evidence(
      of: .activation(unit: 2, row: 0, column: 23), in: try runner.forward(picture))
    let whole = try projector.project([evidence])[0]
    #expect(whole.pixels.shape == [20, 24, 3])
    for row in 0..<5 {
      for column in 0..<5 {
        for channel in 0..<3 {
          let isInside = row >= 2 && column < 3
          let expected = isInside ? whole.pixels.elements[((row - 2) * 24 + 21 + column) * 3 + channel] : 0
          #expect(cut.pixels.elements[(row * 5 + column) * 3 + channel] == expected)
        }
      }
    }
  }
}
