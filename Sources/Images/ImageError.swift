public import Tensors

/// What keeps a picture from being read, prepared or written.
public enum ImageError: BadInput, Equatable, CustomStringConvertible {
  case unreadable(file: String, reason: String)
  case preparation(reason: String)
  case unprepared(file: String, reason: String)
  case encoding(reason: String)

  public var description: String {
    switch self {
    case .unreadable(let file, let reason): "\(file) cannot be read as an image: \(reason)."
    case .preparation(let reason): "the image cannot be preprocessed: \(reason)."
    case .unprepared(let file, let reason): "\(file) cannot be preprocessed for the network: \(reason)."
    case .encoding(let reason): "the image cannot be written: \(reason)."
    }
  }

  /// The same, naming the file that the picture came from.
  public func naming(_ file: String) -> ImageError {
    if case .preparation(let reason) = self { .unprepared(file: file, reason: reason) } else { self }
  }
}
