internal import Figures

/// How good a number is.
public enum Verdict: String, Codable, Sendable, CaseIterable {
  case ok, watch, trouble

  /// As a fact about the value.
  public var title: String {
    switch self {
    case .ok: "within the limits"
    case .watch: "beyond the first limit"
    case .trouble: "beyond the second limit"
    }
  }
}

/// What a diagnosis measures, each with the values from which it is worth a look and from which it is trouble.
///
/// - Note: The paper names the faults (figure 6) and no numbers; the thresholds are ours.
public enum Measure: String, Codable, Sendable, CaseIterable {
  /// The share of units that no picture activates.
  case dead
  /// The share of units that a few pictures own.
  case owned
  /// The share of filters that decayed to nearly nothing.
  case vanishing
  /// The share of the layer's squared weights that dominating filters hold.
  case dominance
  /// The share of filters that another filter of the layer repeats.
  case duplicates
  /// The share of the first layer's energy in the middle of the spectrum.
  case middle
  /// The share of the first layer's energy in the top of the spectrum.
  case high
  /// The share of the first layer's energy that its stride folds down.
  case folding
  /// The share of layer-2 projections' energy above what the first layer's stride can tell apart.
  case aliasing

  public var title: String {
    switch self {
    case .dead: "units never active"
    case .owned: "units driven by a few images"
    case .vanishing: "filters that are nearly zero"
    case .dominance: "weight held by dominating filters"
    case .duplicates: "filters that repeat another"
    case .middle: "middle frequencies in the filters"
    case .high: "high frequencies in the filters"
    case .folding: "filter energy above the stride's limit"
    case .aliasing: "aliasing in layer-2 projections"
    }
  }

  /// What is measured, and what a high value means, for a reader who meets it for the first time.
  public var meaning: String {
    switch self {
    case .dead: "The share of units that no image activates. They contribute nothing."
    case .owned:
      "The share of units with over \((Diagnosis.ownedShare * 100).short(decimals: 1))% of the sum of their peak activations in the top 1% of "
        + "the images, or active in fewer than 1% of them. They respond to single images rather than to a feature."
    case .vanishing:
      "The share of filters whose RMS weight is under \((Diagnosis.vanishingRatio * 100).short(decimals: 1))% of the layer's median."
    case .dominance:
      "The share of the layer's squared weights in filters whose RMS is above \(Diagnosis.clip) and above "
        + "\(Int(Diagnosis.dominatingRatio)) times the median. A few filters then drown the others (the paper's figure 6a)."
    case .duplicates:
      "The share of filters with a cosine similarity above \(Diagnosis.duplicateCosine) to another of the layer. They "
        + "measure the same thing twice."
    case .middle:
      "The share of the first layer's filter energy at 1/8 to 1/4 cycles per pixel. Where it is low, the filters see very "
        + "coarse and very fine patterns only (the paper's figure 6b)."
    case .high:
      "The share of the first layer's filter energy above 1/4 cycles per pixel. Where it is high, filters may be noise."
    case .folding:
      "The share of the first layer's filter energy at frequencies too high for its stride (above the Nyquist limit): after "
        + "sampling they appear as coarser patterns that are not in the image."
    case .aliasing:
      "The share of the energy of the second layer's projections above that same limit. It shows as fine grids and blocks "
        + "(the paper's figure 6d)."
    }
  }

  /// The two limits, as `first limit 25%, second 50%`.
  package var limits: String {
    func written(_ share: Double) -> String { (share * 100).short(decimals: 2) + "%" }
    return "first limit \(written(thresholds.watch)), second \(written(thresholds.trouble))"
      + (isBadWhenLow ? ", from below" : "")
  }

  /// Beyond the first a value is worth a look, beyond the second it is trouble.
  public var thresholds: (watch: Double, trouble: Double) {
    switch self {
    case .dead: (0, 0.05)
    case .owned: (0.01, 0.1)
    case .vanishing: (0, 0.05)
    case .dominance: (0, 0.25)
    case .duplicates: (0.02, 0.1)
    // An eighth to a quarter cycle is 3/16 of all frequencies: what noise has.
    case .middle: (0.1875, 0.1)
    // Above a quarter cycle are 3/4 of all frequencies: what noise has.
    case .high: (0.5, 0.7)
    case .folding, .aliasing: (0.25, 0.5)
    }
  }

  /// Whether small values are the bad ones.
  public var isBadWhenLow: Bool { self == .middle }

  /// What a value of this measure means, by its thresholds.
  public func verdict(of value: Double) -> Verdict {
    let (watch, trouble) = thresholds
    if isBadWhenLow { return value < trouble ? .trouble : value < watch ? .watch : .ok }
    return value > trouble ? .trouble : value > watch ? .watch : .ok
  }

  /// What the paper or the field would try.
  public var remedy: String {
    switch self {
    case .dead:
      "Lower the learning rate, or warm it up; start biases at a small positive value; use a leaky ReLU. "
        + "A unit may also need images that are not in this set: try more of them."
    case .owned:
      "Regularise more (weight decay, dropout, augmentation) or use fewer maps; look at these units' top images: "
        + "duplicates, borders and broken files show up here."
    case .vanishing:
      "Use fewer maps, or less weight decay, and renormalise filters during training so that none falls behind."
    case .dominance:
      "Renormalise each filter whose RMS exceeds 0.1 back to 0.1 during training (Zeiler & Fergus, section 3)."
    case .duplicates:
      "Use fewer maps in this layer, or regularise so that maps differ (dropout, orthogonal regularisation)."
    case .middle:
      "Make the first layer's filters and stride smaller, as Zeiler & Fergus (section 4.1) went from 11x11 by 4 to 7x7 "
        + "by 2."
    case .high:
      "Filters this rough may be noise: train longer or on more images, or with more weight decay and a lower rate "
        + "at the end."
    case .folding:
      "Halve the first layer's stride, as Zeiler & Fergus did from 4 to 2, or blur before sampling."
    case .aliasing:
      "Make the first layer's stride and filters smaller, as Zeiler & Fergus (section 4.1) went from 11x11 by 4 to 7x7 "
        + "by 2; or blur before pooling."
    }
  }
}
