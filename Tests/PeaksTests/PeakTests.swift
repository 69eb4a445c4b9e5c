import Execution
import Networks
import Peaks
import Tensors
import TestSupport
import Testing

@Suite struct Peaks {
  /// Peaks of many pictures, with many equal values, at most one a picture.
  private func peaks(_ count: Int, from first: Int = 0, using generator: inout SeededGenerator) -> [Peak] {
    (0..<count).map { image in
      Peak(
        value: Float(Int.random(in: -3...9, using: &generator)) / 2, image: first + image,
        row: Int.random(in: 0..<5, using: &generator), column: Int.random(in: 0..<5, using: &generator))
    }
  }

  @Test func `larger values come first, then lower pictures, rows, columns`() {
    let ordered = [
      Peak(value: 2, image: 9, row: 9, column: 9), Peak(value: 1, image: 0, row: 3, column: 3),
      Peak(value: 1, image: 1, row: 0, column: 5), Peak(value: 1, image: 1, row: 1, column: 0),
      Peak(value: 1, image: 1, row: 1, column: 1), Peak(value: -1, image: 0, row: 0, column: 0),
    ]
    for (index, peak) in ordered.enumerated() {
      for (other, another) in ordered.enumerated() { #expect(peak.precedes(another) == (index < other)) }
    }
    let zero = Peak(value: 0, image: 3, row: 0, column: 0)
    let minus = Peak(value: -0.0, image: 4, row: 0, column: 0)
    #expect(zero.precedes(minus) && !minus.precedes(zero))
  }

  @Test func `keeping the strongest equals sorting all`() {
    var generator = SeededGenerator(seed: 3)
    for round in 0..<300 {
      let all = peaks(Int.random(in: 0...40, using: &generator), using: &generator)
      let depth = 1 + round % 12
      var layer = LayerPeaks(units: 2, keeping: depth)
      for peak in all.shuffled(using: &generator) { layer.insert(peak, unit: 1) }
      #expect(layer.units[1] == Array(all.sorted { $0.precedes($1) }.prefix(depth)))
      #expect(layer.units[0].isEmpty)
    }
  }

  private func table(_ peaks: [Peak], keeping depth: Int) -> PeakTable {
    var table = PeakTable(units: [("a", 2), ("b", 1)], keeping: depth)
    for peak in peaks {
      let maps = Tensor([1, 5, 5, 2]) { elements in
        for index in 0..<50 { elements[index] = -10 }
        elements[(peak.row * 5 + peak.column) * 2] = peak.value
        elements[(peak.column * 5 + peak.row) * 2 + 1] = peak.value / 2
      }
      let trace = Trace(
        images: [peak.image], values: ["a": maps, "b": Tensor([1, 1], elements: [peak.value])])
      do { try table.insert(trace) } catch { Issue.record(error) }
    }
    return table
  }

  @Test func `parts merge in any order to the whole`() {
    var generator = SeededGenerator(seed: 8)
    for round in 0..<40 {
      let all = peaks(30, using: &generator)
      let depth = 1 + round % 9
      let (one, two) = (Int.random(in: 0...30, using: &generator), Int.random(in: 0...30, using: &generator))
      let cuts = [0, min(one, two), max(one, two), 30]
      let parts = (0..<3).map { table(Array(all[cuts[$0]..<cuts[$0 + 1]]), keeping: depth) }
      func merged(_ one: PeakTable, _ other: PeakTable) -> PeakTable {
        var merged = one
        merged.merge(other)
        return merged
      }
      let whole = table(all.shuffled(using: &generator), keeping: depth)
      #expect(merged(merged(parts[0], parts[1]), parts[2]) == whole)
      #expect(merged(parts[0], merged(parts[1], parts[2])) == whole)
      #expect(merged(parts[2], merged(parts[0], parts[1])) == whole)
      #expect(merged(parts[1], parts[0]) == merged(parts[0], parts[1]))
    }
  }

  @Test func `a peak is where its map is largest, first of equals`() throws {
    var table = PeakTable(units: [("a", 2), ("b", 2)], keeping: 3)
    let maps = Tensor([2, 2, 2, 2], elements: [1, 0, 5, 0, 5, 0, 2, 0, -1, 3, -4, 3, -9, 1, -2, 9])
    try table.insert(
      Trace(images: [4, 2], values: ["a": maps, "b": Tensor([2, 2], elements: [7, 1, 8, 1])]))
    #expect(
      table.layers["a"]?.units == [
        [Peak(value: 5, image: 4, row: 0, column: 1), Peak(value: -1, image: 2, row: 0, column: 0)],
        [Peak(value: 9, image: 2, row: 1, column: 1), Peak(value: 0, image: 4, row: 0, column: 0)],
      ])
    #expect(
      table.layers["b"]?.units == [
        [Peak(value: 8, image: 2, row: 0, column: 0), Peak(value: 7, image: 4, row: 0, column: 0)],
        [Peak(value: 1, image: 2, row: 0, column: 0), Peak(value: 1, image: 4, row: 0, column: 0)],
      ])
  }

  @Test func `a value asked for twice is searched once`() throws {
    var table = PeakTable(units: [("a", 1), ("a", 1)], keeping: 3)
    try table.insert(Trace(images: [0], values: ["a": Tensor([1, 1], elements: [5])]))
    #expect(table.values == ["a"] && table.layers["a"]?.units[0].count == 1)
  }

  @Test(arguments: [Float.nan, .infinity]) func `what is not finite is refused, with its picture`(
    value: Float
  ) {
    var table = PeakTable(units: [("a", 1)], keeping: 3)
    let maps = Tensor([2, 1, 3, 1], elements: [1, 2, 3, 4, value, 6])
    let error = #expect(throws: PeakError.self) {
      try table.insert(Trace(images: [7, 8], values: ["a": maps]))
    }
    #expect(error == .notANumber(value: "a", image: 8))
  }

  @Test func `distributions are the same in any order, and merge`() throws {
    var generator = SeededGenerator(seed: 5)
    let peaks = (0..<300).map { image in
      (image, (0..<3).map { _ in max(0, Float.random(in: -3...40, using: &generator)) })
    }
    func hash(_ image: Int) -> UInt64 { UInt64(image * 7919 % 1009) }
    func table(_ part: [(Int, [Float])]) throws -> PeakTable {
      var table = PeakTable(units: [("a", 3)], keeping: 4)
      for (image, values) in part {
        try table.insert(
          Trace(images: [image], values: ["a": Tensor([1, 3], elements: values)]), hash: hash)
      }
      return table
    }
    let whole = try table(peaks)
    #expect(try table(peaks.shuffled(using: &generator)) == whole)
    var merged = try table(Array(peaks[200...]))
    merged.merge(try table(Array(peaks[..<200])))
    #expect(merged == whole)
    let distribution = try #require(whole.distributions["a"])
    for unit in 0..<3 {
      let values = peaks.map { Double($0.1[unit]) }
      #expect(abs(distribution.mean(unit: unit) - values.reduce(0, +) / 300) < 1e-9)
      #expect(distribution.ledger.active(unit: unit) == values.count { $0 > 0 })
      let least = peaks.sorted { ($0.1[unit], $0.0) < ($1.1[unit], $1.0) }.prefix(3).map(\.0)
      #expect(distribution.leastActive(unit: unit).map(\.image) == least)
      for (from, images) in distribution.samples(unit: unit) {
        let band = peaks.filter { Double($0.1[unit]) >= from && Double($0.1[unit]) < 2 * from }.map(\.0)
        #expect(
          images == band.sorted { (hash($0), $0) < (hash($1), $1) }.prefix(3).map { $0 }, "from \(from)")
      }
    }
  }
}
