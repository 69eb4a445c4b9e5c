public import Images
internal import Tensors

extension OcclusionMap {
  /// What hiding the object does beside what hiding as much elsewhere does, where it is known where the object is.
  public struct ObjectEffect: Codable, Hashable, Sendable {
    /// How far the class's probability falls on average where the square's middle is in the object's box.
    public var inside: Double
    /// How far it falls on average elsewhere.
    public var outside: Double
    /// Whether the lowest probability of all is at a middle in the box.
    public var isLowestInside: Bool
  }

  /// The effect of hiding what is known to be the object.
  ///
  /// - Parameter object: Its box in pixels of the network's input.
  /// - Returns: The effect; nil where no class is watched, or all positions lie on one side.
  public func effect(ofHiding object: Box) -> ObjectEffect? {
    guard let base, let probability else { return nil }
    var falls = (inside: [Double](), outside: [Double]())
    var lowest = (value: Float.infinity, isInside: false)
    for (down, top) in rows.enumerated() {
      for (across, left) in columns.enumerated() {
        let (row, column) = (top + size / 2, left + size / 2)
        let isInside =
          (object.top..<object.bottom).contains(row) && (object.left..<object.right).contains(column)
        let value = probability[down][across]
        if isInside {
          falls.inside.append(Double(base.probability - value))
        } else {
          falls.outside.append(Double(base.probability - value))
        }
        if value < lowest.value { lowest = (value, isInside) }
      }
    }
    guard !falls.inside.isEmpty, !falls.outside.isEmpty else { return nil }
    return ObjectEffect(
      inside: falls.inside.mean, outside: falls.outside.mean, isLowestInside: lowest.isInside)
  }
}
