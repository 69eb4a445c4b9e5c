internal import Networks

/// A method of attribution by the name that its field uses.
public enum Method: String, CaseIterable, Codable, Hashable, Sendable {
  case gradient
  case inputXGradient = "input-x-gradient"
  case integratedGradients = "integrated-gradients"
  case smoothgrad
  case smoothgradSquared = "smoothgrad-squared"
  case vargrad
  case expectedGradients = "expected-gradients"
  case gradcam, hirescam, layercam
  case lrpEpsilon = "lrp-epsilon"
  case lrpEpsilonPlus = "lrp-epsilon-plus"
  case lrpEpsilonPlusFlat = "lrp-epsilon-plus-flat"
  case lrpEpsilonGammaBox = "lrp-epsilon-gamma-box"
  case lrpEpsilonAlpha2Beta1 = "lrp-epsilon-alpha2-beta1"
  case lrpEpsilonAlpha2Beta1Flat = "lrp-epsilon-alpha2-beta1-flat"
  case excitation, deeplift, rise, occlusion

  /// Which inputs the gradient is taken at.
  enum Path {
    /// The picture itself.
    case point
    /// A straight line from a baseline.
    case line
    /// The picture with noise added.
    case noise
    /// A place between the picture and another, each drawn by chance.
    case pictures
  }

  /// How the gradients of several inputs become one.
  enum Reduction { case mean, meanOfSquares, variance }

  /// What a method is made of.
  enum Kind {
    /// Gradients at inputs, made one, times what.
    case gradients(Path, Reduction, times: Factor)
    /// A layer's maps, weighted by their gradients.
    case camera(Camera)
    /// Relevance carried by a composite.
    case relevance
    /// Differences carried between a baseline's pass and the picture's.
    case rescale
    /// What covering parts of the picture does.
    case masks, squares
  }

  enum Factor { case one, input, difference }

  enum Camera { case means, each, positive }

  var kind: Kind {
    switch self {
    case .gradient: .gradients(.point, .mean, times: .one)
    case .inputXGradient: .gradients(.point, .mean, times: .input)
    case .integratedGradients: .gradients(.line, .mean, times: .difference)
    case .smoothgrad: .gradients(.noise, .mean, times: .one)
    case .smoothgradSquared: .gradients(.noise, .meanOfSquares, times: .one)
    case .vargrad: .gradients(.noise, .variance, times: .one)
    case .expectedGradients: .gradients(.pictures, .mean, times: .difference)
    case .gradcam: .camera(.means)
    case .hirescam: .camera(.each)
    case .layercam: .camera(.positive)
    case .lrpEpsilon, .lrpEpsilonPlus, .lrpEpsilonPlusFlat, .lrpEpsilonGammaBox, .lrpEpsilonAlpha2Beta1,
      .lrpEpsilonAlpha2Beta1Flat, .excitation:
      .relevance
    case .deeplift: .rescale
    case .rise: .masks
    case .occlusion: .squares
    }
  }

  /// Whether it looks at few inputs beside the picture, so that pictures are best explained side by side.
  package var isQuick: Bool {
    switch kind {
    case .gradients(.point, _, _), .camera, .relevance, .rescale: true
    case .gradients, .masks, .squares: false
    }
  }

  /// Whether what it says of a picture is one number a position, and not one a channel.
  public var isMap: Bool {
    switch kind {
    case .camera, .masks, .squares: true
    case .gradients, .relevance, .rescale: false
    }
  }

  /// What it answers, and when it misleads: a sentence each.
  public var meaning: String {
    switch self {
    case .gradient:
      "how the score would change with each pixel, near this image; says nothing of what the pixels add to the score, and is noisy."
    case .inputXGradient:
      "the gradient times the input: what each pixel would add if the network were linear; pixels of the mean colour get nothing."
    case .integratedGradients:
      "how much each pixel adds on the way from a baseline to the image, summing to the difference in score; the baseline decides: what is like it gets nothing."
    case .smoothgrad:
      "the mean gradient over noisy copies; smoother to look at, not more faithful, and the noise's size decides."
    case .smoothgradSquared:
      "the mean squared gradient over noisy copies: where the score is sensitive, without a sign; finds strong edges easily."
    case .vargrad:
      "how much the gradient varies over noisy copies: where the score bends; independent of the gradient itself."
    case .expectedGradients:
      "integrated gradients with other images as baselines, drawn by chance; the images decide, and few draws leave noise."
    case .gradcam:
      "which places of the last maps the class uses, by each map's mean gradient; coarse, and may highlight places that are not used."
    case .hirescam:
      "the same with each place's own gradient: what each place adds, exactly, where a linear layer follows; coarse."
    case .layercam:
      "the same with positive gradients alone; also for earlier layers, but what speaks against a class is left out."
    case .lrpEpsilon:
      "relevance shared by what each input adds; as noisy as input x gradient, to which it is equal in networks of ReLUs without biases."
    case .lrpEpsilonPlus:
      "relevance shared by positive products alone: smooth, but hardly depends on the class in deep networks."
    case .lrpEpsilonPlusFlat:
      "the same, spread evenly at the first layer: coarse and smooth; what pixels show there does not matter."
    case .lrpEpsilonGammaBox:
      "relevance that favours what speaks for the class, with pixels' ranges at the first layer; gamma decides how much."
    case .lrpEpsilonAlpha2Beta1:
      "what speaks for twice, less what speaks against; sharp edges, and largely a picture of them."
    case .lrpEpsilonAlpha2Beta1Flat: "the same, spread evenly at the first layer."
    case .excitation:
      "the probability that a place takes part in winning; positive products alone, so hardly depends on the class in deep networks."
    case .deeplift:
      "what each pixel's difference from a baseline adds, summing exactly to the difference in score with one pass; the baseline decides, as it does for integrated gradients."
    case .rise:
      "the mean score of random masks that show a place; needs thousands of passes, and is noisy with fewer."
    case .occlusion:
      "how far the score falls when a grey square hides a place; the square's size and grey decide."
    }
  }
}
