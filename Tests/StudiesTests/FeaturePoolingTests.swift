import NetworkFixtures
import Networks
import Studies
import Tensors
import Testing

@Suite struct FeaturePoolings {
  @Test func `every pooling by hand`() {
    // Two maps of 2 x 3: the first 1...6, the second ten times that, negative.
    let value = Tensor([1, 2, 3, 2], elements: (1...6).flatMap { [Float($0), -10 * Float($0)] })
    #expect(FeaturePooling.none.vector(of: value) == value.elements)
    #expect(FeaturePooling.average.vector(of: value) == [3.5, -35])
    #expect(FeaturePooling.max.vector(of: value) == [6, -10])
    // Of three columns two cells share the middle one.
    #expect(FeaturePooling.grid(2).vector(of: value) == [1.5, -15, 2.5, -25, 4.5, -45, 5.5, -55])
    #expect(FeaturePooling.grid(1).vector(of: value) == [3.5, -35])
  }

  @Test func `a grid as fine as the map is the map, and a finer one repeats it`() {
    var generator = SeededGenerator(seed: 2)
    let value = Tensor.random([1, 3, 3, 4], using: &generator)
    #expect(FeaturePooling.grid(3).vector(of: value) == value.elements)
    #expect(FeaturePooling.grid(6).vector(of: value).count == FeaturePooling.grid(6).count(of: value.shape))
  }

  @Test func `a vector is not pooled, and a NaN is not lost`() {
    let vector = Tensor([1, 3], elements: [1, 2, 3])
    for pooling in [FeaturePooling.none, .average, .max, .grid(4)] {
      #expect(pooling.vector(of: vector) == [1, 2, 3] && pooling.count(of: vector.shape) == 3)
    }
    let broken = Tensor([1, 1, 3, 1], elements: [1, .nan, 2])
    for pooling in [FeaturePooling.none, .average, .max, .grid(1)] {
      #expect(pooling.vector(of: broken).contains { $0.isNaN }, "\(pooling)")
    }
  }

  @Test func `a pooling is written as it is read, and nothing else is one`() {
    for pooling in [FeaturePooling.none, .average, .max, .grid(6)] {
      #expect(FeaturePooling(pooling.description) == pooling)
    }
    for text in ["", "mean", "grid", "grid:0", "grid:x", "grid:2:3", "Max"] {
      #expect(FeaturePooling(text) == nil, "\(text)")
    }
  }

  @Test func `roots keep their sign, lengths become one, and zeros stay`() {
    var features = Tensor([3, 2], elements: [9, -16, 0, 0, 4, 0])
    FeatureScaling(takesSquareRoot: true).apply(to: &features)
    #expect(features.elements == [3, -4, 0, 0, 2, 0])
    FeatureScaling(normalizesLength: true).apply(to: &features)
    #expect(features.elements == [0.6, -0.8, 0, 0, 1, 0])
    FeatureScaling().apply(to: &features)
    #expect(features.elements == [0.6, -0.8, 0, 0, 1, 0])
  }

  private static func picture(_ number: Int) -> Tensor {
    var generator = SeededGenerator(seed: UInt64(40 + number))
    return Tensor.random([1, 16, 20, 3], using: &generator)
  }

  private func extraction(threads: Int) throws -> FeatureExtraction {
    let network = try TinyNetworks.classifier()
    let chosen: [(String, FeaturePooling)] = [("conv1", .grid(2)), ("pool", .none), ("fc1", .none)]
    let shapes = try network.shapes(inputs: ["input": [1, 16, 20, 3]])
    let selections = try chosen.map { name, pooling in
      let layer = try network.layer(named: name)
      return FeatureExtraction.Selection(
        layer: name, value: layer.featureMaps, pooling: pooling,
        count: pooling.count(of: shapes[layer.featureMaps] ?? []))
    }
    return try FeatureExtraction(network, selections: selections, threads: threads)
  }

  @Test func `features do not depend on what is computed beside them, and unreadable pictures are left out`()
    throws
  {
    let several = try extraction(threads: 3).features(
      of: 0..<5, names: { "\($0)" }, input: { $0 == 3 ? nil : Self.picture($0) })
    #expect(several.images == [0, 1, 2, 4])
    #expect(several.features.map(\.shape) == [[4, 32], [4, 160], [4, 16]])
    let alone = try extraction(threads: 1)
    for (place, image) in several.images.enumerated() {
      let one = try alone.features(of: image..<image + 1, names: { "\($0)" }, input: { Self.picture($0) })
      for (mine, theirs) in zip(several.features, one.features) {
        #expect(mine.slices(place..<place + 1).elements == theirs.elements)
      }
    }
  }

  @Test func `a feature that is no number is named by layer and picture`() throws {
    let extraction = try extraction(threads: 1)
    let error = #expect(throws: StudyError.self) {
      try extraction.features(
        of: 0..<2, names: { $0 == 1 ? "broken" : "fine" },
        input: { $0 == 1 ? Tensor([1, 16, 20, 3], repeating: .infinity) : Self.picture($0) })
    }
    #expect(error?.description.contains("layer conv1 is no finite number in broken") == true)
  }
}
