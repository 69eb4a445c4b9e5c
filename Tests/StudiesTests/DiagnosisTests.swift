import Attribution
import Kernels
import NetworkFixtures
import Networks
import Peaks
import Studies
import Tensors
import Testing

extension Diagnosis {
  /// Searches pictures from nothing, and looks at what was found.
  func report(
    name: String, count: Int, input: @escaping @Sendable (Int) throws -> Tensor?,
    receive: ([(place: Gallery.Place, projection: PixelProjection)]) throws -> Void = { _ in }
  ) throws -> DiagnosisReport {
    let empty = PeakTable(units: zip(values, banks).map { ($0, $1.count) }, keeping: 1)
    let peaks = try PeakSearch(network, values: values, threads: 2).run(
      from: .init(peaks: empty), count: count, input: input
    ) { _ in true }.peaks
    return try report(name: name, of: peaks, input: input, receive: receive)
  }
}

@Suite struct Diagnoses {
  /// Two rectified convolutions, 3x3, over inputs of 12 x 12; `change` edits the first one's filters and biases.
  private func network(
    units: Int = 6, stride: Int = 1, _ change: (inout [Float], inout [Float]) -> Void = { _, _ in }
  ) throws -> Network {
    var build = TinyNetworks.Builder(seed: 3)
    var filters = build.random([units, 3, 3, 3]).elements
    var bias = [Float](repeating: 0, count: units)
    change(&filters, &bias)
    build.add(
      "one",
      .convolution(
        Convolution(
          filters: Tensor([units, 3, 3, 3], elements: filters), bias: Tensor([units], elements: bias),
          rule: SlidingRule(
            window: [3, 3], strides: [stride, stride],
            padding: .explicit(top: 1, left: 1, bottom: 1, right: 1)))))
    build.relu("oneRelu")
    build.convolution("two", 4, of: units, window: 3, padding: 1)
    build.relu("twoRelu")
    return try build.network(rows: 12, columns: 12)
  }

  private static func picture(_ index: Int) -> Tensor {
    var generator = SeededGenerator(seed: UInt64(100 + index))
    return Tensor.random([1, 12, 12, 3], using: &generator)
  }

  private func report(_ network: Network, pictures: Int = 20, threads: Int = 2) throws -> DiagnosisReport {
    let study = Diagnosis(network, threads: threads)
    return try study.report(name: "tiny", count: pictures, input: { Self.picture($0) })
  }

  private func finding(
    _ measure: Measure, _ layer: String, in report: DiagnosisReport
  ) throws -> DiagnosisReport.Finding {
    try #require(report.findings.first { $0.measure == measure && $0.layer == layer })
  }

  /// The places of one unit's 27 weights.
  private func weights(_ unit: Int) -> Range<Int> { unit * 27..<(unit + 1) * 27 }

  @Test func `a unit that no picture activates is found dead`() throws {
    let report = try report(try network { _, bias in bias[2] = -1000 })
    let dead = try finding(.dead, "conv1", in: report)
    #expect(dead.units == [2])
    #expect(dead.value == 1.0 / 6)
    #expect(dead.verdict == .trouble)
    #expect(dead.remedy?.contains("leaky ReLU") == true)
    #expect(report.layers[0].units[2].active == 0)
    #expect(report.layers[0].units[1].active == 20)
  }

  @Test func `a network whose units all act has nothing dead, and no remedy for it`() throws {
    let dead = try finding(.dead, "conv1", in: try report(try network()))
    #expect(dead.verdict == .ok)
    #expect(dead.remedy == nil)
  }

  @Test func `two filters that differ in scale alone are found as a pair`() throws {
    let report = try report(
      try network { filters, _ in
        for (one, other) in zip(weights(1), weights(4)) { filters[other] = 0.5 * filters[one] }
      })
    #expect(report.layers[0].duplicates.map(\.units) == [[1, 4]])
    #expect(abs((report.layers[0].duplicates.first?.cosine ?? 0) - 1) < 1e-6)
    #expect(try finding(.duplicates, "conv1", in: report).units == [4])
  }

  @Test func `a layer of equal filters repeats all but one, and lists no more pairs than it says`() throws {
    let report = try report(
      try network(units: 30) { filters, _ in for index in filters.indices { filters[index] = 1 } },
      pictures: 2)
    #expect(report.layers[0].repeating == Array(1..<30))
    #expect(report.layers[0].duplicates.count == Diagnosis.listedPairs)
  }

  @Test func `opposite filters are no pair`() throws {
    let report = try report(
      try network { filters, _ in
        for (one, other) in zip(weights(1), weights(4)) { filters[other] = -filters[one] }
      })
    #expect(report.layers[0].duplicates.isEmpty)
  }

