import Images
import Studies
import Testing

@Suite struct KnownAnswers {
  /// Squares of 2 pixels at 0, 2 and 4: their middles are at 1, 3 and 5.
  private func map(_ probability: [[Float]]) -> OcclusionMap {
    var map = OcclusionMap(rows: [0, 2, 4], columns: [0, 2, 4], size: 2)
    map.base = .init(probability: 0.9, label: 3)
    map.probability = probability
    return map
  }

  @Test func `hiding the object is told from hiding what is beside it`() throws {
    let map = map([[0.9, 0.8, 0.9], [0.9, 0.1, 0.3], [0.9, 0.9, 0.9]])
    // Middles at (3, 3) and (3, 5).
    let effect = try #require(map.effect(ofHiding: Box(top: 2, left: 3, bottom: 4, right: 6)))
    #expect(abs(effect.inside - 0.7) < 1e-6)
    #expect(abs(effect.outside - 0.1 / 7) < 1e-6)
    #expect(effect.isLowestInside)
    // Middles at (1, 1) and (1, 3); a box ends before its last row and column.
    let other = try #require(map.effect(ofHiding: Box(top: 0, left: 0, bottom: 3, right: 5)))
    #expect(abs(other.inside - 0.05) < 1e-6 && !other.isLowestInside)
  }

  @Test func `there is no effect where all positions lie on one side or no class is watched`() {
    let map = map([[0.9, 0.8, 0.9], [0.9, 0.1, 0.3], [0.9, 0.9, 0.9]])
    #expect(map.effect(ofHiding: Box(top: 0, left: 0, bottom: 6, right: 6)) == nil)
    #expect(map.effect(ofHiding: Box(top: 6, left: 6, bottom: 9, right: 9)) == nil)
    #expect(
      OcclusionMap(rows: [0], columns: [0], size: 2).effect(
        ofHiding: Box(top: 0, left: 0, bottom: 2, right: 2)) == nil)
  }

  @Test func `a unit's agreement counts active pictures of known class, ties to the lower class`() {
    func entry(_ image: String, _ value: Float = 1) -> FeatureTable.Entry {
      .init(image: image, value: value, row: 0, column: 0, box: Box(top: 0, left: 0, bottom: 1, right: 1))
    }
    let table = FeatureTable(
      model: "m",
      layers: [
        .init(
          layer: "conv1",
          units: [
            .init(unit: 0, top: [entry("a"), entry("b"), entry("c"), entry("d", 0)]),
            .init(unit: 1, top: [entry("c"), entry("a"), entry("unknown")]),
            .init(unit: 2, top: [entry("a", 0)]),
          ])
      ])
    let labels = ["a": 4, "b": 4, "c": 2, "d": 2]
    let found = table.agreement(in: "conv1", of: labels)
    #expect(found.map(\.unit) == [0, 1])
    #expect(found.map(\.label) == [4, 2])
    #expect(abs(found[0].share - 2.0 / 3) < 1e-12 && found[1].share == 0.5)
    #expect(table.agreement(in: "conv9", of: labels).isEmpty)
  }
}
