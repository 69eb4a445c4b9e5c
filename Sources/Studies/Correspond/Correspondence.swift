internal import Execution
public import Images
internal import Kernels
public import Networks
internal import Synchronization
public import Tensors

/// Whether a network relates the same part of different pictures (the paper's figure 8 and table 1).
///
/// The part is masked in each picture. If the network knows the part, masking it changes the features of all pictures
/// alike: the signs of the changes agree, more than when as large a box is masked anywhere.
public struct Correspondence {
  /// A picture, prepared, with each part's box in pixels of the network's input.
  public struct Subject: Sendable {
    public var name: String
    /// 1 x rows x columns x channels.
    public var input: Tensor
    public var parts: [String: Box]

    public init(name: String, input: Tensor, parts: [String: Box]) {
      self.name = name
      self.input = input
      self.parts = parts
    }
  }

  private let runner: Runner
  private let layers: [(name: String, value: String)]
  /// What a mask shows: a whole input of it.
  private let cover: Tensor
  private let seed: UInt64
  private let draws: Int

  /// - Parameters:
  ///   - network: The network.
  ///   - layers: The layers whose features are compared, each with its value's name.
  ///   - cover: What a mask shows, of the input's shape: it is cut where the mask stands.
  ///   - draws: How many sets of random masks each part is held against.
  ///   - seed: Of the random masks and the bootstrap.
  ///   - threads: How many pictures are computed side by side.
  /// - Throws: `NetworkError` where a value is not known, or `KernelError` where oneDNN cannot start.
  public init(
    _ network: Network, layers: [(name: String, value: String)], cover: Tensor, draws: Int, seed: UInt64,
    threads: Int
  ) throws {
    self.layers = layers
    self.cover = cover
    self.draws = draws
    self.seed = seed
    runner = try Runner(network, keeping: layers.map(\.value), threads: threads)
  }

  /// Compares each part's masks with random ones.
  ///
  /// - Parameters:
  ///   - subjects: Two pictures or more, of one shape.
  ///   - parts: The parts, each with a box in every picture.
  ///   - observe: Called with the sets of masks done and their number; returning false ends the study.
  /// - Returns: A row a part and layer; nil where `observe` ended it.
  /// - Throws: ``CorrespondenceError`` where there is nothing to compare, or `KernelError`.
  public func table(
    of subjects: [Subject], parts: [String], observe: (_ done: Int, _ total: Int) -> Bool = { _, _ in true }
  ) throws -> CorrespondenceTable? {
    var rows: [CorrespondenceTable.Row] = []
    let readings = try Readings(of: subjects, by: self)
    for number in parts.indices {
      let found = try self.rows(of: number, among: parts, readings) { draw in
        observe(number * draws + draw, parts.count * draws)
      }
      guard let found else { return nil }
      rows += found
    }
    _ = observe(parts.count * draws, parts.count * draws)
    return CorrespondenceTable(pictures: subjects.map(\.name), draws: draws, rows: rows)
  }

  /// The pictures and their features, read once for all parts.
  struct Readings {
    let subjects: [Subject]
    let originals: [[String: [Float]]]

    init(of subjects: [Subject], by study: Correspondence) throws {
      guard subjects.count > 1 else { throw CorrespondenceError.pictures(subjects.count) }
      self.subjects = subjects
      originals = try study.features(subjects.map(\.input))
    }

    /// A part's box in each picture.
    func boxes(of part: String) throws(CorrespondenceError) -> [Box] {
      var boxes: [Box] = []
      for subject in subjects {
        guard let box = subject.parts[part] else { throw .missingPart(part: part, picture: subject.name) }
        boxes.append(box)
      }
      return boxes
    }
  }

  /// One part's rows, a row a layer: the same whether or not the parts before it are compared.
  ///
  /// - Parameters:
  ///   - number: The part's place among the parts.
  ///   - parts: All parts: random masks are drawn part by part from one seed, so those of the parts before it are drawn too.
  ///   - readings: The pictures.
  ///   - observe: Called with the sets of masks done; returning false ends the work.
  /// - Returns: The rows; nil where `observe` ended it.
  /// - Throws: ``CorrespondenceError/missingPart(part:picture:)``, or `KernelError`.
  func rows(
    of number: Int, among parts: [String], _ readings: Readings,
    observe: (_ draws: Int) -> Bool = { _ in true }
  ) throws -> [CorrespondenceTable.Row]? {
    var generator = SeededGenerator(seed: seed)
    for part in parts[..<number] { pass(over: try readings.boxes(of: part), readings, &generator) }
    let subjects = readings.subjects
    let boxes = try readings.boxes(of: parts[number])
    let masked = try distances(subjects, boxes, readings.originals)
    var random: [String: [Double]] = [:]
    for draw in 0..<draws {
      guard observe(draw) else { return nil }
      let drawn = zip(subjects, boxes).map { $1.moved(within: $0.input.shape, using: &generator) }
      for (layer, matrix) in try distances(subjects, drawn, readings.originals) {
        random[layer, default: []].append(matrix.pairs.mean)
      }
    }
    return layers.compactMap { layer in
      guard let matrix = masked[layer.name], let draws = random[layer.name] else { return nil }
      return row(parts[number], layer.name, matrix, draws, using: &generator)
    }
  }

