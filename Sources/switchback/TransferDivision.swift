internal import Datasets
internal import Files
internal import Studies
internal import Tensors

/// Which pictures are learned from and judged, checked before anything is computed.
struct TransferDivision {
  let dataset: Dataset
  /// The numbers of training pictures a class; nil stands for all.
  let sizes: [Int?]
  let division: Dataset.Division
  private let count: Int
  private let testPerClass: Int?
  private let seed: UInt64
  /// Ids of the pictures that belong to no fold.
  private let excluded: Set<Int>

  /// - Throws: `DatasetError` where a class has too few pictures or a list is empty or of other pictures, or
  ///   ``ArgumentError``.
  init(_ options: SplitOptions, of dataset: Dataset, seed: UInt64) throws {
    self.dataset = dataset
    self.seed = seed
    excluded = try options.exclude.map { try dataset.ids(of: Exclusions(reading: $0)) } ?? []
    division = options.splits?.value ?? (dataset.isDivided ? .own : .folds)
    let numbers = try options.numbers()
    if dataset.isMultiple {
      guard numbers == nil, options.testPerClass == nil else {
        throw ArgumentError(
          "\(dataset.name) has several classes a picture, so there is no number of pictures a class. Leave --per-class "
            + "and --test-per-class out.")
      }
      sizes = [nil]
      testPerClass = nil
      count = options.folds ?? (division == .own ? 1 : 5)
    } else {
      sizes = numbers ?? (division == .own ? [nil] : [30])
      testPerClass = options.testPerClass ?? (division == .own ? nil : 50)
      count = options.folds ?? (division == .own && numbers == nil ? 1 : 5)
    }
    _ = try folds(without: [])
  }

  /// The folds.
  ///
  /// - Parameter unread: Ids of pictures that cannot be read.
  /// - Returns: As many as were asked for.
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
    var counts: [Int: Int] = [:]
    for id in fold.training(perClass: nil) {
      for label in classes(of: id) { counts[label, default: 0] += 1 }
    }
    return counts.values.max() ?? 0
  }

  private func classes(of id: Int) -> [Int] {
    let item = dataset.items[id]
    if let label = item.label { return [label] }
    return (item.presences ?? []).indices.filter { item.presences?[$0] == .present }
  }

  /// What is known of the pictures of these ids, in their order.
  func targets(of ids: [Int]) -> Transfer.Targets {
    let count = dataset.classNames?.count ?? 0
    let items = ids.map { dataset.items[$0] }
    guard dataset.isMultiple else { return .classes(items.map { $0.label ?? 0 }, count: count) }
    return .presences(
      items.map { item in
        (item.presences ?? []).map { $0 == .ignored ? nil : $0 == .present }
      }, count: count)
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
