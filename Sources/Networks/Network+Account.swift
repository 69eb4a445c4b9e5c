internal import Tensors

/// What one node costs and sees, for a table of the network.
public struct LayerAccount: Codable, Hashable, Sendable {
  public var name: String
  public var node: String
  public var output: String
  /// What else names it; nil where nothing does.
  public var aliases: [String]?
  public var operation: String
  /// Images x channels x rows x columns for one picture.
  public var shape: [Int]
  public var parameters: Int
  /// Multiplications with a weight, for one picture.
  public var multiplyAccumulates: Int
  /// Rows and columns of input pixels that one position sees, paths through gates left out; nil where it sees all.
  public var receptiveField: [Int]?
  /// Whether it depends on pixels beyond that, through a squeeze-and-excite gate or another value of one position that
  /// a map is multiplied by or added to.
  public var isGated: Bool
  /// Input pixels between neighbouring positions; nil where positions have no grid.
  public var stride: [Int]?
}

extension Network {
  /// Every node's shape, parameters, multiply-accumulates, receptive field and stride.
  ///
  /// - Throws: ``NetworkError/shape(node:reason:)`` where shapes do not fit.
  public func account() throws(NetworkError) -> [LayerAccount] {
    let first = inputs.first?.name ?? ""
    let shapes = try shapes(inputs: [first: inputShape(images: 1)])
    let operations = Dictionary(nodes.map { ($0.name, $0) }, uniquingKeysWith: { one, _ in one })
    let fields = fieldsInInput(shapes)
    return layers.compactMap { layer in
      guard let node = operations[layer.node], let shape = shapes[layer.output] else { return nil }
      var extents: [Int]?
      var stride: [Int]?
      if case .window(let rows, let columns) = fields[layer.output]?.field {
        extents = [rows.extent, columns.extent]
        stride = [rows.stride, columns.stride]
      }
      let weights = node.operation.weights
      return LayerAccount(
        name: layer.name, node: layer.node, output: layer.output,
        aliases: layer.aliases.isEmpty ? nil : layer.aliases, operation: node.operation.name,
        shape: shape.inONNXOrder.dimensions, parameters: weights.parameters,
        multiplyAccumulates: weights.perPlace * (shape.rank == 4 ? shape.rows * shape.columns : 1),
        receptiveField: extents, isGated: extents != nil && fields[layer.output]?.isGated == true,
        stride: stride)
    }
  }
}

extension Operation {
  /// The ONNX operator it stands for.
  public var name: String {
    switch self {
    case .convolution: "Conv"
    case .maxPooling: "MaxPool"
    case .averagePooling: "AveragePool"
    case .globalAveragePooling: "GlobalAveragePool"
    case .globalMaxPooling: "GlobalMaxPool"
    case .localResponseNormalization: "LRN"
    case .batchNormalization: "BatchNormalization"
    case .innerProduct: "Gemm"
    case .matrixProduct: "MatMul"
    case .activation(let activation): activation.operatorName
    case .parametricRelu: "PRelu"
    case .softmax: "Softmax"
    case .logSoftmax: "LogSoftmax"
    case .concatenation: "Concat"
    case .split: "Split"
    case .arithmetic(let arithmetic), .arithmeticWithConstant(let arithmetic, _, _): arithmetic.operatorName
    case .padding: "Pad"
    case .slice: "Slice"
    case .gathering: "Gather"
    case .resampling: "Resize"
    case .average: "ReduceMean"
    case .flatten: "Flatten"
    case .reshape: "Reshape"
    case .transposition: "Transpose"
    case .dropout: "Dropout"
    case .identity: "Identity"
    }
  }

  /// Learned numbers, and the multiplications that each output position takes.
  fileprivate var weights: (parameters: Int, perPlace: Int) {
    switch self {
    case .convolution(let convolution):
      let count = convolution.filters.shape.count
      return (count + (convolution.bias?.shape.count ?? 0), count)
    case .innerProduct(let product):
      let count = product.weights.shape.count
      return (count + (product.bias?.shape.count ?? 0), count)
    case .batchNormalization(let normalization):
      return (2 * normalization.scale.shape.count, normalization.scale.shape.count)
    case .parametricRelu(let slope):
      return (slope.shape.count, 0)
    case .arithmeticWithConstant(_, let constant, _):
      return (constant.shape.count, 0)
    case .maxPooling, .averagePooling, .globalAveragePooling, .globalMaxPooling, .localResponseNormalization,
      .matrixProduct, .activation, .softmax, .logSoftmax, .concatenation, .split, .arithmetic, .padding,
      .slice, .gathering, .resampling, .average, .flatten, .reshape, .transposition, .dropout, .identity:
      return (0, 0)
    }
  }
}
