internal import Execution
package import Images
internal import Kernels
package import Networks
package import Tensors

/// How far a network's features move when a picture is moved, scaled, turned or otherwise changed (the paper's figure 5).
public struct Invariance {
  /// One way to change a picture, by an amount.
  public enum Change: String, CaseIterable, Codable, Sendable {
    /// Down by pixels of the network's input.
    case vertical
    /// To the right by pixels.
    case horizontal
    /// Enlarged by a factor.
    case scale
    /// Counter-clockwise by degrees.
    case rotation
    /// Lighter by levels of 255.
    case brightness
    /// Away from mid-grey by a factor.
    case contrast
    /// By a Gaussian with this deviation in pixels.
    case blur
    /// Gaussian noise with this deviation in levels of 255.
    case noise
    /// Mirrored left and right where the amount is 1.
    case flip

    /// The amounts of the paper where it has them, else a usual range.
    public var amounts: [Double] {
      switch self {
      case .vertical, .horizontal: Array(stride(from: -60, through: 60, by: 5))
      case .scale: Array(stride(from: 10, through: 18, by: 1)).map { $0 / 10 }
      case .rotation: Array(stride(from: 0, through: 350, by: 10))
      case .brightness: Array(stride(from: -100, through: 100, by: 20))
      case .contrast: [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2]
      case .blur: [0, 0.5, 1, 1.5, 2, 3, 4]
      case .noise: [0, 5, 10, 20, 40, 60]
      case .flip: [0, 1]
      }
    }

    /// The amount that changes nothing.
    public var identity: Double { self == .scale || self == .contrast ? 1 : 0 }
  }

  private let runner: Runner
  private let layers: [(name: String, value: String)]
  private let head: ClassHead?
  /// What is read: the layers', and the scores of a network that classifies.
  private let values: [String]
  private let changer: Changer

  /// Layers come each with its value's name; preprocessing says how pixels became inputs, so that light and noise count
  /// in levels of 255; the border is what a shift or a turn uncovers, the seed that of the noise.
  package init(
    _ network: Network, layers: [(name: String, value: String)], preprocessing: Preprocessing,
    border: WarpBorder, seed: UInt64, threads: Int, cancellation: Cancellation = .never
  ) throws {
    head = try network.classHead()
    self.layers = layers
    changer = Changer(preprocessing: preprocessing, border: border, seed: seed)
    values = layers.map(\.value) + [head?.scores].compactMap { $0 }
    runner = try Runner(network, keeping: values, threads: threads, cancellation: cancellation)
  }

  /// Compares the features of one picture with those of its changed copies.
  ///
  /// The picture is prepared, 1 x rows x columns x channels. Noise is drawn anew for each number. The probability
  /// followed is the label's, or that of the unchanged picture's most probable class.
  ///
  /// - Throws: `KernelError` where the picture does not fit the network, ``StudyError`` where a feature is not finite.
  package func curve(
    of input: Tensor, named name: String, number: Int, label: Int? = nil, under change: Change,
    by amounts: [Double]
  ) throws -> InvarianceCurves.Picture {
    // The last one is the picture unchanged.
    let found = try runner.features(of: values, over: 0..<amounts.count + 1) { [changer] index in
      index == amounts.count ? input : changer.changed(input, change, amounts[index], picture: number)
    }
    for features in found {
      for value in values where features[value]?.allSatisfy(\.isFinite) == false {
        throw StudyError(notFinite: value, in: name)
      }
    }
    let original = found[amounts.count]
    var distances: [String: [Double]] = [:]
    var normalized: [String: [Double]] = [:]
    for layer in layers {
      let base = original[layer.value] ?? []
      let length = base.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      let raw = amounts.indices.map { index in
        zip(base, found[index][layer.value] ?? []).reduce(0.0) { sum, pair in
          let step = Double(pair.0) - Double(pair.1)
          return sum + step * step
        }.squareRoot()
      }
      distances[layer.name] = raw
      normalized[layer.name] = raw.map { length > 0 ? $0 / length : 0 }
    }
    var result = InvarianceCurves.Picture(
      image: name, label: nil, distances: distances, normalized: normalized, probability: nil)
    if let head, let base = original[head.scores] {
      func probabilities(_ values: [Float]) throws -> [Float] {
        try head.probabilities(of: Tensor([1, values.count], elements: values)).elements
      }
      let label = label ?? base.argmax
      guard base.indices.contains(label) else {
        throw StudyError(noClass: label, of: base.count)
      }
      result.label = label
      result.probability = try amounts.indices.map {
        try probabilities(found[$0][head.scores] ?? base)[label]
      }
    }
    return result
  }
}

/// Changes prepared pictures.
struct Changer: Sendable {
  let preprocessing: Preprocessing
  let border: WarpBorder
  let seed: UInt64

  func changed(
    _ input: Tensor, _ change: Invariance.Change, _ amount: Double, picture number: Int
  ) -> Tensor {
    if amount == change.identity { return input }
    switch change {
    case .vertical: return input.warped(by: .shift(rows: amount, columns: 0), border: border)
    case .horizontal: return input.warped(by: .shift(rows: 0, columns: amount), border: border)
    case .scale: return input.warped(by: .scale(amount), border: border)
    case .rotation: return input.warped(by: .rotation(degrees: amount), border: border)
    case .flip: return input.warped(by: .flip, border: border)
    case .blur: return input.blurred(deviation: amount)
    case .brightness: return preprocessing.withPixels(of: input) { $0 + Float(amount) }
    case .contrast: return preprocessing.withPixels(of: input) { ($0 - 127.5) * Float(amount) + 127.5 }
    case .noise:
      var generator = SeededGenerator(seed: seed &+ UInt64(number) &* 0x9E37_79B9)
      return preprocessing.withPixels(of: input) { $0 + Float(amount) * Float.gaussian(using: &generator) }
    }
  }
}
