public import Kernels
public import Tensors

/// What a forward pass left for some pictures: the values asked for, and each max pool's switches.
public struct Trace: Sendable {
  /// Which pictures of the pass these are, in the order of the values' outermost axis.
  public let images: [Int]
  var values: [String: Tensor]
  var switchesByNode: [String: Switches]

  /// - Parameters:
  ///   - images: The pictures' numbers, in the order of the first axis.
  ///   - values: The values kept, by name.
  ///   - switches: Of each max pool whose switches were recorded, by its output's name.
  public init(images: [Int], values: [String: Tensor], switches: [String: Switches] = [:]) {
    self.images = images
    self.values = values
    switchesByNode = switches
  }

  /// A value by name: images x rows x columns x channels for feature maps.
  public subscript(value: String) -> Tensor? { values[value] }

  /// The switches that a max pool recorded, by its node's name.
  public func switches(of node: String) -> Switches? { switchesByNode[node] }
}
