public import Images

/// A feed-forward network, graph and weights, as a value.
///
/// Nodes stand in an order in which each comes after what it reads; `init` puts them so.
public struct Network: Sendable {
  /// One computation: reads values by name, and makes values by name.
  public struct Node: Sendable {
    /// Unique among the nodes.
    public var name: String
    public var operation: Operation
    public var inputs: [String]
    public var outputs: [String]
    /// Paths of the modules whose work it does in the program that the file was exported from, such as
    /// `layer3.1.conv2`; none where the file says none.
    public var modules: [String]

    /// - Parameters:
    ///   - name: Unique among the nodes.
    ///   - operation: What it computes.
    ///   - inputs: Names of the values it reads, in the operation's order.
    ///   - outputs: Names of the values it makes; no other node makes them.
    ///   - modules: Paths of the modules whose work it does; the one that holds its weights first.
    public init(
      name: String, operation: Operation, inputs: [String], outputs: [String], modules: [String] = []
    ) {
      self.name = name
      self.operation = operation
      self.inputs = inputs
      self.outputs = outputs
      self.modules = modules
    }
  }

  /// What the network is given.
  public struct Input: Hashable, Sendable {
    public var name: String
    /// Extents in ONNX's order, images x channels x rows x columns; nil where the model leaves them open.
    public var extents: [Int?]
    /// Whether the file has the input as images x rows x columns x channels, as exporters from TensorFlow write it.
    public var isChannelsLast: Bool

    /// - Parameters:
    ///   - name: The value's name.
    ///   - extents: In ONNX's order, images x channels x rows x columns; nil where open.
    ///   - isChannelsLast: Whether the file has its four axes as images x rows x columns x channels.
    public init(name: String, extents: [Int?], isChannelsLast: Bool = false) {
      precondition(!isChannelsLast || extents.count == 4, "only maps have their channels last")
      self.name = name
      self.extents = extents
      self.isChannelsLast = isChannelsLast
    }

    /// ``extents`` in the order that the file has.
    public var extentsInFile: [Int?] { isChannelsLast ? [0, 2, 3, 1].map { extents[$0] } : extents }
  }

  public var name: String
  public var inputs: [Input]
  public private(set) var nodes: [Node]
  /// Names of the values that the network gives.
  public var outputs: [String]
  /// How a picture becomes its input, where the model says (`switchback.preprocessing`).
  public var preprocessing: Preprocessing?
  /// Names of the classes in output order, where the model says (`switchback.classes`).
  public var classes: [String]?
  /// Further `metadata_props` of the file, kept for writing back.
  public var metadata: [String: String]
  /// The program that wrote the file, as it calls itself (`producer_name`), or where it does not the graph's name, in which
  /// PaddlePaddle does; empty for a network that no file was read for.
  public internal(set) var producer = ""
  /// Files beside the model's own that its weights were read from.
  public internal(set) var externalFiles: [String] = []
  /// Where the file has the axes of values that are read in the order of maps: its axis `i` is our axis `fileOrders[i]`.
  var fileOrders: [String: [Int]] = [:]
  /// What the reader left aside, or took otherwise than the file says: a sentence each.
  public internal(set) var notes: [String] = []
  /// Whether a node makes one value of several images, so that each must be given alone.
  public internal(set) var mixesImages = false

  /// - Throws: ``NetworkError/cycle(nodes:)``, ``NetworkError/missingValue(name:node:)`` or
  ///   ``NetworkError/duplicateValue(name:)`` where the nodes do not make a graph.
  public init(
    name: String, inputs: [Input], nodes: [Node], outputs: [String], preprocessing: Preprocessing? = nil,
    classes: [String]? = nil, metadata: [String: String] = [:]
  ) throws(NetworkError) {
    self.name = name
    self.inputs = inputs
    self.nodes = try Self.ordered(nodes, after: inputs.map(\.name))
    self.outputs = outputs
    self.preprocessing = preprocessing
    self.classes = classes
    self.metadata = metadata
    let made = Set(inputs.map(\.name) + nodes.flatMap(\.outputs))
    for output in outputs where !made.contains(output) {
      throw .missingValue(name: output, node: "the network's outputs")
    }
  }

  /// The same graph with other operations: other weights above all.
  ///
  /// - Parameter operation: Gives the operation that takes the place of a node's own.
  /// - Returns: A network whose nodes read and make the same values.
  public func replacingOperations(_ operation: (Node) throws -> Operation) rethrows -> Network {
    var network = self
    for index in nodes.indices { network.nodes[index].operation = try operation(nodes[index]) }
    return network
  }

  /// The same graph with more nodes.
  ///
  /// - Parameter following: Gives those that come after a node; they read what it reads or makes, or each other.
  /// - Returns: A network whose other nodes read and make the same values.
  func insertingNodes(_ following: (Node) -> [Node]) -> Network {
    var network = self
    network.nodes = nodes.flatMap { [$0] + following($0) }
    return network
  }

  /// Each node after what it reads; a file's own order is kept where it is one.
  private static func ordered(_ nodes: [Node], after inputs: [String]) throws(NetworkError) -> [Node] {
    let given = Set(inputs)
    var maker: [String: Int] = [:]
    for (index, node) in nodes.enumerated() {
      for output in node.outputs {
        guard maker.updateValue(index, forKey: output) == nil, !given.contains(output) else {
          throw .duplicateValue(name: output)
        }
      }
    }
    var sources: [[Int]] = []
    for node in nodes {
      var read: [Int] = []
      for input in node.inputs where !given.contains(input) {
        guard let source = maker[input] else { throw .missingValue(name: input, node: node.name) }
        read.append(source)
      }
      sources.append(read)
    }
    var begun = [Bool](repeating: false, count: nodes.count)
    var done = begun
    var ordered: [Node] = []
    for root in nodes.indices where !begun[root] {
      // Depth first, without recursion: a file may be one long chain.
      var path = [(node: root, next: 0)]
      begun[root] = true
      while let (node, next) = path.last {
        guard next < sources[node].count else {
          path.removeLast()
          done[node] = true
          ordered.append(nodes[node])
          continue
        }
        path[path.count - 1].next += 1
        let source = sources[node][next]
        if done[source] { continue }
        guard !begun[source] else {
          let cycle = path.drop { $0.node != source }.map(\.node).sorted()
          throw .cycle(nodes: cycle.map { nodes[$0].name })
        }
        begun[source] = true
        path.append((source, 0))
      }
    }
    return ordered
  }
}
