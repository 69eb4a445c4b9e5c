internal import Kernels
internal import Tensors

/// Pictures that two data sets share, by normalised correlation, as the paper found its own (section 5).
///
/// A cheap first pass compares every pair of pictures at 16 x 16 points, whole and with a twentieth or a
/// tenth cut off either one, by matrix products. Pairs that look alike are laid over each other, edge by edge, and compared at 48 x 48.
public struct Audit: Hashable, Sendable {
  /// Two pictures that are one.
  package struct Pair: Hashable, Sendable {
    package var training: Int
    package var test: Int
    /// -1 to 1.
    package var correlation: Float
    package var alignment: Alignment
  }

  /// What is being done.
  package enum Stage: Sendable {
    /// Pairs of pictures, by the first pass.
    case comparing
    /// Pairs that look alike, by the second.
    case aligning
  }

  /// Pairs that correlate at least so much are one picture.
  public var threshold: Float
  /// Whether a picture and its mirror image are one.
  public var findsMirrored: Bool
  /// Of a test picture's look-alikes, how many are looked at twice.
  public var closest: Int

  /// Where the planted duplicates of `AuditTests` and unrelated pictures part.
  public static let usualThreshold: Float = 0.96
  /// The first pass lets pairs through from here on.
  static let suspicion: Float = 0.8
  /// Points a side in the first pass.
  static let points = 16

  /// - Parameters:
  ///   - threshold: The least correlation, 0 to 1, at which two pictures are one.
  ///   - findsMirrored: Whether mirrored pictures are looked for too.
  ///   - closest: How many look-alikes of a test picture are compared in full.
  public init(threshold: Float = usualThreshold, findsMirrored: Bool = false, closest: Int = 64) {
    precondition(closest > 0, "\(closest) look-alikes")
    self.threshold = threshold
    self.findsMirrored = findsMirrored
    self.closest = closest
  }

  /// Finds the pairs, the closest first.
  ///
  /// Pictures that are nil, flat or not there, pair with none. Where both sets are one, each pair is found once, and none
  /// with itself. `show` is told how much of a stage is done.
  ///
  /// - Throws: `KernelError` where oneDNN cannot start, or what `show` throws.
  package func pairs(
    training: [Thumbnail?], test: [Thumbnail?], isOneSet: Bool = false, threads: Int,
    show: (_ stage: Stage, _ done: Int, _ total: Int) throws -> Void = { _, _, _ in }
  ) throws -> [Pair] {
    let suspects = try suspects(training, test, isOneSet, threads) { try show(.comparing, $0, $1) }
    var found: [Pair] = []
    let stretch = 256
    for start in stride(from: 0, to: suspects.count, by: stretch) {
      try show(.aligning, start, suspects.count)
      let end = min(start + stretch, suspects.count)
      found += try Pool.map(over: start..<end, threads: threads) { index -> Pair? in
        let suspect = suspects[index]
        guard let one = training[suspect.training], let other = test[suspect.test] else { return nil }
        let (alignment, value) = suspect.alignment.improved(one, other, threshold: threshold)
        guard value >= threshold else { return nil }
        return Pair(
          training: suspect.training, test: suspect.test, correlation: min(value, 1), alignment: alignment)
      }.compactMap { $0 }
    }
    return found.sorted { ($1.correlation, $0.test, $0.training) < ($0.correlation, $1.test, $1.training) }
  }

