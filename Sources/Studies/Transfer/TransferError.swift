public import Tensors

/// What keeps features from being compared.
public enum TransferError: BadInput, Equatable, CustomStringConvertible {
  case notFinite(layer: String, picture: String)
  case constant(layer: String, pictures: Int)
  case crossValidation(pictures: Int)

  public var description: String {
    switch self {
    case .notFinite(let layer, let picture):
      "a feature of layer \(layer) is no finite number in \(picture). The network's weights or the picture's "
        + "preparation are at fault: look at --scale, --mean and --std, or choose a lower layer."
    case .constant(let layer, let pictures):
      "every feature of layer \(layer) is the same in all \(pictures) training pictures, so there is nothing to tell "
        + "apart. Choose another layer or pooling, or look for dead units with `switchback diagnose`."
    case .crossValidation(let pictures):
      "a class has \(pictures == 1 ? "one training picture" : "no training pictures"), and cross-validation takes two. "
        + "Give --c a number."
    }
  }
}
