internal import Kernels
public import Networks
public import Tensors

/// A convolution's filters as its network uses them: a batch normalisation that follows is multiplied in.
public struct FilterBank: Sendable {
  /// Two filters that point the same way.
  public struct Pair: Codable, Hashable, Sendable {
    public var units: [Int]
    public var cosine: Double
  }

  public let layer: String
  /// Outputs x rows x columns x inputs of a group.
  public let filters: Tensor
  /// Pixels of the layer's input between neighbouring positions.
  public let rowStride: Int
  public let columnStride: Int
  private let groups: Int

  /// The filters of a layer; nil where it is no convolution.
  public init?(_ layer: Layer, of network: Network) {
    guard let bank = Self.banks(of: [layer], in: network).first else { return nil }
    self = bank
  }

  /// The filters of those layers that are convolutions.
  static func banks(of layers: [Layer], in network: Network) -> [FilterBank] {
    let nodes = Dictionary(network.nodes.map { ($0.name, $0) }, uniquingKeysWith: { one, _ in one })
    let readers = network.readersByValue
    return layers.compactMap { layer in
      guard case .convolution(let convolution) = nodes[layer.node]?.operation else { return nil }
      var filters = convolution.filters
      if let following = readers[layer.output], following.count == 1,
        case .batchNormalization(let normalization) = following[0].operation
      {
        let gains = normalization.affine.scale.elements
        let each = filters.shape.count / max(gains.count, 1)
        filters = Tensor(filters.shape, elements: filters.elements.enumerated().map { $1 * gains[$0 / each] })
      }
      return FilterBank(
        layer: layer.name, filters: filters, rowStride: convolution.rule.strides[0],
        columnStride: convolution.rule.strides[1], groups: convolution.groups)
    }
  }

  package init(layer: String, filters: Tensor, rowStride: Int = 1, columnStride: Int = 1, groups: Int = 1) {
    precondition(filters.shape.rank == 4, "filters of \(filters.shape)")
    self.layer = layer
    self.filters = filters
    self.rowStride = rowStride
    self.columnStride = columnStride
    self.groups = groups
  }

  public var count: Int { filters.shape[0] }

  /// One filter: rows x columns x inputs.
  public func filter(_ unit: Int) -> Tensor {
    filters.slices(unit..<unit + 1).reshaped(to: [filters.shape[1], filters.shape[2], filters.shape[3]])
  }

  /// The root of each filter's mean square weight.
  public var rms: [Double] {
    let each = filters.shape.count / max(count, 1)
    return (0..<count).map { unit in
      let sum = filter(unit).elements.reduce(0.0) { $0 + Double($1) * Double($1) }
      return (sum / Double(max(each, 1))).squareRoot()
    }
  }

  /// The first of two units' filters and all after it that point the same way; only filters that read the same inputs
  /// are compared.
  ///
  /// - Parameters:
  ///   - threshold: The cosine that a pair must exceed.
  ///   - units: The units that are compared.
  /// - Returns: Pairs, the most alike first.
  public func pairs(above threshold: Double, among units: [Int]) -> [Pair] {
    let unitVectors = units.map { Direction(filter($0)) }
    let perGroup = max(count / groups, 1)
    var pairs: [Pair] = []
    for (index, one) in units.enumerated() {
      for next in units.indices.dropFirst(index + 1) where units[next] / perGroup == one / perGroup {
        let cosine = unitVectors[index].cosine(to: unitVectors[next])
        if cosine > threshold { pairs.append(Pair(units: [one, units[next]], cosine: cosine)) }
      }
    }
    return pairs.sorted { ($1.cosine, $0.units[0], $0.units[1]) < ($0.cosine, $1.units[0], $1.units[1]) }
  }
}

/// A list of numbers brought to length 1; all zero where they are.
struct Direction: Sendable {
  private let lanes: [SIMD8<Float>]

  init(_ tensor: Tensor) {
    let elements = tensor.elements
    let length = elements.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    let factor = length > 0 ? 1 / length : 0
    var lanes = [SIMD8<Float>](repeating: .zero, count: (elements.count + 7) / 8)
    for (index, element) in elements.enumerated() {
      lanes[index / 8][index % 8] = Float(Double(element) * factor)
    }
    self.lanes = lanes
  }

  /// The cosine of the angle between two lists of one length; 0 where either is zero.
  func cosine(to other: Direction) -> Double {
    var sum = SIMD8<Float>.zero
    for index in lanes.indices { sum += lanes[index] * other.lanes[index] }
    return Double(sum.sum())
  }
}
