internal import Communication
public import Datasets
internal import Execution
public import Images
internal import Kernels
internal import Networks
internal import Synchronization
internal import Tensors

/// How often a network is right.
public struct Accuracy: Codable, Hashable, Sendable {
  /// Shares of the pictures that could be read, 0 to 1; nil where pictures can hold several classes.
  public var top1: Double?
  public var top5: Double?
  /// Where pictures can hold several classes, the mean over the classes that some picture holds of the average precision
  /// (VOC 2010's, over all points), 0 to 1; nil where none holds any.
  public var meanAveragePrecision: Double?
  public var pictures: Int

  /// - Parameter ranks: How many classes came before each picture's true one.
  public init(ranks: [Int]) {
    pictures = ranks.count
    top1 = ranks.isEmpty ? 0 : Double(ranks.count { $0 == 0 }) / Double(ranks.count)
    top5 = ranks.isEmpty ? 0 : Double(ranks.count { $0 < 5 }) / Double(ranks.count)
  }

  /// - Parameters:
  ///   - scores: A row a picture, a score a class.
  ///   - presences: As many.
  init(scores: [[Float]], presences: [[Dataset.Presence]]) {
    pictures = scores.count
    let precisions = AveragePrecision.byClass(
      scores: scores, presences: presences, classes: presences.first?.count ?? 0
    ).compactMap { $0?.allPoints }
    meanAveragePrecision = precisions.isEmpty ? nil : precisions.mean
  }
}

extension Learner {
  /// How often the network as it is now is right, by the probabilities that it gives, averaged over a picture's placements.
  ///
  /// - Parameters:
  ///   - pictures: What it is judged on.
  ///   - preprocessing: How a picture becomes the network's input.
  ///   - placements: The crops of each picture: `Placement.center` alone, or `Placement.ten`.
  ///   - batch: Pictures scored at once.
  ///   - keepsGoing: Asked once a batch; false ends the work.
  /// - Returns: The shares, or the mean average precision where pictures can hold several classes; nil where it was ended.
  /// - Throws: What keeps a picture from being prepared, or `KernelError` where it does not fit.
  public func accuracy(
    on pictures: any LabelledPictures, _ preprocessing: Preprocessing, placements: [Placement] = [.center],
    batch: Int = 64, keepsGoing: () -> Bool = { true }
  ) throws -> Accuracy? {
    // The placements of one picture stand together: each picture is numbered once for each.
    let placed = Placed(pictures: pictures, count: placements.count)
    let batches = Batches(
      picture: placed.picture, preprocessing: preprocessing,
      order: Array(0..<pictures.labels.count * placements.count),
      size: max(1, batch / placements.count) * placements.count, threads: crew.count,
      ranks: ranks, part: shares.part,
      placement: { placements[$0 % placements.count] })
    let ahead = PrefetchQueue(0..<batches.count) { try batches.batch($0) }
    let head = try shape.classHead()
    var places: [Int] = []
    // Where pictures can hold several classes, a row of probabilities each.
    var rows: [[Float]] = []
    var known: [[Dataset.Presence]] = []
    while let batch = try ahead.next() {
      if try ranks.stop(!keepsGoing()) { return nil }
      let (ids, own) = try batches.readable(batch)
      if ids.isEmpty { continue }
      let scores = try scores(of: own, among: ids.count)
      let classes = scores.shape[1]
      let seen = ids.count / placements.count
      let means = try crew.allThreads { worker in
        let probabilities =
          if let head {
            try head.probabilities(of: scores, on: worker.device)
          } else { try worker.device.softmax(scores, axis: 1) }
        return try worker.device.averaged(
          probabilities.reshaped(to: [seen, placements.count, classes]), over: [1], keepingAxes: false)
      }.elements
      for picture in 0..<seen {
        let id = ids[picture * placements.count] / placements.count
        let row = Array(means[picture * classes..<(picture + 1) * classes])
        switch pictures.labels {
        case .classes(let labels):
          // One probability alone is that of the second of two classes.
          places.append((classes == 1 ? [1 - row[0], row[0]] : row).rank(of: labels[id]))
        case .presences(let presences):
          rows.append(row)
          known.append(presences[id])
        }
      }
    }
    return pictures.labels.isMultiple
      ? Accuracy(scores: rows, presences: known) : Accuracy(ranks: places)
  }
}

/// Each picture once for every placement; a picture is decoded once and its placements are cut from it.
private final class Placed: Sendable {
  private let pictures: any LabelledPictures
  private let count: Int
  /// The last pictures decoded, and how many of their placements are still to come.
  private let held = Mutex([Int: (picture: Picture?, left: Int)]())

  init(pictures: any LabelledPictures, count: Int) {
    self.pictures = pictures
    self.count = count
  }

  @Sendable func picture(_ id: Int) throws -> Picture? {
    let own = id / count
    if count == 1 { return try pictures.picture(own) }
    let known = held.withLock { held -> Picture?? in
      guard let entry = held[own] else { return nil }
      held[own] = entry.left == 1 ? nil : (entry.picture, entry.left - 1)
      return .some(entry.picture)
    }
    if let known { return known }
    let picture = try pictures.picture(own)
    held.withLock { held in
      // Another thread may have decoded it meanwhile: either copy serves, and each ask is counted.
      let left = (held[own]?.left ?? count) - 1
      held[own] = left == 0 ? nil : (picture, left)
    }
    return picture
  }
}