  @Test func `filters that read other maps repeat nothing`() {
    let same = Tensor([4, 1, 1, 2], elements: [1, 2, 1, 2, 1, 2, 1, 2])
    let bank = FilterBank(layer: "conv1", filters: same, groups: 2)
    #expect(bank.pairs(above: 0.95, among: [0, 1, 2, 3]).map(\.units) == [[0, 1], [2, 3]])
  }

  @Test func `a filter far above the others dominates`() throws {
    let report = try report(
      try network { filters, _ in
        for index in filters.indices { filters[index] = filters[index] > 0 ? 0.05 : -0.05 }
        for index in weights(3) { filters[index] *= 20 }
      })
    let dominance = try finding(.dominance, "conv1", in: report)
    #expect(dominance.units == [3])
    // 400 of 400 + 5.
    #expect(abs(dominance.value - 400.0 / 405) < 1e-6)
    #expect(dominance.verdict == .trouble)
    #expect(dominance.remedy?.contains("Renormalise") == true)
    #expect(abs(report.layers[0].units[3].rms - 1) < 1e-6)
  }

  @Test func `filters as small as the paper keeps them do not dominate`() throws {
    let report = try report(
      try network { filters, _ in
        for index in filters.indices { filters[index] = filters[index] > 0 ? 0.002 : -0.002 }
        for index in weights(3) { filters[index] *= 20 }
      })
    #expect(try finding(.dominance, "conv1", in: report).verdict == .ok)
  }

  @Test func `a filter that decayed to nothing is found, and repeats none`() throws {
    let report = try report(
      try network { filters, _ in
        for (one, other) in zip(weights(0), weights(5)) { filters[other] = 0.001 * filters[one] }
      })
    #expect(try finding(.vanishing, "conv1", in: report).units == [5])
    #expect(report.layers[0].duplicates.isEmpty)
  }

  @Test func `a batch normalisation's scale counts as the filters'`() throws {
    var build = TinyNetworks.Builder(seed: 1)
    build.convolution("one", 2, of: 3, window: 3)
    build.add(
      "norm",
      .batchNormalization(
        BatchNormalization(
          scale: Tensor([2], elements: [1, 10]), shift: Tensor([2]), mean: Tensor([2]),
          variance: Tensor([2], repeating: 1), epsilon: 0)))
    build.relu("relu")
    let network = try build.network(rows: 8, columns: 8)
    let layer = try network.layer(named: "conv1")
    let bank = try #require(FilterBank(layer, of: network))
    guard case .convolution(let plain) = network.nodes[0].operation else { return }
    let before = FilterBank(layer: "conv1", filters: plain.filters).rms
    #expect(abs(bank.rms[0] - before[0]) < 1e-6)
    #expect(abs(bank.rms[1] - 10 * before[1]) < 1e-5)
  }

  @Test func `a first layer of fine stripes lacks the middle, and its stride folds them`() throws {
    let report = try report(
      try network(stride: 4) { filters, _ in
        for index in filters.indices { filters[index] = index / 3 % 2 == 0 ? 1 : -1 }
      })
    let first = try #require(report.first)
    #expect(first.limit.rows == 0.125)
    #expect(first.bands.high > 0.8)
    #expect(try finding(.middle, "conv1", in: report).verdict != .ok)
    #expect(try finding(.folding, "conv1", in: report).verdict == .trouble)
    #expect(try finding(.folding, "conv1", in: report).remedy?.contains("stride") == true)
  }