  /// Draws what comparing a part would draw, and computes nothing.
  private func pass(over boxes: [Box], _ readings: Readings, _ generator: inout SeededGenerator) {
    for _ in 0..<draws {
      for (subject, box) in zip(readings.subjects, boxes) {
        _ = box.moved(within: subject.input.shape, using: &generator)
      }
    }
    for _ in 0..<layers.count * Self.resamplings {
      for _ in boxes { _ = Int.random(in: 0..<boxes.count, using: &generator) }
    }
  }

  /// How often pictures are drawn with replacement for an interval.
  private static let resamplings = 1000

  private func row(
    _ part: String, _ layer: String, _ matrix: SignDistances, _ random: [Double],
    using generator: inout SeededGenerator
  ) -> CorrespondenceTable.Row {
    let pairs = matrix.pairs
    let lower = random.count { $0 <= pairs.mean }
    let resampled = (0..<Self.resamplings).map { _ in matrix.resampledMean(using: &generator) - random.mean }
      .sorted()
    return CorrespondenceTable.Row(
      part: part, layer: layer, delta: pairs.mean, deviation: pairs.deviation, random: random.mean,
      randomDeviation: random.deviation, p: Double(lower + 1) / Double(random.count + 1),
      interval: [resampled[25], resampled[974]])
  }

  /// The features of inputs, by layer.
  private func features(_ inputs: [Tensor]) throws -> [[String: [Float]]] {
    let found = Mutex([Int: [String: [Float]]]())
    let layers = layers
    try runner.run(over: 0..<inputs.count, input: { inputs[$0] }) { trace in
      for (index, image) in trace.images.enumerated() {
        for layer in layers {
          guard let values = trace[layer.value]?.slices(index..<index + 1).elements else { continue }
          found.withLock { $0[image, default: [:]][layer.name] = values }
        }
      }
    }
    return found.withLock { found in inputs.indices.map { found[$0] ?? [:] } }
  }

  private func distances(
    _ subjects: [Subject], _ boxes: [Box], _ originals: [[String: [Float]]]
  ) throws -> [String: SignDistances] {
    let masked = try features(zip(subjects, boxes).map { $0.input.masked($1, with: cover) })
    return layers.reduce(into: [:]) { distances, layer in
      let signs = zip(originals, masked).map { original, hidden in
        zip(original[layer.name] ?? [], hidden[layer.name] ?? []).map {
          Int8(($0 > $1 ? 1 : 0) - ($0 < $1 ? 1 : 0))
        }
      }
      distances[layer.name] = SignDistances(signs)
    }
  }
}

/// For each pair of pictures, the share of features whose change has another sign.
struct SignDistances {
  private let matrix: [[Double]]

  init(_ signs: [[Int8]]) {
    matrix = signs.map { one in
      signs.map { other in
        let differing = zip(one, other).reduce(0) { $0 + ($1.0 != $1.1 ? 1 : 0) }
        return Double(differing) / Double(max(one.count, 1))
      }
    }
  }

  /// Each pair once.
  var pairs: [Double] {
    matrix.indices.flatMap { row in matrix[row][(row + 1)...] }
  }

  /// The mean over the pairs of as many pictures drawn with replacement; a picture makes no pair with itself.
  func resampledMean(using generator: inout some RandomNumberGenerator) -> Double {
    let drawn = matrix.indices.map { _ in Int.random(in: 0..<matrix.count, using: &generator) }
    var pairs: [Double] = []
    for (index, one) in drawn.enumerated() {
      for other in drawn[(index + 1)...] where other != one { pairs.append(matrix[one][other]) }
    }
    return pairs.isEmpty ? self.pairs.mean : pairs.mean
  }
}

extension Box {
  /// A box as large, anywhere inside a map.
  fileprivate func moved(within shape: Shape, using generator: inout some RandomNumberGenerator) -> Box {
    let top = Int.random(in: 0...max(shape.rows - rows, 0), using: &generator)
    let left = Int.random(in: 0...max(shape.columns - columns, 0), using: &generator)
    return Box(top: top, left: left, bottom: top + rows, right: left + columns)
  }
}

extension Tensor {
  /// An input with a box cut from another of its shape; the box is clipped to it.
  fileprivate func masked(_ box: Box, with cover: Tensor) -> Tensor {
    var masked = self
    let (columns, channels) = (shape.columns, shape.channels)
    let (left, right) = (max(box.left, 0), min(box.right, columns))
    masked.withMutableSpan { elements in
      cover.withSpan { source in
        for row in max(box.top, 0)..<max(max(box.top, 0), min(box.bottom, shape.rows)) where left < right {
          for index in (row * columns + left) * channels..<(row * columns + right) * channels {
            elements[index] = source[index]
          }
        }
      }
    }
    return masked
  }
}
