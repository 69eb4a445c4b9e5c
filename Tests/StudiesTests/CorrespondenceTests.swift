import Images
import Kernels
import Networks
import Studies
import Tensors
import Testing

@Suite struct CorrespondenceStudy {
  /// A network that sees a spot: one filter whose value falls where a bright spot is hidden, and one that sees noise.
  private func network() throws -> Network {
    let filters = Tensor(
      [4, 3, 3, 1], elements: (0..<36).map { Float(($0 * 7) % 5) - 2 })
    let rule = SlidingRule(window: [3, 3], strides: [2, 2])
    return try Network(
      name: "spots", inputs: [.init(name: "x", extents: [nil, 1, 21, 21])],
      nodes: [
        .init(
          name: "conv1", operation: .convolution(Convolution(filters: filters, bias: nil, rule: rule)),
          inputs: ["x"], outputs: ["c"]),
        .init(name: "mean", operation: .globalAveragePooling, inputs: ["c"], outputs: ["g"]),
      ], outputs: ["g"])
  }

  /// Faint noise with one pattern somewhere: the part.
  private func subjects(_ count: Int) -> [Correspondence.Subject] {
    (0..<count).map { index in
      var generator = SeededGenerator(seed: UInt64(index) + 1)
      var input = Tensor.random([1, 21, 21, 1], in: -0.1...0.1, using: &generator)
      // On the stride's grid, so that every picture's part is seen alike.
      let (top, left) = (
        2 * Int.random(in: 0...7, using: &generator), 2 * Int.random(in: 0...7, using: &generator)
      )
      input.withMutableSpan { elements in
        for row in 0..<5 {
          for column in 0..<5 {
            elements[(top + row) * 21 + left + column] = Float((row * 3 + column * 2) % 7)
          }
        }
      }
      return (
        "\(index)", input, ["spot": Box(top: top, left: left, bottom: top + 5, right: left + 5)]
      )
    }
  }

  private func rows(
    of study: Correspondence, _ subjects: [Correspondence.Subject], part: String = "spot"
  ) throws -> [CorrespondenceTable.Row] {
    try study.rows(of: 0, among: [part], .init(of: subjects, by: study))
  }

  @Test func `a part that is the same in every picture stands out against random boxes`() throws {
    let study = try Correspondence(
      network(), layers: [("mean", "g")], cover: Tensor([1, 21, 21, 1]), draws: 199, seed: 1, threads: 2)
    let row = try #require(try rows(of: study, subjects(6)).first)
    #expect(row.delta < row.random / 2, "masking one pattern changes the means alike in nearly every picture")
    #expect(row.p < 0.01 && row.interval[1] < 0, "\(row)")
  }

  @Test func `random boxes held against random boxes do not stand out`() throws {
    var generator = SeededGenerator(seed: 9)
    let drawn = subjects(6).map { subject in
      var moved = subject
      let (top, left) = (Int.random(in: 0...16, using: &generator), Int.random(in: 0...16, using: &generator))
      moved.parts = ["spot": Box(top: top, left: left, bottom: top + 5, right: left + 5)]
      return moved
    }
    let study = try Correspondence(
      network(), layers: [("mean", "g")], cover: Tensor([1, 21, 21, 1]), draws: 99, seed: 2, threads: 1)
    let row = try #require(try rows(of: study, drawn).first)
    #expect(row.p > 0.05, "\(row)")
  }

  @Test func `the same seed gives the same table, and one picture or a missing part is refused`() throws {
    func table(seed: UInt64) throws -> [CorrespondenceTable.Row] {
      let study = try Correspondence(
        network(), layers: [("mean", "g")], cover: Tensor([1, 21, 21, 1]), draws: 9, seed: seed, threads: 2)
      return try rows(of: study, subjects(3))
    }
    #expect(try table(seed: 5) == table(seed: 5))
    let study = try Correspondence(
      network(), layers: [("mean", "g")], cover: Tensor([1, 21, 21, 1]), draws: 1, seed: 1, threads: 1)
    let few = #expect(throws: StudyError.self) { try rows(of: study, subjects(1)) }
    #expect(few?.description.contains("one image has nothing to correspond with") == true)
    let missing = #expect(throws: StudyError.self) { try rows(of: study, subjects(2), part: "ear") }
    #expect(missing?.description.contains("the part 'ear' has no box in 0") == true)
  }
}
