internal import Datasets
internal import Images
internal import Tensors

/// Some pictures ready for the network; those that could not be read are left out.
struct Batch: Sendable {
  var pictures: [Tensor]
  /// The numbers of the pictures in their data set.
  var ids: [Int]
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
  /// How picture `id` is placed.
  let placement: @Sendable (Int) -> Placement

  var count: Int { (order.count + size - 1) / size }

  /// The training pictures in an order that follows from the seed and the epoch, each cut as the recipe says.
  static func training(
    _ pictures: any LabelledPictures, _ preprocessing: Preprocessing, _ recipe: Recipe, epoch: Int,
    threads: Int
  ) -> Batches {
    var generator = SeededGenerator(mixing: [recipe.seed, 1, UInt64(epoch)])
    let order = Array(0..<pictures.labels.count).shuffled(using: &generator)
    return Batches(
      picture: pictures.picture, preprocessing: preprocessing, order: order, size: recipe.batch,
      threads: threads,
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

  /// A batch by its number, decoded side by side.
  func batch(_ number: Int) throws -> Batch {
    let ids = Array(order[number * size..<min((number + 1) * size, order.count)])
    let made = try Pool.map(over: ids.indices, threads: threads) { place in
      try picture(ids[place])?.prepared(preprocessing, at: placement(ids[place])).tensor
    }
    var batch = Batch(pictures: [], ids: [])
    for (id, tensor) in zip(ids, made) {
      guard let tensor else { continue }
      batch.pictures.append(tensor)
      batch.ids.append(id)
    }
    return batch
  }
}
