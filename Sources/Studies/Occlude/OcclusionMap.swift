/// A picture's occlusion maps as data: `occlusion/PICTURE.json` of a run.
///
/// Grids are rows of columns, by position of the square.
public struct OcclusionMap: Codable, Hashable, Sendable {
  /// The unoccluded picture.
  public struct Base: Codable, Hashable, Sendable {
    /// The probability of the class watched.
    public var probability: Float
    /// The most probable class.
    public var label: Int
  }

  /// The map of a layer that is strongest, by its sum, in the unoccluded picture.
  public struct UnitMap: Codable, Hashable, Sendable {
    public var unit: Int
    /// Its spatial sum in the unoccluded picture.
    public var base: Float
    public var total: [[Float]]
  }

  /// The top row of each position down, in pixels of the network's input.
  public var rows: [Int]
  /// The left column of each position across.
  public var columns: [Int]
  /// The square's side.
  public var size: Int
  /// The class watched; nil, as all that follows, where the network classifies nothing.
  public var label: Int?
  public var base: Base?
  public var probability: [[Float]]?
  /// The most probable class.
  public var labels: [[Int]]?
  public var maps: [String: UnitMap] = [:]

  /// Whether a map that was read back has a value at each place, of layers and classes that there are.
  func isSound(at places: OcclusionPlaces, layers: [StudiedLayer], classes: Int) -> Bool {
    func fits(_ grid: [[some Any]]) -> Bool {
      grid.count == places.rows.count && grid.allSatisfy { $0.count == places.columns.count }
    }
    let units = Dictionary(layers.map { ($0.name, $0.units) }, uniquingKeysWith: { one, _ in one })
    return rows == places.rows && columns == places.columns && size == places.size
      && maps.allSatisfy { name, map in fits(map.total) && (0..<(units[name] ?? 0)).contains(map.unit) }
      && (label.map { (0..<classes).contains($0) && base != nil && probability != nil && labels != nil }
        ?? true)
      && (base.map { (0..<classes).contains($0.label) } ?? true) && (probability.map { fits($0) } ?? true)
      && (labels.map { fits($0) && $0.allSatisfy { $0.allSatisfy { (0..<classes).contains($0) } } } ?? true)
  }

  private enum CodingKeys: String, CodingKey {
    case rows, columns, size, label = "class", base, probability, labels = "label", maps
  }
}
