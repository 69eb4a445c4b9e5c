internal import Datasets
internal import Files
internal import Images
internal import Kernels
internal import Networks
internal import Peaks
internal import Studies
internal import Tensors
internal import Training

/// An argument that parses but cannot be meant.
struct ArgumentError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}

extension Error {
  /// Whether the caller can put it right: every error with a type of ours, as against a fault of the program.
  var isBadInput: Bool {
    switch self {
    case is ArgumentError, is FileError, is NetworkError, is ONNXError, is KernelError, is ImageError,
      is DatasetError, is ActivationsError, is RunError, is OcclusionError, is CorrespondenceError,
      is ArchitectureError, is AblationError, is TransferError:
      true
    case let error as TrainingError:
      // A run that diverged was asked for in good order, and failed.
      if case .diverged = error { false } else { true }
    default:
      false
    }
  }
}
