/// What is wrong with a data set.
public enum DatasetError: Error, Equatable, CustomStringConvertible {
  case missing(path: String)
  case noPictures(path: String)
  case unknownKind(kind: String)
  case labels(file: String, reason: String)

  public var description: String {
    switch self {
    case .missing(let path):
      "\(path): there is no such folder or picture."
    case .noPictures(let path):
      "\(path) holds no pictures (\(PictureFolder.extensions.joined(separator: ", "))). "
        + "Name a folder of pictures, or of class folders."
    case .unknownKind(let kind):
      "'\(kind):' is a kind of data set that this build does not read. Name a folder of pictures."
    case .labels(let file, let reason):
      "\(file) is not a list of labels: \(reason)"
    }
  }
}
