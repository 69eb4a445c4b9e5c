/// How good a number is.
public enum Verdict: String, Codable, Sendable, CaseIterable {
  case ok, watch, trouble
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
    case .owned: "units that a few pictures own"
    case .vanishing: "filters that decayed to nothing"
    case .dominance: "weight that dominating filters hold"
    case .duplicates: "filters that another repeats"
    case .middle: "middle frequencies in filters"
    case .high: "high frequencies in filters"
    case .folding: "filters' energy above the stride's limit"
    case .aliasing: "aliasing in layer-2 projections"
    }
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
      "Lower the learning rate, or warm it up; start biases at a small positive value; use a leaky rectifier. "
        + "A unit may also wait for pictures that are not here: try more of them."
    case .owned:
      "Regularise more (weight decay, dropout, augmentation) or use fewer maps; look at the pictures that own the units: "
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
      "Filters this rough may be noise: train longer or on more pictures, or with more weight decay and a lower rate "
        + "at the end."
    case .folding:
      "Halve the first layer's stride, as Zeiler & Fergus did from 4 to 2, or blur before sampling."
    case .aliasing:
      "Make the first layer's stride and filters smaller, as Zeiler & Fergus (section 4.1) went from 11x11 by 4 to 7x7 "
        + "by 2; or blur before pooling."
    }
  }
}
