internal import Execution
package import Images
internal import Kernels
package import Networks
package import Tensors

/// Whether a network relates the same part of different pictures (the paper's figure 8 and table 1).
///
/// The part is masked in each picture. If the network knows the part, masking it changes the features of all pictures
/// alike: the signs of the changes agree, more than when as large a box is masked anywhere.
package struct Correspondence {
  /// A picture, prepared, 1 x rows x columns x channels, with each part's box in pixels of the network's input.
  package typealias Subject = (name: String, input: Tensor, parts: [String: Box])

  private let runner: Runner
  private let layers: [(name: String, value: String)]
  /// What a mask shows: a whole input of it.
  private let cover: Tensor
  private let seed: UInt64
  private let draws: Int

  /// Layers come each with its value's name; the cover has the input's shape and is cut where a mask stands; draws are
  /// the sets of random masks that each part is held against; the seed is that of the masks and the bootstrap.
  package init(
    _ network: Network, layers: [(name: String, value: String)], cover: Tensor, draws: Int, seed: UInt64,
    threads: Int, cancellation: Cancellation = .never
  ) throws {
    self.layers = layers
    self.cover = cover
    self.draws = draws
    self.seed = seed
    runner = try Runner(network, keeping: layers.map(\.value), threads: threads, cancellation: cancellation)
  }

  static func tooFew(_ count: Int) -> StudyError {
    StudyError(
      "\(count == 1 ? "one image has" : "\(count) images have") nothing to correspond with. Give two or more."
    )
  }

  /// Two pictures or more, of one shape, and their features, read once for all parts.
  package struct Readings {
    let subjects: [Subject]
    let originals: [[String: [Float]]]

    /// - Throws: ``StudyError`` where there is nothing to compare.
    package init(of subjects: [Subject], by study: Correspondence) throws {
      guard subjects.count > 1 else { throw tooFew(subjects.count) }
      self.subjects = subjects
      originals = try study.features(subjects.map(\.input))
    }

    /// A part's box in each picture.
    func boxes(of part: String) throws -> [Box] {
      try subjects.map { subject in
        guard let box = subject.parts[part] else {
          throw StudyError(
            "the part '\(part)' has no box in \(subject.name). Every part needs one in every image.")
        }
        return box
      }
    }
  }

  /// One part's rows, a row a layer: the same whether or not the parts before it are compared.
  ///
  /// Random masks are drawn part by part from one seed, so those of the parts before it are drawn too.
  ///
  /// - Throws: ``StudyError`` where a picture has no box of the part, or `KernelError`.
  package func rows(
    of number: Int, among parts: [String], _ readings: Readings,
    show: (_ draws: Int) throws -> Void = { _ in }
  ) throws -> [CorrespondenceTable.Row] {
    var generator = SeededGenerator(seed: seed)
    for part in parts[..<number] { pass(over: try readings.boxes(of: part), readings, &generator) }
    let subjects = readings.subjects
    let boxes = try readings.boxes(of: parts[number])
    let masked = try distances(readings, boxes)
    var random: [String: [Double]] = [:]
    for draw in 0..<draws {
      try show(draw)
      let drawn = zip(subjects, boxes).map { $1.moved(within: $0.input.shape, using: &generator) }
      for (layer, matrix) in try distances(readings, drawn) {
        random[layer, default: []].append(matrix.pairs.mean)
      }
    }
    return layers.compactMap { layer in
      guard let matrix = masked[layer.name], let draws = random[layer.name] else { return nil }
      return row(parts[number], layer.name, matrix, draws, using: &generator)
    }
  }

  /// The first set of random masks that the first part is held against: its boxes, one a picture, moved.
  package static func firstMasks(of boxes: [Box], within shape: Shape, seed: UInt64) -> [Box] {
    var generator = SeededGenerator(seed: seed)
    return boxes.map { $0.moved(within: shape, using: &generator) }
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

  /// The features of inputs, by value.
  private func features(_ inputs: [Tensor]) throws -> [[String: [Float]]] {
    try runner.features(of: layers.map(\.value), over: inputs.indices) { inputs[$0] }
  }

  private func distances(_ readings: Readings, _ boxes: [Box]) throws -> [String: SignDistances] {
    let masked = try features(zip(readings.subjects, boxes).map { $0.input.masked($1, with: cover) })
    return layers.reduce(into: [:]) { distances, layer in
      let signs = zip(readings.originals, masked).map { original, hidden in
        zip(original[layer.value] ?? [], hidden[layer.value] ?? []).map {
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
  func masked(_ box: Box, with cover: Tensor) -> Tensor {
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
