/// What is carried back to pixels: which activations of a layer start the signal.
public enum Seed: Hashable, Sendable {
  /// One activation with its own value, all else zero (the paper's section 2.1).
  case activation(unit: Int, row: Int, column: Int)
  /// Every activation of one unit's map, each with its own value.
  case map(unit: Int)
  /// One unit with the value 1: a class score's gradient, for the layers that end a classifier.
  case score(unit: Int)
}
