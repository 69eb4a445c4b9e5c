internal import Execution
public import Networks
internal import Tensors

/// Methods of layer-wise relevance propagation that go by several rules, by the names of their field.
///
/// - Note: Kohlbrenner et al. 2020, "Towards best practice in explaining neural network decisions with LRP"; rules by Bach et
///   al. 2015 and Montavon et al. 2019. Elsewhere they are ``epsilon(_:)``: sums and averages share by what each term adds,
///   rectifiers pass relevance on, and of a max pool's positions the winner gets all.
extension Composite {
  /// What keeps quotients of these methods finite.
  static let stabilizer: Float = 1e-6

  /// One rule for convolutions, another for those that read the input, and the epsilon rule for fully connected layers.
  private static func byWeights(
    of network: Network, convolution: Rule, first: (@Sendable (Network.Node) -> Rule)? = nil,
    product: Rule = .epsilon(stabilizer)
  ) -> Composite {
    let firsts = network.firstWeighted
    let otherwise = Composite.epsilon(stabilizer)
    return Composite { node in
      switch node.operation {
      case .convolution: firsts.contains(node.outputs[0]) ? first?(node) ?? convolution : convolution
      case .innerProduct: product
      default: otherwise.rule(node)
      }
    }
  }

  /// z+ in convolutions, epsilon in fully connected layers.
  public static func epsilonPlus(_ network: Network) -> Composite {
    byWeights(of: network, convolution: .signs(positive: 1, negative: 0))
  }

  /// The same with the flat rule where convolutions read the input.
  public static func epsilonPlusFlat(_ network: Network) -> Composite {
    byWeights(of: network, convolution: .signs(positive: 1, negative: 0), first: { _ in .flat })
  }

  /// Gamma of 0.25 in convolutions, the box rule where they read the input, epsilon in fully connected layers.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - low: The least value that each channel of the input can have.
  ///   - high: The largest.
  /// - Returns: The composite.
  /// - Throws: `NetworkError` where the input's channels are others.
  public static func epsilonGammaBox(_ network: Network, low: [Float], high: [Float]) throws -> Composite {
    let ranges = try ranges(of: network, low: low, high: high)
    return byWeights(
      of: network, convolution: .gamma(0.25),
      first: { node in
        let range = ranges[node.inputs[0]] ?? (low, high)
        return .box(low: range.low, high: range.high)
      })
  }

  /// The range of each channel of what the first convolutions read where the network prepares its input itself, by a
  /// normalisation or a scale: what it makes of the ends.
  private static func ranges(
    of network: Network, low: [Float], high: [Float]
  ) throws -> [String: (low: [Float], high: [Float])] {
    let firsts = network.firstWeighted
    let names = Set(network.inputs.map(\.name))
    let read = Set(
      network.nodes.filter { firsts.contains($0.outputs[0]) }.compactMap(\.inputs.first)
    ).subtracting(names)
    guard !read.isEmpty else { return [:] }
    let input = try network.inputShape(images: 1)
    let runner = try Runner(network, keeping: read.sorted(), threads: 1)
    let ends = try [low, high].map { levels in
      try runner.forward(
        Tensor(input, elements: (0..<input.count).map { levels[$0 % max(levels.count, 1)] }))
    }
    return read.reduce(into: [:]) { ranges, name in
      let values = ends.compactMap { $0[name] }
      guard let channels = values.first?.shape.dimensions.last else { return }
      var range = (
        low: [Float](repeating: .infinity, count: channels),
        high: [Float](repeating: -.infinity, count: channels)
      )
      for value in values {
        for (index, element) in value.elements.enumerated() {
          range.low[index % channels] = min(range.low[index % channels], element)
          range.high[index % channels] = max(range.high[index % channels], element)
        }
      }
      ranges[name] = range
    }
  }

  /// Alpha 2 and beta 1 in convolutions, epsilon in fully connected layers.
  public static func epsilonAlpha2Beta1(_ network: Network) -> Composite {
    byWeights(of: network, convolution: .signs(positive: 2, negative: 1))
  }

  /// The same with the flat rule where convolutions read the input.
  public static func epsilonAlpha2Beta1Flat(_ network: Network) -> Composite {
    byWeights(of: network, convolution: .signs(positive: 2, negative: 1), first: { _ in .flat })
  }

  /// z+ in every layer with weights.
  ///
  /// - Note: Zhang et al. 2016, "Top-down neural attention by excitation backprop".
  public static func excitation(_ network: Network) -> Composite {
    byWeights(
      of: network, convolution: .signs(positive: 1, negative: 0),
      product: .signs(positive: 1, negative: 0))
  }
}
