public import Tensors

/// What keeps an ONNX file from being read or written; each case names the file.
public enum ONNXError: BadInput, Equatable, CustomStringConvertible {
  /// Not an ONNX file, cut short, or contradicting itself.
  case malformed(file: String, reason: String)
  /// Nodes that this build cannot run, each with its name, operator and reason.
  case unsupported(file: String, nodes: [String])
  /// A graph that does not hold together.
  case network(file: String, NetworkError)
  case unwritable(file: String, reason: String)

  public var description: String {
    switch self {
    case .malformed(let file, let reason):
      "\(file) cannot be read as a network: \(reason)."
    case .unsupported(let file, let nodes):
      "\(file) has \(nodes.count == 1 ? "a node" : "\(nodes.count) nodes") that this build cannot run: "
        + nodes.joined(separator: "; ") + ". `ARCHITECTURE.md` lists the operators."
    case .network(let file, let error):
      "\(file): \(error)"
    case .unwritable(let file, let reason):
      "\(file): \(reason)"
    }
  }
}
