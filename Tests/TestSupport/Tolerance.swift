/// Distances allowed between two ways to one number, each with where it comes from.
public enum Tolerance {
  /// A sum of products in single precision: each product and each addition rounds once, by half a unit in the
  /// last place of what has been added up, which stays below `terms * magnitude`.
  public static func sum(of terms: Int, magnitude: Double = 1) -> Double {
    Double(2 * max(terms, 1)) * Double(Float.ulpOfOne) * magnitude
  }

  /// One value that goes through a few roundings relative to its size: `roundings` halves of a unit each.
  public static func rounding(_ roundings: Int, magnitude: Double = 1) -> Double {
    Double(roundings) * Double(Float.ulpOfOne) / 2 * magnitude
  }

  /// A central difference with a step of 1e-5 errs by the step squared times a third derivative of a few units,
  /// and by `Double` rounding over the step; the single-precision gradient it is held against errs by more.
  public static func slope(of terms: Int, magnitude: Double = 1) -> Double {
    1e-8 * magnitude + sum(of: terms, magnitude: magnitude)
  }
}
