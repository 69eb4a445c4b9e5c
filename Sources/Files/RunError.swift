public import Tensors

/// What keeps a run's folder from being opened or written.
public enum RunError: BadInput, Equatable, CustomStringConvertible {
  case otherRun(folder: String, differences: [String])
  case notARun(folder: String)
  case busy(folder: String)
  case unwritable(folder: String, reason: String)
  case damaged(file: String, reason: String)

  public var description: String {
    switch self {
    case .otherRun(let folder, let differences):
      "\(folder) is another run: \(differences.joined(separator: "; ")). Choose another --out, or delete it."
    case .notARun(let folder):
      "\(folder) exists and is not a run of this program. Choose another --out, or empty it."
    case .busy(let folder):
      "\(folder) is being written by another process. Wait for it, or choose another --out."
    case .unwritable(let folder, let reason):
      "\(folder) cannot be written: \(reason)"
    case .damaged(let file, let reason):
      "\(file) is damaged: \(reason) Delete the run and start it again."
    }
  }
}
