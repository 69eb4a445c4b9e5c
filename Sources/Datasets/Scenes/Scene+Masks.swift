extension Scene {
  /// For each pixel of the picture, row after row, whether the object is on top there.
  ///
  /// False where something stands in front of the object.
  public var objectMask: [Bool] { owners.map { $0 != Easel.nobody } }

  /// For each pixel of the picture, row after row, whether a part of this name is on top there.
  ///
  /// Masks of different names are disjoint, and within ``objectMask``. A part that is drawn on another, as an ear on a
  /// head, has its pixels to itself. Some of the object's pixels, such as a cat's nose, belong to no part.
  ///
  /// - Parameter part: The name; all of the object's parts of that name count.
  /// - Returns: One value a pixel; all false where the object has no such part.
  public func mask(of part: ScenePart) -> [Bool] {
    owners.map { Int($0) < parts.count && parts[Int($0)] == part }
  }
}
