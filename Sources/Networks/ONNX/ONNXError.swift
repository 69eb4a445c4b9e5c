public import Tensors

/// What keeps an ONNX file from being read or written; each case names the file.
public enum ONNXError: BadInput, Equatable, CustomStringConvertible {
  /// Not an ONNX file, cut short, or contradicting itself.
  case malformed(file: String, reason: String)
  /// Nodes that this build cannot run.
  case unsupported(file: String, nodes: [Refusal])
  /// A graph that does not hold together.
  case network(file: String, NetworkError)
  case unwritable(file: String, reason: String)
  /// What was met while a network of open rows and columns was read for a size that nobody gave.
  indirect case atSize(rows: Int, columns: Int, ONNXError)

  public var description: String {
    switch self {
    case .malformed(let file, let reason):
      "\(file) cannot be read as a network: \(reason)."
    case .unsupported(let file, let nodes):
      "\(file) has \(nodes.count == 1 ? "a node" : "\(nodes.count) nodes") that this build cannot run: "
        + Refusal.grouped(nodes) + ". `ARCHITECTURE.md` lists the operators."
    case .network(let file, let error):
      "\(file): \(error)"
    case .unwritable(let file, let reason):
      "\(file): \(reason)"
    case .atSize(let rows, let columns, let error):
      "\(error) The network leaves its rows and columns open, and was tried at \(rows) x \(columns); "
        + "--size ROWSxCOLUMNS reads it for others, such as --size 48x320 (of occlude, --input-size)."
    }
  }
}

extension ONNXError {
  /// A node that cannot be run.
  public struct Refusal: Hashable, Sendable, CustomStringConvertible {
    /// Its name and operator, or where it has no name, what it makes.
    public let node: String
    /// ONNX's name of the operator.
    public let operation: String
    public let reason: String

    public var description: String { "\(node): \(reason)" }

    /// Nodes of one operator and one reason together, the first three by name.
    static func grouped(_ nodes: [Refusal]) -> String {
      var order: [[String]] = []
      var groups: [[String]: [Refusal]] = [:]
      for node in nodes {
        // Reasons that differ in the names and numbers of values are one.
        let parts = node.reason.split(separator: "'", omittingEmptySubsequences: false).enumerated()
        let plain = parts.filter { $0.offset % 2 == 0 }.map { $0.element.filter { !$0.isNumber } }
        let key = [node.operation] + plain
        if groups[key] == nil { order.append(key) }
        groups[key, default: []].append(node)
      }
      let sentences = order.compactMap { key -> String? in
        guard let group = groups[key], let first = group.first else { return nil }
        guard group.count > 1 else { return first.description }
        let others = group.count > 3 ? " and \(group.count - 3) more" : ""
        return "\(group.count) nodes, " + group.prefix(3).map(\.node).joined(separator: ", ") + others
          + ": \(first.reason)"
      }
      return sentences.joined(separator: "; ")
    }
  }
}
