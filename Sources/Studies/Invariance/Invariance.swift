internal import Execution
public import Images
internal import Kernels
public import Networks
internal import Synchronization
public import Tensors

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

  /// A picture, prepared for the network.
  public struct Subject: Sendable {
    public var name: String
    /// 1 x rows x columns x channels.
    public var input: Tensor
    /// The class whose probability is followed; nil for the most probable one of the unchanged picture.
    public var label: Int?

    public init(name: String, input: Tensor, label: Int? = nil) {
      self.name = name
      self.input = input
      self.label = label
    }
  }

  private let runner: Runner
  private let layers: [(name: String, value: String)]
  private let head: ClassHead?
  private let changer: Changer

  /// - Parameters:
  ///   - network: The network.
  ///   - layers: The layers whose features are compared, each with its value's name.
  ///   - preprocessing: How pixels became inputs, so that light and noise count in levels of 255.
  ///   - border: What a shift or a turn uncovers.
  ///   - seed: Of the noise.
  ///   - threads: How many pictures are computed side by side.
  /// - Throws: `NetworkError` where a value is not known, or `KernelError` where oneDNN cannot start.
  public init(
    _ network: Network, layers: [(name: String, value: String)], preprocessing: Preprocessing,
    border: WarpBorder,
    seed: UInt64, threads: Int
  ) throws {
    head = try network.classHead()
    self.layers = layers
    changer = Changer(preprocessing: preprocessing, border: border, seed: seed)
    runner = try Runner(
      network, keeping: layers.map(\.value) + [head?.scores].compactMap { $0 }, threads: threads)
  }

  /// Compares the features of each picture with those of its changed copies.
  ///
  /// - Parameters:
  ///   - subjects: The pictures.
  ///   - change: What is done to them.
  ///   - amounts: By how much, in order.
  ///   - observe: Called with the pictures done; returning false ends the study.
  /// - Returns: A curve a picture and their means; nil where `observe` ended it.
  /// - Throws: `KernelError` where a picture does not fit the network.
  public func curves(
    of subjects: [Subject], under change: Change, by amounts: [Double],
    observe: (_ done: Int) -> Bool = { _ in true }
  ) throws -> InvarianceCurves? {
    var pictures: [InvarianceCurves.Picture] = []
    for (number, subject) in subjects.enumerated() {
      pictures.append(try curve(of: subject, number: number, under: change, by: amounts))
      guard observe(number + 1) else { return nil }
    }
    return InvarianceCurves(change: change, amounts: amounts, layers: layers.map(\.name), pictures: pictures)
  }

  /// Compares the features of one picture with those of its changed copies.
  ///
  /// - Parameters:
  ///   - subject: The picture.
  ///   - number: Its number: noise is drawn anew for each.
  ///   - change: What is done to it.
  ///   - amounts: By how much, in order.
  /// - Returns: Its curve.
  /// - Throws: `KernelError` where the picture does not fit the network, ``StudyError`` where a feature is not finite.
  public func curve(
    of subject: Subject, number: Int, under change: Change, by amounts: [Double]
  ) throws -> InvarianceCurves.Picture {
    let readings = Mutex([Int: [String: [Float]]]())
    let kept = layers.map(\.value) + [head?.scores].compactMap { $0 }
    let changer = changer
    // The last one is the picture unchanged.
    try runner.run(
      over: 0..<amounts.count + 1,
      input: { index in
        index == amounts.count
          ? subject.input : changer.changed(subject.input, change, amounts[index], picture: number)
      }
    ) { trace in
      for (index, image) in trace.images.enumerated() {
        for value in kept {
          guard let features = trace[value]?.slices(index..<index + 1).elements else { continue }
          guard features.allSatisfy(\.isFinite) else { throw StudyError(notFinite: value, in: subject.name) }
          readings.withLock { $0[image, default: [:]][value] = features }
        }
      }
    }
    return try picture(subject, amounts.count, readings.withLock { $0 })
  }

  private func picture(
    _ subject: Subject, _ count: Int, _ found: [Int: [String: [Float]]]
  ) throws -> InvarianceCurves.Picture {
    let original = found[count] ?? [:]
    var distances: [String: [Double]] = [:]
    var normalized: [String: [Double]] = [:]
    for layer in layers {
      let base = original[layer.value] ?? []
      let length = base.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      let raw = (0..<count).map { index in
        zip(base, found[index]?[layer.value] ?? []).reduce(0.0) { sum, pair in
          let step = Double(pair.0) - Double(pair.1)
          return sum + step * step
        }.squareRoot()
      }
      distances[layer.name] = raw
      normalized[layer.name] = raw.map { length > 0 ? $0 / length : 0 }
    }
    var result = InvarianceCurves.Picture(
      image: subject.name, label: nil, distances: distances, normalized: normalized, probability: nil)
    if let head, let base = original[head.scores] {
      func probabilities(_ values: [Float]) throws -> [Float] {
        try head.probabilities(of: Tensor([1, values.count], elements: values)).elements
      }
      let label = subject.label ?? base.argmax
      guard base.indices.contains(label) else {
        throw StudyError(
          "there is no class \(label): the network has \(base.count), from 0 to \(base.count - 1).")
      }
      result.label = label
      result.probability = try (0..<count).map { try probabilities(found[$0]?[head.scores] ?? base)[label] }
    }
    return result
  }
}

/// Changes prepared pictures.
private struct Changer: Sendable {
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

extension Float {
  /// A draw from a Gaussian of mean 0 and deviation 1: twelve even draws added up, less six.
  fileprivate static func gaussian(using generator: inout some RandomNumberGenerator) -> Float {
    (0..<12).reduce(Float(-6)) { sum, _ in sum + Float.random(in: 0..<1, using: &generator) }
  }
}
