internal import Execution
public import Networks

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
    of network: Network, convolution: Rule, first: Rule? = nil, product: Rule = .epsilon(stabilizer)
  ) -> Composite {
    let firsts = network.firstWeighted
    let otherwise = Composite.epsilon(stabilizer)
    return Composite { node in
      switch node.operation {
      case .convolution: firsts.contains(node.outputs[0]) ? first ?? convolution : convolution
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
    byWeights(of: network, convolution: .signs(positive: 1, negative: 0), first: .flat)
  }

  /// Gamma of 0.25 in convolutions, the box rule where they read the input, epsilon in fully connected layers.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - low: The least value that each channel of the input can have.
  ///   - high: The largest.
  /// - Returns: The composite.
  public static func epsilonGammaBox(_ network: Network, low: [Float], high: [Float]) -> Composite {
    byWeights(of: network, convolution: .gamma(0.25), first: .box(low: low, high: high))
  }

  /// Alpha 2 and beta 1 in convolutions, epsilon in fully connected layers.
  public static func epsilonAlpha2Beta1(_ network: Network) -> Composite {
    byWeights(of: network, convolution: .signs(positive: 2, negative: 1))
  }

  /// The same with the flat rule where convolutions read the input.
  public static func epsilonAlpha2Beta1Flat(_ network: Network) -> Composite {
    byWeights(of: network, convolution: .signs(positive: 2, negative: 1), first: .flat)
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
