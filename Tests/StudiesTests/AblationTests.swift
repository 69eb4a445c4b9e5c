import Networks
import Studies
import Testing

@Suite struct Ablations {
  private func errors(_ train: Double, _ top1: Double, _ top5: Double) -> Ablation.Errors {
    Ablation.Errors(trainTop1: train, top1: top1, top5: top5)
  }

  private func outcome(_ variant: String, _ seed: UInt64, _ top1: Double, seconds: Double = 1)
    -> AblationTable.Outcome
  {
    AblationTable.Outcome(
      variant: variant, seed: seed, errors: errors(top1 / 2, top1, top1 / 4), seconds: seconds)
  }

  private func table(_ published: [Double?], _ found: [[Double]]) throws -> AblationTable {
    let variants = published.enumerated().map { number, error in
      Ablation.Variant(
        name: "v\(number)", base: "zfnet", published: error.map { errors($0, $0, $0) })
    }
    let ablation = Ablation(variants: variants, seeds: [1, 2], input: 64, width: 0.05)
    let outcomes = found.enumerated().flatMap { number, values in
      values.enumerated().map {
        outcome("v\(number)", UInt64($0.offset), $0.element, seconds: Double($0.offset))
      }
    }
    return AblationTable(ablation, costs: try ablation.costs(classes: 4), outcomes: outcomes)
  }

  @Test func `costs are the paper's, and nothing is drawn to find them`() throws {
    let ablation = Ablation(
      variants: [
        .init(name: "ours", base: "zfnet"), .init(name: "theirs", base: "alexnet"),
        .init(name: "cut", base: "zfnet", edits: .init(removing: [3, 4, 6, 7])),
      ], seeds: [0])
    let costs = try ablation.costs(classes: 1000)
    #expect(costs.map(\.parameters).prefix(2) == [62_357_608, 62_378_344])
    // By hand: 96*(147+1) + 256*(2400+1) + 256*(9*256+1) + 1000*(6*6*256+1).
    #expect(costs[2].parameters == 14_208 + 614_656 + 590_080 + 9_217_000)
    #expect(costs[0].multiplyAccumulates == 1_168_032_896)
  }

  @Test func `an edit that cannot be names its variant, the layer and the shapes`() throws {
    func failure(_ edits: Architecture.Edits, base: String = "zfnet") -> String {
      let ablation = Ablation(
        variants: [.init(name: "good", base: "zfnet"), .init(name: "odd one", base: base, edits: edits)],
        seeds: [0], input: 64, width: 0.1)
      let error = #expect(throws: StudyError.self) { try ablation.costs(classes: 10) }
      return error?.description ?? ""
    }
    #expect(failure(.init(removing: [9])).contains("'odd one': there is no layer 9"))
    #expect(failure(.init(removing: [3], resizing: [3: 8])).contains("no layer 3"))
    #expect(failure(.init(resizing: [8: 5])).contains("layer 8 is the classifier"))
    #expect(failure(.init(), base: "vgg").contains("'vgg'"))
    let shapes = failure(.init(firstWindow: 64, firstStride: 30))
    for word in ["'odd one'", "pool", "window of 3", "x1x1"] { #expect(shapes.contains(word), "\(shapes)") }
    #expect(failure(.init(resizing: [6: 1 << 40])).contains("fc6"))
  }

  @Test func `rows hold the mean over seeds and the deviation by n - 1`() throws {
    let table = try table([nil, nil, nil], [[30, 34], [50], []])
    #expect(table.rows.map(\.name) == ["v0", "v1"], "a variant without a network has no row")
    #expect(table.rows[0].mean == errors(16, 32, 8))
    // (30 - 32)^2 + (34 - 32)^2 = 8 over 1.
    #expect(table.rows[0].deviation?.top1 == 8.0.squareRoot())
    #expect(table.rows[1].deviation == nil)
    #expect(table.rows[0].seconds == 0.5)
    #expect(table.agreement.isEmpty, "nothing published, nothing to agree with")
  }

  @Test func `the published order is held against ours, pair by pair`() throws {
    // Published 10 < 20 < 30 = 30; found 1, 3, 2, 9: of five pairs that differ, 20 < 30 is found as 3 > 2.
    let table = try table([10, 20, 30, 30, nil], [[1], [3], [2], [9], [0]])
    let agreement = try #require(table.agreement.first { $0.column == .top1 })
    #expect(agreement.pairs == 5 && agreement.inOrder == 4)
    #expect(agreement.swaps.map(\.better) == ["v1"] && agreement.swaps.map(\.worse) == ["v2"])
    #expect(agreement.swaps[0].found == [3, 2] && agreement.swaps[0].isWithinSpread == nil)
    // Ranks 1, 2, 3.5, 3.5 and 1, 3, 2, 4: products sum to 3, squares to 4.5 and 5.
    let correlation = try #require(agreement.rankCorrelation)
    #expect(abs(correlation - 3 / 22.5.squareRoot()) < 1e-12)
  }

  @Test func `a swap within twice the seeds' spread says so`() throws {
    // Means 30 and 29, deviations sqrt(2): the difference's own is sqrt(2/2 + 2/2), so 1 is within, and 4 is not.
    let near = try table([10, 20], [[29, 31], [28, 30]])
    let far = try table([10, 20], [[29, 31], [25, 27]])
    #expect(near.agreement.first { $0.column == .top1 }?.swaps.first?.isWithinSpread == true)
    #expect(far.agreement.first { $0.column == .top1 }?.swaps.first?.isWithinSpread == false)
  }

  @Test func `ranks correlate fully with themselves and not with one rank`() throws {
    let same = try table([1, 2, 3], [[1], [2], [3]])
    #expect(abs(try #require(same.agreement[0].rankCorrelation) - 1) < 1e-12)
    let reversed = try table([1, 2, 3], [[3], [2], [1]])
    #expect(abs(try #require(reversed.agreement[0].rankCorrelation) + 1) < 1e-12)
    #expect(try table([1, 2, 3], [[5], [5], [5]]).agreement[0].rankCorrelation == nil)
  }
}