  /// The first pass: pairs that look alike, each with the best of the alignments tried.
  private func suspects(
    _ training: [Thumbnail?], _ test: [Thumbnail?], _ isOneSet: Bool, _ threads: Int,
    show: (_ done: Int, _ total: Int) throws -> Void
  ) throws -> [Pair] {
    let trainingIDs = training.indices.filter { training[$0] != nil }
    let testIDs = test.indices.filter { test[$0] != nil }
    let total = trainingIDs.count * testIDs.count
    var kept: [Pair] = []
    for testStart in stride(from: 0, to: testIDs.count, by: 2048) {
      let tested = testIDs[testStart..<min(testStart + 2048, testIDs.count)].compactMap { id in
        test[id].map { (id, SummedThumbnail($0)) }
      }
      let columns = Columns(tested, findsMirrored: findsMirrored)
      let stretch = 64 * threads * 4
      var found: [Pair] = []
      for start in stride(from: 0, to: trainingIDs.count, by: stretch) {
        try show(testStart * trainingIDs.count + start * tested.count, total)
        let blocks = stride(from: start, to: min(start + stretch, trainingIDs.count), by: 64).map { first in
          trainingIDs[first..<min(first + 64, trainingIDs.count)].compactMap { id in
            training[id].map { (id, SummedThumbnail($0)) }
          }
        }
        found += try Pool.map(over: blocks.indices, threads: threads) { block in
          try columns.lookAlikes(of: blocks[block], isOneSet: isOneSet)
        }.flatMap { $0 }
        // A bound on memory where everything looks alike.
        if found.count > 4 * closest * tested.count { found = nearest(found) }
      }
      kept += nearest(found)
    }
    return kept
  }

  /// Each test picture's closest, in the order of test pictures.
  private func nearest(_ pairs: [Pair]) -> [Pair] {
    let ordered = pairs.sorted {
      ($0.test, $1.correlation, $0.training) < ($1.test, $0.correlation, $1.training)
    }
    var (last, count) = (-1, 0)
    return ordered.filter { pair in
      count = pair.test == last ? count + 1 : 1
      last = pair.test
      return count <= closest
    }
  }
}

/// Some test pictures as the columns of the first pass's products.
private struct Columns: Sendable {
  let ids: [Int]
  /// Whole pictures, and pictures cut, one alignment after another; each also mirrored where that is asked for.
  let whole: [(alignment: Alignment, vectors: Tensor)]
  let cut: [(alignment: Alignment, vectors: Tensor)]

  init(_ pictures: [(Int, SummedThumbnail)], findsMirrored: Bool) {
    ids = pictures.map(\.0)
    func columns(_ alignment: Alignment) -> [(alignment: Alignment, vectors: Tensor)] {
      (findsMirrored ? [alignment, alignment.mirrored] : [alignment]).map { alignment in
        (alignment, Tensor(pictures.map { alignment.vector(ofTest: $0.1, count: Audit.points) }))
      }
    }
    whole = columns(Alignment())
    cut = Alignment.crops.flatMap { columns($0.exchanged) }
  }

  /// Pairs of training pictures and columns that look alike.
  func lookAlikes(of pictures: [(Int, SummedThumbnail)], isOneSet: Bool) throws -> [Audit.Pair] {
    var device = Device()
    let (rows, width) = (pictures.count, ids.count)
    var best = [Float](repeating: Audit.suspicion, count: rows * width)
    var alignments = [Alignment?](repeating: nil, count: rows * width)
    for cut in [Alignment()] + Alignment.crops {
      let vectors = Tensor(pictures.map { cut.vector(ofTraining: $0.1, count: Audit.points) })
      // A picture cut is held against whole ones; a whole one against both.
      for (way, tested) in whole + (cut == Alignment() ? self.cut : []) {
        let products = try device.innerProduct(vectors, weights: tested, bias: nil, changing: true)
        var alignment = cut == Alignment() ? way : cut
        alignment.isMirrored = way.isMirrored
        products.withSpan { values in
          for index in 0..<values.count where values[index] > best[index] {
            best[index] = values[index]
            alignments[index] = alignment
          }
        }
      }
    }
    return alignments.indices.compactMap { index in
      guard let alignment = alignments[index] else { return nil }
      let (training, test) = (pictures[index / width].0, ids[index % width])
      if isOneSet, training >= test { return nil }
      return Audit.Pair(training: training, test: test, correlation: best[index], alignment: alignment)
    }
  }
}

extension Tensor {
  /// A row each.
  fileprivate init(_ rows: [[Float]]) {
    self.init([rows.count, rows.first?.count ?? 0], elements: Array(rows.joined()))
  }
}
