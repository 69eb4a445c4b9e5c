/// What keeps a picture from being read, prepared or written.
public enum ImageError: Error, Equatable, CustomStringConvertible {
  case unreadable(file: String, reason: String)
  case preparation(reason: String)
  case encoding(reason: String)

  public var description: String {
    switch self {
    case .unreadable(let file, let reason): "\(file) cannot be read as a picture: \(reason)."
    case .preparation(let reason): "the picture cannot be prepared: \(reason)."
    case .encoding(let reason): "the picture cannot be written: \(reason)."
    }
  }
}
