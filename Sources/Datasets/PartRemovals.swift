public import Images

/// A picture's object with the pixels of each of its parts, and the same picture drawn without each part.
///
/// A network's score for the picture less its score for ``Part/without`` is the true effect of that part, to which an
/// attribution map's sum over ``Part/mask`` can be compared.
public struct PartRemovals: Hashable, Sendable {
  /// A part's pixels, and the picture without it.
  public struct Part: Hashable, Sendable {
    /// The part's name; an object's parts of one name, such as both wheels, are one entry.
    public var name: String
    /// For each pixel of the picture, row after row, whether the part is on top there.
    public var mask: [Bool]
    /// The picture drawn without all parts of this name.
    public var without: Picture

    /// - Parameters:
    ///   - name: The part's.
    ///   - mask: One value a pixel of the picture, row after row: whether the part is on top there.
    ///   - without: The picture drawn without all parts of this name.
    public init(name: String, mask: [Bool], without: Picture) {
      self.name = name
      self.mask = mask
      self.without = without
    }
  }

  /// The fewest visible pixels that a part must have to be listed: the area of a disc about 4 pixels across.
  public static let leastVisiblePixels = 12

  /// For each pixel of the picture, row after row, whether the object is on top there.
  public var object: [Bool]
  /// The parts with ``leastVisiblePixels`` or more, in alphabetical order.
  ///
  /// Their masks are disjoint, and within ``object``.
  public var parts: [Part]

  /// - Parameters:
  ///   - object: One value a pixel of the picture, row after row: whether the object is on top there.
  ///   - parts: Its visible parts, in alphabetical order.
  public init(object: [Bool], parts: [Part]) {
    self.object = object
    self.parts = parts
  }
}
