import Execution
import Files
import NetworkFixtures
import Networks
import Peaks
import Synchronization
import Tensors
import TestSupport
import Testing

@Suite struct Searches {
  private let values = ["relu1.out", "relu3.out"]
  private let count = 37

  /// Picture `id` of a made-up data set; every ninth cannot be read.
  private static let picture: @Sendable (Int) throws -> Tensor? = { id in
    if id % 9 == 4 { return nil }
    var generator = SeededGenerator(seed: UInt64(id))
    return Tensor.random([1, 47, 53, 3], using: &generator)
  }

  private func start() -> PeakSearch.State {
    PeakSearch.State(peaks: PeakTable(units: [("relu1.out", 8), ("relu3.out", 12)], keeping: 5))
  }

  private func search(threads: Int = 2, stretch: Int = 5) throws -> PeakSearch {
    try PeakSearch(TinyNetworks.plain(), values: values, threads: threads, stretch: stretch)
  }

  private func whole(threads: Int = 2, stretch: Int = 5) throws -> PeakTable {
    let end = try search(threads: threads, stretch: stretch)
      .run(from: start(), count: count, input: Self.picture) { _ in true }
    #expect(end.next == count)
    return end.peaks
  }

  @Test func `each unit's strongest are those of the pictures one by one`() throws {
    let runner = try Runner(TinyNetworks.plain(), keeping: values)
    var expected = start().peaks
    for id in (0..<count).reversed() {
      guard let picture = try Self.picture(id) else { continue }
      let trace = try runner.forward(picture)
      var kept: [String: Tensor] = [:]
      for value in values { kept[value] = trace[value] }
      try expected.insert(Trace(images: [id], values: kept))
    }
    let found = try whole()
    #expect(found == expected)
    let images = found.layers["relu3.out"]?.units.flatMap { $0.map(\.image) } ?? []
    #expect(images.count == 60 && images.allSatisfy { $0 % 9 != 4 })
  }

  @Test func `threads and stretches do not matter`() throws {
    let one = try whole(threads: 1, stretch: 64)
    #expect(try whole(threads: 2, stretch: 5) == one)
    #expect(try whole(threads: 3, stretch: 1) == one)
  }

  @Test func `stopped at any stretch and gone on with, through its file, it ends the same`() throws {
    let folder = try TemporaryFolder()
    let expected = try whole()
    for stop in 0..<8 {
      var stretches = 0
      let half = try search().run(from: start(), count: count, input: Self.picture) { _ in
        stretches += 1
        return stretches <= stop
      }
      #expect(half.next == min((stop + 1) * 5, count))
      let path = folder.file("\(stop).safetensors")
      try half.peaks.safeTensors(metadata: [:]).write(to: path)
      var resumed = PeakSearch.State(peaks: start().peaks, next: half.next)
      try resumed.peaks.restore(SafeTensors(reading: path), path: path, pictures: count)
      let seen = Mutex(Set<Int>())
      let end = try search().run(
        from: resumed, count: count,
        input: { id in
          seen.withLock { _ = $0.insert(id) }
          return try Self.picture(id)
        }
      ) { _ in true }
      #expect(end.peaks == expected && end.next == count)
      #expect(seen.withLock { $0 } == Set(half.next..<count))
    }
  }

  @Test func `what its input or its observer throws ends it`() throws {
    struct Stop: Error, Equatable {}
    #expect(throws: Stop()) {
      try search().run(
        from: start(), count: count,
        input: { id in
          if id == 17 { throw Stop() }
          return try Self.picture(id)
        }
      ) { _ in true }
    }
    #expect(throws: Stop()) {
      try search().run(from: start(), count: count, input: Self.picture) { _ in throw Stop() }
    }
  }
}
