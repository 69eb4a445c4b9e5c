internal import Communication
internal import Datasets
internal import Execution
internal import Foundation
internal import Images
internal import Tensors

/// A batch as one rank decodes it.
struct Batch: Sendable {
  /// The numbers of all its pictures in their data set.
  var ids: [Int]
  /// The rank's own, in order; nil where one could not be read.
  var own: [Tensor?]
}

/// One way through pictures, batch by batch.
struct Batches: Sendable {
  /// Decodes a picture by its number; nil where it cannot be read.
  let picture: @Sendable (Int) throws -> Picture?
  let preprocessing: Preprocessing
  /// Numbers of pictures, in the order of the batches.
  let order: [Int]
  let size: Int
  let threads: Int
  let ranks: Ranks
  /// Which pictures of a batch of so many are this rank's.
  let part: @Sendable (Int) -> Range<Int>
  /// How picture `id` is placed.
  let placement: @Sendable (Int) -> Placement

  var count: Int { (order.count + size - 1) / size }

  /// The training pictures in an order that follows from the seed and the epoch, each cut as the recipe says.
  static func training(
    _ pictures: any LabelledPictures, _ preprocessing: Preprocessing, _ recipe: Recipe, epoch: Int,
    for learner: Learner
  ) -> Batches {
    var generator = SeededGenerator(mixing: [recipe.seed, 1, UInt64(epoch)])
    let order = Array(0..<pictures.labels.count).shuffled(using: &generator)
    return Batches(
      picture: pictures.picture, preprocessing: preprocessing, order: order, size: recipe.batch,
      threads: learner.crew.count, ranks: learner.ranks, part: learner.shares.part,
      placement: { id in
        var generator = SeededGenerator(mixing: [recipe.seed, 2, UInt64(epoch), UInt64(id)])
        switch recipe.augmentation {
        case .none: return .center
        case .tenCrop: return Placement.ten[Int.random(in: 0..<10, using: &generator)]
        case .randomCrop:
          return Placement(
            down: Double.random(in: 0...1, using: &generator),
            across: Double.random(in: 0...1, using: &generator),
            isMirrored: Bool.random(using: &generator))
        }
      })
  }

  /// A batch by its number, this rank's pictures decoded side by side.
  func batch(_ number: Int) throws -> Batch {
    let ids = Array(order[number * size..<min((number + 1) * size, order.count)])
    let own = part(ids.count)
    return Batch(
      ids: ids,
      own: try Pool.map(over: own, threads: threads) { place in try prepared(ids[place]) })
  }

  private func prepared(_ id: Int) throws -> Tensor? {
    try picture(id)?.prepared(preprocessing, at: placement(id)).tensor
  }

  /// What is left of a batch without the pictures that could not be read on any rank.
  ///
  /// Collective. The rest is divided among the ranks as a batch of its size is, so that it does not matter who read what.
  ///
  /// - Parameter batch: As this rank decoded it.
  /// - Returns: The numbers of all its pictures, and this rank's own, ready for the network.
  /// - Throws: `RankError` where a picture can be read on one rank and not on another, or what keeps one from being read.
  func readable(_ batch: Batch) throws -> (ids: [Int], own: [Tensor]) {
    let flags = try ranks.gathered(Data(batch.own.map { $0 == nil ? 0 : 1 })).joined()
    let ids = zip(batch.ids, flags).filter { $0.1 == 1 }.map(\.0)
    if ids.count == batch.ids.count { return (ids, batch.own.compactMap(\.self)) }
    let known = Dictionary(
      zip(batch.ids[part(batch.ids.count)], batch.own), uniquingKeysWith: { one, _ in one })
    return (
      ids,
      try ids[part(ids.count)].map { id in
        if let tensor = try known[id] ?? prepared(id) { return tensor }
        throw RankError.failed(
          rank: ranks.rank, host: ranks.host, reason: "image \(id) cannot be read here, and could elsewhere.")
      }
    )
  }
}
