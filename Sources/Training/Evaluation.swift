public import Datasets
internal import Execution
public import Images
internal import Kernels
internal import Networks
internal import Synchronization
internal import Tensors

/// How often a network is right.
public struct Accuracy: Codable, Hashable, Sendable {
  /// Shares of the pictures that could be read, 0 to 1.
  public var top1: Double
  public var top5: Double
  public var pictures: Int

  /// - Parameter ranks: How many classes came before each picture's true one.
  public init(ranks: [Int]) {
    pictures = ranks.count
    top1 = ranks.isEmpty ? 0 : Double(ranks.count { $0 == 0 }) / Double(ranks.count)
    top5 = ranks.isEmpty ? 0 : Double(ranks.count { $0 < 5 }) / Double(ranks.count)
  }
}

extension Learner {
  /// How often the network as it is now is right; the probabilities that it gives are averaged over a picture's placements.
  ///
  /// - Parameters:
  ///   - pictures: What it is judged on.
  ///   - preprocessing: How a picture becomes the network's input.
  ///   - placements: The crops of each picture: `Placement.center` alone, or `Placement.ten`.
  ///   - batch: Pictures scored at once.
  ///   - keepsGoing: Asked once a batch; false ends the work.
  /// - Returns: The shares; nil where it was ended.
  /// - Throws: What keeps a picture from being prepared, or `KernelError` where it does not fit.
  public func accuracy(
    on pictures: any LabelledPictures, _ preprocessing: Preprocessing, placements: [Placement] = [.center],
    batch: Int = 64, keepsGoing: () -> Bool = { true }
  ) throws -> Accuracy? {
    let labels = pictures.labels
    // The placements of one picture stand together: the order lists each picture once for each.
    let order = labels.indices.flatMap { id in placements.indices.map { id * placements.count + $0 } }
    let placed = Placed(pictures: pictures, placements: placements)
    let batches = Batches(
      pictures: placed, preprocessing: preprocessing, order: order,
      size: max(1, batch / placements.count) * placements.count, threads: crew.count,
      placement: { placements[$0 % placements.count] })
    let ahead = PrefetchQueue(0..<batches.count) { try batches.batch($0) }
    let head = try network.classHead()
    var ranks: [Int] = []
    while let batch = try ahead.next() {
      guard keepsGoing() else { return nil }
      if batch.pictures.isEmpty { continue }
      let scores = try scores(of: batch.pictures)
      let classes = scores.shape[1]
      let seen = batch.ids.count / placements.count
      let means = try crew.allThreads { worker in
        let probabilities =
          if let head {
            try head.probabilities(of: scores, on: worker.device)
          } else { try worker.device.softmax(scores, axis: 1) }
        return try worker.device.averaged(
          probabilities.reshaped(to: [seen, placements.count, classes]), over: [1], keepingAxes: false)
      }.elements
      for picture in 0..<seen {
        let label = labels[batch.ids[picture * placements.count] / placements.count]
        let row = means[picture * classes..<(picture + 1) * classes]
        let own = row[row.startIndex + label]
        ranks.append(
          (0..<classes).count { index in
            let other = row[row.startIndex + index]
            return other > own || other == own && index < label
          })
      }
    }
    return Accuracy(ranks: ranks)
  }
}

/// Each picture once for every placement; a picture is decoded once and its placements are cut from it.
private final class Placed: LabelledPictures {
  let labels: [Int]
  private let pictures: any LabelledPictures
  private let count: Int
  /// The last pictures decoded, and how many of their placements are still to come.
  private let held = Mutex([Int: (picture: Picture?, left: Int)]())

  init(pictures: any LabelledPictures, placements: [Placement]) {
    self.pictures = pictures
    count = placements.count
    labels = pictures.labels.flatMap { [Int](repeating: $0, count: placements.count) }
  }

  func picture(_ id: Int) throws -> Picture? {
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
