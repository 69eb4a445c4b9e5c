internal import Tensors

/// What is carried back to pixels: which activations of a layer start the signal.
public enum Seed: Hashable, Sendable {
  /// One activation with its own value, all else zero (the paper's section 2.1).
  case activation(unit: Int, row: Int, column: Int)
  /// Every activation of one unit's map, each with its own value.
  case map(unit: Int)
  /// One unit with the value 1: a class score's gradient, for the layers that end a classifier.
  case score(unit: Int)
}

extension Seed {
  var place: (unit: Int, row: Int, column: Int) {
    switch self {
    case .activation(let unit, let row, let column): (unit, row, column)
    case .map(let unit), .score(let unit): (unit, 0, 0)
    }
  }

  var isOnePlace: Bool {
    if case .activation = self { true } else { false }
  }

  /// The signal at the layer itself.
  func signal(from map: Tensor, asWindow: Bool) -> Tensor {
    let units = map.shape.dimensions.last ?? 0
    let elements = map.elements
    switch self {
    case .activation(let unit, let row, let column):
      let columns = map.shape.rank == 4 ? map.shape.columns : 1
      let index = (row * columns + column) * units + unit
      var signal = Tensor(asWindow ? [1, 1, 1, units] : map.shape)
      signal.withMutableSpan { $0[asWindow ? unit : index] = elements[index] }
      return signal
    case .map(let unit):
      return Tensor(
        map.shape, elements: elements.enumerated().map { $0.offset % units == unit ? $0.element : 0 })
    case .score(let unit):
      return Tensor(map.shape, elements: elements.indices.map { $0 % units == unit ? 1 : 0 })
    }
  }
}
