import Datasets
import Tensors
import Testing
import Training

@Suite struct AveragePrecisions {
  @Test func `both forms by hand`() throws {
    // Ranked: +, -, +, -, +. Precisions at the positives: 1, 2/3, 3/5, at recalls 1/3, 2/3, 1.
    let found = try #require(
      AveragePrecision(scores: [5, 4, 3, 2, 1], presences: [.present, .absent, .present, .absent, .present]))
    #expect(abs(found.allPoints - (1 + 2.0 / 3 + 3.0 / 5) / 3) < 1e-15)
    // Recalls 0 to 0.3 meet the first, 0.4 to 0.6 the second, 0.7 to 1 the third.
    #expect(abs(found.elevenPoint - (4 * 1 + 3 * 2.0 / 3 + 4 * 3.0 / 5) / 11) < 1e-15)
  }

  @Test func `a later and better precision counts for earlier recalls`() throws {
    // Ranked: -, +, +: precisions 1/2 and 2/3, so 2/3 everywhere.
    let found = try #require(AveragePrecision(scores: [9, 8, 7], presences: [.absent, .present, .present]))
    #expect(abs(found.allPoints - 2.0 / 3) < 1e-15 && abs(found.elevenPoint - 2.0 / 3) < 1e-15)
  }

  @Test func `no positive has no precision, one positive has that of its rank`() throws {
    #expect(AveragePrecision(scores: [1, 2], presences: [.absent, .absent]) == nil)
    #expect(AveragePrecision(scores: [], presences: []) == nil)
    #expect(AveragePrecision(scores: [1, 2], presences: [.ignored, .absent]) == nil)
    let third = try #require(AveragePrecision(scores: [1, 2, 3], presences: [.present, .absent, .absent]))
    #expect(third.allPoints == 1.0 / 3 && abs(third.elevenPoint - 1.0 / 3) < 1e-15)
    let first = try #require(AveragePrecision(scores: [3, 2], presences: [.present, .absent]))
    #expect(first.allPoints == 1 && first.elevenPoint == 1)
  }

  @Test func `equal scores are found together, in whatever order they stand`() throws {
    let scores = [1.0, 1, 1, 1]
    for presences: [Dataset.Presence] in [
      [.present, .absent, .absent, .absent], [.absent, .absent, .absent, .present],
    ] {
      #expect(AveragePrecision(scores: scores, presences: presences)?.allPoints == 0.25)
    }
    // Two tied above one: at the tie 1 of 2, at the end 2 of 3.
    let found = try #require(AveragePrecision(scores: [5, 5, 1], presences: [.present, .absent, .present]))
    #expect(abs(found.allPoints - 2.0 / 3) < 1e-15)
  }

  @Test func `difficult pictures are as if they were not there`() {
    let with = AveragePrecision(
      scores: [9, 8, 7, 6, 5], presences: [.ignored, .present, .ignored, .absent, .present])
    #expect(with == AveragePrecision(scores: [8, 6, 5], presences: [.present, .absent, .present]))
  }

  /// The definition as it reads: a threshold at every score, then the best precision at each recall or beyond.
  private func slow(_ scores: [Double], _ presences: [Dataset.Presence]) -> (eleven: Double, all: Double)? {
    let known = zip(scores, presences).filter { $0.1 != .ignored }
    let positives = known.filter { $0.1 == .present }.count
    guard positives > 0 else { return nil }
    let points = known.map { threshold in
      let found = known.filter { $0.0 >= threshold.0 }
      let right = found.filter { $0.1 == .present }.count
      return (right: right, precision: Double(right) / Double(found.count))
    }
    func best(_ isReached: (Int) -> Bool) -> Double {
      points.filter { isReached($0.right) }.map(\.precision).max() ?? 0
    }
    let eleven = (0...10).map { tenth in best { $0 * 10 >= tenth * positives } }.reduce(0, +) / 11
    let all = (1...positives).map { wanted in best { $0 >= wanted } }.reduce(0, +) / Double(positives)
    return (eleven, all)
  }

  @Test func `random cases with ties agree with the definition`() throws {
    var generator = SeededGenerator(seed: 5)
    for number in 0..<400 {
      let count = Int.random(in: 1...30, using: &generator)
      let levels = [3, 10, 1000][number % 3]
      let scores = (0..<count).map { _ in Double(Int.random(in: 0..<levels, using: &generator)) }
      let presences = (0..<count).map { _ -> Dataset.Presence in
        [.present, .absent, .absent, .ignored][Int.random(in: 0..<4, using: &generator)]
      }
      let found = AveragePrecision(scores: scores, presences: presences)
      let expected = slow(scores, presences)
      #expect((found == nil) == (expected == nil))
      guard let found, let expected else { continue }
      #expect(abs(found.elevenPoint - expected.eleven) < 1e-12, "\(scores) \(presences)")
      #expect(abs(found.allPoints - expected.all) < 1e-12, "\(scores) \(presences)")
    }
  }
}