  @Test func `frequencies do not depend on the scale of weights`() throws {
    let (one, other) = (
      try report(try network()),
      try report(try network { filters, _ in for index in filters.indices { filters[index] *= 8 } })
    )
    let (first, second) = (try #require(one.first?.bands), try #require(other.first?.bands))
    #expect(abs(first.middle - second.middle) < 1e-9)
    let (alias, scaled) = (try #require(one.second), try #require(other.second))
    #expect(alias.projections == scaled.projections)
    #expect(abs(alias.bands.middle - scaled.bands.middle) < 1e-5)
    #expect(abs(alias.bands.low + alias.bands.middle + alias.bands.high - 1) < 1e-9)
  }

  @Test func `a stride of one aliases nothing`() throws {
    #expect(try #require(try report(try network(stride: 1)).second).aboveLimit == 0)
    #expect(try #require(try report(try network(stride: 4)).second).aboveLimit > 0.25)
  }

  @Test func `threads do not change a report`() throws {
    #expect(try report(try network(), threads: 1) == report(try network(), threads: 3))
  }

  @Test func `a picture that cannot be read is left out, and stopping gives no report`() throws {
    let study = Diagnosis(try network(), threads: 2)
    let report = try study.report(name: "", count: 10, input: { $0 == 4 ? nil : Self.picture($0) })
    #expect(report.pictures == 9)
    #expect(throws: Interruption()) {
      try study.report(name: "", count: 10, input: { Self.picture($0) }) { _ in throw Interruption() }
    }
  }

  @Test func `a network of one convolution has no second layer`() throws {
    var build = TinyNetworks.Builder(seed: 1)
    build.convolution("one", 2, of: 3, window: 3)
    build.relu("relu")
    let report = try report(try build.network(rows: 12, columns: 12))
    #expect(report.first != nil)
    #expect(report.second == nil)
  }

  @Test func `the share of the strongest pictures is that of sorted peaks, to a bin's width`() {
    var generator = SeededGenerator(seed: 8)
    let peaks = (0..<1000).map { _ in
      Float.random(in: 0.001...1, using: &generator) * Float.random(in: 0...50, using: &generator)
    }
    var ledger = PeakLedger(units: 2)
    for peak in peaks { ledger.insert([peak, peak > 20 ? peak : -1]) }
    let sorted = peaks.map(Double.init).sorted(by: >)
    let expected = sorted.prefix(10).reduce(0, +) / sorted.reduce(0, +)
    #expect(abs(ledger.share(ofStrongest: 10, unit: 0) - expected) < 0.03 * expected)
    #expect(ledger.active(unit: 0) == peaks.count { $0 > 0 })
    #expect(ledger.active(unit: 1) == peaks.count { $0 > 20 })
    var backwards = PeakLedger(units: 2)
    for peak in peaks.reversed() { backwards.insert([peak, peak > 20 ? peak : -1]) }
    #expect(ledger == backwards)
  }

  @Test func `a peak of any size has a bin`() {
    var ledger = PeakLedger(units: 1)
    for peak: Float in [.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude, 1, 65535, 65536, 0, -3] {
      ledger.insert([peak])
    }
    #expect(ledger.active(unit: 0) == 6)
    #expect(ledger.pictures == 8)
    #expect(ledger.share(ofStrongest: 8, unit: 0) == 1)
  }

  /// By hand: of peaks 2, 2, 0, 0 the mean is 1 and the mean square 2, so (1 - 1/2) / (1 - 1/4) = 2/3.
  @Test func `selectivity is 0 where all pictures excite a unit alike, and 1 where one alone does`() throws {
    func selectivity(_ peaks: [Float]) -> Double? {
      var ledger = PeakLedger(units: 1)
      for peak in peaks { ledger.insert([peak]) }
      return ledger.selectivity(unit: 0)
    }
    #expect(selectivity([3, 3, 3, 3]) == 0)
    #expect(selectivity([0, 0, 7, -1]) == 1)
    #expect(abs(try #require(selectivity([2, 2, 0, 0])) - 2 / 3) < 1e-12)
    #expect(selectivity([0, -2]) == nil && selectivity([5]) == nil && selectivity([]) == nil)
    var ledger = PeakLedger(units: 2)
    for peak: Float in [1, 0, 0, 2] { ledger.insert([peak, 1]) }
    #expect(ledger.activeShare(unit: 0) == 0.5 && ledger.activeShare(unit: 1) == 1)
  }

  @Test func `a unit that lives on two pictures of many is owned by them`() throws {
    // Its bias lets only bright pictures through, and two of 400 are bright.
    let network = try network { filters, bias in
      for index in weights(0) { filters[index] = 1 }
      bias[0] = -200
    }
    let study = Diagnosis(network, threads: 2)
    let report = try study.report(
      name: "", count: 400,
      input: { $0 == 7 || $0 == 250 ? Tensor([1, 12, 12, 3], repeating: 20) : Self.picture($0) })
    #expect(report.layers[0].units[0].active == 2)
    #expect(try finding(.owned, "conv1", in: report).units.contains(0))
    #expect(try finding(.dead, "conv1", in: report).units.isEmpty)
  }

  @Test(arguments: Measure.allCases)
  func `every measure grows worse in one direction and names a remedy`(measure: Measure) {
    let order: [Verdict] = [.ok, .watch, .trouble]
    let ranks = (0...100).compactMap { order.firstIndex(of: measure.verdict(of: Double($0) / 100)) }
    #expect(ranks == (measure.isBadWhenLow ? ranks.sorted(by: >) : ranks.sorted()))
    #expect(Set(ranks).count == 3)
    #expect(!measure.remedy.isEmpty)
  }
}
