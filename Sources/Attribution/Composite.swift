public import Execution
public import Kernels
public import Networks
public import Tensors

/// Gives each node of a network its rule: what a method of attribution is.
public struct Composite: Sendable {
  /// A node's rule, by its operation, its name or both; nil where the method has none.
  public let rule: @Sendable (Network.Node) -> Rule?

  /// - Parameter rule: A node's rule; nil where the method has none.
  public init(rule: @escaping @Sendable (Network.Node) -> Rule?) {
    self.rule = rule
  }

  /// Back-propagation.
  public static let gradient = Composite { _ in .gradient }

  /// Zeiler & Fergus 2014, section 2.1.
  ///
  /// - Note: The paper does not say how contrast normalisation is passed; the signal goes through as it is.
  public static let deconvnet = Composite { node in
    switch node.operation.family {
    case .rectifier: .deconvnet
    case .normalization: .pass
    case .elementwise, .sum, .placement, .mixture: .gradient
    }
  }

  /// Guided back-propagation.
  ///
  /// - Note: Springenberg et al. 2015 (arXiv 1412.6806).
  public static let guided = Composite { $0.operation.family == .rectifier ? .guided : .gradient }

  /// Layer-wise relevance propagation by its epsilon rule.
  ///
  /// Sums share relevance among their terms, functions of one value pass it on, and what only moves values moves it
  /// back. Products of computed values and softmax have no rule: start below a softmax.
  ///
  /// - Note: Bach et al. 2015, "On pixel-wise explanations".
  public static func epsilon(_ epsilon: Float) -> Composite {
    Composite { node in
      switch node.operation.family {
      case .rectifier, .elementwise, .normalization: .pass
      case .sum: .epsilon(epsilon)
      case .placement: .gradient
      case .mixture: nil
      }
    }
  }

  /// DeepLIFT by its rescale rule: mean derivatives between a reference's pass and the picture's.
  ///
  /// A choice between two computed values has no such mean here, and is refused.
  ///
  /// - Note: Shrikumar et al. 2017, "Learning important features through propagating activation differences", section 3.
  public static let rescale = Composite { node in
    switch node.operation {
    case .arithmetic(.minimum), .arithmetic(.maximum), .arithmetic(.select), .arithmetic(.greater),
      .arithmetic(.greaterOrEqual), .arithmetic(.equal), .arithmeticWithConstant(.greater, _, _),
      .arithmeticWithConstant(.greaterOrEqual, _, _), .arithmeticWithConstant(.equal, _, _):
      nil
    default: .rescale
    }
  }

  /// The method that the command line names.
  public init(_ rule: RectifierRule) {
    switch rule {
    case .gradient: self = .gradient
    case .deconvnet: self = .deconvnet
    case .guided: self = .guided
    }
  }
}

/// Why a walk cannot begin.
public enum AttributionError: ModelFault, Equatable, CustomStringConvertible {
  /// The composite has no rule for a node on the way, or one without a meaning there.
  case noRule(node: String)
  /// The value does not depend on the one where the walk should end.
  case noPath(from: String, to: String)
  /// There are no maps with several positions to look at.
  case noMaps(of: String)
  /// Expected gradients have no pictures to start from.
  case noPictures
  /// A square that does not fit into the input.
  case square(size: Int, side: Int)

  public var description: String {
    switch self {
    case .noRule(let node):
      "the method has no rule for node '\(node)'. Start the walk below it, or end it above."
    case .noPath(let from, let to):
      "'\(from)' does not depend on '\(to)'. End the walk at a value that it was computed from."
    case .noMaps(let value):
      "'\(value)' has no maps with several positions, of which a class activation map could be made. Name a layer that has."
    case .noPictures: "expected gradients start from other images: give more than one."
    case .square(let size, let side):
      "a square of \(size) pixels does not fit into an input whose shorter side has \(side)."
    }
  }
}
