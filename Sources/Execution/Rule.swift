internal import Kernels
public import Networks

/// How a signal passes one node on its way back: what methods of attribution differ in.
public enum Rule: Hashable, Sendable {
  /// The derivative at the forward pass: back-propagation, and for what is linear its transpose.
  case gradient
  /// The signal as it is, whatever the node did to its values.
  case pass
  /// The signal's positive part (Zeiler & Fergus 2014, section 2.1).
  case deconvnet
  /// The positive part of what the derivative passes (Springenberg et al. 2015).
  case guided
  /// Relevance shared among the terms of a sum: input x weight / (output ± epsilon), with the output's sign, of the
  /// output's relevance (Bach et al. 2015, LRP-epsilon). An output of exactly zero shares nothing where epsilon is 0.
  case epsilon(Float)
  /// Relevance shared by the signs of products of inputs and weights: `positive` times the output's relevance among the
  /// positive ones, less `negative` times it among the negative ones; a bias is on its sign's side (Bach et al. 2015, LRP-
  /// alpha-beta; 1 and 0 are the z+ rule). Of convolutions and fully connected layers.
  case signs(positive: Float, negative: Float)
  /// Epsilon's shares with weights and bias of the output's sign larger by a factor of 1 + gamma (Montavon et al. 2019; for
  /// inputs of both signs Andéol et al. 2021). Of convolutions and fully connected layers.
  case gamma(Float)
  /// The same share for every position and channel that a window has within the map (Lapuschkin et al. 2019). Of
  /// convolutions.
  case flat
  /// Shares of how far an input is from the end of its range that a weight's sign says; `low` and `high` are the range of each
  /// channel (Montavon et al. 2017, the z-B rule). Of convolutions.
  case box(low: [Float], high: [Float])
  /// The mean derivative on the line from a reference's values to the picture's, so that the signal times the change of the
  /// input is the signal times the change of the output (Shrikumar et al. 2017, DeepLIFT's rescale rule). For a function of
  /// each element alone it is the quotient of both changes; a max pool passes its change to the winner of whichever side is
  /// larger; for what mixes elements, the integral of the derivative (Aumann & Shapley 1974).
  case rescale

  /// Whether the rule has a meaning for nodes of a family.
  public func fits(_ family: Operation.Family) -> Bool {
    switch self {
    case .gradient, .rescale: true
    case .pass, .deconvnet, .guided: [.rectifier, .elementwise, .normalization].contains(family)
    case .epsilon, .signs, .gamma, .flat, .box: family == .sum
    }
  }
}

extension Operation {
  /// What rules and composites tell operations apart by.
  public enum Family: Hashable, Sendable {
    /// ReLU and its like, at which deconvnet, gradient and guided differ.
    case rectifier
    /// Any other function of each element alone.
    case elementwise
    /// Contrast normalisation across maps.
    case normalization
    /// A weighted sum of what the inputs hold, plus a constant.
    case sum
    /// Moves, copies or chooses values: max pools, pads, slices, joins, other shapes.
    case placement
    /// Products and normalisations of computed values.
    case mixture
  }

  public var family: Family {
    switch self {
    case .activation(let activation):
      switch activation {
      case .relu, .leakyRelu, .elu, .thresholdedRelu: .rectifier
      case .clip(let minimum, _): minimum == 0 ? .rectifier : .elementwise
      case .sigmoid, .hardSigmoid, .hardSwish, .swish, .tanh, .softplus, .gelu, .exp, .log, .sqrt, .abs,
        .negate, .reciprocal, .erf, .sin, .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh, .acosh,
        .atanh, .sign, .floor, .ceil, .round, .shrink:
        .elementwise
      }
    case .parametricRelu: .rectifier
    case .localResponseNormalization: .normalization
    case .convolution, .innerProduct, .batchNormalization, .averagePooling, .globalAveragePooling, .average,
      .resampling:
      .sum
    case .arithmetic(let arithmetic):
      switch arithmetic {
      case .add, .subtract: .sum
      case .minimum, .maximum, .select, .greater, .greaterOrEqual, .equal: .placement
      case .multiply, .divide, .power: .mixture
      }
    case .arithmeticWithConstant(let arithmetic, _, let isFirst):
      switch arithmetic {
      case .add, .subtract, .multiply: .sum
      case .divide: isFirst ? .mixture : .sum
      case .minimum, .maximum, .select, .greater, .greaterOrEqual, .equal: .placement
      case .power: .mixture
      }
    case .maxPooling, .globalMaxPooling, .concatenation, .split, .padding, .slice, .gathering, .flatten,
      .reshape,
      .transposition, .dropout, .identity:
      .placement
    case .softmax, .logSoftmax, .matrixProduct: .mixture
    }
  }
}
