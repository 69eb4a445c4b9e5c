internal import Datasets
internal import Files
internal import Images
internal import Synchronization
internal import Tensors
internal import Training

/// The pictures to train on and to validate with.
struct TrainingSplit {
  let classNames: [String]
  let training: DatasetPictures
  let validation: DatasetPictures?
  let fingerprint: String

  /// - Throws: `DatasetError`, or ``ArgumentError`` where pictures have no classes or two sets have others.
  init(_ settings: TrainConfiguration, strict: Bool) throws {
    let whole = try Dataset.parse(settings.pictures).excluding(Exclusions(settings.excluded))
    guard let classNames = whole.classNames, whole.items.contains(where: { $0.label != nil }) else {
      throw ArgumentError(
        "\(settings.pictures) does not say each picture's one class. Put them into a folder for each class, or name a "
          + "kind of data set, as mnist:path.")
    }
    self.classNames = classNames
    var (train, held) = (whole, Dataset?.none)
    if let other = settings.validation {
      held = try Dataset.parse(other)
      guard held?.classNames == classNames else {
        throw ArgumentError(
          "\(other) has other classes than \(settings.pictures): \(Self.difference(held?.classNames ?? [], classNames))."
        )
      }
      if whole.splits.contains(.train) { train = whole.only(.train) }
      if let validating = held, validating.splits.contains(.validation) {
        held = validating.only(.validation)
      }
    } else if whole.splits.contains(.train) {
      train = whole.only(.train)
      let judge: Dataset.Split? = [.validation, .test].first { whole.splits.contains($0) }
      held = judge.map { whole.only($0) }
    } else if settings.holdOut > 0 {
      let chosen = Self.heldOut(
        whole, share: settings.holdOut, seed: settings.holdOutSeed ?? settings.recipe.seed)
      train = whole.selecting(whole.items.indices.filter { !chosen.contains($0) })
      held = chosen.isEmpty ? nil : whole.selecting(chosen.sorted())
    }
    training = DatasetPictures(train, strict: strict)
    validation = held.map { DatasetPictures($0, strict: strict) }
    var names = Fingerprint()
    for item in train.items + (held?.items ?? []) { names.add("\(item.path) \(item.label ?? -1)") }
    fingerprint = names.description
  }

  var data: TrainingData {
    TrainingData(classNames: classNames, training: training, validation: validation)
  }

  private static func difference(_ found: [String], _ expected: [String]) -> String {
    let strangers = Set(found).symmetricDifference(expected).sorted()
    return strangers.isEmpty
      ? "they stand in another order" : strangers.prefix(6).joined(separator: ", ")
  }

  /// A share of each class, rounded to whole pictures, chosen by the seed.
  private static func heldOut(_ dataset: Dataset, share: Double, seed: UInt64) -> Set<Int> {
    var byClass: [Int: [Int]] = [:]
    for item in dataset.items { if let label = item.label { byClass[label, default: []].append(item.id) } }
    var generator = SeededGenerator(seed: seed ^ 0x5EED)
    var chosen = Set<Int>()
    for label in byClass.keys.sorted() {
      let ids = (byClass[label] ?? []).shuffled(using: &generator)
      chosen.formUnion(ids.prefix(Int((Double(ids.count) * share).rounded())))
    }
    return chosen
  }
}

/// A data set's pictures that have a class, as training asks for them.
final class DatasetPictures: LabelledPictures {
  let labels: [Int]
  private let dataset: Dataset
  private let isStrict: Bool
  private let unread = Mutex([Int: String]())

  init(_ dataset: Dataset, strict: Bool) {
    let labelled = dataset.items.filter { $0.label != nil }
    self.dataset = labelled.count == dataset.items.count ? dataset : dataset.selecting(labelled.map(\.id))
    labels = labelled.compactMap(\.label)
    isStrict = strict
  }

  func picture(_ id: Int) throws -> Picture? {
    do {
      return try dataset.picture(id)
    } catch {
      let path = "\(dataset.name)/\(dataset.items[id].path)"
      guard !isStrict else { throw error.naming(path) }
      unread.withLock { $0[id] = error.naming(path).description }
      return nil
    }
  }

  /// Pictures left out so far, with the reason.
  var skipped: [Skipped] {
    unread.withLock { $0 }.sorted { $0.key < $1.key }.map {
      Skipped(image: dataset.items[$0.key].path, reason: $0.value)
    }
  }
}
