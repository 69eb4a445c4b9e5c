internal import Studies
internal import Tensors

/// A game that measures how far a unit's strongest images, or their projections alone, tell which image excites it: all but
/// the last of a unit's images are shown, and the last is to be told from three others.
///
/// - Note: After Borowski et al. 2021 (ICLR), who asked the same of people with natural images and with synthetic ones.
struct Game: Sendable {
  /// What of the unit's images is shown; the choices are always patches.
  enum Shown: String, Codable, CaseIterable, Sendable {
    case patches, projections
  }

  /// An activation: a unit's, by rank.
  typealias Place = (unit: Int, rank: Int)

  let unit: Int
  /// What is shown of it.
  let references: [Place]
  let choices: [Place]
  /// The place among the choices of the unit's own.
  let answer: Int

  /// Fewer activations tell nothing, and more than nine are not shown.
  private static let (fewest, most, choices) = (4, 9, 4)

  /// The question of a layer with a number, always the same; nil where too few units are active.
  init?(_ round: Int, of layer: RunView.Layer) {
    var generator = SeededGenerator(mixing: [UInt64(round), UInt64(layer.units.count)])
    let units = layer.units.filter { $0.entries.count >= Self.fewest }
    guard let unit = units.randomElement(using: &generator) else { return nil }
    let own = Set(unit.entries.map(\.image))
    // Strangers excite others and not this one, and are of different images.
    var images = own
    var strangers: [Place] = []
    for other in units.shuffled(using: &generator)
    where other.number != unit.number && strangers.count < Self.choices - 1 {
      guard
        let rank = other.entries.indices.shuffled(using: &generator).first(where: {
          !images.contains(other.entries[$0].image) && other.entries[$0].inside != nil
        })
      else { continue }
      images.insert(other.entries[rank].image)
      strangers.append((other.number, rank))
    }
    guard strangers.count == Self.choices - 1 else { return nil }
    let last = min(unit.entries.count - 1, Self.most)
    guard unit.entries[last].inside != nil else { return nil }
    self.unit = unit.number
    references = (0..<last).map { (unit.number, $0) }
    answer = Int.random(in: 0..<Self.choices, using: &generator)
    strangers.insert((unit.number, last), at: answer)
    choices = strangers
  }

  /// How many answers were right, of how many, of each layer and by what was shown.
  static func scores(
    of rounds: [Notebook.Round], layer: String
  ) -> [(shown: Shown, right: Int, of: Int)] {
    Shown.allCases.compactMap { shown in
      let some = rounds.filter { $0.layer == layer && $0.shown == shown }
      return some.isEmpty ? nil : (shown, some.count(where: \.isRight), some.count)
    }
  }
}
