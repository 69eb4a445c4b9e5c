extension FeatureTable {
  /// How far a unit's strongest pictures show one class.
  public struct Agreement: Codable, Hashable, Sendable {
    public var unit: Int
    /// The class most of them show; the lower one of two that are shown as often.
    public var label: Int
    /// The share of them that show it.
    public var share: Double
    /// The largest of the unit's activations.
    public var strongest: Float
  }

  /// How far the strongest pictures of each unit of a layer agree.
  ///
  /// - Parameters:
  ///   - layer: The layer's name.
  ///   - labels: Classes of pictures by path.
  /// - Returns: The units active on pictures whose class is known, in their order.
  public func agreement(in layer: String, of labels: [String: Int]) -> [Agreement] {
    let units = layers.first { $0.layer == layer }?.units ?? []
    return units.compactMap { unit in
      let shown = unit.top.filter { $0.value > 0 }.compactMap { labels[$0.image] }
      let counts = Dictionary(shown.map { ($0, 1) }, uniquingKeysWith: +)
      guard let most = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) else { return nil }
      return Agreement(
        unit: unit.unit, label: most.key, share: Double(most.value) / Double(shown.count),
        strongest: unit.top.first?.value ?? 0)
    }
  }
}
