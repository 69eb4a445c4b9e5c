public import Tensors

/// What keeps an operation from being computed: facts first, then what to do.
public enum KernelError: ModelFault, Equatable, CustomStringConvertible {
  case windowExceedsInput(window: Int, length: Int, padding: Int)
  case shapes(operation: String, expected: String, found: String)
  case library(doing: String, status: String)

  public var description: String {
    switch self {
    case .windowExceedsInput(let window, let length, let padding):
      "a window of \(window) does not fit in \(length) padded by \(padding). "
        + "Shrink the window, or pad by at least \(max(window - length - padding, 0)) more."
    case .shapes(let operation, let expected, let found):
      "\(operation) needs \(expected) but was given \(found)."
    case .library(let doing, let status):
      "oneDNN could not \(doing): \(status)."
    }
  }
}
