/// What pages may lead to: all of a server's, or the layers and units of a copy.
struct Scope: Sendable {
  /// Units by their layers' names in addresses; nil for all.
  private let units: [String: Set<Int>]?

  /// All that a server answers.
  static let served = Scope(units: nil)

  /// A copy of some units.
  static func copy(of units: [String: [Int]]) -> Scope { Scope(units: units.mapValues { Set($0) }) }

  private init(units: [String: Set<Int>]?) { self.units = units }

  /// Whether it is a copy, which computes nothing any more.
  var isCopy: Bool { units != nil }

  func has(_ layer: RunView.Layer) -> Bool { units.map { $0[layer.stem] != nil } ?? true }

  func has(_ unit: Int, of layer: RunView.Layer) -> Bool {
    units.map { $0[layer.stem]?.contains(unit) == true } ?? true
  }
}
