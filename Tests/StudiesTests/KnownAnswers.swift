import Images
import Studies
import Testing

@Suite struct KnownAnswers {
  /// Squares of 2 pixels at 0, 2 and 4: their middles are at 1, 3 and 5.
  private func map(_ probability: [[Float]]) throws -> OcclusionMap {
    var map: OcclusionMap = try made(
      #"{"rows":[0,2,4],"columns":[0,2,4],"size":2,"base":{"probability":0.9,"label":3},"maps":{}}"#)
    map.probability = probability
    return map
  }

  @Test func `hiding the object is told from hiding what is beside it`() throws {
    let map = try map([[0.9, 0.8, 0.9], [0.9, 0.1, 0.3], [0.9, 0.9, 0.9]])
    // Middles at (3, 3) and (3, 5).
    let effect = try #require(map.effect(ofHiding: Box(top: 2, left: 3, bottom: 4, right: 6)))
    #expect(abs(effect.inside - 0.7) < 1e-6)
    #expect(abs(effect.outside - 0.1 / 7) < 1e-6)
    #expect(effect.isLowestInside)
    // Middles at (1, 1) and (1, 3); a box ends before its last row and column.
    let other = try #require(map.effect(ofHiding: Box(top: 0, left: 0, bottom: 3, right: 5)))
    #expect(abs(other.inside - 0.05) < 1e-6 && !other.isLowestInside)
  }

  @Test func `there is no effect where all positions lie on one side or no class is watched`() throws {
    let map = try map([[0.9, 0.8, 0.9], [0.9, 0.1, 0.3], [0.9, 0.9, 0.9]])
    #expect(map.effect(ofHiding: Box(top: 0, left: 0, bottom: 6, right: 6)) == nil)
    #expect(map.effect(ofHiding: Box(top: 6, left: 6, bottom: 9, right: 9)) == nil)
    let unwatched: OcclusionMap = try made(#"{"rows":[0],"columns":[0],"size":2,"maps":{}}"#)
    #expect(unwatched.effect(ofHiding: Box(top: 0, left: 0, bottom: 2, right: 2)) == nil)
  }

  @Test func `a unit's agreement counts active pictures of known class, ties to the lower class`() throws {
    func unit(_ number: Int, _ top: [(image: String, value: Float)]) -> String {
      let entries = top.map {
        #"{"image":"\#($0.image)","value":\#($0.value),"row":0,"column":0,"box":[0,0,1,1]}"#
      }
      return #"{"unit":\#(number),"top":[\#(entries.joined(separator: ","))]}"#
    }
    let units = [
      unit(0, [("a", 1), ("b", 1), ("c", 1), ("d", 0)]), unit(1, [("c", 1), ("a", 1), ("unknown", 1)]),
      unit(2, [("a", 0)]),
    ]
    let table: FeatureTable = try made(
      #"{"model":"m","layers":[{"layer":"conv1","units":[\#(units.joined(separator: ","))]}]}"#)
    let labels = ["a": 4, "b": 4, "c": 2, "d": 2]
    let found = table.agreement(in: "conv1", of: labels)
    #expect(found.map(\.unit) == [0, 1])
    #expect(found.map(\.label) == [4, 2])
    #expect(abs(found[0].share - 2.0 / 3) < 1e-12 && found[1].share == 0.5)
    #expect(table.agreement(in: "conv9", of: labels).isEmpty)
  }
}
