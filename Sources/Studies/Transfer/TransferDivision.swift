public import Datasets
internal import Files
internal import Tensors

/// Which pictures are learned from and which are judged, checked before anything is computed.
public struct TransferDivision: Sendable {
  public let dataset: Dataset
  /// The numbers of training pictures a class; nil stands for all.
  public let sizes: [Int?]
  public let division: Dataset.Division
  private let count: Int
  private let testPerClass: Int?
  private let seed: UInt64
  /// Ids of the pictures that belong to no fold.
  private let excluded: Set<Int>

  /// The data set's own lists divide it where it has some, else draws do.
  ///
  /// Without numbers of training pictures a class, all of
  /// its own list are taken, else 30; of test pictures at most 50 a class where they are drawn. Draws are 5, or 1 where
  /// nothing is drawn; exclusions are neither learned from nor judged.
  ///
  /// - Throws: `DatasetError` where a class has too few pictures or a list names others, or ``StudyError``.
  public init(
    _ dataset: Dataset, by division: Dataset.Division? = nil, perClass numbers: [Int]? = nil,
    folds: Int? = nil, testPerClass most: Int? = nil, excluding exclusions: Exclusions? = nil,
    seed: UInt64 = 0
  ) throws {
    self.dataset = dataset
    self.seed = seed
    excluded = try exclusions.map { try dataset.ids(of: $0) } ?? []
    self.division = division ?? (dataset.isDivided ? .own : .folds)
    let isOwn = self.division == .own
    if dataset.isMultiple {
      guard numbers == nil, most == nil else {
        throw StudyError(
          "\(dataset.name) has several classes an image, so there is no number of images a class. Leave --per-class "
            + "and --test-per-class out.")
      }
      sizes = [nil]
      testPerClass = nil
      count = folds ?? (isOwn ? 1 : 5)
    } else {
      sizes = numbers ?? (isOwn ? [nil] : [30])
      testPerClass = most ?? (isOwn ? nil : 50)
      count = folds ?? (isOwn && numbers == nil ? 1 : 5)
    }
    _ = try self.folds(without: [])
  }

  /// The folds, without pictures that cannot be read.
  ///
  /// - Throws: `DatasetError` where too few pictures are left.
  func folds(without unread: Set<Int>) throws -> [ClassFold] {
    if dataset.isMultiple {
      return try dataset.halves(division, count: count, seed: seed, excluding: excluded.union(unread))
    }
    return try dataset.classFolds(
      division, perClass: sizes.compactMap(\.self), testPerClass: testPerClass, count: count, seed: seed,
      excluding: excluded.union(unread))
  }

  /// The most training pictures that a class has where so many are asked for.
  func perClass(_ size: Int?, _ fold: ClassFold) -> Int {
    if let size { return size }
    let labels = fold.training(perClass: nil).flatMap(classes)
    return Dictionary(grouping: labels, by: \.self).values.map(\.count).max() ?? 0
  }

  private func classes(of id: Int) -> [Int] {
    let item = dataset.items[id]
    if let label = item.label { return [label] }
    return (item.presences ?? []).indices.filter { item.presences?[$0] == .present }
  }

  /// A mark of the pictures that a fold learns from and is judged on, and of their classes.
  func fingerprint(_ folds: [ClassFold], _ size: Int?) -> String {
    var mark = Fingerprint()
    for fold in folds {
      for ids in [fold.training(perClass: size), fold.testing] {
        mark.add("\(ids.count)")
        for id in ids {
          let item = dataset.items[id]
          mark.add("\(item.path) \(item.label ?? -1) \((item.presences ?? []).map(\.rawValue))")
        }
      }
    }
    return mark.description
  }
}
